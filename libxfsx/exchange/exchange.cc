#include "exchange/exchange.h"

#include "base/view.h"
#include "exchange/block_counts.h"
#include "exchange/checks.h"
#include "exchange/core_update.h"
#include "exchange/freshness.h"
#include "exchange/lifted_fork.h"
#include "exchange/like_swapext.h"
#include "exchange/limits.h"
#include "exchange/metadata_checks.h"
#include "exchange/metadata_forks.h"
#include "exchange/privileges.h"
#include "exchange/rmap_owners.h"
#include "exchange/to_eof.h"
#include "exchange/walk.h"
#include "inode/extent_counts.h"
#include "quota/move.h"

namespace xfsx::inline v0 {

namespace {

/// The two files, read and edited side by side.
struct Files {
  Inode first, second;
  Bytes bytes1, bytes2;  ///< private copies
  s64 gained = 0;        ///< blocks of data that the first gets and the second gives

  [[nodiscard]] EditedFile file1() const { return {first, bytes1}; }
  [[nodiscard]] EditedFile file2() const { return {second, bytes2}; }
  [[nodiscard]] disk::Dinode& core1() const { return edit_as<disk::Dinode>(bytes1); }
  [[nodiscard]] disk::Dinode& core2() const { return edit_as<disk::Dinode>(bytes2); }
};

Result<Inode> load_file(Volume& volume, ExchangeRequest const& request, u8 operand) {
  Result<Inode> inode = load_inode(volume, operand == 1 ? request.file1 : request.file2);
  if (!inode) return with_operand(inode.error(), operand);
  XFSX_TRYV(check_file(volume, inode.value(), request, operand));
  return inode;
}

Result<Files> load_files(Transaction& txn, ExchangeRequest const& request) {
  Volume& volume = txn.volume();
  XFSX_TRY(Inode first, load_file(volume, request, 1));
  XFSX_TRY(Inode second, load_file(volume, request, 2));
  if (request.fork == ForkKind::data) {
    if (first.type() != second.type()) return refuse(EINVAL, "the files are of different kinds");
    if (first.is_realtime() != second.is_realtime()) {
      return refuse(EINVAL, "one of the files is a realtime file, the other is not");
    }
  }
  XFSX_TRY(Bytes const bytes1, txn.edit_inode(first.number, first.place, first.cluster));
  XFSX_TRY(Bytes const bytes2, txn.edit_inode(second.number, second.place, second.cluster));
  return Files{std::move(first), std::move(second), bytes1, bytes2, 0};
}

ExchangeSide before(Inode const& inode, ForkKind fork) {
  ExchangeSide side;
  side.inode = inode.number;
  side.size_before = inode.core().size.value();
  side.extents_before = fork_mapping_count(inode, fork);
  side.blocks_before = inode.core().nblocks.value();
  side.reflink_before = inode.is_reflink();
  return side;
}

/// Completes a side from the private copy.
void complete(ExchangeSide& side, ConstBytes copy, ForkKind fork = ForkKind::data) {
  InodeView const inode(copy);
  side.size_after = inode.size();
  side.extents_after = fork_mapping_count(inode, fork);
  side.blocks_after = inode.nblocks();
  side.reflink_after = inode.is_reflink();
}

/// The unit that mappings of the files come in.
BlockCount allocation_unit(Geometry const& geometry, Inode const& inode) {
  return BlockCount(inode.is_realtime() ? geometry.realtime().extent_blocks : 1);
}

Result<void> walk(Transaction& txn, Files& files, BlockRange const& range, bool written_only,
                  ExchangePlan& plan) {
  BlockCount const unit = allocation_unit(txn.volume().geometry(), files.first);
  XFSX_TRY(files.gained,
           walk_mappings(txn, files.file1(), files.file2(), range, {written_only, unit}));
  plan.way = ExchangeWay::mapping_walk;
  complete(plan.file1, files.bytes1);
  complete(plan.file2, files.bytes2);
  return success();
}

/// Forks that do not fit the other inode as they are: every mapping changes places, blocks past EOF
/// too.
Result<void> walk_whole_files(Transaction& txn, Files& files, ExchangePlan& plan) {
  BlockRange const everything{FileBlock(0), FileBlock(0),
                              BlockCount(u64{1} << mapping_offset_bits)};
  files.core1().size = plan.file2.size_before;
  files.core2().size = plan.file1.size_before;
  set_reflink(files.core1(), plan.file2.reflink_before);
  set_reflink(files.core2(), plan.file1.reflink_before);
  return walk(txn, files, everything, false, plan);
}

Result<void> walk_range(Transaction& txn, Files& files, BlockRange const& range, bool written_only,
                        ExchangePlan& plan) {
  // Which blocks of a range are shared is not looked up: like Linux, both files then may hold some.
  bool const shared = plan.file1.reflink_before || plan.file2.reflink_before;
  set_reflink(files.core1(), shared);
  set_reflink(files.core2(), shared);
  return walk(txn, files, range, written_only, plan);
}

/// Each inode's part of a fork swap: the other's fork, size and sharing; its own attribute fork.
Result<void> swap_forks(Transaction& txn, Files& files, ExchangePlan& plan) {
  Volume& volume = txn.volume();
  XFSX_TRY(LiftedFork const fork1, lift_fork(volume, files.first, ForkKind::data));
  XFSX_TRY(LiftedFork const fork2, lift_fork(volume, files.second, ForkKind::data));
  u32 const area1 = files.first.data_fork_size();
  u32 const area2 = files.second.data_fork_size();
  if (!check_fits(fork1, area2) || !check_fits(fork2, area1)) {
    return walk_whole_files(txn, files, plan);
  }

  XFSX_TRYV(move_blocks(files.file1(), fork1.blocks, fork2.blocks, 1));
  XFSX_TRYV(move_blocks(files.file2(), fork2.blocks, fork1.blocks, 2));
  set_down(fork2, files.bytes1);
  set_down(fork1, files.bytes2);
  files.core1().size = plan.file2.size_before;
  files.core2().size = plan.file1.size_before;
  set_reflink(files.core1(), plan.file2.reflink_before);
  set_reflink(files.core2(), plan.file1.reflink_before);
  XFSX_TRYV(adopt_btree(txn, fork1, plan.file2.inode));
  XFSX_TRYV(adopt_btree(txn, fork2, plan.file1.inode));
  if (volume.geometry().has_ro(ro_compat::rmapbt)) {
    XFSX_TRY(OwnedBlocks const owned1, owned_blocks(volume, files.first, fork1));
    XFSX_TRY(OwnedBlocks const owned2, owned_blocks(volume, files.second, fork2));
    XFSX_TRYV(exchange_owners(txn, owned1, owned2));
    if (files.first.is_realtime()) {
      XFSX_TRYV(exchange_realtime_owners(txn, files.first, files.second));
    }
  }

  files.gained = static_cast<s64>(fork2.blocks - fork2.btree.size()) -
                 static_cast<s64>(fork1.blocks - fork1.btree.size());
  plan.way = ExchangeWay::fork_swap;
  plan.file1.btree_blocks = fork1.btree.size();
  plan.file2.btree_blocks = fork2.btree.size();
  complete(plan.file1, files.bytes1);
  complete(plan.file2, files.bytes2);
  return success();
}

/// Whether the forks hold metadata, not the contents of regular files.
bool holds_metadata(Files const& files, ExchangeRequest const& request) {
  return request.fork == ForkKind::attr || !files.first.is_regular();
}

Result<void> exchange_metadata(Transaction& txn, Files& files, ExchangeRequest const& request,
                               ExchangePlan& plan) {
  if (request.range || request.written_only || request.like_swapext) {
    return refuse(EINVAL, "forks with metadata are exchanged whole");
  }
  XFSX_TRYV(check_metadata_forks(txn.volume(), files.first, files.second, request));
  XFSX_TRYV(swap_metadata_forks(txn, files.file1(), files.file2(), plan));
  complete(plan.file1, files.bytes1, request.fork);
  complete(plan.file2, files.bytes2, request.fork);
  return success();
}

Result<void> exchange_contents(Transaction& txn, Files& files, ExchangeRequest const& request,
                               ExchangePlan& plan) {
  if (holds_metadata(files, request)) return exchange_metadata(txn, files, request, plan);
  bool const whole = !request.range && !request.written_only;
  if (whole || request.like_swapext) return swap_forks(txn, files, plan);
  Geometry const& g = txn.volume().geometry();
  XFSX_TRY(SizedRange const sized, sized_range(request, g, allocation_unit(g, files.first),
                                               plan.file1.size_before, plan.file2.size_before));
  BlockRange const& range = sized.blocks;
  files.core1().size = sized.size1;
  files.core2().size = sized.size2;
  if (range.length.raw() != 0) return walk_range(txn, files, range, request.written_only, plan);
  plan.way = ExchangeWay::nothing;
  complete(plan.file1, files.bytes1);
  complete(plan.file2, files.bytes2);
  return success();
}

/// Blocks that change owners change what quota counts for these; so do blocks of the mapping
/// btrees.
Result<bool> move_counts(Transaction& txn, Files const& files, Timestamp now) {
  s64 const realtime = files.first.is_realtime() ? files.gained : 0;
  QuotaChange const changes[] = {quota_change(files.first.core(), files.core1(), realtime),
                                 quota_change(files.second.core(), files.core2(), -realtime)};
  bool const one_file = files.first.number == files.second.number;
  return move_quota(txn, std::span(changes).first(one_file ? 1 : 2), now);
}

/// Sharing and direct access exclude each other in Linux; the DAX flag stays with its inode.
Result<void> check_dax(disk::Dinode const& core, u8 operand) {
  u64 const both = disk::inode_flag2::dax | disk::inode_flag2::reflink;
  if ((core.flags2.value() & both) != both) return success();
  return with_operand(refuse(EINVAL, "has the DAX flag and would get shared blocks"), operand);
}

/// Two ranges of one file. What overlaps cannot change places.
Result<BlockRange> range_within(ExchangeRequest const& request, Geometry const& geometry,
                                Inode const& file) {
  if (!request.range || request.to_eof) return refuse(EINVAL, "both operands are the same file");
  BlockCount const unit = allocation_unit(geometry, file);
  XFSX_TRY(BlockRange const r,
           check_range(*request.range, geometry, unit, file.size(), file.size()));
  if (r.start1 < r.start2 + r.length && r.start2 < r.start1 + r.length) {
    return refuse(EINVAL, "both operands are the same file, and the ranges overlap");
  }
  return r;
}

/// What the request says about the target beyond the range.
Result<void> check_target(Volume& volume, Files const& files, ExchangeRequest const& request) {
  if (request.like_swapext) return check_like_swapext(volume, files.first, files.second, request);
  if (!request.fresh) return success();
  return check_fresh(volume, files.second, *request.fresh);
}

void stamp(disk::Dinode& core, ExchangeRequest const& request) {
  if (request.keep_times || request.like_swapext) {
    count_change(core);
  } else if (request.fork == ForkKind::attr) {
    touch_attributes(core, request.now);
  } else {
    touch(core, request.now);
  }
}

Result<ExchangePlan> edit_one_file(Transaction& txn, Files& files, ExchangeRequest const& request) {
  Geometry const& g = txn.volume().geometry();
  if (holds_metadata(files, request)) return refuse(EINVAL, "both operands are the same file");
  XFSX_TRY(BlockRange const range, range_within(request, g, files.first));
  ExchangePlan plan;
  plan.file1 = before(files.first, ForkKind::data);
  plan.file2 = plan.file1;
  if (g.has(incompat::nrext64)) make_large_extent_counts(files.core1());
  plan.way = ExchangeWay::nothing;
  if (range.length.raw() != 0) {
    XFSX_TRYV(walk(txn, files, range, request.written_only, plan));
  }
  complete(plan.file1, files.bytes1);
  XFSX_TRYV(settle_privileges(txn, files.first, files.bytes1, request, plan.file1));
  plan.file2 = plan.file1;
  XFSX_TRYV(check_extent_counts(request, g, plan));
  XFSX_TRY(plan.clears_quota_checked, move_counts(txn, files, request.now));
  stamp(files.core1(), request);
  return plan;
}

Result<ExchangePlan> edit_two_files(Transaction& txn, Files& files,
                                    ExchangeRequest const& request) {
  Volume& volume = txn.volume();
  ExchangePlan plan;
  plan.fork = request.fork;
  plan.file1 = before(files.first, request.fork);
  plan.file2 = before(files.second, request.fork);
  if (volume.geometry().has(incompat::nrext64)) {
    make_large_extent_counts(files.core1());
    make_large_extent_counts(files.core2());
  }
  XFSX_TRYV(exchange_contents(txn, files, request, plan));
  XFSX_TRYV(check_extent_counts(request, volume.geometry(), plan));
  XFSX_TRYV(check_dax(files.core1(), 1));
  XFSX_TRYV(check_dax(files.core2(), 2));
  if (!holds_metadata(files, request)) {
    XFSX_TRYV(settle_privileges(txn, files.first, files.bytes1, request, plan.file1));
    XFSX_TRYV(settle_privileges(txn, files.second, files.bytes2, request, plan.file2));
  }
  XFSX_TRY(plan.clears_quota_checked, move_counts(txn, files, request.now));
  stamp(files.core1(), request);
  stamp(files.core2(), request);
  return plan;
}

Result<ExchangePlan> edit_files(Transaction& txn, ExchangeRequest const& request) {
  Volume& volume = txn.volume();
  XFSX_TRYV(check_volume(volume));
  XFSX_TRY(Files files, load_files(txn, request));
  XFSX_TRYV(check_target(volume, files, request));
  if (request.file1 == request.file2) return edit_one_file(txn, files, request);
  return edit_two_files(txn, files, request);
}

void cost(ExchangePlan& plan, PreparedCommit const& commit) {
  plan.log_bytes = commit.log_bytes();
  plan.log_free_bytes = commit.log_free_bytes();
  plan.home_blocks = commit.home_count();
}

}  // namespace

Result<ExchangePlan> plan_exchange(Volume& volume, ExchangeRequest const& request) {
  Transaction txn(volume);
  XFSX_TRY(ExchangePlan plan, edit_files(txn, request));
  XFSX_TRY(PreparedCommit const commit, PreparedCommit::prepare(txn, {}));
  cost(plan, commit);
  return plan;
}

Result<ExchangeReport> run_exchange(Volume& volume, ExchangeRequest const& request,
                                    CommitOptions const& options) {
  Transaction txn(volume);
  ExchangeReport report;
  XFSX_TRY(report.plan, edit_files(txn, request));
  XFSX_TRY(PreparedCommit commit, PreparedCommit::prepare(txn, options));
  cost(report.plan, commit);
  if (request.cancelled && request.cancelled()) {
    return make_error(Errc::cancelled, ECANCELED, "cancelled before the first write");
  }
  XFSX_TRY(report.commit, commit.run());
  return report;
}

}  // namespace xfsx::inline v0
