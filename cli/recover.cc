// xfsx recover [-n] IMAGE

#include <xfsx/recover.h>

#include "report.h"
#include "session.h"
#include "text.h"
#include "verb.h"

#include <fmt/format.h>

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
    "When to mount instead: where the device is to be mounted next anyway, and the kernel there\n"
    "knows the filesystem's features. Do not mount where the log holds an interrupted exchange\n"
    "of files of different sizes (intent XMI): kernels as of 6.18 can lose data there.\n";

Value lsn_value(std::string_view name, Lsn lsn) {
  Value v = Value::group(name);
  v.add(Value::integer("cycle", lsn.cycle()));
  v.add(Value::integer("block", lsn.block().raw()));
  v.spelling = fmt::format("cycle {} block {}", lsn.cycle(), lsn.block().raw());
  return v;
}

Value log_value(RecoverReport const& r) {
  Value v = Value::group("log");
  v.add(Value::words("state", r.was_clean ? "clean" : "dirty"));
  v.add(Value::flag("torn", r.torn));
  v.add(lsn_value("head", r.head));
  v.add(lsn_value("tail", r.tail));
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
    v.add(lsn_value("lsn", i.lsn));
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
    parser.details(help);
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(Devices const devices, session.open(dry_run_ ? Access::read : Access::write_with_log));
    RecoverRequest request;
    request.devices = devices.further();
    request.dry_run = dry_run_;
    request.now = session.environment().now();
    Attention& attention = session.environment().attention;
    request.cancelled = [&attention] { return attention.cancelled.load(); };
    request.progress = [&session](u64 done, u64 total) {
      session.progress("basic blocks of the log read", done, total);
    };
    Writing const writing(attention);
    if (!dry_run_) session.set_writes();
    XFSX_TRY(RecoverReport const report, recover(*devices.data, request));
    return show(session, report);
  }

 private:
  Result<void> show(Session& session, RecoverReport const& report) const {
    if (!session.options().json) return session.print(sentences(report, dry_run_));
    Value document = session.document("recover");
    document.add(Value::flag("dry_run", dry_run_));
    document.add(log_value(report));
    document.add(replay_value(report));
    document.add(intents_value(report));
    document.add(freed_value(report));
    document.add(Value::wide_integer("staging_blocks", report.staging_blocks));
    document.add(counters_value("before", report.before));
    document.add(counters_value("after", report.after));
    document.add(written_value(report));
    return session.print_document(document);
  }

  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_recover() {
  return std::make_unique<Recover>();
}

}  // namespace xfsx::inline v0::cli
