#include "exchange/core_update.h"

#include "inode/extent_counts.h"

#include <doctest/doctest.h>

namespace {

using namespace xfsx;

disk::Dinode version_3() {
  disk::Dinode core{};
  core.version = 3;
  return core;
}

/// A core with 5 mappings in the data fork and 3 in the attribute fork.
disk::Dinode small_counts() {
  disk::Dinode core = version_3();
  core.nextents = 5;
  core.naextents = 3;
  return core;
}

}  // namespace

TEST_SUITE("exchange") {
  TEST_CASE("large extent counts take both counters along, once") {
    disk::Dinode core = small_counts();
    make_large_extent_counts(core);
    make_large_extent_counts(core);
    InodeView const view(bytes_of(core));
    CHECK(view.is_nrext64());
    CHECK(view.nextents() == 5);
    CHECK(view.anextents() == 3);
    CHECK(core.naextents.value() == 0);
  }

  TEST_CASE("the extent counter is set where the inode keeps it") {
    disk::Dinode core = small_counts();
    set_extent_count(core, ForkKind::data, 9);
    CHECK(core.nextents.value() == 9);
    make_large_extent_counts(core);
    set_extent_count(core, ForkKind::data, u64{1} << 40);
    CHECK(core.nrext64_nextents.value() == u64{1} << 40);
    CHECK(core.nextents.value() == 3);
  }

  TEST_CASE("times are stamped in the inode's own form and clamped to it") {
    disk::Dinode core = version_3();
    core.change_count = 7;
    touch(core, {s64{1} << 33, 12});
    CHECK(InodeView(bytes_of(core)).mtime() == Timestamp{2147483647, 12});
    core.flags2 = disk::inode_flag2::bigtime;
    touch(core, {s64{1} << 33, 12});
    CHECK(InodeView(bytes_of(core)).ctime() == Timestamp{s64{1} << 33, 12});
    CHECK(core.change_count.value() == 9);
  }

  TEST_CASE("the reflink flag changes alone") {
    disk::Dinode core = version_3();
    core.flags2 = disk::inode_flag2::bigtime;
    set_reflink(core, true);
    CHECK(core.flags2.value() == (disk::inode_flag2::bigtime | disk::inode_flag2::reflink));
    set_reflink(core, false);
    CHECK(core.flags2.value() == disk::inode_flag2::bigtime);
  }
}
