#include "txn/commit.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "disk/btree.h"
#include "disk/inode.h"
#include "format/verify_btree.h"
#include "format/verify_inode.h"
#include "txn/items.h"
#include "txn/newer_block.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// Checksum and verifier of a block's copy, under the LSN that it has on disk; one that is new to
/// its role has none.
Result<void> finish_block(Volume& volume, EditedBlock const& block) {
  if (block.fate == EditedBlock::Fate::freed) return success();
  BlockKind const& kind = *block.copy->kind;
  bool const created = block.fate == EditedBlock::Fate::created;
  Lsn const lsn = created ? Lsn(0) : lsn_of(kind, block.original->bytes());
  stamp_block(kind, block.copy->data.bytes(), lsn);
  BlockContext const context{volume.geometry(), volume.geometry().locate(block.copy->daddr)};
  XFSX_TRYV(verify_block(kind, block.copy->bytes(), context, volume.cache().log_head()));
  if (block.owner == null_inode) return success();
  return verify_owner(kind, block.copy->bytes(), context, block.owner);
}

/// The same for an inode. Replay skips an inode whose LSN is beyond the checkpoint's, so such a one
/// must not be on disk; reading does not look at it.
Result<void> finish_inode(Volume& volume, EditedInode& inode) {
  crc32c_stamp(inode.bytes, offsetof(disk::Dinode, crc));
  BlockContext const context{volume.geometry(), volume.geometry().locate(inode.place.cluster)};
  XFSX_TRYV(verify_inode(inode.bytes, context, inode.number));
  CheckedView const core(view_as<disk::Dinode>(inode.bytes), context.where);
  if (!counts_as_lsn(core->lsn.value())) return success();
  return core.at_most(core->lsn, volume.cache().log_head());
}

/// Replay skips a block whose LSN is not below the checkpoint's. The checkpoint will start at the
/// head, so a block that carries the head itself needs the head to move on first.
bool needs_head_moved(Transaction const& txn, Lsn head) {
  return std::ranges::any_of(txn.blocks(), [&](auto const& entry) {
    EditedBlock const& block = entry.second;
    if (block.fate == EditedBlock::Fate::freed || !block.was_in_use()) return false;
    Lsn const lsn = lsn_of(*block.original->kind, block.original->bytes());
    return counts_as_lsn(lsn) && lsn >= head;
  });
}

/// Free blocks that get a role still hold what lay there when they had one. Linux leaves none
/// behind that is newer than the log, but users can write anything. Returns where such lie.
std::vector<u64> stale_places(Transaction const& txn, Lsn head) {
  std::vector<u64> places;
  Uuid const& uuid = txn.volume().geometry().meta_uuid();
  for (auto const& [address, block] : txn.blocks()) {
    if (block.was_in_use() || !looks_newer(block.original->bytes(), uuid, head)) continue;
    places.push_back(address * basic_block_size);
  }
  return places;
}

void stir_block_ends(Transaction& txn) {
  // Behind the header, records and key-pointer pairs of 16 bytes leave the last eight over.
  constexpr std::size_t unused = 8;
  static_assert(sizeof(disk::BtreeLongBlock) % 16 == unused);
  for (auto const& [address, block] : txn.blocks()) {
    if (block.copy == nullptr || block.copy->kind != &bmbt_kind) continue;
    for (std::byte& b : block.copy->data.bytes().last(unused)) b = ~b;
  }
}

}  // namespace

struct PreparedCommit::State {
  State(Transaction& its_txn, CommitOptions const& its_options)
      : txn(its_txn), volume(its_txn.volume()), options(its_options) {}

  Result<void> prepare();
  Result<void> reserve();
  Result<void> reserve_log(u64 first, u64 count);
  Result<void> move_head();
  Result<void> clear_stale_places();
  Result<CheckpointResult> log();
  [[nodiscard]] Error log_failure(Error const& cause) const;
  Result<void> go_home(CheckpointResult const& checkpoint);
  Result<void> end_clean(CheckpointResult const& checkpoint);
  void stamp_new_lsn(Lsn lsn);
  void reached(CommitStage stage) const {
    if (options.on_stage) options.on_stage(stage);
  }

  Transaction& txn;
  Volume& volume;
  CommitOptions options;
  LogGeometry geometry;
  std::unique_ptr<TransactionItems> items;
  std::unique_ptr<LogWriter> writer;
  HomeImage home;
  bool move_head_first = false;
  AlignedBytes zeros;
  std::vector<WriteRequest> stale;  // zeros where free blocks will get a role
};

Result<void> PreparedCommit::State::prepare() {
  if (options.aids.stir_block_ends) stir_block_ends(txn);
  for (auto const& [address, block] : txn.blocks()) {
    XFSX_TRYV(finish_block(volume, block));
  }
  for (auto& [number, inode] : txn.inodes()) {
    XFSX_TRYV(finish_inode(volume, inode));
  }
  XFSX_TRY(items, TransactionItems::make(txn, options.aids.pad_to_bytes));
  home = make_home_image(txn);

  XFSX_TRY(LogState const state, volume.log());
  zeros = AlignedBytes(volume.geometry().sector_size());
  for (u64 const place : stale_places(txn, state.head)) {
    stale.push_back({place, std::as_const(zeros).bytes()});
  }
  XFSX_TRY(geometry, LogGeometry::of(volume.geometry()));
  u32 const record_size = LogWriter::record_size_for(geometry, items->sizes());
  XFSX_TRY(writer, LogWriter::create(volume.device(), geometry, state, record_size));
  if (options.aids.unflushed) writer->leave_unflushed();
  move_head_first = !options.aids.any_lsn && needs_head_moved(txn, state.head);
  if (items->sizes().bytes <= LogWriter::max_checkpoint_bytes &&
      writer->checkpoint_blocks(items->sizes()) <= writer->free_blocks()) {
    return success();
  }
  return refuse(EFBIG, "the change does not fit the free log as one checkpoint");
}

Result<void> PreparedCommit::State::reserve_log(u64 first, u64 count) {
  return volume.device().reserve(geometry.byte_of(LogBlock(static_cast<u32>(first))),
                                 count * basic_block_size);
}

/// On an image file, room on the host for every block that will be written: a full host disk is
/// found out before the first byte.
Result<void> PreparedCommit::State::reserve() {
  for (WriteRequest const& w : home.writes) {
    XFSX_TRYV(volume.device().reserve(w.offset, w.from.size()));
  }
  // The checkpoint, the run of cleared blocks that may be longer, and unmount records before and
  // after.
  u64 const unit_blocks = 2 * u64{max_log_record_size} / basic_block_size;
  u64 const wanted =
      std::max<u64>(writer->checkpoint_blocks(items->sizes()), LogWriter::clear_blocks) +
      unit_blocks;
  u64 const head = writer->state().head.block().raw();
  u64 const count = std::min<u64>(wanted, geometry.blocks);
  u64 const before_end = std::min<u64>(count, geometry.blocks - head);
  XFSX_TRYV(reserve_log(head, before_end));
  return before_end == count ? Result<void>(success()) : reserve_log(0, count - before_end);
}

/// An unmount record keeps the log clean and is the shortest way to a higher LSN.
Result<void> PreparedCommit::State::move_head() {
  XFSX_TRYV(writer->write_unmount(writer->state().head, options.ticket));
  return success();
}

/// Nobody reads free blocks, so this may come before the commit point, which makes it stable.
Result<void> PreparedCommit::State::clear_stale_places() {
  if (stale.empty()) return success();
  return volume.device().write(stale);
}

Result<CheckpointResult> PreparedCommit::State::log() {
  XFSX_TRYV(clear_stale_places());
  XFSX_TRYV(writer->clear_stale());
  if (move_head_first) {
    XFSX_TRYV(move_head());
  }
  return writer->write_checkpoint(*items, writer->state().head, options.ticket);
}

/// What a failure before the commit point means. Part of a large checkpoint may lie in the log:
/// nothing has changed, but the log is dirty until a mount has dropped what has no commit.
Error PreparedCommit::State::log_failure(Error const& cause) const {
  if (writer->commit_started()) return with_image(cause, ImageState::unknown);
  Error const e = with_image(cause, ImageState::unchanged);
  if (!writer->records_started()) return e;
  return with_note(e, "the log may hold an unfinished checkpoint, which the next mount drops");
}

void PreparedCommit::State::stamp_new_lsn(Lsn lsn) {
  for (auto const& [address, block] : txn.blocks()) {
    if (block.copy) stamp_block(*block.copy->kind, block.copy->data.bytes(), lsn);
  }
}

Result<void> PreparedCommit::State::go_home(CheckpointResult const& checkpoint) {
  if (options.aids.new_lsn_at_home) stamp_new_lsn(checkpoint.start);
  std::span<WriteRequest const> left = home.writes;
  while (!left.empty()) {
    std::size_t const count = std::min(left.size(), steady_batch);
    XFSX_TRYV(volume.device().write(left.first(count)));
    left = left.subspan(count);
  }
  XFSX_TRYV(volume.device().flush());
  for (std::shared_ptr<Buffer>& buffer : home.buffers) volume.cache().publish(std::move(buffer));
  return success();
}

Result<void> PreparedCommit::State::end_clean(CheckpointResult const& checkpoint) {
  XFSX_TRY(LogState const state, writer->write_unmount(checkpoint.start, options.ticket + 1));
  volume.set_log(state);
  return success();
}

PreparedCommit::PreparedCommit(std::unique_ptr<State> state) : state_(std::move(state)) {}
PreparedCommit::PreparedCommit(PreparedCommit&&) noexcept = default;
PreparedCommit& PreparedCommit::operator=(PreparedCommit&&) noexcept = default;
PreparedCommit::~PreparedCommit() = default;

Result<PreparedCommit> PreparedCommit::prepare(Transaction& txn, CommitOptions const& options) {
  auto state = std::make_unique<State>(txn, options);
  XFSX_TRYV(state->prepare());
  return PreparedCommit(std::move(state));
}

u64 PreparedCommit::log_bytes() const {
  return state_->writer->checkpoint_blocks(state_->items->sizes()) * basic_block_size;
}

u64 PreparedCommit::log_free_bytes() const {
  return state_->writer->free_blocks() * basic_block_size;
}

u64 PreparedCommit::home_count() const {
  return state_->home.writes.size();
}

Result<CommitReport> PreparedCommit::run() {
  State& s = *state_;
  XFSX_TRYV(s.reserve());
  s.reached(CommitStage::log_write);
  Result<CheckpointResult> const logged = s.log();
  if (!logged) {
    s.volume.shut_down(logged.error());
    return s.log_failure(logged.error());
  }
  CheckpointResult const& checkpoint = logged.value();
  s.reached(CommitStage::durable);
  Result<void> ended = s.go_home(checkpoint);
  if (ended) {
    s.reached(CommitStage::home);
    ended = s.end_clean(checkpoint);
  }
  if (!ended) {
    s.volume.shut_down(ended.error());
    return with_image(ended.error(), ImageState::committed_log_dirty);
  }
  s.reached(CommitStage::clean);
  return CommitReport{checkpoint.start, checkpoint.bytes, checkpoint.records, s.home.writes.size(),
                      s.home.bytes()};
}

}  // namespace xfsx::inline v0
