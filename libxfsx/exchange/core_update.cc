#include "exchange/core_update.h"

#include <algorithm>
#include <limits>

namespace xfsx::inline v0 {

namespace {

constexpr u64 nanoseconds_per_second = 1'000'000'000;

bool has_flag2(disk::Dinode const& core, u64 bit) {
  return (core.flags2.value() & bit) != 0;
}

/// The nearest time that the form of an inode can hold: BIGTIME counts nanoseconds from 2^31
/// seconds before 1970 in 64 bits, the old form is two signed 32-bit numbers.
Timestamp clamp_time(Timestamp t, bool bigtime) {
  constexpr s64 epoch = s64{1} << 31;
  constexpr s64 last = static_cast<s64>(~u64{0} / nanoseconds_per_second) - epoch - 1;
  t.seconds = bigtime ? std::clamp(t.seconds, -epoch, last)
                      : std::clamp<s64>(t.seconds, std::numeric_limits<s32>::min(),
                                        std::numeric_limits<s32>::max());
  return t;
}

}  // namespace

void touch(disk::Dinode& core, Timestamp now) {
  touch_attributes(core, now);
  core.mtime = core.ctime;
}

void touch_attributes(disk::Dinode& core, Timestamp now) {
  bool const bigtime = has_flag2(core, disk::inode_flag2::bigtime);
  core.ctime = encode_timestamp(clamp_time(now, bigtime), bigtime);
  count_change(core);
}

void count_change(disk::Dinode& core) {
  core.change_count = core.change_count.value() + 1;
}

void set_reflink(disk::Dinode& core, bool on) {
  u64 const others = core.flags2.value() & ~disk::inode_flag2::reflink;
  core.flags2 = others | (on ? disk::inode_flag2::reflink : 0);
}

}  // namespace xfsx::inline v0
