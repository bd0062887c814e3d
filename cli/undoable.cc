#include "undoable.h"

#include <fmt/format.h>

namespace xfsx::inline v0::cli {

namespace {

Value lsn_value(std::string_view name, Lsn lsn) {
  Value v = Value::group(name);
  v.add(Value::integer("cycle", lsn.cycle()));
  v.add(Value::integer("block", lsn.block().raw()));
  return v;
}

}  // namespace

void declare_undo(Parser& parser, std::string& file) {
  parser.text("--undo", "FILE", file,
              "save what will be overwritten in a new FILE first, for xfsx undo; none with -n");
}

Result<std::optional<UndoSummary>> run_change(Session& session, Devices const& devices,
                                              std::string const& file,
                                              UndoableChange const& change) {
  if (file.empty()) {
    XFSX_TRYV(change(*devices.data, devices.further()));
    return std::optional<UndoSummary>();
  }
  Attention& attention = session.environment().attention;
  std::optional<Writing> writing;
  UndoOptions options;
  options.cancelled = [&attention] { return attention.cancelled.load(); };
  options.on_write = [&] {
    session.set_writes();
    writing.emplace(attention);
  };
  XFSX_TRY(UndoSummary const summary,
           with_undo(*devices.data, devices.further(), file, change, options));
  return std::optional(summary);
}

Value undo_value(std::string const& file, UndoSummary const& summary) {
  Value v = Value::group("undo");
  v.add(Value::words("file", file));
  v.add(Value::wide_integer("ranges", summary.ranges));
  v.add(Value::wide_integer("bytes", summary.bytes));
  return v;
}

Value log_state_value(std::string_view name, UndoLogState const& log) {
  Value v = Value::group(name);
  v.add(Value::flag("known", log.known));
  v.add(Value::flag("clean", log.clean));
  v.add(lsn_value("head", log.head));
  v.add(lsn_value("tail", log.tail));
  v.spelling = !log.known
                   ? std::string("unknown")
                   : fmt::format("{}, head at cycle {} block {}", log.clean ? "clean" : "dirty",
                                 log.head.cycle(), log.head.block().raw());
  return v;
}

}  // namespace xfsx::inline v0::cli
