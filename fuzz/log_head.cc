// The search for the head of the log, on logs that Linux wrote and an input changed: record headers
// by their tables with the checksum stamped again, cycle words, and the bytes of operations.

#include "base/checked.h"
#include "base/crc32c.h"
#include "base/view.h"
#include "disk/log.h"
#include "fuzz/support/promises.h"
#include "fuzz/support/target.h"
#include "log/find_head.h"

#include <algorithm>
#include <array>
#include <map>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr u32 record_max = 512;  // basic blocks of the largest record, its headers included

/// The last record header at or before `block`, within the length of the longest record.
u32 record_before(OverlayDisk& disk, LogGeometry const& log, u32 block) {
  u32 const first = block > record_max ? block - record_max : 0;
  std::array<std::byte, 4> word;
  for (u32 at = block + 1; at-- > first;) {
    ReadRequest const request{log.byte_of(LogBlock(at)), word};
    must(disk.read({&request, 1}).has_value());
    if (view_as<be32>(word).value() == disk::log_record_magic) return at;
  }
  return block;
}

/// Header blocks and length of the record, as far as they are possible.
u32 record_bytes(disk::LogRecordHeader const& header, u32 room) {
  u32 const buffers = std::max(header.h_size.value(), 32768U);
  u64 const headers = std::min<u64>((u64{buffers} + 32767) / 32768, 8);
  return static_cast<u32>(std::min<u64>(room, headers * 512 + header.len.value()));
}

/// The checksum of a record: the header's own bytes without the checksum, further headers, data.
void stamp_record(Bytes record, u32 header_blocks) {
  if (!fits<disk::LogRecordHeader>(record)) return;
  disk::LogRecordHeader& header = edit_as<disk::LogRecordHeader>(record);
  constexpr std::size_t end = offsetof(disk::LogRecordHeader, pad1);
  constexpr std::size_t at = offsetof(disk::LogRecordHeader, crc);
  Crc32c sum;
  sum.feed(record.first(at)).feed_zeroes(4).feed(record.subspan(at + 4, end - at - 4));
  constexpr std::size_t covered = offsetof(disk::LogRecordExtended, pad);
  // The length decides how many further headers count, the size of the buffers where data begin.
  u32 const used = std::min(div_round_up(header.len.value(), 32768U), header_blocks);
  for (u32 i = 1; i < used && record.size() >= (i + 1) * std::size_t{512}; ++i) {
    sum.feed(record.subspan(i * std::size_t{512}, covered));
  }
  if (record.size() > header_blocks * std::size_t{512}) {
    sum.feed(record.subspan(header_blocks * std::size_t{512}));
  }
  header.crc = sum.value();
}

/// Changes the record that covers `block`.
void change_record(Input& input, OverlayDisk& disk, LogGeometry const& log, u32 block) {
  u8 const how = input.byte();
  u32 const start = record_before(disk, log, block);
  u32 const most = std::min(record_max, log.blocks - start) * 512;
  std::vector<std::byte> const first = read_at(disk, log.byte_of(LogBlock(start)), 512);
  // A little more than the record, for changes that make it longer.
  u32 const length = record_bytes(view_as<disk::LogRecordHeader>(first), most);
  u32 const room = std::min(most, round_up(length, 512U) + 4096);
  std::vector<std::byte> bytes = read_at(disk, log.byte_of(LogBlock(start)), room);
  disk::LogRecordHeader const& header = view_as<disk::LogRecordHeader>(bytes);
  u32 const headers = std::max(1U, std::min(header.h_size.value() / 32768U, 8U));
  constexpr std::size_t op = 512;
  std::size_t const body = headers * op;
  Region const regions[] = {
      region<disk::LogRecordHeader>(),
      region<disk::LogRecordExtended>(op),
      region<disk::LogOpHeader>(body),
      region<disk::TransactionHeader>(body + sizeof(disk::LogOpHeader)),
      region<disk::UnmountRecord>(body + sizeof(disk::LogOpHeader)),
      region<disk::BufferLogFormat>(body + 2 * sizeof(disk::LogOpHeader) + 16),
      region<disk::InodeLogFormat>(body + 2 * sizeof(disk::LogOpHeader) + 16),
  };
  mutate(input, bytes, regions, 1 + how % 6U);
  if ((how & flag::keep_checksum) == 0) {
    stamp_record(Bytes(bytes).first(record_bytes(header, room)), headers);
  }
  write_at(disk, log.byte_of(LogBlock(start)), bytes);
}

/// Another cycle on one block, as when a write was left out.
void change_cycle(Input& input, OverlayDisk& disk, LogGeometry const& log, u32 block) {
  std::vector<std::byte> word = read_at(disk, log.byte_of(LogBlock(block)), 4);
  mutate(input, word, {}, 1);
  write_at(disk, log.byte_of(LogBlock(block)), word);
}

/// A run of blocks that power cut off: zeros, or what lay there before.
void wipe(Input& input, OverlayDisk& disk, LogGeometry const& log, u32 block) {
  u32 const count = std::min(input.half() % 4200U + 1, log.blocks - block);
  std::vector<std::byte> const zeros(count * std::size_t{512});
  write_at(disk, log.byte_of(LogBlock(block)), zeros);
}

/// The head before any change; found once for each image.
u32 head_of(World const& world, LogGeometry const& log) {
  static std::map<World const*, u32> heads;
  std::map<World const*, u32>::const_iterator const known = heads.find(&world);
  if (known != heads.end()) return known->second;
  OverlayDisk disk = world.disk();
  Result<LogState> const state = find_log_head(disk, log);
  must(state.has_value());
  return heads[&world] = state.value().head.block().raw();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_logs(input.byte());
  Result<LogGeometry> const log = LogGeometry::of(world.geometry());
  must(log.has_value());
  u32 const head = head_of(world, log.value());
  OverlayDisk disk = world.disk();

  // Most of what matters lies near the head.
  for (unsigned changes = 0; changes < 8 && !input.empty(); ++changes) {
    u8 const what = input.byte();
    u32 const far = (what & 0x80) != 0 ? input.word() : input.half() % 2048U;
    u32 const block = (head + log.value().blocks - far % log.value().blocks) % log.value().blocks;
    if (what % 4 < 2) change_record(input, disk, log.value(), block);
    if (what % 4 == 2) change_cycle(input, disk, log.value(), block);
    if (what % 4 == 3) wipe(input, disk, log.value(), block);
  }
  Result<LogState> const after = find_log_head(disk, log.value());
  if (after) check_log_state(after.value(), log.value());
  return 0;
}
