// xfsx undo [-n] IMAGE FILE

#include <xfsx/undo.h>

#include "report.h"
#include "undoable.h"
#include "verb.h"

#include <optional>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Takes back a change that was made with --undo FILE: afterwards IMAGE holds, byte for\n"
    "byte, what it held before. That is refused if anything has happened to the filesystem\n"
    "since, a mount by Linux included; what differs is said. A change that was interrupted,\n"
    "by a power failure for example, can be taken back too, as long as nobody has recovered\n"
    "its log meanwhile.\n"
    "\n"
    "The image is opened exclusively and must not be mounted. With -n is shown what would be\n"
    "restored, and nothing is written. An undo may be interrupted and run again with the same\n"
    "FILE; until it has ended, the superblock says that an offline operation is in progress,\n"
    "and neither Linux nor xfsx take the image for a filesystem.\n"
    "\n"
    "`found` is in what state the image was: done (as the change left it), begun (in the\n"
    "middle of the change), undoing (in the middle of an undo), or restored (as it was before\n"
    "the change: there is nothing to do).\n";

std::string_view result_of(UndoState found, bool dry_run) {
  if (found == UndoState::restored) return "there was nothing to restore";
  return dry_run ? "nothing was written" : "restored";
}

class Undo : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operand("FILE", file_, "what --undo has written, on this host");
    parser.flag("-n,--dry-run", dry_run_, "show what would be restored and write nothing");
    parser.details(help);
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(Devices const devices, session.open(dry_run_ ? Access::read : Access::write_further));
    XFSX_TRY(UndoReport const done, dry_run_ ? plan(devices) : restore(session, devices));
    return report(session, done);
  }

 private:
  [[nodiscard]] Result<UndoReport> plan(Devices const& devices) const {
    return plan_undo(*devices.data, devices.further(), file_);
  }

  [[nodiscard]] Result<UndoReport> restore(Session& session, Devices const& devices) const {
    Attention& attention = session.environment().attention;
    std::optional<Writing> writing;
    UndoOptions options;
    options.cancelled = [&attention] { return attention.cancelled.load(); };
    options.on_write = [&] {
      session.set_writes();
      writing.emplace(attention);
    };
    return xfsx::undo(*devices.data, devices.further(), file_, options);
  }

  Result<void> report(Session& session, UndoReport const& done) const {
    bool const json = session.options().json;
    Value document = json ? session.document("undo") : Value::group({});
    if (json) document.add(Value::flag("dry_run", dry_run_));
    UndoSummary const& file = done.file;
    Value v = Value::group("undo");
    v.add(Value::words("file", file_));
    v.add(Value::words("uuid", to_string(file.uuid)));
    v.add(Value::words("found", to_string(done.found)));
    v.add(Value::wide_integer("ranges", file.ranges));
    v.add(Value::wide_integer("bytes", file.bytes));
    v.add(log_state_value("log_before", file.log_before));
    v.add(log_state_value("log_after", file.log_after));
    document.add(std::move(v));
    if (json) return session.print_document(document);
    document.add(Value::words("result", result_of(done.found, dry_run_)));
    return session.print(to_report(document));
  }

  std::string file_;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_undo() {
  return std::make_unique<Undo>();
}

}  // namespace xfsx::inline v0::cli
