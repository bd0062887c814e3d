#include "inspect/value.h"
#include "base/parse.h"

#include <fmt/format.h>

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

bool is_scalar(Value const& v) {
  return v.kind != Value::Kind::group && v.kind != Value::Kind::list;
}

/// Takes the next step (a name, or the number in brackets) off the front of `path`.
std::string_view take_step(std::string_view& path) {
  if (path.starts_with('[')) {
    std::size_t const end = path.find(']');
    if (end == std::string_view::npos) return {};
    std::string_view const step = path.substr(0, end + 1);
    path.remove_prefix(end + 1);
    if (path.starts_with('.')) path.remove_prefix(1);
    return step;
  }
  std::size_t const end = std::min(path.find_first_of(".["), path.size());
  std::string_view const step = path.substr(0, end);
  path.remove_prefix(end);
  if (path.starts_with('.')) path.remove_prefix(1);
  return step;
}

Value const* element(Value const& list, std::string_view step) {
  if (list.kind != Value::Kind::list) return nullptr;
  std::optional<u32> const index = parse_digits<u32>(step.substr(1, step.size() - 2));
  if (!index || *index < list.first || *index - list.first >= list.items.size()) return nullptr;
  return &list.items[*index - list.first];
}

class TextWriter {
 public:
  std::string take() { return std::move(out_); }

  void write(Value const& v, std::string const& path) {
    if (v.kind == Value::Kind::group && v.items.empty()) {
      if (!path.empty()) out_ += path + " = (empty)\n";
    } else if (v.kind == Value::Kind::group) {
      for (Value const& item : v.items) {
        write(item, path.empty() ? item.name : path + "." + item.name);
      }
    } else if (v.kind == Value::Kind::list) {
      write_list(v, path);
    } else {
      out_ += fmt::format("{} = {}\n", path, v.spelling);
    }
  }

 private:
  void write_list(Value const& v, std::string const& path) {
    if (v.layout == Value::Layout::each) {
      for (std::size_t i = 0; i < v.items.size(); ++i) {
        write(v.items[i], fmt::format("{}[{}]", path, v.first + i));
      }
      return;
    }
    out_ += path + range(v) + " =";
    if (v.layout == Value::Layout::table) {
      write_table(v);
      return;
    }
    if (v.items.size() == 1 && v.layout == Value::Layout::row) {
      out_ += fmt::format(" {}\n", v.items.front().spelling);
      return;
    }
    for (std::size_t i = 0; i < v.items.size(); ++i) {
      if (v.layout == Value::Layout::sparse && v.items[i].null) continue;
      out_ += fmt::format(" {}:{}", v.first + i, v.items[i].spelling);
    }
    out_ += '\n';
  }

  void write_table(Value const& v) {
    out_ += v.items.empty() ? " (empty)\n" : " [";
    if (v.items.empty()) return;
    for (Value const& column : v.items.front().items) {
      if (&column != &v.items.front().items.front()) out_ += ',';
      out_ += column.name;
    }
    out_ += "]\n";
    for (std::size_t i = 0; i < v.items.size(); ++i) {
      out_ += fmt::format("{}:[", v.first + i);
      for (Value const& cell : v.items[i].items) {
        if (&cell != &v.items[i].items.front()) out_ += ',';
        out_ += cell.spelling;
      }
      out_ += "]\n";
    }
  }

  static std::string range(Value const& v) {
    if (v.items.empty()) return {};
    if (v.items.size() == 1) return fmt::format("[{}]", v.first);
    return fmt::format("[{}-{}]", v.first, v.first + v.items.size() - 1);
  }

  std::string out_;
};

Value scalar(std::string_view name, Value::Kind kind, u64 number, std::string spelling) {
  Value v;
  v.name = name;
  v.kind = kind;
  v.number = number;
  v.spelling = std::move(spelling);
  return v;
}

}  // namespace

Value Value::group(std::string_view name) {
  return scalar(name, Kind::group, 0, {});
}

Value Value::list(std::string_view name, Layout layout, u32 first) {
  Value v = scalar(name, Kind::list, 0, {});
  v.layout = layout;
  v.first = first;
  return v;
}

Value Value::integer(std::string_view name, u64 value) {
  return scalar(name, Kind::number, value, std::to_string(value));
}

Value Value::wide_integer(std::string_view name, u64 value) {
  return scalar(name, Kind::wide, value, std::to_string(value));
}

Value Value::signed_integer(std::string_view name, s64 value) {
  return scalar(name, Kind::signed_wide, static_cast<u64>(value), std::to_string(value));
}

Value Value::flag(std::string_view name, bool value) {
  return scalar(name, Kind::boolean, value ? 1 : 0, value ? "yes" : "no");
}

Value Value::words(std::string_view name, std::string_view text) {
  Value v = scalar(name, Kind::text, 0, std::string(text));
  v.text = text;
  return v;
}

Value& Value::lies_in(ConstBytes bytes, u32 bit, u32 width) {
  place.byte = bytes.data() + bit / 8;
  place.bit = static_cast<u8>(bit % 8);
  place.width = width != 0 ? width : static_cast<u32>(bytes.size()) * 8 - bit;
  return *this;
}

Value& Value::add(Value item) {
  items.push_back(std::move(item));
  return items.back();
}

Value const* Value::member(std::string_view member_name) const {
  auto const it = std::ranges::find(items, member_name, &Value::name);
  return it == items.end() ? nullptr : &*it;
}

std::optional<Found> find(Value const& root, std::string_view path) {
  Found found{&root, {}};
  std::string here;
  while (!path.empty()) {
    std::string_view const step = take_step(path);
    if (step.empty() || is_scalar(*found.value)) return std::nullopt;
    bool const bracket = step.starts_with('[');
    if (!here.empty() && !bracket) here += '.';
    here += step;
    found.value = bracket ? element(*found.value, step) : found.value->member(step);
    if (found.value == nullptr) return std::nullopt;
  }
  found.path = here;
  return found;
}

void forget_places(Value& value) {
  value.place = {};
  for (Value& item : value.items) forget_places(item);
}

std::string to_text(Value const& value, std::string_view prefix) {
  TextWriter writer;
  writer.write(value, std::string(prefix));
  return writer.take();
}

}  // namespace xfsx::inline v0::inspect
