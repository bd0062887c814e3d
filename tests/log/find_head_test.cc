// The search for head and tail, and the walk over remains, in logs that were made to take long.
// What they cost is counted in requests to the device, or compared. Searches in logs that Linux
// left are for the oracle test beside this.

#include "log/find_head.h"

#include "base/view.h"
#include "log/log_walk.h"
#include "log/record.h"
#include "support/results.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <functional>

namespace {

using namespace xfsx;

constexpr u32 log_blocks = 12288;
// Each window of the search is looked at a few times.
constexpr u64 few_reads = 400;
// Eight records of the greatest size may have been in flight, and each block of them be looked at.
constexpr u64 reads_in_flight = u64{8} * 6 * log_record_max_blocks;

LogGeometry geometry() {
  LogGeometry log;
  log.blocks = log_blocks;
  log.uuid.b[3] = 0x42;
  return log;
}

/// A log of which each block is made when it is read. Counts requests.
class MadeLog final : public BlockDevice {
 public:
  using Make = std::function<void(u32 block, Bytes bytes)>;

  explicit MadeLog(Make make) : make_(std::move(make)) {}

  [[nodiscard]] DeviceInfo info() const override {
    DeviceInfo info;
    info.size = u64{log_blocks} * basic_block_size;
    info.backend = "made";
    return info;
  }
  Result<void> read(std::span<ReadRequest const> batch) override {
    for (ReadRequest const& request : batch) {
      ++reads;
      for (std::size_t at = 0; at < request.into.size(); at += basic_block_size) {
        make_(static_cast<u32>((request.offset + at) / basic_block_size),
              request.into.subspan(at, basic_block_size));
      }
    }
    return success();
  }
  Result<void> write(std::span<WriteRequest const>) override {
    return make_error(Errc::io, EROFS, "made logs are not written");
  }
  Result<void> flush() override { return success(); }

  u64 reads = 0;

 private:
  Make make_;
};

/// Each block begins like a record of the greatest length, whose checksum is wrong.
MadeLog::Make records(u32 cycle, u32 tail, u32 size = max_log_record_size) {
  return [=](u32 block, Bytes bytes) {
    make_empty_record(geometry(), Lsn(cycle, LogBlock(block)), Lsn(cycle, LogBlock(tail)), bytes);
    auto& header = edit_as<disk::LogRecordHeader>(bytes);
    header.len = max_log_record_size;
    header.h_size = size;
    header.num_logops = 1;
    header.crc = 0x12345678;
  };
}

/// What a walk hands out that passes over what is damaged.
u64 count_records(BlockDevice& device, LogState const& state, LogWalk::From from) {
  LogWalk walk(device, geometry(), state, from, LogWalk::Damaged::is_passed_over);
  u64 count = 0;
  while (test::value_of(walk.next())) ++count;
  return count;
}

}  // namespace

TEST_SUITE("hostile log") {
  TEST_CASE("what only begins like a record is passed over at a glance") {
    MadeLog empty([](u32, Bytes bytes) { std::ranges::fill(bytes, std::byte{0}); });
    LogState state;
    state.head = Lsn(8, LogBlock(0));
    state.tail = Lsn(7, LogBlock(0));
    std::clock_t began = std::clock();
    CHECK(count_records(empty, state, LogWalk::From::tail) == 0);
    // Checksums of a quarter of a mebibyte for each block take much longer.
    std::clock_t const most = 4 * (std::clock() - began) + CLOCKS_PER_SEC / 50;
    for (LogWalk::From const from : {LogWalk::From::tail, LogWalk::From::oldest}) {
      for (bool const clean : {false, true}) {
        // A cycle that looks like the beginning of a record would stamp all of them.
        for (u32 const cycle : {7U, disk::log_record_magic}) {
          CAPTURE(clean);
          CAPTURE(cycle);
          MadeLog device(records(cycle, 0));
          state.clean = clean;
          state.head = Lsn(cycle + 1, LogBlock(0));
          state.tail = clean ? state.head : Lsn(cycle, LogBlock(0));
          began = std::clock();
          CHECK(count_records(device, state, from) == 0);
          CHECK(std::clock() - began < most);
          CHECK(device.reads < few_reads);
        }
      }
    }
  }

  TEST_CASE("the search for head and tail ends where every block begins a record") {
    for (auto const& [size, tail] : {std::pair{0xffffffffU, 5U}, std::pair{0U, log_blocks - 9}}) {
      CAPTURE(size);
      CAPTURE(tail);
      MadeLog device(records(1, tail, size));
      Result<LogState> const found = find_log_head(device, geometry());
      if (!found) CHECK(found.error().address_kind == AddressKind::log_block);
      CHECK(device.reads < few_reads + reads_in_flight);
    }
  }

  TEST_CASE("the search ends whatever cycles the blocks carry") {
    // No order at all, so that no search by halves finds what it looks for.
    for (u32 seed = 1; seed <= 64; ++seed) {
      CAPTURE(seed);
      MadeLog device([&](u32 block, Bytes bytes) {
        u32 const noise = (block + 1) * 2654435761U * seed;
        records(1 + (noise >> 16) % 3, (noise >> 8) % log_blocks, noise)(block, bytes);
        auto& header = edit_as<disk::LogRecordHeader>(bytes);
        if (noise % 5 == 0) header.magicno = noise % 4;
        header.len = noise;
      });
      Result<LogState> const found = find_log_head(device, geometry());
      if (!found) CHECK(found.error().address_kind == AddressKind::log_block);
      CHECK(device.reads < few_reads + reads_in_flight);
    }
  }
}
