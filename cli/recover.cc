// xfsx recover [-n] [--undo FILE] [--salvage [--yes]] IMAGE

#include <xfsx/recover.h>

#include "recover_report.h"
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
      return session.print(recovery_text(report, dry_run_));
    }
    Value document = session.document("recover");
    document.add(Value::flag("dry_run", dry_run_));
    add_recovery(document, report, paths_);
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
