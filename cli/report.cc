#include "report.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace xfsx::inline v0::cli {

namespace {

using inspect::Value;

void write(std::string& out, Value const& v, std::size_t depth) {
  std::string const indent(depth * 2, ' ');
  if (v.kind == Value::Kind::group && v.spelling.empty()) {
    if (!v.name.empty()) out += fmt::format("{}{}:\n", indent, v.name);
    for (Value const& item : v.items) write(out, item, v.name.empty() ? depth : depth + 1);
    return;
  }
  out += fmt::format("{}{}:", indent, v.name);
  if (v.kind == Value::Kind::list) {
    for (Value const& item : v.items) out += " " + item.spelling;
  } else {
    out += " " + v.spelling;
  }
  out += '\n';
}

char type_letter(FileType type) {
  switch (type) {
    case FileType::regular:
      return '-';
    case FileType::directory:
      return 'd';
    case FileType::character:
      return 'c';
    case FileType::block:
      return 'b';
    case FileType::fifo:
      return 'p';
    case FileType::socket:
      return 's';
    case FileType::symlink:
      return 'l';
    case FileType::unknown:
    case FileType::whiteout:
      break;
  }
  return '?';
}

/// The third letter of a class: execute, and the set-id or sticky bit in the same place.
char third_letter(bool execute, bool special, char mark) {
  if (!special) return execute ? 'x' : '-';
  return execute ? mark : static_cast<char>(mark - 'a' + 'A');
}

}  // namespace

std::string to_report(Value const& document) {
  std::string out;
  write(out, document, 0);
  return out;
}

Value position_value(std::string_view name, Lsn lsn) {
  Value v = Value::group(name);
  v.add(Value::integer("cycle", lsn.cycle()));
  v.add(Value::integer("block", lsn.block().raw()));
  v.spelling = fmt::format("cycle {} block {}", lsn.cycle(), lsn.block().raw());
  return v;
}

std::string calendar(Timestamp const& time, bool nanoseconds) {
  std::time_t const t = time.seconds;
  std::tm parts{};
  if (gmtime_r(&t, &parts) == nullptr) return std::to_string(time.seconds);
  std::array<char, 64> buffer{};
  std::size_t const n = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M:%S", &parts);
  std::string text(buffer.data(), n);
  if (nanoseconds) text += fmt::format(".{:09}", time.nanoseconds);
  return text;
}

Value time_value(std::string_view name, Timestamp const& time) {
  Value v = Value::group(name);
  v.add(Value::signed_integer("sec", time.seconds));
  v.add(Value::integer("nsec", time.nanoseconds));
  v.spelling = calendar(time, true);
  return v;
}

std::string_view to_string(FileType type) {
  switch (type) {
    case FileType::regular:
      return "regular";
    case FileType::directory:
      return "directory";
    case FileType::character:
      return "character";
    case FileType::block:
      return "block";
    case FileType::fifo:
      return "fifo";
    case FileType::socket:
      return "socket";
    case FileType::symlink:
      return "symlink";
    case FileType::whiteout:
      return "whiteout";
    case FileType::unknown:
      break;
  }
  return "unknown";
}

std::string mode_text(FileType type, u16 mode) {
  std::string text(1, type_letter(type));
  constexpr std::array<char, 3> marks = {'s', 's', 't'};
  for (u32 k = 0; k < 3; ++k) {
    u32 const bits = (u32{mode} >> (6 - 3 * k)) & 7U;
    text += (bits & 4U) != 0 ? 'r' : '-';
    text += (bits & 2U) != 0 ? 'w' : '-';
    text += third_letter((bits & 1U) != 0, ((mode >> (11 - k)) & 1U) != 0, marks[k]);
  }
  return text;
}

Value status_value(std::string_view name, FileStatus const& s) {
  Value v = Value::group(name);
  v.add(Value::wide_integer("inode", s.inode.raw()));
  v.add(Value::words("type", to_string(s.type)));
  v.add(Value::integer("mode", s.mode & 07777U)).spelling = fmt::format("{:04o}", s.mode & 07777U);
  v.add(Value::integer("uid", s.uid));
  v.add(Value::integer("gid", s.gid));
  v.add(Value::integer("project", s.project));
  v.add(Value::integer("links", s.links));
  v.add(Value::wide_integer("size", s.size));
  v.add(Value::wide_integer("blocks", s.blocks));
  if (s.type == FileType::character || s.type == FileType::block) {
    v.add(Value::integer("device_major", s.device_major));
    v.add(Value::integer("device_minor", s.device_minor));
  }
  v.add(time_value("accessed", s.accessed));
  v.add(time_value("modified", s.modified));
  v.add(time_value("changed", s.changed));
  v.add(time_value("created", s.created));
  v.add(Value::integer("generation", s.generation));
  v.add(Value::wide_integer("change_count", s.change_count));
  v.add(Value::integer("flags", s.flags)).spelling = fmt::format("{:#x}", s.flags);
  v.add(Value::wide_integer("flags2", s.flags2)).spelling = fmt::format("{:#x}", s.flags2);
  v.add(Value::words("data_format", s.data_format));
  v.add(Value::wide_integer("data_mappings", s.data_mappings));
  v.add(Value::words("attr_format", s.attr_format));
  v.add(Value::integer("attr_mappings", s.attr_mappings));
  v.add(Value::integer("extent_size_hint", s.extent_size_hint));
  v.add(Value::integer("cow_extent_size_hint", s.cow_extent_size_hint));
  return v;
}

}  // namespace xfsx::inline v0::cli
