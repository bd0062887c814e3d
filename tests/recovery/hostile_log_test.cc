// Logs that were made so that replay takes for ever, holds too much, or puts something where it
// must not be.

#include "base/crc32c.h"
#include "base/view.h"
#include "btree/node.h"
#include "disk/btree.h"
#include "disk/dir.h"
#include "disk/superblock.h"
#include "format/verify_dir.h"
#include "inode/bmap.h"
#include "log/compose.h"
#include "recovery/recovery.h"
#include "recovery/replayer.h"
#include "recovery/seal_items.h"
#include "recovery/split_directories.h"
#include "support/patch.h"
#include "support/results.h"
#include "testing/failing_new.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>

namespace {

using namespace xfsx;
using namespace xfsx::test;

constexpr u64 block_of_64k = 128;  // basic blocks

/// A clean image, behind whose log transactions are written.
struct HostileLog {
  explicit HostileLog(std::string const& name)
      : disk(image(name)),
        volume(value_of(Volume::open(*disk))),
        log(value_of(LogGeometry::of(volume->geometry()))) {}

  [[nodiscard]] Geometry const& geometry() const { return volume->geometry(); }
  [[nodiscard]] LogPlace place() const { return {*disk, log}; }
  [[nodiscard]] LogState state() const { return value_of(find_log_head(*disk, log)); }

  /// Block `n` of those at the end of an AG, which are free.
  [[nodiscard]] FsBlock free_block(u32 n) const {
    AgNumber const ag(1);
    return geometry().fsblock(ag, AgBlock(geometry().blocks_of(ag) - 1 - n));
  }

  void add(std::vector<std::vector<ComposedItem>> transactions) const {
    LogState const before = state();
    LogComposer composer = value_of(LogComposer::create(*disk, log, before, {}));
    u32 tid = 0x100;
    for (std::vector<ComposedItem>& items : transactions) {
      must(composer.add({tid++, true, std::move(items)}));
    }
    (void)value_of(composer.finish());
  }

  std::unique_ptr<MemoryDevice> disk;
  std::unique_ptr<Volume> volume;
  LogGeometry log;
};

/// The image of `length` basic blocks at `daddr`, of which the first chunk is logged.
ComposedItem chunk_of(Daddr daddr, u64 length, std::byte with) {
  std::vector<std::byte> const bytes(length * basic_block_size, with);
  BufferItem buffer;
  buffer.address = daddr;
  buffer.image = bytes;
  buffer.dirty.set(0);
  return compose_buffer(buffer);
}

// Owners of mapping btrees

/// Where a file's mapping btree lies, as an inode item will say.
struct OwnedTree {
  HostileLog hostile{"plain-v5"};
  InodeNumber file = ino_of("plain-v5", "/swap/one-a");

  /// A block of the tree on which each pointer is `below`, once or as often as there is room.
  void write_block(FsBlock at, u16 level, FsBlock below) const {
    Geometry const& g = hostile.geometry();
    std::vector<std::byte> bytes(g.block_size());
    BtreeShape const shape = Bmbt::shape.on(g.version());
    u32 const count = level == 0 ? 0 : shape.max_records(bytes.size(), level);
    auto& head = edit_as<disk::BtreeLongBlock>(bytes);
    head.magic = disk::bmbt_magic;
    head.level = level;
    head.numrecs = static_cast<u16>(count);
    head.bno = g.daddr(at);
    head.uuid = g.meta_uuid();
    for (u32 i = 0; i < count; ++i) {
      edit_as<be<FsBlock>>(bytes, shape.pointers_at(bytes.size()) + i * shape.pointer) = below;
    }
    hostile.disk->poke(g.daddr(at).raw() * basic_block_size, bytes);
  }

  /// Logs the file with a root of `level` that leads to `below`, and a change of owners.
  void log_root(u16 level, FsBlock below) const {
    Inode const inode = value_of(load_inode(*hostile.volume, file));
    std::vector<std::byte> bytes(inode.bytes().begin(), inode.bytes().end());
    auto& core = edit_as<disk::Dinode>(bytes);
    core.format = static_cast<u8>(disk::ForkFormat::btree);
    std::size_t const fork = sizeof(disk::Dinode);
    std::size_t const size = InodeView(bytes).data_fork_size();
    auto& root = edit_as<disk::BmdrBlock>(bytes, fork);
    root.level = level;
    root.numrecs = 1;
    std::size_t const pointers =
        sizeof(disk::BmdrBlock) + BtreeNode<Bmbt>::fork_root_max(size) * Bmbt::shape.key;
    edit_as<be<FsBlock>>(bytes, fork + pointers) = below;
    ComposedItem item = value_of(compose_inode({file, inode.place, bytes}));
    u64 const fields = value_of(item.get("log_inode.fields"));
    must(item.set("log_inode.fields", fields | 0x200));
    hostile.add({{std::move(item)}});
  }

  [[nodiscard]] std::unique_ptr<Recovery> replayed() const {
    return value_of(Recovery::prepare(*hostile.disk, {}));
  }
  [[nodiscard]] InodeNumber owner(Recovery& recovery, FsBlock at) const {
    u64 const byte = hostile.geometry().daddr(at).raw() * basic_block_size;
    std::vector<std::byte> const bytes = read_bytes(recovery.device(), byte, 512);
    return view_as<disk::BtreeLongBlock>(bytes).owner.value();
  }
};

// Salvage

/// How often a log was begun, and what came of it.
struct Rounds {
  u64 count = 0, last = ~u64{0};
  std::function<Result<void>(u64, u64)> teller() {
    return [this](u64 done, u64) -> Result<void> {
      if (done <= last) ++count;
      last = done;
      return success();
    };
  }
};

}  // namespace

TEST_SUITE("hostile log") {
  TEST_CASE("a block that many lead to belongs to somebody else once") {
    // A walk from pointer to pointer would meet the lowest of these a hundred million times.
    OwnedTree const tree;
    constexpr u16 height = 4;
    for (u16 level = 0; level < height; ++level) {
      tree.write_block(tree.hostile.free_block(level), level,
                       tree.hostile.free_block(level == 0 ? 0U : level - 1U));
    }
    tree.log_root(height, tree.hostile.free_block(height - 1));
    std::clock_t const before = std::clock();
    std::unique_ptr<Recovery> const recovery = tree.replayed();
    CHECK(std::clock() - before < 2 * CLOCKS_PER_SEC);
    for (u32 level = 0; level < height; ++level) {
      CHECK(tree.owner(*recovery, tree.hostile.free_block(level)) == tree.file);
    }
  }

  TEST_CASE("a tree that goes in a circle, is too high or leads into the log ends there") {
    {
      OwnedTree const circle;
      FsBlock const at = circle.hostile.free_block(0);
      circle.write_block(at, 3, at);
      circle.log_root(4, at);
      CHECK(circle.owner(*circle.replayed(), at) == circle.file);
    }
    {
      OwnedTree const high;
      FsBlock const at = high.hostile.free_block(0);
      high.write_block(at, max_bmbt_height - 1, at);
      high.log_root(max_bmbt_height, at);
      CHECK(high.owner(*high.replayed(), at) == InodeNumber(0));
    }
    {
      OwnedTree const astray;
      FsBlock const at = astray.hostile.free_block(0);
      astray.write_block(at, 1, astray.hostile.geometry().log_start());
      astray.log_root(2, at);
      CHECK(astray.owner(*astray.replayed(), at) == astray.file);
    }
  }

  TEST_CASE("a superblock that was logged in pieces is remembered whole") {
    // Sectors of 4096 bytes, and a log that names the first 512 of them.
    HostileLog const hostile("sector4k");
    std::vector<std::byte> piece = read_bytes(*hostile.disk, 0, basic_block_size);
    constexpr std::string_view label = "reminded";
    std::ranges::copy(std::as_bytes(std::span(label)),
                      piece.begin() + offsetof(disk::Superblock, fname));
    BufferItem buffer;
    buffer.type = disk::BufferType::superblock;
    buffer.image = piece;
    buffer.dirty.set(0);
    hostile.add({{compose_buffer(buffer)}});

    ReplayedBlocks blocks(*hostile.disk);
    (void)value_of(replay_log(blocks, hostile.geometry(), hostile.place(), hostile.state(), {}));
    blocks.end_replay();
    // What finishes has the sector in one.
    SectorCount const sector(hostile.geometry().sector_size() / basic_block_size);
    (void)value_of(blocks.edit(Daddr(0), sector, disk::BufferType::superblock));
    std::vector<std::byte> const whole = value_of(replayed_superblock(blocks, hostile.geometry()));
    std::vector<std::byte> expected =
        read_bytes(*hostile.disk, 0, hostile.geometry().sector_size());
    std::ranges::copy(std::as_bytes(std::span(label)),
                      expected.begin() + offsetof(disk::Superblock, fname));
    // Its checksum is made where it is written.
    std::ranges::copy(std::span(whole).subspan(offsetof(disk::Superblock, crc), sizeof(le32)),
                      expected.begin() + offsetof(disk::Superblock, crc));
    CHECK(whole == expected);
  }

  TEST_CASE("of a long mapping of a directory, its ends are looked at") {
    // Directory blocks of four blocks: a mapping of sixteen thousand holds four thousand of them,
    // and begins one more, whose other pieces lie elsewhere.
    HostileLog const hostile("dir4k-block1k");
    Geometry const& g = hostile.geometry();
    InodeNumber const directory = ino_of("dir4k-block1k", "/dirs/node");
    constexpr u64 length = 16001;
    FsBlock const start = g.fsblock(AgNumber(1), AgBlock(8)),
                  other = g.fsblock(AgNumber(3), AgBlock(g.blocks_of(AgNumber(3)) - 9));
    FsBlock const last = start + BlockCount(length - 1);
    patch_inode(*hostile.disk, directory, [&](Bytes inode) {
      auto& core = edit_as<disk::Dinode>(inode);
      core.nextents = 2;
      core.nblocks = length + 3;
      edit_as<disk::BmbtRecord>(inode, sizeof(disk::Dinode)) =
          Bmbt::encode({FileBlock(0), start, BlockCount(length), false});
      edit_as<disk::BmbtRecord>(inode, sizeof(disk::Dinode) + sizeof(disk::BmbtRecord)) =
          Bmbt::encode({FileBlock(length), other, BlockCount(3), false});
    });

    ReplayedBlocks blocks(*hostile.disk);
    ReplayedBlock* const piece =
        value_of(blocks.edit(g.daddr(last), g.sectors(BlockCount(1)), disk::BufferType::dir_data));
    auto& head = edit_as<disk::DirDataHeader>(piece->data.bytes());
    head.magic = disk::dir_data_magic;
    head.uuid = g.meta_uuid();
    head.owner = directory;
    piece->dirty.set_all(piece->data.size());
    u64 const numbers[] = {directory.raw()};
    {
      FailingNew const limit(4000);
      must(mend_split_directories(blocks, {}, hostile.state(), g, numbers));
      CHECK(!limit.fired());
    }
    std::vector<std::byte> whole(piece->data.bytes().begin(), piece->data.bytes().end());
    std::vector<std::byte> const rest =
        read_bytes(*hostile.disk, g.daddr(other).raw() * basic_block_size, 3 * g.block_size());
    whole.insert(whole.end(), rest.begin(), rest.end());
    CHECK(crc32c_matches(whole, dir_data_kind.crc));
  }

  TEST_CASE("salvage gives up a log that was made for it in few rounds") {
    // Each transaction puts something where nothing can lie, and calls off what the one before put
    // there: wherever the log ends, its last transaction is wrong.
    constexpr u32 good = 5, bad = 200, patience = 16, halvings = 8;
    HostileLog const hostile("plain-v5");
    u64 const behind = hostile.disk->info().size / basic_block_size;
    std::vector<std::vector<ComposedItem>> transactions(good + bad);
    for (u32 i = 0; i < good; ++i) {
      Daddr const at = hostile.geometry().daddr(hostile.free_block(i));
      transactions[i].push_back(chunk_of(at, 8, std::byte{0x5a}));
    }
    for (u32 i = 0; i < bad; ++i) {
      transactions[good + i].push_back(chunk_of(Daddr(behind + u64{i} * 8), 8, std::byte{1}));
      if (i == 0) continue;
      transactions[good + i].push_back(
          compose_cancel(Daddr(behind + u64{i - 1} * 8), SectorCount(8)));
    }
    hostile.add(std::move(transactions));

    ReplayedBlocks blocks(*hostile.disk);
    Rounds rounds;
    ReplayOptions options;
    options.progress = rounds.teller();
    Result<ReplayResult> const refused =
        replay_log(blocks, hostile.geometry(), hostile.place(), hostile.state(), options);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().field == "blkno");
    blocks.clear();

    rounds = {};
    options.salvage = true;
    ReplayResult const salvaged =
        value_of(replay_log(blocks, hostile.geometry(), hostile.place(), hostile.state(), options));
    CHECK(rounds.count <= patience + halvings);
    // What is left is what comes first, and all the rest is listed.
    u64 const kept = salvaged.counts.transactions;
    CHECK(kept <= good);
    CHECK(salvaged.damage.has_value());
    CHECK(salvaged.lost.size() == good + bad - kept);
    CHECK(blocks.blocks().size() == kept);
    for (u32 i = 0; i < kept; ++i) {
      CHECK(blocks.containing(hostile.geometry().daddr(hostile.free_block(i))) != nullptr);
    }
  }

  TEST_CASE("salvage keeps everything before the damage and nothing behind it") {
    constexpr u32 before = 7, after = 4;
    HostileLog const hostile("plain-v5");
    std::vector<std::vector<ComposedItem>> transactions(before + 1 + after);
    for (u32 i = 0; i < transactions.size(); ++i) {
      Daddr const at = i == before ? Daddr(hostile.disk->info().size / basic_block_size)
                                   : hostile.geometry().daddr(hostile.free_block(i));
      transactions[i].push_back(chunk_of(at, 8, std::byte{0x5a}));
    }
    hostile.add(std::move(transactions));
    ReplayedBlocks blocks(*hostile.disk);
    ReplayOptions options;
    options.salvage = true;
    ReplayResult const salvaged =
        value_of(replay_log(blocks, hostile.geometry(), hostile.place(), hostile.state(), options));
    CHECK(salvaged.counts.transactions == before);
    CHECK(salvaged.lost.size() == 1 + after);
    for (u32 i = 0; i < before + 1 + after; ++i) {
      if (i == before) continue;
      Daddr const at = hostile.geometry().daddr(hostile.free_block(i));
      CHECK((blocks.containing(at) != nullptr) == (i < before));
    }
  }

  TEST_CASE("what is read ahead has a limit, and so has what replay holds") {
    HostileLog const hostile("plain-v5");
    std::vector<BlockExtent> extents;
    for (u32 i = 0; i < 3000; ++i) extents.push_back({Daddr(i), SectorCount(block_of_64k)});
    {
      ReplayedBlocks blocks(*hostile.disk);
      u64 const before = hostile.disk->stats().read_bytes;
      blocks.prefetch(extents);
      CHECK(hostile.disk->stats().read_bytes - before <= u64{65} << 20);
    }
    ReplayedBlocks blocks(*hostile.disk);
    blocks.limit_to(u64{1} << 20);
    for (u32 round = 0; round < 2; ++round) {
      u64 made = 0;
      for (; made < 100; ++made) {
        Result<ReplayedBlock*> const got = blocks.edit(
            Daddr(made * block_of_64k), SectorCount(block_of_64k), disk::BufferType::unknown);
        if (got) continue;
        CHECK(got.error().errno_class == ENOMEM);
        break;
      }
      CHECK(made == 16);
      blocks.clear();  // begins again
    }
  }

  TEST_CASE("new inodes that claim more than a chunk are refused before anything is made") {
    HostileLog const hostile("plain-v5");
    Geometry const& g = hostile.geometry();
    disk::IcreateLogFormat right{};
    right.ag = AgNumber(1);
    right.agbno = g.agblock_of(hostile.free_block(63));
    right.isize = g.inode_size();
    right.length = inodes_per_chunk / g.inodes_per_block();
    right.count = inodes_per_chunk;
    struct Case {
      std::string_view field;
      std::string_view path;
      u64 value;
    };
    u64 const all = g.blocks_of(AgNumber(1));
    Case const cases[] = {
        {"length", "log_icreate.length", all},      {"length", "log_icreate.length", 0},
        {"count", "log_icreate.count", 0xffffffff}, {"isize", "log_icreate.isize", 1},
        {"agbno", "log_icreate.agbno", 0},          {"agbno", "log_icreate.agbno", all},
        {"agbno", "log_icreate.agbno", 0xfffffffe}, {"ag", "log_icreate.ag", 0xfffffffe},
    };
    for (Case const& c : cases) {
      CAPTURE(c.path);
      CAPTURE(c.value);
      HostileLog const one("plain-v5");
      ComposedItem item = compose_icreate(right);
      must(item.set(c.path, c.value));
      one.add({{std::move(item)}});
      FailingNew const limit(20000);
      Result<std::unique_ptr<Recovery>> const refused = Recovery::prepare(*one.disk, {});
      REQUIRE(!refused.has_value());
      CHECK(refused.error().field == c.field);
      CHECK(refused.error().address_kind == AddressKind::log_block);
    }
    hostile.add({{compose_icreate(right)}});
    CHECK(Recovery::prepare(*hostile.disk, {}).has_value());
  }
}
