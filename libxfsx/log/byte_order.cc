#include "log/byte_order.h"

#include "base/view.h"
#include "disk/inode.h"

#include <algorithm>
#include <cstddef>

namespace xfsx::inline v0 {

void turn_fields(std::span<disk::Field const> fields, Bytes bytes) {
  for (disk::Field const& field : fields) {
    if (field.order != disk::Order::little) continue;
    std::size_t const end = field.offset + std::size_t{field.size} * field.count;
    for (std::size_t at = field.offset; at < end && at + field.size <= bytes.size();
         at += field.size) {
      std::ranges::reverse(bytes.subspan(at, field.size));
    }
  }
}

namespace {

bool has_bigtime(ConstBytes core) {
  return core.size() >= sizeof(disk::LogDinode) &&
         (view_as<disk::LogDinode>(core).flags2.value() & disk::inode_flag2::bigtime) != 0;
}

/// Seconds and nanoseconds were turned as one number, which also made them change places.
void swap_halves_of_times(Bytes bytes) {
  for (disk::Field const& field : disk::Layout<disk::LogDinode>::fields) {
    if (field.show != disk::Show::timestamp || field.offset + 8U > bytes.size()) continue;
    Bytes const time = bytes.subspan(field.offset, 8);
    std::ranges::rotate(time, time.begin() + 4);
  }
}

/// Before version 3, the eight bytes that count mappings there are six of padding and the counter
/// of flushes, which alone is a number.
void keep_flushiter(Bytes bytes) {
  constexpr std::size_t wide = offsetof(disk::LogDinode, nrext64_nextents);
  constexpr std::size_t counter = wide + 6, end = wide + 8;
  if (bytes.size() < end) return;
  if (std::to_integer<u8>(bytes[offsetof(disk::LogDinode, version)]) >= 3) return;
  std::ranges::reverse(bytes.subspan(wide, end - wide));
  std::ranges::reverse(bytes.subspan(counter, end - counter));
}

}  // namespace

void turn_core(Bytes bytes) {
  turn_fields(disk::Layout<disk::LogDinode>::fields, bytes);
  keep_flushiter(bytes);
  if (!has_bigtime(bytes)) swap_halves_of_times(bytes);
}

void core_to_disk(Bytes bytes) {
  bool const bigtime = has_bigtime(bytes);
  turn_fields(disk::Layout<disk::LogDinode>::fields, bytes);
  keep_flushiter(bytes);
  if (!bigtime) swap_halves_of_times(bytes);
}

}  // namespace xfsx::inline v0
