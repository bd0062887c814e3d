#include "recovery/seal.h"

#include "base/view.h"
#include "disk/superblock.h"
#include "recovery/seal_items.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

WriteRequest whole(ReplayedBlock const& block) {
  return {block.daddr.raw() * basic_block_size, std::as_const(block.data).bytes()};
}

/// Every block that recovery changes, as it will be.
std::vector<WriteRequest> all_changed(ReplayedBlocks const& blocks) {
  std::vector<WriteRequest> writes;
  for (auto const& [address, block] : blocks.blocks()) {
    if (!block.dirty.none() || !block.replayed.none()) writes.push_back(whole(block));
  }
  return writes;
}

/// What the log replays of the blocks that are wanted, whatever becomes of them afterwards.
template <class Wanted>
std::vector<WriteRequest> replayed(ReplayedBlocks const& blocks, Wanted wanted) {
  std::map<u64, WriteRequest> writes;
  for (auto const& [address, block] : blocks.blocks()) {
    bool const changed_since = blocks.as_replayed().contains(address);
    if (!changed_since && wanted(block)) writes.insert_or_assign(address, whole(block));
  }
  for (auto const& [address, block] : blocks.as_replayed()) {
    if (wanted(block)) writes.insert_or_assign(address, whole(block));
  }
  std::vector<WriteRequest> list;
  for (auto const& [address, write] : writes) list.push_back(write);
  return list;
}

std::vector<WriteRequest> finished(ReplayedBlocks const& blocks) {
  std::vector<WriteRequest> writes;
  for (auto const& [address, block] : blocks.blocks()) {
    if (!block.dirty.none()) writes.push_back(whole(block));
  }
  return writes;
}

/// Runs of bytes that the writes cover, in order.
std::vector<std::pair<u64, u64>> covered(std::span<WriteRequest const> writes) {
  std::vector<std::pair<u64, u64>> runs;
  for (WriteRequest const& w : writes) {
    u64 const end = w.offset + w.from.size();
    bool const joins = !runs.empty() && runs.back().second == w.offset;
    if (joins) {
      runs.back().second = end;
    } else {
      runs.emplace_back(w.offset, end);
    }
  }
  return runs;
}

}  // namespace

Result<std::unique_ptr<Seal>> Seal::prepare(ReplayedBlocks& blocks, Geometry const& geometry,
                                            LogPlace const& place, LogState const& state,
                                            std::span<Intent const> intents, Early const& early) {
  std::unique_ptr<Seal> seal(new Seal(blocks, geometry, place, intents));
  XFSX_TRYV(seal->judge(state, early));
  return seal;
}

bool Seal::fits(ItemSource const& items, u64 free) const {
  return items.sizes().bytes <= LogWriter::max_checkpoint_bytes &&
         writer_->checkpoint_blocks(items.sizes()) <= free;
}

/// Whether all that finishing changed are counters, which whoever replays this log counts anew:
/// they need not be logged. Features of the log go when it is clean, and not before.
Result<bool> Seal::only_counted() const {
  bool const nothing_else = std::ranges::all_of(blocks_.blocks(), [](auto const& entry) {
    return entry.first == 0 || entry.second.dirty.none();
  });
  if (!nothing_else || !intents_.empty() || !blocks_.newer().empty()) return false;
  if (!geometry_.version().self_describing) return true;
  XFSX_TRY(std::vector<std::byte> const before, replayed_superblock(blocks_, geometry_));
  return view_as<disk::Superblock>(before).features_log_incompat.value() == 0;
}

/// What is to be done where the log has no room for everything.
Result<void> Seal::judge_home_first() {
  report_.home_first = true;
  writer_->use_reserve();
  XFSX_TRY(bool const counted, only_counted());
  if (counted) {
    changes_.reset();
    first_home_.clear();
    last_home_ = all_changed(blocks_);
    return success();
  }
  changes_ = make_block_items(blocks_, geometry_, Changes::finished);
  first_home_ = replayed(blocks_, [](ReplayedBlock const& b) { return !b.replayed.none(); });
  last_home_ = finished(blocks_);
  if (fits(*changes_, writer_->free_blocks())) return success();
  XFSX_TRY(std::vector<std::byte> superblock, replayed_superblock(blocks_, geometry_));
  reminder_ = make_reminder(std::move(superblock), intents_);
  if (!fits(*reminder_, writer_->free_blocks())) {
    return refuse(EFBIG, "the log has no free block left for what recovery must write to it");
  }
  u64 const taken = writer_->checkpoint_blocks(reminder_->sizes());
  u64 const most = place_.log.blocks - place_.log.blocks / 16;
  if (!fits(*changes_, most > taken ? most - taken : 0)) {
    return refuse(EFBIG, "what was interrupted is too much to be finished in one checkpoint");
  }
  return success();
}

void Seal::send_clusters_home() {
  changes_ = make_block_items(blocks_, geometry_, Changes::not_clusters);
  first_home_ = replayed(blocks_, [](ReplayedBlock const& b) { return b.is_replayed_cluster(); });
  std::erase_if(last_home_, [this](WriteRequest const& write) {
    auto const at = blocks_.blocks().find(write.offset / basic_block_size);
    return at->second.is_replayed_cluster() && at->second.dirty.none();
  });
}

/// Chooses between the one checkpoint and the way for a log that is too full for it.
Result<void> Seal::judge(LogState const& state, Early const& early) {
  XFSX_TRY(writer_, LogWriter::behind(place_.device, place_.log, state));
  changes_ = make_block_items(blocks_, geometry_, Changes::all);
  last_home_ = all_changed(blocks_);
  if (early.allowed && changes_->sizes().bytes > early.from) send_clusters_home();
  if (!fits(*changes_, writer_->free_blocks())) {
    XFSX_TRYV(judge_home_first());
  }
  report_.log_bytes = checkpoint_blocks() * basic_block_size;
  report_.home_writes = first_home_.size() + last_home_.size();
  for (std::vector<WriteRequest> const* list : {&first_home_, &last_home_}) {
    for (WriteRequest const& w : *list) report_.home_bytes += w.from.size();
  }
  return success();
}

/// What is logged, in basic blocks.
u64 Seal::checkpoint_blocks() const {
  u64 blocks = 0;
  for (ItemSource const* items : {reminder_.get(), changes_.get()}) {
    if (items != nullptr) blocks += writer_->checkpoint_blocks(items->sizes());
  }
  return blocks;
}

Result<void> Seal::reserve_log(u64 first, u64 count) {
  if (count == 0) return success();
  return place_.device.reserve(place_.log.byte_of(LogBlock(static_cast<u32>(first))),
                               count * basic_block_size);
}

/// Room on the host for every block that will be written: a full host disk is found out before the
/// first byte.
Result<void> Seal::reserve() {
  for (std::vector<WriteRequest> const* list : {&first_home_, &last_home_}) {
    for (auto const& [from, to] : covered(*list)) {
      XFSX_TRYV(blocks_.device().reserve(from, to - from));
    }
  }
  u64 const blocks = std::max<u64>(checkpoint_blocks(), LogWriter::clear_blocks) +
                     u64{max_log_record_size} / basic_block_size;
  u64 const head = writer_->state().head.block().raw();
  u64 const count = std::min<u64>(blocks, place_.log.blocks);
  u64 const before_end = std::min<u64>(count, place_.log.blocks - head);
  XFSX_TRYV(reserve_log(head, before_end));
  return reserve_log(0, count - before_end);
}

/// Nobody needs what lies in free blocks, so this may come before anything is decided; the
/// checkpoint must not come first.
Result<void> Seal::clear_newer() {
  if (blocks_.newer().empty()) return success();
  zeros_ = AlignedBytes(geometry_.sector_size());
  std::vector<WriteRequest> writes;
  for (Daddr const daddr : blocks_.newer()) {
    writes.push_back({daddr.raw() * basic_block_size, std::as_const(zeros_).bytes()});
  }
  return write_home(writes);
}

Result<void> Seal::write_home(std::vector<WriteRequest> const& writes) {
  std::span<WriteRequest const> left = writes;
  while (!left.empty()) {
    std::size_t const count = std::min(left.size(), steady_batch);
    XFSX_TRYV(blocks_.device().write(left.first(count)));
    left = left.subspan(count);
  }
  return blocks_.device().flush();
}

/// Names operations in the log. A recovery that was cut off may have left some of its own behind
/// the tail, without a commit; its head was another one.
u32 Seal::next_tid() const {
  Lsn const head = writer_->state().head;
  return (head.cycle() * 0x9e3779b1U) ^ head.block().raw() ^ 0x78667378U;
}

Result<void> Seal::checkpoint(ItemSource& items) {
  Lsn const tail = writer_->state().tail;
  XFSX_TRY(CheckpointResult const written,
           writer_->write_checkpoint(items, tail, next_tid(), LogWriter::TailAtCommit::at_start));
  report_.log_bytes += written.bytes;
  return success();
}

Result<void> Seal::write_sequence() {
  report_.log_bytes = 0;
  XFSX_TRYV(writer_->clear_stale());
  XFSX_TRYV(clear_newer());
  if (!first_home_.empty()) {
    XFSX_TRYV(write_home(first_home_));
  }
  if (reminder_) {
    XFSX_TRYV(checkpoint(*reminder_));
  }
  if (changes_) {
    XFSX_TRYV(checkpoint(*changes_));
    reached(SealStage::durable);
  }
  XFSX_TRYV(write_home(last_home_));
  // Without a checkpoint the old log says the same again, until it is clean.
  if (!changes_) reached(SealStage::durable);
  reached(SealStage::home);
  XFSX_TRY(report_.log, writer_->write_unmount(writer_->state().tail, next_tid()));
  return success();
}

Result<SealReport> Seal::run(SealOptions const& options) {
  options_ = options;
  XFSX_TRYV(reserve());
  reached(SealStage::first_write);
  Result<void> const written = write_sequence();
  if (!written) {
    // Whatever has been written: the log still says how the filesystem is to become.
    return with_image(written.error(), ImageState::committed_log_dirty);
  }
  reached(SealStage::clean);
  return report_;
}

}  // namespace xfsx::inline v0
