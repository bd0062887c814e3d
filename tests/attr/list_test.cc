#include "attr/list.h"

#include "base/view.h"
#include "disk/attr.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace xfsx;

/// A fork in short form with one attribute.
std::vector<std::byte> short_fork(std::string const& name, u8 flags) {
  std::string text(sizeof(disk::AttrShortHeader) + sizeof(disk::AttrShortEntry), '\0');
  text += name + "v";
  text.resize(64);
  ConstBytes const bytes = bytes_of(std::string_view(text));
  std::vector<std::byte> fork(bytes.begin(), bytes.end());
  auto& header = edit_as<disk::AttrShortHeader>(fork);
  header.totsize = static_cast<u16>(sizeof(disk::AttrShortHeader) + sizeof(disk::AttrShortEntry) +
                                    name.size() + 1);
  header.count = 1;
  edit_as<disk::AttrShortEntry>(fork, sizeof(disk::AttrShortHeader)) = {
      static_cast<u8>(name.size()), 1, flags};
  return fork;
}

Result<bool> all(StoredAttribute const&) {
  return true;
}

bool has_capability(ConstBytes fork) {
  bool found = false;
  REQUIRE(visit_short_form(fork, {}, [&](StoredAttribute const& a) -> Result<bool> {
    found = found || (a.space == AttributeSpace::security && a.name == "capability");
    return true;
  }));
  return found;
}

}  // namespace

TEST_SUITE("attr") {
  TEST_CASE("a name counts only in its own namespace") {
    CHECK(has_capability(short_fork("capability", disk::attr_flag::secure)));
    CHECK_FALSE(has_capability(short_fork("capability", 0)));
    CHECK_FALSE(has_capability(short_fork("capability", disk::attr_flag::root)));
    CHECK_FALSE(has_capability(short_fork("capabilities", disk::attr_flag::secure)));
  }

  TEST_CASE("sizes that leave the fork are named") {
    std::vector<std::byte> fork = short_fork("capability", disk::attr_flag::secure);
    edit_as<disk::AttrShortHeader>(fork).totsize = 65;
    Result<bool> const outside = visit_short_form(fork, {}, all);
    REQUIRE_FALSE(outside);
    CHECK(outside.error().field == "totsize");

    fork = short_fork("capability", disk::attr_flag::secure);
    edit_as<disk::AttrShortEntry>(fork, sizeof(disk::AttrShortHeader)).valuelen = 200;
    Result<bool> const long_value = visit_short_form(fork, {}, all);
    REQUIRE_FALSE(long_value);
    CHECK(long_value.error().field == "namelen");
  }

  TEST_CASE("a leaf entry whose name lies outside the block is named") {
    std::vector<std::byte> block(1024);
    edit_as<disk::AttrLeafHeader>(block).count = 1;
    auto& entry = edit_as<disk::AttrLeafEntry>(block, sizeof(disk::AttrLeafHeader));
    entry.nameidx = 1022;
    entry.flags = disk::attr_flag::local;
    Result<bool> const found = visit_attr_leaf(format_v5, block, {}, all);
    REQUIRE_FALSE(found);
    CHECK(found.error().field == "nameidx");
  }
}
