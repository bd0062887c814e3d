#include "attr/list_to_leaf.h"

#include "attr/list.h"
#include "base/view.h"
#include "dir/name_hash.h"
#include "disk/attr.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace {

using namespace xfsx;

constexpr u8 of_root = disk::attr_flag::root;
constexpr u8 of_parent = disk::attr_flag::parent;

/// Attributes in short form.
class List {
 public:
  List() : bytes_(sizeof(disk::AttrShortHeader)) {}

  List& add(std::string_view name, ConstBytes value, u8 flags = 0) {
    disk::AttrShortEntry const entry{static_cast<u8>(name.size()), static_cast<u8>(value.size()),
                                     flags};
    for (ConstBytes const part : {bytes_of(entry), bytes_of(name), value}) {
      bytes_.insert(bytes_.end(), part.begin(), part.end());
    }
    auto& header = edit_as<disk::AttrShortHeader>(bytes_);
    header.totsize = static_cast<u16>(bytes_.size());
    ++header.count;
    return *this;
  }

  [[nodiscard]] ConstBytes bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

std::vector<std::byte> leaf_of(List const& list) {
  std::vector<std::byte> leaf(1024);
  edit_as<disk::AttrLeafHeader>(leaf).magic = disk::attr_leaf_magic;
  lay_out_leaf(list.bytes(), leaf, {}).value();
  return leaf;
}

std::map<std::string, std::string> attributes_in(ConstBytes leaf) {
  std::map<std::string, std::string> found;
  visit_attr_leaf(format_v5, leaf, {}, [&](StoredAttribute const& a) -> Result<bool> {
    found[std::string(a.name)] = std::string(text_of(a.value));
    return true;
  }).value();
  return found;
}

disk::AttrLeafEntry const& entry(ConstBytes leaf, std::size_t i) {
  return view_as<disk::AttrLeafEntry>(
      leaf, sizeof(disk::AttrLeafHeader) + i * sizeof(disk::AttrLeafEntry));
}

}  // namespace

TEST_SUITE("attr") {
  TEST_CASE("a leaf holds what the list did, sorted by hash") {
    List list;
    list.add("zebra", bytes_of(std::string_view("striped"))).add("a", {});
    list.add("middle", bytes_of(std::string_view("v")), of_root);
    std::vector<std::byte> const leaf = leaf_of(list);
    CHECK(attributes_in(leaf) ==
          std::map<std::string, std::string>{{"a", ""}, {"middle", "v"}, {"zebra", "striped"}});
    for (std::size_t i = 1; i < 3; ++i) {
      CHECK(entry(leaf, i - 1).hashval.value() <= entry(leaf, i).hashval.value());
    }
    CHECK(entry(leaf, 0).hashval.value() == name_hash("a"));
    CHECK(entry(leaf, 0).flags == disk::attr_flag::local);
  }

  TEST_CASE("what is free in a leaf is one run between entries and names") {
    List list;
    list.add("one", bytes_of(std::string_view("first")));
    list.add("two", bytes_of(std::string_view("2")));
    std::vector<std::byte> const leaf = leaf_of(list);
    auto const& header = view_as<disk::AttrLeafHeader>(leaf);
    u32 const used = 12 + 8;  // 3 + 3 + 5 and 3 + 3 + 1 bytes, rounded up to 4
    u32 const table = sizeof(disk::AttrLeafHeader) + 2 * sizeof(disk::AttrLeafEntry);
    CHECK(header.count.value() == 2);
    CHECK(header.usedbytes.value() == used);
    CHECK(header.firstused.value() == leaf.size() - used);
    CHECK(header.freemap[0].value() == (table << 16 | (leaf.size() - used - table)));
  }

  TEST_CASE("more attributes than a leaf holds are refused") {
    List list;
    for (char first = 'a'; first <= 'z'; ++first) {
      for (char second : {'0', '1', '2'}) list.add(std::string{first, second}, {});
    }
    std::vector<std::byte> leaf(1024);  // 78 attributes of 16 bytes and the header are more
    Result<void> const done = lay_out_leaf(list.bytes(), leaf, {});
    REQUIRE(done.has_error());
    CHECK(done.error().errno_class == EOPNOTSUPP);
  }

  TEST_CASE("parent pointers have the hash of name and parent") {
    std::vector<std::byte> value(12);
    edit_as<be64>(value) = 131;
    List list;
    list.add("l1", value, of_parent);
    CHECK(entry(leaf_of(list), 0).hashval.value() == 0x36b2);
  }
}
