#include "base/crc32c.h"

#include "base/assert.h"
#include "base/endian.h"
#include "base/view.h"

#include <algorithm>
#include <array>
#include <limits>

#include <isa-l/crc.h>

namespace xfsx::inline v0 {

namespace {

constexpr std::size_t crc_size = 4;

u32 advance(u32 state, ConstBytes bytes) {
  // ISA-L counts in int and takes a non-const pointer that it only reads.
  constexpr std::size_t most = std::numeric_limits<int>::max() / 2;
  while (!bytes.empty()) {
    std::size_t const n = std::min(bytes.size(), most);
    auto* first =
        static_cast<unsigned char*>(const_cast<void*>(static_cast<void const*>(bytes.data())));
    state = crc32_iscsi(first, static_cast<int>(n), state);
    bytes = bytes.subspan(n);
  }
  return state;
}

}  // namespace

Crc32c& Crc32c::feed(ConstBytes bytes) {
  state_ = advance(state_, bytes);
  return *this;
}

Crc32c& Crc32c::feed_zeroes(std::size_t count) {
  static constexpr std::array<std::byte, 64> zeroes{};
  while (count > 0) {
    std::size_t const n = std::min(count, zeroes.size());
    feed(ConstBytes(zeroes).first(n));
    count -= n;
  }
  return *this;
}

u32 crc32c_without(ConstBytes bytes, std::size_t crc_offset) {
  XFSX_ASSERT(crc_offset + crc_size <= bytes.size());
  return Crc32c{}
      .feed(bytes.first(crc_offset))
      .feed_zeroes(crc_size)
      .feed(bytes.subspan(crc_offset + crc_size))
      .value();
}

bool crc32c_matches(ConstBytes bytes, std::size_t crc_offset) {
  return view_as<le32>(bytes, crc_offset).value() == crc32c_without(bytes, crc_offset);
}

void crc32c_stamp(Bytes bytes, std::size_t crc_offset) {
  edit_as<le32>(bytes, crc_offset) = crc32c_without(bytes, crc_offset);
}

}  // namespace xfsx::inline v0
