#include "recovery/outcomes.h"

#include "base/guarded.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace xfsx::test {

namespace {

// Of the first superblock.
constexpr u64 crc_begin = 224, crc_end = 228, lsn_begin = 240, lsn_end = 248;

}  // namespace

std::string Outcomes::of(MemoryDevice const& disk) {
  std::unique_ptr<MemoryDevice> found = disk.snapshot();
  Result<void> const done = guarded([&] { return recover(*found); });
  if (!done) {
    fmt::print("failed {}\n", describe(done.error()));
    return "-";
  }
  for (std::size_t i = known_.size(); i-- > 0;) {  // the last one is the most likely
    if (equal(*known_[i], *found)) return std::to_string(i);
  }
  std::string const number = std::to_string(known_.size());
  found->store(fmt::format("{}/outcome-{}.img", folder_, number)).value();
  known_.push_back(std::move(found));
  return number;
}

Result<void> Outcomes::recover(MemoryDevice& disk) const {
  XFSX_TRYV(whole_.recover(disk, {}));
  XFSX_TRY(WholeDisk::Recovered const again, whole_.recover(disk, {}));
  if (!again.report.was_clean) return refuse(EUCLEAN, "the log is dirty after recovery");
  return success();
}

void Outcomes::blank(u64 at, std::vector<std::byte>& piece) const {
  std::pair<u64, u64> const ranges[] = {
      {whole_.log_begin(), whole_.log_end()}, {crc_begin, crc_end}, {lsn_begin, lsn_end}};
  for (auto const& [begin, end] : ranges) {
    u64 const first = std::max(begin, at), last = std::min(end, at + piece.size());
    for (u64 i = first; i < last; ++i) piece[i - at] = std::byte{0};
  }
}

bool Outcomes::equal(MemoryDevice const& one, MemoryDevice const& other) const {
  u64 const size = one.info().size;
  for (u64 at = 0; at < size;) {
    ConstBytes const here = one.piece_at(at), there = other.piece_at(at);
    if (here.data() != there.data()) {  // not shared
      std::vector<std::byte> a(here.begin(), here.end()), b(there.begin(), there.end());
      blank(at, a);
      blank(at, b);
      if (a != b) return false;
    }
    at += here.size();
  }
  return true;
}

}  // namespace xfsx::test
