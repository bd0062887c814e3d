#pragma once
// Every on-disk structure that this release knows, by families. Whoever adds a structure adds a
// row: the format documents, and a test of the repository, are made from this list.

#include "disk/field.h"

#include <span>
#include <string>
#include <string_view>

namespace xfsx::inline v0::inspect {

struct Structure {
  std::string_view name;
  std::string_view doc;
  std::size_t size = 0;  ///< bytes
  std::span<disk::Field const> fields;
  std::span<disk::BitField const> bits;  ///< empty if it is not bit-packed
};

struct Family {
  std::string_view name;   ///< of its page
  std::string_view title;  ///< one line
  std::string_view intro;  ///< what the structures have in common
  std::span<Structure const> structures;
};

std::span<Family const> families();

/// The page of a family in Markdown.
std::string to_markdown(Family const& family);

/// A page that leads to those of all families.
std::string markdown_index();

}  // namespace xfsx::inline v0::inspect
