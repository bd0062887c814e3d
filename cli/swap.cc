// xfsx swap [-n] IMAGE FILE1 FILE2 [--offset1 B] [--offset2 B] [--length B] [--fresh TOKEN]
//           [--undo FILE] [--keep-times] [--like-swapext] [--max-extents N]
//           [--keep-privileges | --drop-privileges] [--fork data|attr]

#include "exchange/checks.h"
#include "fs/impl.h"
#include "open_image.h"
#include "report.h"
#include "text.h"
#include "undoable.h"
#include "verb.h"

#include <fmt/format.h>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Exchanges the contents of two regular files in one step: whatever happens, both have\n"
    "their old contents or both the new. FILE1 is the donor, the staged file; FILE2 the\n"
    "target. Without offsets and length whole files are exchanged, sizes included. With\n"
    "--length only so many bytes from the offsets on (0 if left out), which are multiples of\n"
    "the block size, or end at the end of both files. With offsets and no --length what lies\n"
    "behind them is exchanged, to the end of both files: FILE2 then ends as far behind\n"
    "--offset2 as FILE1 did behind --offset1, and the reverse. (Linux's own call gives each\n"
    "file the other's size instead, which is the same for equal offsets only.)\n"
    "\n"
    "With --fresh nothing is done, and the exit status is 64, if FILE2 has changed since\n"
    "`xfsx fresh` printed the token. --like-swapext asks for what the older call of Linux,\n"
    "XFS_IOC_SWAPEXT, would do, as for a defragmenter whose FILE1 is the better copy: whole\n"
    "files of equal size, of which FILE2 has at least as many mappings; --fresh then compares\n"
    "times only, and no times change.\n"
    "\n"
    "--fork attr exchanges all extended attributes of two files of any kind, ACLs and labels\n"
    "too, and leaves their contents alone. Two directories or two symbolic links exchange what\n"
    "they hold if both operands are inode:N: directories with one parent, without directories\n"
    "in them.\n"
    "\n"
    "The filesystem must not be mounted and its log must be clean; the image is opened\n"
    "exclusively. Modification and change times become the time of day, or SOURCE_DATE_EPOCH\n"
    "if it is set. As when root exchanges in Linux, both files keep their modes and lose\n"
    "security.capability; with --like-swapext they keep that too.\n"
    "\n"
    "With --undo what will be overwritten is saved first, and flushed; `xfsx undo` restores it.\n"
    "\n"
    "With -n the plan is shown and nothing is written. SIGINT and SIGTERM cancel\n"
    "before the first write; after it the exchange completes. A second one ends the program at\n"
    "once and may leave the log dirty.\n";

std::string_view to_string(ExchangeWay way) {
  switch (way) {
    case ExchangeWay::fork_swap:
      return "fork_swap";
    case ExchangeWay::mapping_walk:
      return "mapping_walk";
    case ExchangeWay::nothing:
      return "nothing";
  }
  return "unknown";
}

void add_change(Value& into, std::string_view name, u64 before, u64 after) {
  Value v = Value::group(name);
  v.add(Value::wide_integer("before", before));
  v.add(Value::wide_integer("after", after));
  v.spelling = before == after ? std::to_string(before) : fmt::format("{} -> {}", before, after);
  into.add(std::move(v));
}

Value side_value(std::string_view name, ExchangeSide const& side) {
  Value v = Value::group(name);
  v.add(Value::wide_integer("inode", side.inode.raw()));
  add_change(v, "size", side.size_before, side.size_after);
  add_change(v, "mappings", side.extents_before, side.extents_after);
  add_change(v, "blocks", side.blocks_before, side.blocks_after);
  v.add(Value::flag("reflink_before", side.reflink_before));
  v.add(Value::flag("reflink_after", side.reflink_after));
  v.add(Value::wide_integer("btree_blocks", side.btree_blocks));
  v.add(Value::wide_integer("metadata_blocks", side.metadata_blocks));
  v.add(Value::flag("capability_removed", side.capability_removed));
  v.add(Value::flag("set_id_cleared", side.set_id_cleared));
  return v;
}

Value plan_value(ExchangePlan const& plan) {
  Value v = Value::group("plan");
  v.add(Value::words("fork", plan.fork == ForkKind::attr ? "attr" : "data"));
  v.add(Value::words("way", to_string(plan.way)));
  v.add(side_value("file1", plan.file1));
  v.add(side_value("file2", plan.file2));
  v.add(Value::wide_integer("log_bytes", plan.log_bytes));
  v.add(Value::wide_integer("log_free_bytes", plan.log_free_bytes));
  v.add(Value::wide_integer("home_blocks", plan.home_blocks));
  v.add(Value::flag("clears_quota_checked", plan.clears_quota_checked));
  return v;
}

Value commit_value(CommitReport const& commit) {
  Value v = Value::group("commit");
  Value lsn = Value::group("lsn");
  lsn.add(Value::integer("cycle", commit.lsn.cycle()));
  lsn.add(Value::integer("block", commit.lsn.block().raw()));
  lsn.spelling = fmt::format("cycle {} block {}", commit.lsn.cycle(), commit.lsn.block().raw());
  v.add(std::move(lsn));
  v.add(Value::wide_integer("log_bytes", commit.log_bytes));
  v.add(Value::wide_integer("log_records", commit.log_records));
  v.add(Value::wide_integer("home_writes", commit.home_writes));
  v.add(Value::wide_integer("home_bytes", commit.home_bytes));
  return v;
}

/// What was asked of the device, from opening it on.
Value io_value(BlockDevice const& device) {
  DeviceStats const stats = device.stats();
  Value v = Value::group("io");
  v.add(Value::words("backend", device.info().backend));
  v.add(Value::wide_integer("reads", stats.reads));
  v.add(Value::wide_integer("read_bytes", stats.read_bytes));
  v.add(Value::wide_integer("writes", stats.writes));
  v.add(Value::wide_integer("write_bytes", stats.write_bytes));
  v.add(Value::wide_integer("flushes", stats.flushes));
  return v;
}

class Swap : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operand("FILE1", file1_, "the donor: an absolute path, or inode:N");
    parser.operand("FILE2", file2_, "the target");
    parser.bytes("--offset1", offset1_, "where the range starts in FILE1");
    parser.bytes("--offset2", offset2_, "where the range starts in FILE2");
    parser.bytes("--length", length_, "how much is exchanged");
    parser.flag("--written", written_, "only where FILE1 has written blocks");
    parser.text("--fork", "data|attr", fork_, "which fork is exchanged (default data)");
    parser.text("--fresh", "TOKEN", fresh_, "refuse if FILE2 is not what `fresh` printed");
    parser.flag("--keep-times", keep_times_, "modification and change times stay as they are");
    parser.flag("--like-swapext", like_swapext_,
                "by the rules of XFS_IOC_SWAPEXT: whole files of equal size, times kept");
    parser.number("--max-extents", "N", max_extents_,
                  "refuse if a file would get more mappings, to test with");
    parser.flag("--keep-privileges", keep_privileges_, "keep security.capability of both files");
    parser.flag("--drop-privileges", drop_privileges_,
                "remove it, and clear the set-user-ID and set-group-ID bits");
    declare_undo(parser, undo_);
    parser.flag("-n,--dry-run", dry_run_, "show the exact plan and write nothing");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const& options) override {
    if (keep_privileges_ && drop_privileges_)
      return "--keep-privileges and --drop-privileges exclude each other";
    std::string wrong = check_fork();
    if (wrong.empty()) wrong = check_operand(file1_, options);
    if (wrong.empty()) wrong = check_operand(file2_, options);
    if (!wrong.empty() || fresh_.empty() || parse_token(fresh_)) return wrong;
    return fmt::format("'{}' is no token of `xfsx fresh`", escape(fresh_, false));
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(Devices const devices, session.open(dry_run_ ? Access::read : Access::write));
    Outcome outcome;
    if (dry_run_) {
      XFSX_TRY(outcome.plan, plan(session, devices));
      return report(session, *devices.data, outcome);
    }
    UndoableChange const change = [&](BlockDevice& data,
                                      FurtherDevices const& further) -> Result<void> {
      XFSX_TRY(ExchangeReport const done, exchange(session, data, further));
      outcome.plan = done.plan;
      outcome.commit = done.commit;
      return success();
    };
    XFSX_TRY(outcome.undo, run_change(session, devices, undo_, change));
    return report(session, *devices.data, outcome);
  }

 private:
  /// What is to be told of an exchange.
  struct Outcome {
    ExchangePlan plan;
    std::optional<CommitReport> commit;  ///< not in a dry run
    std::optional<UndoSummary> undo;
  };

  std::string check_fork() const {
    if (!fork_.empty() && fork_ != "data" && fork_ != "attr") {
      return fmt::format("--fork takes data or attr, not '{}'", escape(fork_, false));
    }
    bool const contents = keep_privileges_ || drop_privileges_ || written_ || like_swapext_ ||
                          offset1_ || offset2_ || length_;
    if (fork_ == "attr" && contents) {
      return "attributes are exchanged whole: --fork attr goes with no option about contents";
    }
    return {};
  }

  Result<ExchangeRequest> make_request(Session& session, Filesystem& filesystem) {
    ExchangeRequest request;
    XFSX_TRY(request.file1, resolve_operand(session, filesystem, file1_, 1));
    XFSX_TRY(request.file2, resolve_operand(session, filesystem, file2_, 2));
    u64 const offset1 = offset1_.value_or(0);
    u64 const offset2 = offset2_.value_or(0);
    if (length_) {
      request.range = ExchangeRange{offset1, offset2, *length_};
    } else if (offset1 != 0 || offset2 != 0) {
      request.range = ExchangeRange{offset1, offset2, 0};
      request.to_eof = true;
    }
    if (!fresh_.empty()) {
      XFSX_TRY(request.fresh, parse_token(fresh_));
    }
    if (fork_ == "attr") request.fork = ForkKind::attr;
    if (inode_operand(file1_) && inode_operand(file2_)) {
      request.metadata_forks = MetadataForks::consistent;
    }
    request.written_only = written_;
    request.keep_times = keep_times_;
    request.like_swapext = like_swapext_;
    request.max_extents = max_extents_;
    if (keep_privileges_) request.privileges = Privileges::keep;
    if (drop_privileges_) request.privileges = Privileges::drop;
    request.now = session.environment().now();
    Attention& attention = session.environment().attention;
    request.cancelled = [&attention] { return attention.cancelled.load(); };
    return request;
  }

  /// The request, of a filesystem that may be changed. What forbids any change of it comes first:
  /// behind a dirty log the paths might not be found at all.
  Result<ExchangeRequest> checked_request(Session& session, Filesystem& filesystem) {
    XFSX_TRYV(check_volume(*filesystem.impl().volume));
    return make_request(session, filesystem);
  }

  Result<ExchangePlan> plan(Session& session, Devices const& devices) {
    XFSX_TRY(std::unique_ptr<Filesystem> const filesystem,
             open_filesystem(session, *devices.data, devices.further(), false));
    XFSX_TRY(ExchangeRequest const request, checked_request(session, *filesystem));
    return filesystem->plan_exchange(request);
  }

  Result<ExchangeReport> exchange(Session& session, BlockDevice& data,
                                  FurtherDevices const& further) {
    XFSX_TRY(std::unique_ptr<Filesystem> const filesystem,
             open_filesystem(session, data, further, true));
    XFSX_TRY(ExchangeRequest const request, checked_request(session, *filesystem));
    Writing const writing(session.environment().attention);
    session.set_writes();
    return filesystem->exchange(request);
  }

  Result<void> report(Session& session, BlockDevice const& device, Outcome const& outcome) {
    ExchangePlan const& plan = outcome.plan;
    if (plan.clears_quota_checked) {
      session.warn("quota_recount",
                   dry_run_ ? "an owner has no dquot, or a wrong count in it: the next mount with "
                              "quota would recount"
                            : "an owner has no dquot, or a wrong count in it: the next mount with "
                              "quota recounts");
    }
    bool const json = session.options().json;
    Value document = json ? session.document("swap") : Value::group({});
    if (json) document.add(Value::flag("dry_run", dry_run_));
    document.add(plan_value(plan));
    if (outcome.commit) document.add(commit_value(*outcome.commit));
    if (outcome.undo) document.add(undo_value(undo_, *outcome.undo));
    if (json || session.options().verbose) document.add(io_value(device));
    if (json) return session.print_document(document);
    document.add(Value::words("result", outcome.commit ? "exchanged" : "nothing was written"));
    return session.print(to_report(document));
  }

  std::string file1_, file2_, fresh_, fork_, undo_;
  std::optional<u64> offset1_, offset2_, length_, max_extents_;
  bool dry_run_ = false, keep_times_ = false, like_swapext_ = false, written_ = false;
  bool keep_privileges_ = false, drop_privileges_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_swap() {
  return std::make_unique<Swap>();
}

}  // namespace xfsx::inline v0::cli
