// xfsx recover [-n] [--undo FILE] [--salvage [--yes]] IMAGE

#include <xfsx/recover.h>

#include "report.h"
#include "session.h"
#include "text.h"
#include "undoable.h"
#include "verb.h"

#include <fmt/format.h>

#include <map>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Does what mounting would do to a filesystem that was not unmounted, without a kernel: the\n"
    "log is replayed, operations that were cut off are finished, files that had no name any\n"
    "more are freed, and the log is left clean. Logs of either byte order are understood.\n"
    "Everything is decided in memory before the first byte is written. If power fails or the\n"
    "program is stopped meanwhile, run it again. What the log says and cannot be, is told and\n"
    "nothing is written (exit status 4). With -n the report is made and nothing is written; all\n"
    "verbs that read show a dirty filesystem as recover would make it, unless --norecovery is\n"
    "given. A clean log is no error: there is nothing to do (exit status 0).\n"
    "\n"
    "With --salvage a damaged log is replayed up to the damage, and what stands behind it is\n"
    "given up: the report lists the transactions and the inodes that they changed. Interrupted\n"
    "work that cannot be finished then is left undone. This is asked about first, or accepted\n"
    "with --yes; the exit status is 65, and xfs_repair should be run afterwards.\n"
    "\n"
    "When to mount instead: where the device is to be mounted next anyway, and the kernel there\n"
    "knows the filesystem's features. Do not mount where the log holds an interrupted exchange\n"
    "of files of different sizes (intent XMI): kernels as of 6.18 can lose data there.\n";

/// Paths of inodes that are asked for, where they have one.
using PathsOfInodes = std::map<u64, std::string>;

/// Looks through the tree as it lies on the device; what cannot be read has no path.
PathsOfInodes find_paths(Devices const& devices, SalvageReport const& lost) {
  PathsOfInodes wanted, found;
  for (LostChanges const& t : lost.transactions) {
    for (InodeNumber const inode : t.inodes) wanted.emplace(inode.raw(), std::string());
  }
  if (wanted.empty()) return found;
  Result<std::unique_ptr<Filesystem>> const fs =
      Filesystem::open(*devices.data, {devices.further()});
  if (!fs) return found;
  Result<FilesystemInfo> const info = fs.value()->info();
  if (!info) return found;
  auto const note = [&](u64 inode, std::string path) {
    if (wanted.contains(inode)) found.try_emplace(inode, std::move(path));
  };
  note(info.value().root_inode.raw(), "/");
  WalkOptions options;
  options.problem = [](std::string const&, Error const&) { return true; };
  auto const visit = [&](WalkedDirectory const& directory) {
    std::string const above = directory.path.empty() ? "/" : "/" + directory.path + "/";
    for (DirectoryEntry const& e : directory.entries) note(e.inode.raw(), above + e.name);
    return true;
  };
  // A tree that cannot be walked to its end has told what it could.
  static_cast<void>(fs.value()->walk(info.value().root_inode, visit, options));
  return found;
}

Value log_value(RecoverReport const& r) {
  Value v = Value::group("log");
  v.add(Value::words("state", r.was_clean ? "clean" : "dirty"));
  v.add(Value::flag("torn", r.torn));
  v.add(position_value("head", r.head));
  v.add(position_value("tail", r.tail));
  v.add(Value::wide_integer("basic_blocks", r.log_blocks));
  return v;
}

Value replay_value(RecoverReport const& r) {
  Value v = Value::group("replayed");
  v.add(Value::wide_integer("transactions", r.transactions));
  v.add(Value::wide_integer("uncommitted", r.uncommitted));
  v.add(Value::wide_integer("inodes", r.inodes));
  v.add(Value::wide_integer("blocks", r.blocks));
  Value items = Value::list("items");
  for (RecoveredItems const& i : r.items) {
    Value item = Value::group({});
    item.add(Value::words("name", i.name));
    item.add(Value::wide_integer("count", i.count));
    items.add(std::move(item));
  }
  v.add(std::move(items));
  return v;
}

Value intents_value(RecoverReport const& r) {
  Value all = Value::list("intents");
  for (FinishedIntent const& i : r.intents) {
    Value v = Value::group({});
    v.add(Value::words("name", i.name));
    v.add(Value::words("id", fmt::format("{:#x}", i.id)));
    v.add(position_value("lsn", i.lsn));
    all.add(std::move(v));
  }
  return all;
}

Value freed_value(RecoverReport const& r) {
  Value all = Value::list("freed");
  for (FreedFile const& f : r.freed) {
    Value v = Value::group({});
    v.add(Value::wide_integer("inode", f.inode.raw()));
    v.add(Value::wide_integer("blocks", f.blocks));
    all.add(std::move(v));
  }
  return all;
}

Value counters_value(std::string_view name, SpaceCounters const& c) {
  Value v = Value::group(name);
  v.add(Value::wide_integer("inodes_allocated", c.inodes_allocated));
  v.add(Value::wide_integer("inodes_free", c.inodes_free));
  v.add(Value::wide_integer("blocks_free", c.blocks_free));
  return v;
}

Value written_value(RecoverReport const& r) {
  Value v = Value::group("written");
  v.add(Value::wide_integer("log_bytes", r.log_bytes));
  v.add(Value::wide_integer("home_writes", r.home_writes));
  v.add(Value::wide_integer("home_bytes", r.home_bytes));
  return v;
}

/// "buffer 12, inode 3".
std::string items_text(RecoverReport const& r) {
  std::string text;
  for (RecoveredItems const& i : r.items) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", i.name, i.count);
  }
  return text.empty() ? "none" : text;
}

Value lost_value(SalvageReport const& lost, PathsOfInodes const& paths) {
  Value v = Value::group("lost");
  v.add(Value::flag("anything", lost.damage || lost.unfinished));
  if (lost.damage) v.add(Value::words("damage", describe(*lost.damage)));
  if (lost.unfinished) v.add(Value::words("unfinished", describe(*lost.unfinished)));
  Value transactions = Value::list("transactions");
  for (LostChanges const& t : lost.transactions) {
    Value one = Value::group({});
    one.add(position_value("lsn", t.lsn));
    one.add(Value::wide_integer("items", t.items));
    Value inodes = Value::list("inodes");
    for (InodeNumber const inode : t.inodes) {
      Value i = Value::group({});
      i.add(Value::wide_integer("inode", inode.raw()));
      auto const path = paths.find(inode.raw());
      if (path != paths.end()) i.add(Value::words("path", path->second));
      inodes.add(std::move(i));
    }
    one.add(std::move(inodes));
    transactions.add(std::move(one));
  }
  v.add(std::move(transactions));
  return v;
}

/// What a salvage gives up, a line for each transaction.
std::string lost_text(SalvageReport const& lost, PathsOfInodes const& paths) {
  std::string text;
  if (lost.damage) text += fmt::format("damaged: {}\n", describe(*lost.damage));
  for (LostChanges const& t : lost.transactions) {
    text += fmt::format("lost: transaction at cycle {} block {}, {} items, {} inodes\n",
                        t.lsn.cycle(), t.lsn.block().raw(), t.items, t.inodes.size());
    for (InodeNumber const inode : t.inodes) {
      auto const path = paths.find(inode.raw());
      std::string const name = path == paths.end() ? std::string() : escape(path->second, false);
      text += fmt::format("  inode {}{}{}\n", inode.raw(), name.empty() ? "" : " ", name);
    }
  }
  if (lost.unfinished) {
    text += fmt::format("left undone: {}; run xfs_repair\n", describe(*lost.unfinished));
  }
  return text;
}

/// The report for people.
std::string sentences(RecoverReport const& r, bool dry_run) {
  if (r.was_clean) return "the log is clean: nothing to recover\n";
  std::string text = fmt::format("log: dirty, {} basic blocks from cycle {} block {}\n",
                                 r.log_blocks, r.tail.cycle(), r.tail.block().raw());
  if (r.torn) text += "records behind the head were torn and count for nothing\n";
  text += fmt::format("replayed: {} transactions ({}); {} inodes\n", r.transactions, items_text(r),
                      r.inodes);
  if (r.uncommitted != 0) {
    text += fmt::format("dropped: {} transactions that were never committed\n", r.uncommitted);
  }
  for (FinishedIntent const& i : r.intents) {
    text += fmt::format("finished: {} {:#x}\n", i.name, i.id);
  }
  for (FreedFile const& f : r.freed) {
    text +=
        fmt::format("freed: inode {} ({} blocks), which had no name\n", f.inode.raw(), f.blocks);
  }
  if (r.staging_blocks != 0) {
    text += fmt::format("freed: {} blocks that waited for a copy-on-write\n", r.staging_blocks);
  }
  text += fmt::format("written: {} bytes of log, {} blocks in place ({} bytes)\n", r.log_bytes,
                      r.home_writes, r.home_bytes);
  text += dry_run ? "nothing was written: this is what recover would do\n" : "the log is clean\n";
  return text;
}

class Recover : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.flag("-n,--dry-run", dry_run_, "show what would be done and write nothing");
    declare_undo(parser, undo_);
    parser.flag("--salvage", salvage_, "of a damaged log, replay what comes before the damage");
    parser.flag("--yes", yes_, "with --salvage: accept that something is lost");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const&) override {
    return yes_ && !salvage_ ? "--yes goes with --salvage" : "";
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(Devices const devices, session.open(dry_run_ ? Access::read : Access::write_further));
    std::optional<RecoverReport> report;
    auto const change = [&](BlockDevice& data, FurtherDevices const& further) -> Result<void> {
      XFSX_TRY(report, recover(data, request_for(session, devices, further)));
      return success();
    };
    Writing const writing(session.environment().attention);
    if (!dry_run_) session.set_writes();
    Result<std::optional<UndoSummary>> const changed =
        dry_run_ ? only(change(*devices.data, devices.further()))
                 : run_change(session, devices, undo_, change);
    if (!changed && unanswered_) {
      return refuse(EPERM, "something would be lost, and nobody has accepted that (--yes)");
    }
    if (!changed) return changed.error();
    if (report->lost.damage || report->lost.unfinished) {
      if (dry_run_) paths_ = find_paths(devices, report->lost);
      session.set_incomplete();
    }
    return show(session, *report, changed.value());
  }

 private:
  static Result<std::optional<UndoSummary>> only(Result<void> const& done) {
    if (!done) return done.error();
    return std::optional<UndoSummary>();
  }

  RecoverRequest request_for(Session& session, Devices const& devices,
                             FurtherDevices const& further) {
    RecoverRequest request;
    request.devices = further;
    request.dry_run = dry_run_;
    request.salvage = salvage_;
    request.now = session.environment().now();
    Attention& attention = session.environment().attention;
    request.cancelled = [&attention] { return attention.cancelled.load(); };
    request.progress = [&session](u64 done, u64 total) {
      session.progress("basic blocks of the log read", done, total);
    };
    request.accept_loss = [&](RecoverReport const& r) { return accept(session, devices, r.lost); };
    return request;
  }

  /// Whether what would be lost may be lost.
  bool accept(Session& session, Devices const& devices, SalvageReport const& lost) {
    paths_ = find_paths(devices, lost);
    if (yes_) return true;
    std::function<bool(std::string_view)> const& ask = session.environment().ask;
    unanswered_ = !ask;
    return ask && ask(lost_text(lost, paths_) + "give this up and clean the log? [y/N] ");
  }

  Result<void> show(Session& session, RecoverReport const& report,
                    std::optional<UndoSummary> const& undo) const {
    if (!session.options().json) {
      XFSX_TRYV(session.print(lost_text(report.lost, paths_)));
      return session.print(sentences(report, dry_run_));
    }
    Value document = session.document("recover");
    document.add(Value::flag("dry_run", dry_run_));
    document.add(log_value(report));
    document.add(replay_value(report));
    document.add(intents_value(report));
    document.add(freed_value(report));
    document.add(Value::wide_integer("staging_blocks", report.staging_blocks));
    document.add(counters_value("before", report.before));
    document.add(counters_value("after", report.after));
    document.add(lost_value(report.lost, paths_));
    document.add(written_value(report));
    if (undo) document.add(undo_value(undo_, *undo));
    return session.print_document(document);
  }

  bool dry_run_ = false, salvage_ = false, yes_ = false;
  bool unanswered_ = false;
  std::string undo_;
  PathsOfInodes paths_;  // of inodes whose changes are lost
};

}  // namespace

std::unique_ptr<Verb> make_recover() {
  return std::make_unique<Recover>();
}

}  // namespace xfsx::inline v0::cli
