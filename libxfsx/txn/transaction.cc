#include "txn/transaction.h"

namespace xfsx::inline v0 {

Result<void> Transaction::charge(u64 bytes) {
  if (bytes > memory_limit_ - charged_) {
    return refuse(ENOMEM, "the change needs more private copies than the memory limit allows");
  }
  charged_ += bytes;
  return success();
}

Result<Bytes> Transaction::edit(BufferRef const& block, InodeNumber owner) {
  auto found = blocks_.find(block->daddr.raw());
  if (found == blocks_.end()) {
    XFSX_TRYV(charge(block->data.size()));
    EditedBlock copy{block, copy_of(*block, pool_), owner};
    found = blocks_.emplace(block->daddr.raw(), std::move(copy)).first;
  }
  return found->second.copy->data.bytes();
}

Result<Bytes> Transaction::edit_inode(InodeNumber number, InodePlace const& place,
                                      BufferRef const& cluster) {
  auto found = inodes_.find(number.raw());
  if (found == inodes_.end()) {
    u32 const size = volume_.geometry().inode_size();
    XFSX_TRYV(charge(size));
    ConstBytes const slice = cluster->bytes().subspan(place.offset, size);
    EditedInode copy{number, place, cluster, {slice.begin(), slice.end()}};
    found = inodes_.emplace(number.raw(), std::move(copy)).first;
  }
  return Bytes(found->second.bytes);
}

}  // namespace xfsx::inline v0
