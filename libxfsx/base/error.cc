#include <xfsx/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace xfsx::inline v0 {

namespace {

std::string show(ErrorValue const& v) {
  if (v.is_uuid) return to_string(v.uuid);
  return v.hex ? fmt::format("{:#x}", v.number) : fmt::format("{}", v.number);
}

std::string where(Error const& e) {
  switch (e.address_kind) {
    case AddressKind::none:
      return {};
    case AddressKind::byte:
      return fmt::format("byte {}", e.address);
    case AddressKind::fsblock:
      return fmt::format("fsblock {}", e.address);
    case AddressKind::inode:
      return fmt::format("inode {}", e.address);
    case AddressKind::log_block:
      return fmt::format("log block {}", e.address);
    case AddressKind::daddr:
      break;
  }
  if (e.ag == null_agnumber) return fmt::format("daddr {}", e.address);
  return fmt::format("AG {} agblock {} (daddr {})", e.ag.raw(), e.agblock.raw(), e.address);
}

std::string_view relation_words(Relation relation) {
  switch (relation) {
    case Relation::none:
      return "";
    case Relation::equal:
      return "expected ";
    case Relation::not_equal:
      return "expected anything but ";
    case Relation::at_most:
      return "expected at most ";
    case Relation::at_least:
      return "expected at least ";
    case Relation::below:
      return "expected below ";
    case Relation::one_of_bits:
      return "expected only bits of ";
    case Relation::multiple_of:
      return "expected a multiple of ";
  }
  return "";
}

std::string_view default_reason(Error const& e) {
  switch (e.code) {
    case Errc::truncated:
      return "the device ends before the structure does";
    case Errc::not_xfs:
      return "not an XFS filesystem";
    case Errc::no_memory:
      return "out of memory";
    case Errc::cancelled:
      return "cancelled";
    case Errc::io:
      return "input/output error";
    default:
      return "";
  }
}

}  // namespace

std::string to_string(Uuid const& uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.b.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", uuid.b[i]);
  }
  return text;
}

std::string describe(Error const& e) {
  std::array<std::string, 5> parts;
  if (e.operand != 0) parts[0] = fmt::format("FILE{}", e.operand);
  std::string const at = where(e);
  parts[1] = std::string(e.structure);
  if (!at.empty()) parts[1] += (parts[1].empty() ? "" : " at ") + at;
  if (e.owner != null_inode) parts[1] += fmt::format(" of inode {}", e.owner.raw());
  if (!e.field.empty()) parts[2] = fmt::format("field {}", e.field);
  if (e.relation != Relation::none) {
    parts[3] =
        fmt::format("found {}, {}{}", show(e.found), relation_words(e.relation), show(e.expected));
  }
  parts[4] = e.reason.empty() && (e.relation == Relation::none || e.code == Errc::not_xfs)
                 ? std::string(default_reason(e))
                 : std::string(e.reason);
  if (!e.note.view().empty()) {
    parts[4] += fmt::format("{}{}", parts[4].empty() ? "" : ": ", e.note.view());
  }
  std::string line;
  if (e.device != DeviceRole::data) line = fmt::format("{} device", to_string(e.device));
  for (std::string const& p : parts) {
    if (p.empty()) continue;
    if (!line.empty()) line += ": ";
    line += p;
  }
  if (e.errno_class != 0) line += fmt::format(" [{}]", errno_name(e.errno_class));
  return line;
}

std::string errno_name(int value) {
  struct Row {
    int value;
    std::string_view name;
  };
  static constexpr Row rows[] = {
      {EPERM, "EPERM"},
      {ENOENT, "ENOENT"},
      {EIO, "EIO"},
      {ENXIO, "ENXIO"},
      {EBADF, "EBADF"},
      {EAGAIN, "EAGAIN"},
      {ENOMEM, "ENOMEM"},
      {EACCES, "EACCES"},
      {EFAULT, "EFAULT"},
      {EBUSY, "EBUSY"},
      {EEXIST, "EEXIST"},
      {EXDEV, "EXDEV"},
      {ENODEV, "ENODEV"},
      {ENOTDIR, "ENOTDIR"},
      {EISDIR, "EISDIR"},
      {EINVAL, "EINVAL"},
      {EMFILE, "EMFILE"},
      {ETXTBSY, "ETXTBSY"},
      {EFBIG, "EFBIG"},
      {ENOSPC, "ENOSPC"},
      {EROFS, "EROFS"},
      {EPIPE, "EPIPE"},
      {EDOM, "EDOM"},
      {ERANGE, "ERANGE"},
      {ELOOP, "ELOOP"},
      {ENODATA, "ENODATA"},
      {EOVERFLOW, "EOVERFLOW"},
      {EDQUOT, "EDQUOT"},
      {ESTALE, "ESTALE"},
      {EUCLEAN, "EUCLEAN"},
      {EOPNOTSUPP, "EOPNOTSUPP"},
      {ECANCELED, "ECANCELED"},
      {ENAMETOOLONG, "ENAMETOOLONG"},
      {EINTR, "EINTR"},
  };
  Row const* row = std::ranges::find(rows, value, &Row::value);
  return row == std::ranges::end(rows) ? fmt::format("E{}", value) : std::string(row->name);
}

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::bad_value:
      return "bad_value";
    case Errc::bad_crc:
      return "bad_crc";
    case Errc::truncated:
      return "truncated";
    case Errc::not_xfs:
      return "not_xfs";
    case Errc::needs_repair:
      return "needs_repair";
    case Errc::loop:
      return "loop";
    case Errc::io:
      return "io";
    case Errc::missing:
      return "missing";
    case Errc::busy:
      return "busy";
    case Errc::host_full:
      return "host_full";
    case Errc::no_memory:
      return "no_memory";
    case Errc::dirty_log:
      return "dirty_log";
    case Errc::refused:
      return "refused";
    case Errc::cancelled:
      return "cancelled";
    case Errc::changed:
      return "changed";
    case Errc::shut_down:
      return "shut_down";
  }
  return "unknown";
}

std::string_view to_string(DeviceRole role) {
  switch (role) {
    case DeviceRole::data:
      return "data";
    case DeviceRole::log:
      return "log";
    case DeviceRole::realtime:
      return "realtime";
  }
  return "data";
}

std::string_view to_string(ImageState state) {
  switch (state) {
    case ImageState::unchanged:
      return "unchanged";
    case ImageState::committed_log_dirty:
      return "committed, log dirty: run recover";
    case ImageState::unknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace xfsx::inline v0
