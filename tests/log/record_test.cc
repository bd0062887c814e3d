#include "log/record.h"

#include "base/crc32c.h"
#include "log/log_reader.h"
#include "log/test_device.h"

#include <doctest/doctest.h>

using namespace xfsx;

namespace {

LogGeometry small_log(u32 blocks, u32 unit = 512) {
  LogGeometry log;
  log.blocks = blocks;
  log.unit = unit;
  log.uuid.b[3] = 7;
  return log;
}

be32 const& word(ConstBytes record, u32 block) {
  return view_as<be32>(record, std::size_t{block} * basic_block_size);
}

std::vector<std::byte> record_of(LogGeometry const& log, RecordShape const& shape, Lsn lsn,
                                 u32 used) {
  std::vector<std::byte> record(shape.bytes_for(used), std::byte{0xee});
  for (u32 i = 0; i < used; ++i) record[shape.header_bytes() + i] = static_cast<std::byte>(i * 7);
  seal_record(log, shape, {lsn, lsn, 0xffffffff, 3, used}, record);
  return record;
}

}  // namespace

TEST_SUITE("log") {
  TEST_CASE("the number of header blocks follows from the size of the buffers") {
    CHECK(RecordShape{32768, 512}.header_blocks() == 1);
    CHECK(RecordShape{65536, 512}.header_blocks() == 2);
    CHECK(RecordShape{262144, 512}.header_blocks() == 8);
    CHECK(RecordShape{262144, 512}.capacity() == 262144 - 8 * 512);
    CHECK(RecordShape{32768, 12288}.max_bytes() == 24576);
    CHECK(RecordShape{262144, 262144}.bytes_for(1) == 262144);
  }

  TEST_CASE("a record keeps first words in its header and carries the cycle instead") {
    LogGeometry const log = small_log(1000);
    RecordShape const shape{65536, 512};
    std::vector<std::byte> const record = record_of(log, shape, Lsn(9, LogBlock(20)), 40000);

    auto const& header = view_as<disk::LogRecordHeader>(record);
    CHECK(header.len.value() == record.size() - 1024);
    CHECK(word(record, 1).value() == 9);
    CHECK(word(record, 2).value() == 9);
    // First words of data blocks 1 and 65, bytes i*7.
    CHECK(header.cycle_data[1].value() == 0x00070e15);
    auto const& extended = view_as<disk::LogRecordExtended>(record, 512);
    CHECK(extended.cycle_data[1].value() == 0x00070e15);
    // The padding is zero.
    CHECK(record.back() == std::byte{0});
  }

  TEST_CASE("blocks past the end of the log are of the next cycle, further headers too") {
    LogGeometry const log = small_log(1000);
    RecordShape const shape{262144, 512};
    std::vector<std::byte> const record = record_of(log, shape, Lsn(4, LogBlock(997)), 5000);

    CHECK(view_as<disk::LogRecordHeader>(record).cycle.value() == 4);
    CHECK(view_as<disk::LogRecordHeader>(record).lsn.value() == Lsn(4, LogBlock(997)));
    CHECK(word(record, 2).value() == 4);
    CHECK(word(record, 3).value() == 5);
    CHECK(word(record, 8).value() == 5);
    CHECK(advance(log, Lsn(4, LogBlock(997)), 18) == Lsn(5, LogBlock(15)));
    CHECK(advance(log, Lsn(4, LogBlock(997)), 3) == Lsn(5, LogBlock(0)));
  }

  TEST_CASE("the magic number of records is no cycle") {
    CHECK(next_log_cycle(0xfeedbabd) == 0xfeedbabf);
    CHECK(next_log_cycle(1) == 2);
  }

  TEST_CASE("the checksum holds wherever the record lies, and fails when a byte differs") {
    for (u32 const size : {32768U, 262144U}) {
      for (u32 const start : {0U, 100U, 990U, 999U}) {
        CAPTURE(size);
        CAPTURE(start);
        LogGeometry const log = small_log(1000);
        RecordShape const shape{size, 512};
        std::vector<std::byte> const record = record_of(log, shape, Lsn(2, LogBlock(start)), 30000);
        test::MemoryLog device(1000 * 512);
        for (std::size_t i = 0; i < record.size(); ++i) {
          device.bytes()[(start * 512 + i) % (1000 * 512)] = record[i];
        }
        LogReader reader(device, log);
        auto const& header = view_as<disk::LogRecordHeader>(record);
        CHECK(check_log_record_crc(reader, start, header, shape.header_blocks()));

        device.bytes()[(start * 512 + record.size() - 700) % (1000 * 512)] ^= std::byte{1};
        LogReader again(device, log);
        Result<void> const bad = check_log_record_crc(again, start, header, shape.header_blocks());
        REQUIRE(bad.has_error());
        CHECK(bad.error().code == Errc::bad_crc);
        CHECK(bad.error().address_kind == AddressKind::log_block);
        CHECK(bad.error().address == start);
      }
    }
  }
}
