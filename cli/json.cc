#include "json.h"

#include "text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xfsx::inline v0::cli {

namespace {

using inspect::Value;
using Json = nlohmann::ordered_json;

Json tree_of(Value const& value);

void put(Json& object, Value const& member) {
  object[member.name] = tree_of(member);
  if (member.kind == Value::Kind::text && !is_utf8(member.text)) {
    object[member.name + "_bytes"] = base64(member.text);
  }
}

Json tree_of(Value const& value) {
  switch (value.kind) {
    case Value::Kind::group: {
      Json object = Json::object();
      for (Value const& member : value.items) put(object, member);
      return object;
    }
    case Value::Kind::list: {
      Json array = Json::array();
      for (Value const& element : value.items) array.push_back(tree_of(element));
      return array;
    }
    case Value::Kind::number:
      return value.number;
    case Value::Kind::wide:
      return std::to_string(value.number);
    case Value::Kind::signed_wide:
      return std::to_string(static_cast<s64>(value.number));
    case Value::Kind::boolean:
      return value.number != 0;
    case Value::Kind::text:
      return replace_invalid(value.text);
  }
  return nullptr;
}

}  // namespace

std::string to_json(Value const& value) {
  std::string const text = tree_of(value).dump();
  // JSON lets these stand as they are; some terminals obey them.
  auto const commands = [&text](std::size_t i) {
    auto const byte = static_cast<unsigned char>(text[i]);
    auto const next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    return byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0);
  };
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!commands(i)) {
      out += text[i];
      continue;
    }
    bool const two = text[i] != 0x7f;
    out += fmt::format("\\u{:04x}", static_cast<unsigned char>(text[two ? ++i : i]));
  }
  return out;
}

void JsonList::add(Value const& element) {
  if (!text_.empty()) text_ += ',';
  text_ += to_json(element);
}

}  // namespace xfsx::inline v0::cli
