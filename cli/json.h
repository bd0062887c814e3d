#pragma once
// Values as JSON. A key's type never depends on its value: integers that the format declares with
// more than 32 bits are decimal strings. Bytes that are not UTF-8 stand in `name` with U+FFFD and
// beside it, base64, in `name_bytes`.

#include "inspect/value.h"

namespace xfsx::inline v0::cli {

/// One line of JSON without the line's end.
std::string to_json(inspect::Value const& value);

/// A list that is turned into text as it grows: as values its elements would take ten times the
/// room, and an image says how many there are.
class JsonList {
 public:
  void add(inspect::Value const& element);
  /// The elements with commas between them.
  [[nodiscard]] std::string const& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace xfsx::inline v0::cli
