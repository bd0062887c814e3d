#include "txn/items.h"

#include "format/inode_view.h"
#include "txn/dirty.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// The attribute fork is logged only where it changed: most operations leave it alone.
bool attr_fork_differs(EditedInode const& inode) {
  InodeView const before(inode.original());
  InodeView const after(inode.bytes);
  if (before.core().forkoff != after.core().forkoff) return true;
  std::size_t const at = sizeof(disk::Dinode) + after.data_fork_size();
  return !std::ranges::equal(before.bytes().subspan(at), after.bytes().subspan(at));
}

}  // namespace

Result<std::unique_ptr<TransactionItems>> TransactionItems::make(Transaction& txn,
                                                                 u64 whole_blocks_to) {
  std::unique_ptr<TransactionItems> items(new TransactionItems);
  items->add_blocks(txn, whole_blocks_to != 0);
  LogSizes round;
  for (BufferItem const& b : items->buffers_) round += buffer_item_sizes(b);
  if (round.bytes != 0) {
    items->rounds_ = std::max(u64{1}, (whole_blocks_to + round.bytes - 1) / round.bytes);
  }
  for (u64 i = 0; i < items->rounds_; ++i) items->sizes_ += round;
  XFSX_TRYV(items->add_inodes(txn));
  return items;
}

void TransactionItems::add_blocks(Transaction& txn, bool whole) {
  std::erase_if(txn.blocks(), [&](auto const& entry) {
    EditedBlock const& block = entry.second;
    if (block.fate == EditedBlock::Fate::freed) {
      freed_.push_back({block.original->daddr, block.original->length});
      return false;
    }
    ConstBytes const copy = block.copy->bytes();
    BufferItem item;
    item.type = block.copy->kind->log_type;
    item.address = block.copy->daddr;
    item.image = copy;
    item.dirty = dirty_chunks(*block.copy->kind, block.original->bytes(), copy);
    bool const created = block.fate == EditedBlock::Fate::created;
    if (!created && item.dirty.none()) return true;
    if (whole || created) item.dirty.set_all(copy.size());
    buffers_.push_back(item);
    return false;
  });
}

Result<void> TransactionItems::add_inodes(Transaction& txn) {
  std::erase_if(txn.inodes(), [&](auto const& entry) {
    EditedInode const& inode = entry.second;
    if (!inode_differs(inode.original(), inode.bytes)) return true;
    InodeItem item;
    item.number = inode.number;
    item.place = inode.place;
    item.inode = inode.bytes;
    item.attr_fork = attr_fork_differs(inode);
    inodes_.push_back(item);
    return false;
  });
  LogItem item;
  for (BlockExtent const& e : freed_) {
    item.clear();
    make_cancel_item(item, e.daddr, e.length);
    sizes_ += item.sizes();
  }
  for (InodeItem const& inode : inodes_) {
    item.clear();
    XFSX_TRYV(make_inode_item(item, inode));
    sizes_ += item.sizes();
  }
  return success();
}

Result<bool> TransactionItems::next(LogItem& item) {
  std::size_t const buffers = buffers_.size() * rounds_;
  std::size_t const blocks = buffers + freed_.size();
  if (at_ >= blocks + inodes_.size()) return false;
  item.clear();
  if (at_ < buffers) {
    make_buffer_item(item, buffers_[at_ % buffers_.size()]);
  } else if (at_ < blocks) {
    BlockExtent const& freed = freed_[at_ - buffers];
    make_cancel_item(item, freed.daddr, freed.length);
  } else {
    XFSX_TRYV(make_inode_item(item, inodes_[at_ - blocks]));
  }
  ++at_;
  return true;
}

}  // namespace xfsx::inline v0
