#include "txn/transaction.h"

#include <algorithm>

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
  if (found->second.fate == EditedBlock::Fate::freed) {
    return misused(*block->kind, block->daddr, "the block was freed just before");
  }
  return found->second.copy->data.bytes();
}

Error Transaction::misused(BlockKind const& kind, Daddr daddr, std::string_view reason) const {
  Error e = located(Errc::bad_value, kind.name, volume_.geometry().locate(daddr));
  e.reason = reason;
  return e;
}

Result<BufferRef> Transaction::read_raw(Daddr daddr, SectorCount length) {
  auto buffer = std::make_shared<Buffer>();
  buffer->daddr = daddr;
  buffer->length = length;
  buffer->data = pool_.take(length.raw() * basic_block_size);
  ReadRequest const request{daddr.raw() * basic_block_size, buffer->data.bytes()};
  XFSX_TRYV(volume_.device().read({&request, 1}));
  return BufferRef(std::move(buffer));
}

Result<Bytes> Transaction::create(BlockKind const& kind, Daddr daddr, SectorCount length,
                                  InodeNumber owner) {
  XFSX_TRYV(charge(2 * length.raw() * basic_block_size));
  auto found = blocks_.find(daddr.raw());
  if (found != blocks_.end() && found->second.fate != EditedBlock::Fate::freed) {
    return misused(kind, daddr, "a block that is said to be free is in use");
  }
  if (found == blocks_.end()) {
    XFSX_TRY(BufferRef raw, read_raw(daddr, length));
    found = blocks_.emplace(daddr.raw(), EditedBlock{std::move(raw), nullptr}).first;
  }
  EditedBlock& block = found->second;
  block.copy = copy_of(*block.original, pool_);
  block.copy->kind = &kind;
  std::ranges::fill(block.copy->data.bytes(), std::byte{0});
  block.owner = owner;
  block.fate = EditedBlock::Fate::created;
  return block.copy->data.bytes();
}

Result<void> Transaction::release(BufferRef const& block) {
  auto found = blocks_.find(block->daddr.raw());
  if (found == blocks_.end()) {
    found = blocks_.emplace(block->daddr.raw(), EditedBlock{block, nullptr}).first;
  }
  EditedBlock& entry = found->second;
  if (entry.fate == EditedBlock::Fate::freed) {
    return misused(*block->kind, block->daddr, "the block was freed just before");
  }
  if (!entry.was_in_use()) {
    blocks_.erase(found);
    return success();
  }
  entry.copy = nullptr;
  entry.owner = null_inode;
  entry.fate = EditedBlock::Fate::freed;
  return success();
}

Result<BufferRef> Transaction::read(BlockKind const& kind, Daddr daddr, SectorCount length,
                                    InodeNumber owner) {
  auto const found = blocks_.find(daddr.raw());
  if (found == blocks_.end()) return volume_.cache().load(kind, daddr, length, owner);
  EditedBlock const& block = found->second;
  if (block.fate == EditedBlock::Fate::freed) {
    return misused(kind, daddr, "the block was freed just before");
  }
  if (block.copy->kind != &kind) {
    return misused(kind, daddr, "the block is in use as one of another kind");
  }
  return BufferRef(block.copy);
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
