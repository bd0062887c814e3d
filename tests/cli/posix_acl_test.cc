// ACLs as XFS keeps them, and as setxattr(2) takes them. The bytes were written by hand from the
// two layouts; the tests of extract let Linux say what they mean.

#include "cli/posix_acl.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace xfsx::cli {

namespace {

std::vector<std::byte> bytes(std::initializer_list<unsigned> numbers) {
  std::vector<std::byte> out;
  for (unsigned const n : numbers) out.push_back(static_cast<std::byte>(n));
  return out;
}

/// A user of number 1000 may read and write, the owner all, others nothing.
std::vector<std::byte> stored_acl() {
  return bytes({0, 0, 0, 3,                                //
                0, 0, 0, 1,    0, 0, 0, 0,    0, 7, 0, 0,  //
                0, 0, 0, 2,    0, 0, 3, 0xe8, 0, 6, 0, 0,  //
                0, 0, 0, 0x20, 0, 0, 0, 0,    0, 0, 0, 0});
}

std::vector<std::byte> host_acl() {
  return bytes({2,    0, 0, 0,                          //
                1,    0, 7, 0, 0xff, 0xff, 0xff, 0xff,  //
                2,    0, 6, 0, 0xe8, 3,    0,    0,     //
                0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff});
}

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("an ACL of XFS becomes one of the host") {
    for (bool const access : {true, false}) {
      char const* const name = access ? "SGI_ACL_FILE" : "SGI_ACL_DEFAULT";
      HostAttribute const host =
          host_attribute({AttributeSpace::trusted, name, stored_acl()}).value().value();
      CHECK(host.name == (access ? "system.posix_acl_access" : "system.posix_acl_default"));
      CHECK(host.value == host_acl());
    }
  }

  TEST_CASE("what only looks like an ACL keeps its name and value") {
    HostAttribute const host =
        host_attribute({AttributeSpace::user, "SGI_ACL_FILE", bytes({1, 2})}).value().value();
    CHECK(host.name == "user.SGI_ACL_FILE");
    CHECK(host.value == bytes({1, 2}));
    CHECK_FALSE(host_attribute({AttributeSpace::parent, "x", {}}).value().has_value());
  }

  TEST_CASE("an ACL that is none is an error with its field") {
    auto const field_after = [](std::size_t at, unsigned value) {
      std::vector<std::byte> acl = stored_acl();
      acl[at] = static_cast<std::byte>(value);
      auto const host = host_attribute({AttributeSpace::trusted, "SGI_ACL_FILE", acl});
      REQUIRE(host.has_error());
      CHECK(host.error().structure == "acl");
      return host.error().field;
    };
    CHECK(field_after(3, 4) == "count");
    CHECK(field_after(0, 0xff) == "count");
    CHECK(field_after(7, 0x40) == "tag");
    CHECK(field_after(13, 8) == "perm");
    auto const cut = host_attribute({AttributeSpace::trusted, "SGI_ACL_FILE", bytes({0, 0})});
    REQUIRE(cut.has_error());
    CHECK(cut.error().field == "count");
  }
}

}  // namespace xfsx::cli
