#include "recover_report.h"

#include "report.h"
#include "text.h"

#include <fmt/format.h>

namespace xfsx::inline v0::cli {

namespace {

using inspect::Value;

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
    if (!f.path.empty()) v.add(Value::words("path", f.path));
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

}  // namespace

void add_recovery(Value& document, RecoverReport const& report, PathsOfInodes const& paths) {
  document.add(log_value(report));
  document.add(replay_value(report));
  document.add(intents_value(report));
  document.add(freed_value(report));
  document.add(Value::wide_integer("staging_blocks", report.staging_blocks));
  document.add(counters_value("before", report.before));
  document.add(counters_value("after", report.after));
  document.add(lost_value(report.lost, paths));
  document.add(written_value(report));
}

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

std::string recovery_text(RecoverReport const& r, bool dry_run) {
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
    std::string const was = f.path.empty() ? std::string() : ": it was " + escape(f.path, false);
    text += fmt::format("freed: inode {} ({} blocks), which had no name{}\n", f.inode.raw(),
                        f.blocks, was);
  }
  if (r.staging_blocks != 0) {
    text += fmt::format("freed: {} blocks that waited for a copy-on-write\n", r.staging_blocks);
  }
  text += fmt::format("written: {} bytes of log, {} blocks in place ({} bytes)\n", r.log_bytes,
                      r.home_writes, r.home_bytes);
  text += dry_run ? "nothing was written: this is what recover would do\n" : "the log is clean\n";
  return text;
}

}  // namespace xfsx::inline v0::cli
