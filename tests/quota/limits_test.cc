// The rules of one dquot, as Linux has them.

#include "quota/limits.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <limits>
#include <tuple>

namespace {

using namespace xfsx;

constexpr s64 now = 1'800'000'000;
constexpr u32 week = 7 * 86'400;

disk::Dquot dquot(u32 id, u8 type = disk::dquot_type::user) {
  disk::Dquot d{};
  d.magic = disk::dquot_magic;
  d.version = disk::dquot_version;
  d.type = type;
  d.id = id;
  return d;
}

QuotaGrants const nothing = grants_of(dquot(0));

/// The field of the limit that forbids the change; empty if none does.
std::string_view forbidden(disk::Dquot const& d, QuotaDelta const& delta,
                           QuotaGrants const& grants = nothing) {
  Result<void> const verdict = check_limits(d, delta, grants, now);
  return verdict ? std::string_view() : verdict.error().field;
}

}  // namespace

TEST_SUITE("quota") {
  TEST_CASE("counts go up and down, and never below nothing") {
    disk::Dquot d = dquot(7);
    d.bcount = u64{10};
    d.rtbcount = u64{5};
    CHECK(can_change(d, {-10, -5}));
    CHECK_FALSE(can_change(d, {-11, 0}));
    CHECK_FALSE(can_change(d, {0, -6}));
    change_counts(d, {-3, 4}, nothing, now);
    CHECK(d.bcount.value() == 7);
    CHECK(d.rtbcount.value() == 9);
    d.icount = u64{2};
    CHECK(can_change(d, {0, 0, -2}));
    CHECK_FALSE(can_change(d, {0, 0, -3}));
    change_counts(d, {0, 0, -1}, nothing, now);
    CHECK(d.icount.value() == 1);
    d.bcount = ~u64{0};
    CHECK_FALSE(can_change(d, {1, 0}));
    d.bcount = u64{1} << 63;
    CHECK(can_change(d, {std::numeric_limits<s64>::min(), 0}));
  }

  TEST_CASE("a hard limit binds what grows") {
    disk::Dquot d = dquot(7);
    d.bcount = u64{10};
    d.blk_hardlimit = u64{12};
    CHECK(forbidden(d, {2, 0}).empty());
    CHECK(forbidden(d, {3, 0}) == "blk_hardlimit");
    d.bcount = u64{20};
    CHECK(forbidden(d, {-1, 0}).empty());
    CHECK(forbidden(d, {1, 0}) == "blk_hardlimit");
    d.rtb_hardlimit = u64{1};
    CHECK(forbidden(d, {0, 1}).empty());
    CHECK(forbidden(d, {0, 2}) == "rtb_hardlimit");
    d.ino_hardlimit = u64{1};
    CHECK(forbidden(d, {0, 0, 1}).empty());
    CHECK(forbidden(d, {0, 0, 2}) == "ino_hardlimit");
  }

  TEST_CASE("the error says whose limit it is") {
    for (auto const& [type, code, name] :
         {std::tuple(disk::dquot_type::user, EDQUOT, "user 7"),
          std::tuple(disk::dquot_type::group, EDQUOT, "group 7"),
          std::tuple(disk::dquot_type::project, ENOSPC, "project 7")}) {
      u8 const bigtime = disk::dquot_type::bigtime;
      disk::Dquot d = dquot(7, static_cast<u8>(type | bigtime));
      d.bcount = u64{10};
      d.blk_hardlimit = u64{12};
      Error const e = check_limits(d, {5, 0}, nothing, now).error();
      CHECK(e.code == Errc::refused);
      CHECK(e.errno_class == code);
      CHECK(e.note.view() == name);
      CHECK(e.found.number == 15);
      CHECK(e.expected.number == 12);
    }
  }

  TEST_CASE("who has no limits has those of id 0, which has none itself") {
    disk::Dquot zero = dquot(0);
    zero.blk_hardlimit = u64{12};
    zero.blk_softlimit = u64{8};
    zero.bcount = u64{1000};
    QuotaGrants const grants = grants_of(zero);
    CHECK(forbidden(zero, {1, 0}, grants).empty());
    disk::Dquot d = dquot(7);
    d.bcount = u64{10};
    CHECK(forbidden(d, {3, 0}, grants) == "blk_hardlimit");
    d.blk_hardlimit = u64{20};
    CHECK(forbidden(d, {3, 0}, grants).empty());

    change_counts(d, {1, 0}, grants, now);
    CHECK(d.blk_hardlimit.value() == 20);
    CHECK(d.blk_softlimit.value() == 8);
    CHECK(d.btimer.value() == now + week);
    change_counts(zero, {1, 0}, grants, now);
    CHECK(zero.btimer.value() == 0);
    CHECK(zero.bcount.value() == 1001);
  }

  TEST_CASE("a soft limit binds once its timer has run out") {
    disk::Dquot d = dquot(7);
    d.bcount = u64{10};
    d.blk_softlimit = u64{5};
    CHECK(forbidden(d, {1, 0}).empty());
    d.btimer = static_cast<u32>(now);
    CHECK(forbidden(d, {1, 0}).empty());
    d.btimer = static_cast<u32>(now - 1);
    CHECK(forbidden(d, {1, 0}) == "blk_softlimit");
    CHECK(forbidden(d, {-1, 0}).empty());
    d.type = d.type | disk::dquot_type::bigtime;
    d.btimer = static_cast<u32>(now / 4);
    CHECK(forbidden(d, {1, 0}).empty());
    d.btimer = static_cast<u32>(now / 4 - 1);
    CHECK(forbidden(d, {1, 0}) == "blk_softlimit");
  }

  TEST_CASE("a timer starts above a limit, runs on, and stops below it") {
    disk::Dquot zero = dquot(0);
    zero.btimer = 1001;
    QuotaGrants const grants = grants_of(zero);
    disk::Dquot d = dquot(7, disk::dquot_type::user | disk::dquot_type::bigtime);
    d.bcount = u64{10};
    d.blk_softlimit = u64{12};
    change_counts(d, {2, 0}, grants, now);
    CHECK(d.btimer.value() == 0);
    change_counts(d, {1, 0}, grants, now);
    CHECK(d.btimer.value() == (now + 1001 + 3) / 4);
    change_counts(d, {1, 0}, grants, now + 1000);
    CHECK(d.btimer.value() == (now + 1001 + 3) / 4);
    change_counts(d, {-2, 0}, grants, now);
    CHECK(d.btimer.value() == 0);
    // Above a hard limit that somebody lowered it runs too.
    d.blk_softlimit = u64{0};
    d.blk_hardlimit = u64{3};
    change_counts(d, {-1, 0}, grants, now);
    CHECK(d.btimer.value() != 0);
  }

  TEST_CASE("a timer holds the nearest moment that it can") {
    disk::Dquot d = dquot(7);
    d.bcount = u64{10};
    d.blk_softlimit = u64{5};
    for (auto const& [when, wanted] :
         {std::pair(s64{-1} << 40, u32{1}), std::pair(std::numeric_limits<s64>::max(), ~u32{0})}) {
      d.btimer = 0;
      change_counts(d, {1, 0}, nothing, when);
      CHECK(d.btimer.value() == wanted);
    }
  }
}
