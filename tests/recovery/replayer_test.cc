// Replay goes through the log once where it can. What comes of it must be what comes of going
// through it twice, as Linux does.

#include "recovery/replayer.h"

#include "disk/inode.h"
#include "log/compose.h"
#include "support/images.h"
#include "txn/volume.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace {

using namespace xfsx;
using namespace xfsx::test;
using Passes = ReplayOptions::Passes;

std::string const dirty_images[] = {
    "dirty-log",         "intents-free",    "intents-clone",         "intents-exchange",
    "intents-attribute", "intents-parents", "intents-exchange-step", "intents-realtime-free",
    "v4-dirty",          "v4-dirty-old",    "v4-unlinked",
};

/// What a replay comes to.
struct Replayed {
  std::map<u64, std::vector<std::byte>> blocks;  // by daddr
  std::vector<u64> inodes, logged_inodes;
  u64 transactions = 0, intents = 0;

  bool operator==(Replayed const&) const = default;
};

Result<Replayed> replay(MemoryDevice& disk, Passes passes, bool* twice = nullptr) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  LogGeometry const log = LogGeometry::of(volume->geometry()).value();
  ReplayedBlocks blocks(disk);
  ReplayOptions options;
  options.passes = passes;
  LogState const state = volume->log().value();
  u64 const length =
      (u64{state.head.block().raw()} + log.blocks - state.tail.block().raw()) % log.blocks;
  if (twice != nullptr) *twice = false;
  options.progress = [&](u64, u64 total) -> Result<void> {
    if (twice != nullptr && total > length) *twice = true;
    return success();
  };
  LogPlace const place{disk, log};
  XFSX_TRY(ReplayResult const result,
           replay_log(blocks, volume->geometry(), place, state, options));
  Replayed replayed;
  for (auto const& [address, block] : blocks.blocks()) {
    ConstBytes const bytes = block.data.bytes();
    replayed.blocks[address] = {bytes.begin(), bytes.end()};
  }
  replayed.inodes = result.inodes;
  replayed.logged_inodes = result.logged_inodes;
  replayed.transactions = result.counts.transactions;
  replayed.intents = result.intents.size();
  return replayed;
}

/// A clean image, for logs made by hand.
struct Bench {
  std::unique_ptr<MemoryDevice> disk = image("rmapbt");
  std::unique_ptr<Volume> volume = Volume::open(*disk).value();
  Geometry const& g = volume->geometry();
  LogGeometry log = LogGeometry::of(g).value();
  u32 tid = 7;

  /// The address of a free block, and of some behind it.
  [[nodiscard]] Daddr free() const {
    return g.daddr(g.fsblock(AgNumber(1), AgBlock(g.blocks_of(AgNumber(1)) - 20)));
  }
  void add(std::initializer_list<ComposedItem> items) {
    ComposeOptions options;
    options.tid = ++tid;
    std::vector<ComposedItem> const list(items);
    REQUIRE(compose_checkpoint(*disk, log, list, options).has_value());
  }
};

std::vector<std::byte> filled(u64 sectors, u8 value) {
  return std::vector<std::byte>(sectors * basic_block_size, std::byte{value});
}

ComposedItem image_of(Daddr daddr, ConstBytes bytes) {
  BufferItem item;
  item.type = disk::BufferType::dir_data;
  item.address = daddr;
  item.image = bytes;
  item.dirty.set_all(bytes.size());
  return compose_buffer(item);
}

TEST_SUITE("replay") {
  TEST_CASE("going through the log once comes to the same as going through it twice") {
    for (std::string const& name : dirty_images) {
      CAPTURE(name);
      std::unique_ptr<MemoryDevice> const disk = image(name);
      Replayed const once = replay(*disk, Passes::as_needed).value();
      CHECK(!once.blocks.empty());
      CHECK(once == replay(*disk, Passes::two).value());
    }
  }

  TEST_CASE("images that are called off are taken back, later ones are not") {
    Bench b;
    std::vector<std::byte> const first = filled(8, 1), second = filled(8, 2), other = filled(8, 3);
    b.add({image_of(b.free(), first), image_of(b.free() + SectorCount(8), other)});
    b.add({compose_cancel(b.free(), SectorCount(8))});
    bool twice = false;
    Replayed once = replay(*b.disk, Passes::as_needed, &twice).value();
    CHECK(!twice);
    CHECK(!once.blocks.contains(b.free().raw()));
    CHECK(once.blocks.contains(b.free().raw() + 8));
    CHECK(once == replay(*b.disk, Passes::two).value());

    b.add({image_of(b.free(), second)});
    once = replay(*b.disk, Passes::as_needed).value();
    CHECK(once.blocks.at(b.free().raw()) == second);
    CHECK(once == replay(*b.disk, Passes::two).value());

    // And once more, which takes back the second image, too.
    b.add({compose_cancel(b.free(), SectorCount(8))});
    once = replay(*b.disk, Passes::as_needed).value();
    CHECK(!once.blocks.contains(b.free().raw()));
    CHECK(once == replay(*b.disk, Passes::two).value());
  }

  TEST_CASE("where it cannot be told what is called off, the log is gone through twice") {
    Bench b;
    std::vector<std::byte> const wide = filled(16, 1), narrow = filled(8, 2);
    b.add({image_of(b.free(), wide)});
    b.add({image_of(b.free(), narrow)});
    b.add({compose_cancel(b.free(), SectorCount(16))});
    bool twice = false;
    Replayed const found = replay(*b.disk, Passes::as_needed, &twice).value();
    CHECK(twice);
    CHECK(found.blocks.at(b.free().raw()) == narrow);
    CHECK(!found.blocks.contains(b.free().raw() + 8));
    CHECK(found == replay(*b.disk, Passes::two).value());
  }

  TEST_CASE("an inode whose cluster is called off need not be there") {
    Bench b;
    ComposedItem inode = ComposedItem::named("inode").value();
    auto const set = [&](std::string_view field, u64 value) {
      REQUIRE(inode.set(field, value).has_value());
    };
    u32 const cluster = b.g.cluster_blocks();
    u64 const sectors = b.g.sectors(BlockCount(cluster)).raw();
    set("log_inode.fields", 1);
    set("log_inode.ino", 12345);
    set("log_inode.blkno", b.free().raw());
    set("log_inode.len", sectors);
    set("log_inode.boffset", 0);
    set("log_core.magic", disk::inode_magic);
    set("log_core.version", 3);
    // What lies there by now are the bytes of a file.
    b.disk->poke(b.free().raw() * basic_block_size, filled(sectors, 0x5a));
    b.add({inode});
    CHECK(!replay(*b.disk, Passes::as_needed).has_value());
    b.add({compose_cancel(b.free(), SectorCount(sectors))});
    bool twice = false;
    Replayed const found = replay(*b.disk, Passes::as_needed, &twice).value();
    CHECK(twice);
    CHECK(found.blocks.empty());
    CHECK(found.logged_inodes.empty());
  }

  TEST_CASE("damage far behind the head does not hide the head, and what came before is salvaged") {
    Bench b;
    std::vector<std::byte> const bytes = filled(8, 1);
    std::vector<LogBlock> records;
    for (u32 i = 0; i < 20; ++i) {
      ComposeOptions options;
      options.tid = 100 + i;
      std::vector<ComposedItem> const items{image_of(b.free() + SectorCount(8 * u64{i}), bytes)};
      records.push_back(compose_checkpoint(*b.disk, b.log, items, options).value().start.block());
    }
    std::array<std::byte, 4> const wrong{};
    REQUIRE(damage_record(*b.disk, b.log, records[5], 200, wrong, Checksum::as_it_was).has_value());

    Result<Replayed> const refused = replay(*b.disk, Passes::as_needed);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == Errc::bad_crc);
    CHECK(refused.error().address == records[5].raw());

    std::unique_ptr<Volume> const volume = Volume::open(*b.disk).value();
    LogState const state = volume->log().value();
    CHECK(!state.clean);
    ReplayedBlocks blocks(*b.disk);
    ReplayOptions options;
    options.salvage = true;
    ReplayResult const found = replay_log(blocks, b.g, {*b.disk, b.log}, state, options).value();
    CHECK(found.counts.transactions == 5);
    CHECK(blocks.blocks().size() == 5);
    CHECK(found.lost.size() == 14);
    REQUIRE(found.damage.has_value());
    CHECK(found.damage->address == records[5].raw());
  }
}

}  // namespace
