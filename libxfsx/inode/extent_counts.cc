#include "inode/extent_counts.h"

namespace xfsx::inline v0 {

namespace {

bool has_large_counts(disk::Dinode const& core) {
  return core.version >= 3 && (core.flags2.value() & disk::inode_flag2::nrext64) != 0;
}

}  // namespace

void set_extent_count(disk::Dinode& core, ForkKind kind, u64 count) {
  bool const large = has_large_counts(core);
  if (kind == ForkKind::data) {
    if (large) {
      core.nrext64_nextents = count;
    } else {
      core.nextents = static_cast<u32>(count);
    }
  } else if (large) {
    core.nextents = static_cast<u32>(count);
  } else {
    core.naextents = static_cast<u16>(count);
  }
}

void make_large_extent_counts(disk::Dinode& core) {
  if (has_large_counts(core)) return;
  u32 const data = core.nextents.value();
  u16 const attr = core.naextents.value();
  core.flags2 = core.flags2.value() | disk::inode_flag2::nrext64;
  core.nrext64_nextents = data;
  core.nextents = attr;
  core.naextents = 0;
}

}  // namespace xfsx::inline v0
