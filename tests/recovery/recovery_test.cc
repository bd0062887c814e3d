// Recovery as a whole, on the shipped images whose logs Linux left dirty. What Linux thinks of the
// results is asked in stage 30-recover; here is asked what needs no kernel: that it ends with a
// clean log, that the view without a write is what the write makes, that it can be cut off
// anywhere, and that nothing is written where it refuses.

#include "recovery/recovery.h"
#include "base/view.h"
#include "disk/btree.h"
#include "format/verify_btree.h"
#include "log/log_walk.h"
#include "log/log_writer.h"
#include "support/images.h"
#include "testing/crash_states.h"
#include "testing/faulty_device.h"
#include "testing/recording_device.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace {

using namespace xfsx;
using namespace xfsx::test;

std::string const dirty_images[] = {"dirty-log",
                                    "unlinked",
                                    "staging",
                                    "intents-free",
                                    "intents-clone",
                                    "intents-exchange",
                                    "intents-exchange-step",
                                    "v4-dirty",
                                    "v4-unlinked"};

bool is_clean(BlockDevice& disk) {
  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  REQUIRE(volume.has_value());
  Result<LogState> const& log = volume.value()->log();
  return log && log.value().clean;
}

/// Where the log lies, bytes.
struct LogRange {
  u64 begin = 0, end = 0;
};

LogRange log_of(MemoryDevice& disk) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  Geometry const& g = volume->geometry();
  u64 const begin = g.daddr(g.log_start()).raw() * basic_block_size;
  return {begin, begin + u64{g.log_blocks()} * g.block_size()};
}

/// Whether two disks are the same but for the log, whose records name cycles.
bool same_but_for_log(MemoryDevice& a, MemoryDevice& b) {
  LogRange const log = log_of(a);
  for (u64 at = 0; at < a.info().size;) {
    ConstBytes const x = a.piece_at(at);
    ConstBytes const y = b.piece_at(at);
    u64 const begin = std::exchange(at, at + x.size());
    // Most pieces are the same in memory.
    if (x.data() == y.data() || std::ranges::equal(x, y)) continue;
    for (u64 i = 0; i < x.size(); ++i) {
      bool const logged = begin + i >= log.begin && begin + i < log.end;
      if (x[i] != y[i] && !logged) return false;
    }
  }
  return true;
}

/// The superblock again and again, as one more transaction, until nothing else fits.
class Filler final : public ItemSource {
 public:
  Filler(ConstBytes sector, u64 count) : left_(count), count_(count) {
    item_.type = disk::BufferType::superblock;
    item_.image = sector;
    item_.dirty.set(0);
  }
  [[nodiscard]] LogSizes sizes() const override {
    LogSizes const one = buffer_item_sizes(item_);
    return {one.regions * count_, one.bytes * count_};
  }
  Result<bool> next(LogItem& item) override {
    if (left_ == 0) return false;
    --left_;
    make_buffer_item(item, item_);
    return true;
  }

 private:
  BufferItem item_;
  u64 left_, count_;
};

/// Leaves the log of a dirty image no more room than Linux must have.
void fill_log(MemoryDevice& disk) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  LogGeometry const log = LogGeometry::of(volume->geometry()).value();
  LogState const state = volume->log().value();
  std::unique_ptr<LogWriter> const writer = LogWriter::behind(disk, log, state).value();
  std::vector<std::byte> const sector = read_bytes(disk, 0, volume->geometry().sector_size());
  // An item takes less than a basic block.
  u64 count = 3 * writer->free_blocks();
  while (writer->checkpoint_blocks(Filler(sector, count).sizes()) > writer->free_blocks()) --count;
  Filler filler(sector, count);
  REQUIRE(writer->write_checkpoint(filler, state.tail, 0x66696c6c).has_value());
}

std::unique_ptr<MemoryDevice> recovered(std::string const& name) {
  std::unique_ptr<MemoryDevice> disk = image(name);
  Result<RecoverReport> const done = recover(*disk, {});
  REQUIRE_MESSAGE(done.has_value(), describe(done.error()));
  return disk;
}

/// How recovery writes.
enum class Way : u8 { one_checkpoint, clusters_first, full_log };

Result<void> recover_by(Way way, BlockDevice& disk) {
  XFSX_TRY(std::unique_ptr<Recovery> const recovery, Recovery::prepare(disk, {}));
  if (recovery->was_clean()) return success();
  if (way == Way::clusters_first) {
    XFSX_TRYV(recovery->judge(0));
  }
  return recovery->run({});
}

/// Recovers copies of `dirty`, whose first, second, third ... call of each kind fails, and then
/// again without failures; `whole` is what a recovery without failures makes.
void end_by_each_call(MemoryDevice& dirty, MemoryDevice& whole, Way way) {
  for (DeviceCall const call :
       {DeviceCall::read, DeviceCall::write, DeviceCall::flush, DeviceCall::reserve}) {
    for (u64 nth = 1;; ++nth) {
      CAPTURE(static_cast<int>(call));
      CAPTURE(nth);
      std::unique_ptr<MemoryDevice> const disk = dirty.snapshot();
      FaultyDevice faulty(*disk);
      faulty.arm({call, nth, 1, true});
      Result<void> const cut = recover_by(way, faulty);
      if (!faulty.fired()) break;
      CHECK((!cut.has_value() || call == DeviceCall::read));
      REQUIRE(recover(*disk, {}).has_value());
      CHECK(same_but_for_log(whole, *disk));
    }
  }
}

TEST_SUITE("recovery") {
  TEST_CASE("a dirty log is clean afterwards, and there is nothing left to recover") {
    for (std::string const& name : dirty_images) {
      CAPTURE(name);
      std::unique_ptr<MemoryDevice> const disk = recovered(name);
      CHECK(is_clean(*disk));
      Result<RecoverReport> const again = recover(*disk, {});
      REQUIRE(again.has_value());
      CHECK(again.value().was_clean);
    }
  }

  TEST_CASE("a dry run tells the same and writes nothing") {
    for (std::string const& name : dirty_images) {
      CAPTURE(name);
      std::unique_ptr<MemoryDevice> const disk = image(name);
      std::vector<std::byte> const before = read_bytes(*disk, 0, disk->info().size);
      RecoverRequest request;
      request.dry_run = true;
      RecoverReport const planned = recover(*disk, request).value();
      CHECK(std::ranges::equal(before, read_bytes(*disk, 0, disk->info().size)));
      RecoverReport const done = recover(*disk, {}).value();
      CHECK(planned.blocks == done.blocks);
      CHECK(planned.home_bytes == done.home_bytes);
      CHECK(planned.after.blocks_free == done.after.blocks_free);
      CHECK(planned.freed.size() == done.freed.size());
    }
  }

  TEST_CASE("what can be seen before is what is there afterwards") {
    for (std::string const& name : dirty_images) {
      CAPTURE(name);
      std::unique_ptr<MemoryDevice> const disk = image(name);
      std::unique_ptr<Recovery> const view = Recovery::prepare(*disk, {}).value();
      std::unique_ptr<MemoryDevice> const done = recovered(name);
      std::vector<std::byte> seen(disk->info().size);
      ReadRequest const all{0, seen};
      REQUIRE(view->device().read({&all, 1}).has_value());
      std::unique_ptr<MemoryDevice> const shown = disk->snapshot();
      write_bytes(*shown, 0, seen);
      CHECK(same_but_for_log(*shown, *done));
    }
  }

  TEST_CASE("a recovery that any call of the device ends can be done again") {
    for (std::string const name : {"dirty-log", "intents-exchange", "unlinked"}) {
      std::unique_ptr<MemoryDevice> const dirty = image(name);
      std::unique_ptr<MemoryDevice> const whole = dirty->snapshot();
      REQUIRE(recover(*whole, {}).has_value());
      for (Way const way : {Way::one_checkpoint, Way::clusters_first}) {
        CAPTURE(name);
        CAPTURE(static_cast<int>(way));
        end_by_each_call(*dirty, *whole, way);
      }
    }
  }

  TEST_CASE("a log without room is recovered, and can be cut off") {
    for (std::string const name : {"dirty-log", "intents-exchange", "intents-clone"}) {
      CAPTURE(name);
      std::unique_ptr<MemoryDevice> const full = image(name);
      fill_log(*full);
      std::unique_ptr<MemoryDevice> const whole = full->snapshot();
      REQUIRE(recover(*whole, {}).has_value());
      {
        std::unique_ptr<Recovery> const recovery = Recovery::prepare(*full, {}).value();
        REQUIRE(recovery->judge().has_value());
        CHECK(recovery->goes_home_first());
      }
      for (DeviceCall const call : {DeviceCall::write, DeviceCall::flush}) {
        for (u64 nth = 1;; ++nth) {
          CAPTURE(static_cast<int>(call));
          CAPTURE(nth);
          std::unique_ptr<MemoryDevice> const disk = full->snapshot();
          FaultyDevice faulty(*disk);
          faulty.arm({call, nth, 1, true});
          Result<RecoverReport> const cut = recover(faulty, {});
          bool const fired = faulty.fired();
          REQUIRE(cut.has_value() == !fired);
          if (fired) REQUIRE(recover(*disk, {}).has_value());
          CHECK(is_clean(*disk));
          CHECK(same_but_for_log(*whole, *disk));
          if (!fired) break;
        }
      }
    }
  }

  TEST_CASE("whatever a power failure leaves of a recovery is recovered to the same") {
    for (std::string const& name : dirty_images) {
      for (Way const way : {Way::one_checkpoint, Way::clusters_first, Way::full_log}) {
        bool const full = way == Way::full_log;
        // A long log would take long to fill.
        if (full && name != "dirty-log" && name != "intents-exchange") continue;
        CAPTURE(name);
        CAPTURE(static_cast<int>(way));
        std::unique_ptr<MemoryDevice> const before = image(name);
        if (full) fill_log(*before);
        std::unique_ptr<MemoryDevice> const whole = before->snapshot();
        RecordingDevice recorder(*whole);
        REQUIRE(recover_by(way, recorder).has_value());
        CrashOptions options;
        options.subsets = 6;
        options.sample = way == Way::clusters_first ? 20 : 40;
        u64 dirty = 0;
        auto const visit = [&](CrashState const& state) {
          CAPTURE(state.id());
          std::unique_ptr<MemoryDevice> const disk = state.image();
          if (!is_clean(*disk)) ++dirty;
          REQUIRE(recover(*disk, {}).has_value());
          CHECK(is_clean(*disk));
          CHECK(same_but_for_log(*whole, *disk));
          return true;
        };
        for_each_crash_state(*before, recorder.recording(), options, visit);
        CHECK(dirty > 5);
      }
    }
  }

  TEST_CASE("what looks newer than the log in a free block goes before a block is put there") {
    std::unique_ptr<MemoryDevice> const disk = image("rmapbt");
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    Geometry const& g = volume->geometry();
    LogState const log = volume->log().value();
    FsBlock const free = g.fsblock(AgNumber(1), AgBlock(g.blocks_of(AgNumber(1)) - 10));
    std::vector<std::byte> fake(sizeof(disk::BtreeShortBlock));
    auto& header = edit_as<disk::BtreeShortBlock>(fake);
    header.lsn = Lsn(log.head.cycle() + 1, LogBlock(0));
    header.uuid = g.meta_uuid();
    u64 const at = g.daddr(free).raw() * basic_block_size;
    disk->poke(at, fake);

    ReplayedBlocks blocks(*disk);
    std::unique_ptr<Workbench> const bench = Workbench::open(blocks, {}).value();
    Transaction txn(bench->volume());
    Bytes const made = txn.create(refcountbt_kind, g.daddr(free), g.sectors(BlockCount(1))).value();
    auto& block = edit_as<disk::BtreeShortBlock>(made);
    block.magic = disk::refcountbt_magic;
    block.bno = g.daddr(free);
    block.leftsib = block.rightsib = null_agblock;
    block.uuid = g.meta_uuid();
    block.owner = AgNumber(1);
    REQUIRE(bench->take(txn).has_value());

    LogGeometry const place = LogGeometry::of(g).value();
    std::unique_ptr<Seal> const seal =
        Seal::prepare(blocks, g, {*disk, place}, log, {}, {}).value();
    bool zeroed = false;
    SealOptions options;
    options.on_stage = [&](SealStage stage) {
      if (stage != SealStage::durable) return;
      std::vector<std::byte> const now = read_bytes(*disk, at, g.sector_size());
      zeroed = std::ranges::all_of(now, [](std::byte b) { return b == std::byte{0}; });
    };
    REQUIRE(seal->run(options).has_value());
    CHECK(zeroed);
    CHECK(view_as<be32>(read_bytes(*disk, at, 4)).value() == disk::refcountbt_magic);
  }

  TEST_CASE("where it is known how the log was found, it is not searched again") {
    std::unique_ptr<MemoryDevice> const disk = image("wrapped");
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    LogState const& log = volume->log().value();
    ReplayedBlocks blocks(*disk);
    u64 const before = disk->stats().read_bytes;
    std::unique_ptr<Workbench> const bench = Workbench::open(blocks, {}, log).value();
    CHECK(disk->stats().read_bytes - before <= 32768);
    CHECK(bench->volume().log().value().head == log.head);
    CHECK(bench->volume().cache().log_head() == log.head);
  }

  TEST_CASE("damage in the log is told, with nothing written, and can be salvaged") {
    std::unique_ptr<MemoryDevice> const disk = image("intents-exchange");
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    LogState const log = volume->log().value();
    LogGeometry const place = LogGeometry::of(volume->geometry()).value();
    // The second record has no checksum, which Linux would not replay either.
    LogWalk walk(*disk, place, log, LogWalk::From::tail);
    REQUIRE(walk.next().value().has_value());
    u64 const record = place.byte_of(LogBlock(walk.next().value()->block));
    std::array<std::byte, sizeof(le32)> const none{};
    disk->poke(record + offsetof(disk::LogRecordHeader, crc), none);

    std::vector<std::byte> const before = read_bytes(*disk, 0, disk->info().size);
    Result<RecoverReport> const refused = recover(*disk, {});
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == Errc::bad_value);
    CHECK(refused.error().field == "crc");
    CHECK(refused.error().address_kind == AddressKind::log_block);
    CHECK(std::ranges::equal(before, read_bytes(*disk, 0, disk->info().size)));

    RecoverRequest request;
    request.salvage = true;
    request.accept_loss = [](RecoverReport const&) { return false; };
    CHECK(recover(*disk, request).error().code == Errc::cancelled);
    CHECK(std::ranges::equal(before, read_bytes(*disk, 0, disk->info().size)));

    request.accept_loss = {};
    RecoverReport const done = recover(*disk, request).value();
    REQUIRE(done.lost.damage.has_value());
    CHECK(!done.lost.transactions.empty());
    CHECK(is_clean(*disk));
  }
}

}  // namespace
