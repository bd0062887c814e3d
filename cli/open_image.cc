#include "open_image.h"
#include "base/parse.h"

#include "text.h"

#include <fmt/format.h>

#include <optional>

namespace xfsx::inline v0::cli {

namespace {

constexpr std::string_view inode_prefix = "inode:";

std::string sentence(Warning const& warning) {
  switch (warning.code) {
    case Warning::Code::dirty_log:
      return "the log is dirty: changes wait in it, and what is shown may be old; xfsx recover "
             "replays it";
    case Warning::Code::recovered_view:
      return "the log is dirty: what is shown is what xfsx recover would make of it "
             "(--norecovery shows what is on the device)";
    case Warning::Code::unrecoverable:
      return "the log is dirty and cannot be replayed, so what is shown may be old: " +
             (warning.cause ? describe(*warning.cause) : std::string());
    case Warning::Code::unreadable_log:
      return warning.cause ? "the log cannot be understood: " + describe(*warning.cause)
                           : "the log cannot be understood";
    case Warning::Code::unknown_ro_compat:
      return fmt::format("unknown ro_compat feature bits {:#x}: reading goes on", warning.value);
    case Warning::Code::unseen_log:
      return "the log is on a device of its own, which was not given (--log-dev): changes may wait "
             "in it, and what is shown may be old";
  }
  return "unknown warning";
}

}  // namespace

Result<std::unique_ptr<Filesystem>> open_filesystem(Session& session, BlockDevice& data,
                                                    FurtherDevices const& further, bool writable) {
  OpenOptions options{further};
  options.see_recovered = !writable && !session.options().no_recovery;
  XFSX_TRY(std::unique_ptr<Filesystem> filesystem, Filesystem::open(data, options));
  if (!writable) {
    for (Warning const& warning : filesystem->warnings()) warn(session, warning);
  }
  return filesystem;
}

Result<OpenImage> open_image(Session& session, bool writable) {
  OpenImage image;
  XFSX_TRY(image.devices, session.open(writable ? Access::write : Access::read));
  XFSX_TRY(image.filesystem,
           open_filesystem(session, *image.devices.data, image.devices.further(), writable));
  return image;
}

void warn(Session& session, Warning const& warning) {
  session.warn(to_string(warning.code), sentence(warning));
}

std::optional<InodeNumber> inode_operand(std::string_view operand) {
  if (!operand.starts_with(inode_prefix)) return std::nullopt;
  std::optional<u64> const number = parse_digits(operand.substr(inode_prefix.size()));
  return number ? std::optional(InodeNumber(*number)) : std::nullopt;
}

std::string check_operand(std::string const& operand, GlobalOptions const& options) {
  if (operand.starts_with(inode_prefix)) {
    if (inode_operand(operand)) return {};
    return fmt::format("'{}': inode: wants a number", operand);
  }
  std::string path = operand;
  if (options.hex_path) {
    Result<std::string> const bytes = from_hex(operand);
    if (!bytes) return fmt::format("'{}' is not pairs of hexadecimal digits", operand);
    path = bytes.value();
  }
  if (path.starts_with('/') && path.find('\0') == std::string::npos) return {};
  return fmt::format("'{}' is neither an absolute path nor inode:N", escape(path, false));
}

std::string operand_bytes(std::string const& operand, GlobalOptions const& options) {
  if (!options.hex_path || operand.starts_with(inode_prefix)) return operand;
  Result<std::string> bytes = from_hex(operand);
  return bytes ? std::move(bytes.value()) : operand;
}

Result<InodeNumber> resolve_operand(Session& session, Filesystem& filesystem,
                                    std::string const& operand, u8 number) {
  if (std::optional<InodeNumber> const inode = inode_operand(operand)) return *inode;
  Result<InodeNumber> found = filesystem.resolve(operand_bytes(operand, session.options()));
  if (found) return found;
  // The facade counts path components; a person counts operands.
  Error e = found.error();
  e.operand = number;
  return e;
}

}  // namespace xfsx::inline v0::cli
