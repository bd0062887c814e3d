#pragma once
// Fields whose every value, or some wrong one, passes when a structure is verified and read by
// itself, each with the reason. A test changes each field of each structure of all shipped images
// and holds the list against what happens. Whoever adds a structure or a check learns from that
// test what is missing here, or no longer so.

#include <xfsx/result.h>

#include <span>
#include <string>
#include <string_view>

namespace xfsx::inline v0::inspect {

enum class Unchecked : u8 {
  any_value,    ///< no value is wrong
  whole_image,  ///< only other structures tell whether the value is right
  by_another,   ///< always rejected, at times in the name of another field
};

/// Structures and paths are alternatives with commas between them; a * stands for anything.
struct UncheckedField {
  std::string_view structure;  ///< as Inspection::structure
  std::string_view path;       ///< without the numbers of elements, as in `recs[].startblock`
  Unchecked why = Unchecked::any_value;
  std::string_view reason;
};

std::span<UncheckedField const> unchecked_fields();

/// The entry of a field, the first that fits; null if there is none.
UncheckedField const* unchecked(std::string_view structure, std::string_view path);

/// Whether one of the alternatives fits `text`.
bool fits_one_of(std::string_view alternatives, std::string_view text);

std::string_view to_string(Unchecked why);

/// The list as a page in Markdown.
std::string markdown_unchecked();

}  // namespace xfsx::inline v0::inspect
