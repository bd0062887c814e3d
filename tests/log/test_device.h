#pragma once
// Memory that counts what is in flight, remembers what it overwrote, and fails where a test says.

#include <xfsx/device.h>

#include "base/view.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

namespace xfsx::test {

inline Error io_error(u64 offset) {
  Error e = make_error(Errc::io, EIO, "the request failed");
  e.address_kind = AddressKind::byte;
  e.address = offset;
  return e;
}

/// Memory that keeps a list of the sectors written since the last flush, in their order.
class MemoryLog final : public BlockDevice {
 public:
  explicit MemoryLog(std::size_t size) : bytes_(size) {}

  [[nodiscard]] DeviceInfo info() const override {
    DeviceInfo info;
    info.size = bytes_.size();
    info.backend = "memory";
    return info;
  }
  Result<void> read(std::span<ReadRequest const> batch) override {
    for (ReadRequest const& r : batch) {
      if (fail_after_reads_-- == 0) return io_error(r.offset);
      if (r.offset + r.into.size() > bytes_.size()) return io_error(r.offset);
      std::memcpy(r.into.data(), bytes_.data() + r.offset, r.into.size());
    }
    return success();
  }
  Result<void> write(std::span<WriteRequest const> batch) override {
    for (WriteRequest const& r : batch) {
      if (fail_after_writes_-- == 0) return io_error(r.offset);
      if (r.offset + r.from.size() > bytes_.size()) return io_error(r.offset);
      for (u64 at = 0; at < r.from.size(); at += 512) {
        before_.try_emplace(r.offset + at, sector(r.offset + at));
      }
      std::memcpy(bytes_.data() + r.offset, r.from.data(), r.from.size());
      in_flight_ += r.from.size();
      most_in_flight_ = std::max(most_in_flight_, in_flight_);
    }
    return success();
  }
  Result<void> flush() override {
    if (fail_after_flushes_-- == 0) return io_error(0);
    ++flushes_;
    in_flight_ = 0;
    if (!keep_) before_.clear();
    return success();
  }

  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }
  [[nodiscard]] std::vector<std::byte> sector(u64 offset) const {
    auto const at = bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
    return {at, at + 512};
  }
  /// What the sectors written since the last flush held before.
  [[nodiscard]] std::map<u64, std::vector<std::byte>> const& unflushed() const { return before_; }
  /// From now on nothing counts as flushed: every sector is remembered as it is now.
  void keep_unflushed() {
    before_.clear();
    keep_ = true;
  }
  [[nodiscard]] u64 most_in_flight() const { return most_in_flight_; }
  void forget_most_in_flight() { most_in_flight_ = 0; }
  [[nodiscard]] u64 flushes() const { return flushes_; }
  void fail_read(s64 n) { fail_after_reads_ = n; }
  void fail_write(s64 n) { fail_after_writes_ = n; }
  void fail_flush(s64 n) { fail_after_flushes_ = n; }

 private:
  std::vector<std::byte> bytes_;
  std::map<u64, std::vector<std::byte>> before_;
  bool keep_ = false;
  u64 in_flight_ = 0, most_in_flight_ = 0, flushes_ = 0;
  s64 fail_after_reads_ = -1, fail_after_writes_ = -1, fail_after_flushes_ = -1;
};

}  // namespace xfsx::test
