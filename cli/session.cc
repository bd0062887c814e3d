#include "session.h"

#include "exit_status.h"
#include "text.h"

#include <fmt/format.h>

#include <algorithm>

namespace xfsx::inline v0::cli {

namespace {

constexpr double progress_interval = 0.5;  // seconds between two lines
constexpr std::string_view yellow = "\033[1;33m";
constexpr std::string_view plain = "\033[0m";

std::string_view kind_of(AddressKind kind) {
  switch (kind) {
    case AddressKind::none:
      return "none";
    case AddressKind::byte:
      return "byte";
    case AddressKind::daddr:
      return "daddr";
    case AddressKind::fsblock:
      return "fsblock";
    case AddressKind::inode:
      return "inode";
    case AddressKind::log_block:
      return "log_block";
  }
  return "none";
}

std::string shown(ErrorValue const& v) {
  if (v.is_uuid) return to_string(v.uuid);
  return v.hex ? fmt::format("{:#x}", v.number) : std::to_string(v.number);
}

/// What failed while the image could be written says what became of it.
bool tells_image(Error const& e) {
  return exit_status_of(e.code) == exit_status::operational && e.code != Errc::missing &&
         e.code != Errc::busy;
}

/// The sentence, with what became of the image before the errno's name in brackets.
std::string with_image_state(Error const& e) {
  std::string text = describe(e);
  std::size_t const bracket = text.ends_with(']') ? text.rfind(" [") : std::string::npos;
  text.insert(std::min(bracket, text.size()), fmt::format("; image: {}", to_string(e.image)));
  return text;
}

Value error_object(Error const& e, std::string const& image, bool writing) {
  Value o = Value::group({});
  o.add(Value::words("kind", "error"));
  o.add(Value::words("code", to_string(e.code)));
  if (e.errno_class != 0) o.add(Value::words("errno", errno_name(e.errno_class)));
  if (!image.empty()) o.add(Value::words("path", image));
  if (e.operand != 0) o.add(Value::integer("operand", e.operand));
  if (e.device != DeviceRole::data) o.add(Value::words("device", to_string(e.device)));
  if (!e.structure.empty()) o.add(Value::words("structure", e.structure));
  if (e.address_kind != AddressKind::none) {
    o.add(Value::words("address_kind", kind_of(e.address_kind)));
    o.add(Value::wide_integer("address", e.address));
  }
  if (e.ag != null_agnumber) {
    o.add(Value::integer("ag", e.ag.raw()));
    o.add(Value::integer("agblock", e.agblock.raw()));
  }
  if (e.owner != null_inode) o.add(Value::wide_integer("owner", e.owner.raw()));
  if (!e.field.empty()) o.add(Value::words("field", e.field));
  if (e.relation != Relation::none) {
    o.add(Value::words("found", shown(e.found)));
    o.add(Value::words("expected", shown(e.expected)));
  }
  if (writing) o.add(Value::words("image", to_string(e.image)));
  o.add(Value::words("message", describe(e)));
  return o;
}

}  // namespace

Result<Devices> Session::open(Access access) {
  OpenDeviceOptions how;
  how.writable = access != Access::read;
  how.backend = options_.io;
  how.offset = options_.offset.value_or(0);
  how.partition = options_.partition;
  how.search = !options_.offset;
  Devices devices;
  XFSX_TRY(devices.data, open_device(image_, how));
  DeviceInfo const info = devices.data->info();
  tell(fmt::format("back end {}", info.backend));
  if (info.partition != 0) {
    tell(fmt::format("partition {} at byte {}", info.partition, info.offset));
  }
  bool const further = access == Access::write_further;
  XFSX_TRY(devices.log, open_further(options_.log_device, DeviceRole::log, further));
  XFSX_TRY(devices.realtime, open_further(options_.realtime_device, DeviceRole::realtime, further));
  return devices;
}

Result<std::unique_ptr<BlockDevice>> Session::open_further(std::string const& path, DeviceRole role,
                                                           bool writable) const {
  OpenDeviceOptions how;
  how.writable = writable;
  how.backend = options_.io;
  how.role = role;
  if (path.empty()) return std::unique_ptr<BlockDevice>();
  Result<std::unique_ptr<BlockDevice>> device = open_device(path, how);
  if (device || !device.error().note.view().empty()) return device;
  return with_note(device.error(), path);
}

Result<void> Session::written(int status) {
  if (status == 0) return success();
  if (status == EPIPE) reader_gone_ = true;
  return make_error(Errc::io, status, "cannot write to standard output");
}

Result<void> Session::print(std::string_view data) {
  return written(environment_.out.write(data));
}

Result<void> Session::finish() {
  return written(environment_.out.flush());
}

Value Session::document(std::string_view verb) const {
  Value root = Value::group({});
  root.add(Value::integer("schema", 1));
  root.add(Value::words("verb", verb));
  root.add(Value::words("image", image_));
  return root;
}

Result<void> Session::print_document(Value const& document) {
  return print(to_json(document) + "\n");
}

Result<void> Session::print_document(Value const& document, std::string_view key,
                                     JsonList const& list) {
  std::string text = to_json(document);
  text.pop_back();
  XFSX_TRYV(print(fmt::format("{},\"{}\":[", text, key)));
  XFSX_TRYV(print(list.text()));
  return print("]}\n");
}

Result<void> Session::print_open_document(Value const& document, std::string_view key) {
  std::string text = to_json(document);
  text.pop_back();
  return print(fmt::format("{},\"{}\":\"", text, key));
}

bool Session::colored() const {
  if (options_.color != When::automatic) return options_.color == When::always;
  return !environment_.no_color && environment_.err.is_terminal();
}

void Session::line(std::string_view mark, std::string_view color, std::string_view text) {
  std::string const shown =
      mark.empty() || !colored() ? std::string(mark) : fmt::format("{}{}{}", color, mark, plain);
  std::string const where = image_.empty() ? std::string() : escape(image_, false) + ": ";
  environment_.err.write(fmt::format("xfsx: {}{}{}\n", where, shown, escape(text, false)));
}

void Session::message(std::string_view kind, std::string_view code, std::string_view text) {
  if (options_.json) {
    Value o = Value::group({});
    o.add(Value::words("kind", kind));
    if (!code.empty()) o.add(Value::words("code", code));
    o.add(Value::words("path", image_));
    o.add(Value::words("message", text));
    environment_.err.write(to_json(o) + "\n");
  } else {
    line(kind == "warning" ? "warning: " : "", yellow, text);
  }
  environment_.err.flush();
}

void Session::warn(std::string_view code, std::string_view text) {
  if (!options_.quiet) message("warning", code, text);
}

void Session::tell(std::string_view text) {
  if (options_.verbose) message("info", {}, text);
}

void Session::progress(std::string_view what, u64 done, u64 total) {
  double const now = environment_.uptime();
  bool const asked = environment_.attention.report_wanted.exchange(false);
  bool const allowed =
      options_.progress == When::always ||
      (options_.progress == When::automatic && !options_.quiet && environment_.err.is_terminal());
  bool const due = allowed && now - started_ >= next_progress_;
  if (!asked && !due) return;
  if (due) next_progress_ = now - started_ + progress_interval;
  std::string const text = total == 0 ? fmt::format("{}: {}", what, done)
                                      : fmt::format("{}: {} of {}", what, done, total);
  message("progress", {}, text);
}

Result<void> Session::check_cancelled() {
  if (!environment_.attention.cancelled) return success();
  return make_error(Errc::cancelled, ECANCELED, "cancelled");
}

void Session::problem(std::string_view file, Error const& error) {
  if (options_.json) {
    Value o = error_object(error, image_, false);
    o.add(Value::words("file", file));
    environment_.err.write(to_json(o) + "\n");
  } else {
    line({}, {}, fmt::format("{}: {}", file, describe(error)));
  }
  environment_.err.flush();
}

int Session::fail(Error const& error) {
  bool const writing = writes_ && tells_image(error);
  if (options_.json) {
    environment_.err.write(to_json(error_object(error, image_, writing)) + "\n");
  } else {
    line({}, {}, writing ? with_image_state(error) : describe(error));
  }
  environment_.err.flush();
  return exit_status_of(error.code);
}

int fail_usage(Environment& environment, bool json, std::string_view text) {
  if (json) {
    Value o = Value::group({});
    o.add(Value::words("kind", "error"));
    o.add(Value::words("code", "usage"));
    o.add(Value::words("errno", "EINVAL"));
    o.add(Value::words("message", text));
    environment.err.write(to_json(o) + "\n");
  } else {
    environment.err.write(fmt::format("xfsx: {} [EINVAL]\n", text));
  }
  environment.err.flush();
  return exit_status::usage;
}

}  // namespace xfsx::inline v0::cli
