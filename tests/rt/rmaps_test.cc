// The reverse mappings of realtime groups after exchanges: the trees hold what the mappings of the
// files say, their blocks are counted where they are, and no block is lost. That Linux agrees is
// for tests/stages/65-model.

#include "rt/rmaps.h"

#include "ag/tree_root.h"
#include "crash/operation.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "inode/bmap.h"
#include "rt/group_tree.h"
#include "rt/reserve.h"
#include "support/images.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>

namespace {

using namespace xfsx;

constexpr char const* image_name = "rtgroups";

/// By group, in the order of the trees.
using Records = std::map<u32, std::vector<Rmapbt::Record>>;

void sort_records(Records& records) {
  for (auto& [group, list] : records) std::ranges::sort(list, {}, &Rmapbt::key_of);
}

struct File {
  std::string path;
  InodeNumber number;
  /// Files of owners without limits come first.
  [[nodiscard]] bool limited() const { return path.starts_with("/rt/quota/"); }
};

std::vector<File> realtime_files(BlockDevice& disk) {
  std::vector<File> files;
  std::unique_ptr<Filesystem> const fs = Filesystem::open(disk).value();
  nlohmann::json const manifest = test::manifest_of(image_name);
  for (auto const& entry : manifest["entries"]) {
    std::string const path = entry["path"];
    bool const realtime = entry["type"] == "file" && (entry.value("xflags", 0) & 1) != 0;
    if (realtime) files.push_back({path, fs->resolve(path).value()});
  }
  std::ranges::sort(files, {}, [](File const& f) { return std::pair(f.limited(), f.path); });
  return files;
}

/// What the files say.
Records records_of_files(Volume& volume, std::span<File const> files) {
  Records records;
  for (File const& file : files) {
    Inode const inode = load_inode(volume, file.number).value();
    std::vector<Mapping> const all = collect_mappings(volume, inode, ForkKind::data).value();
    MappingChange const change{file.number, ForkKind::data, {}, all};
    for (auto const& [group, edits] :
         rmap_edits(volume.geometry(), RmapPlace::realtime_group, {&change, 1})) {
      for (BtreeEdit<Rmapbt> const& edit : edits) records[group].push_back(edit.record);
    }
  }
  sort_records(records);
  return records;
}

/// Blocks of the data device with this owner that hold a btree.
u64 tree_blocks_in_ags(Volume& volume, InodeNumber owner) {
  u64 blocks = 0;
  for (u32 ag = 0; ag < volume.geometry().ag_count(); ++ag) {
    BtreeReader<Rmapbt> tree(volume, find_tree_root(volume, AgNumber(ag), AgTree::rmapbt).value());
    tree.visit_all([&](Rmapbt::Record const& r) {
          if (r.owner == owner.raw() && r.bmbt_block && !r.attr_fork) blocks += r.length;
          return true;
        })
        .value();
  }
  return blocks;
}

/// What the trees say; the blocks of each are those that its inode counts. Adds them to `blocks`.
Records records_of_trees(Volume& volume, u64& blocks) {
  Records records;
  for (u32 group = 0; group < volume.geometry().realtime().group_count; ++group) {
    Inode const inode = find_group_file(volume, group, disk::MetaType::rt_rmap).value();
    BtreeReader<RtRmapbt> tree(volume, {fork_bytes(inode, ForkKind::data), inode.number,
                                        inode.location(volume.geometry())});
    u64 found = 0;
    tree.visit_blocks([&](FsBlock, BtreeNode<RtRmapbt> const&) { return ++found != 0; }).value();
    CHECK(inode.nblocks() == found);
    CHECK(tree_blocks_in_ags(volume, inode.number) == found);
    blocks += found;
    tree.visit_all([&](Rmapbt::Record const& r) {
          if (r.of_inode()) records[group].push_back(r);
          return true;
        })
        .value();
  }
  return records;
}

u64 free_blocks(Volume& volume) {
  SectorCount const sector(volume.geometry().sector_size() / basic_block_size);
  BufferRef const block = volume.cache().load(superblock_kind, Daddr(0), sector).value();
  return view_as<disk::Superblock>(block->bytes()).fdblocks.value();
}

/// Blocks of the trees of the groups; and with those of files' trees and those that are free, a sum
/// that never changes.
struct Blocks {
  u64 trees = 0, all = 0;
};

/// Holds the trees against the files.
Blocks check_disk(BlockDevice& disk, std::span<File const> files) {
  std::unique_ptr<Volume> const volume = Volume::open(disk).value();
  Blocks blocks;
  CHECK(records_of_trees(*volume, blocks.trees) == records_of_files(*volume, files));
  blocks.all = blocks.trees + free_blocks(*volume);
  for (File const& file : files) {
    Inode const inode = load_inode(*volume, file.number).value();
    blocks.all += bmbt_blocks(*volume, inode, ForkKind::data).value().size();
  }
  return blocks;
}

/// Exchanges by chance, most of them of ranges.
class Dice {
 public:
  explicit Dice(u32 seed) : random_(seed) {}

  u64 below(u64 end) { return std::uniform_int_distribution<u64>(0, end - 1)(random_); }

  test::Scenario scenario(BlockDevice& disk, std::span<File const> files) {
    test::Scenario s{
        image_name, files[below(files.size())].path, files[below(files.size())].path, {}, false};
    if (s.file1 == s.file2) s.file2 = files[s.file1 == files[0].path ? 1 : 0].path;
    if (below(5) == 0) return s;
    std::unique_ptr<Filesystem> const fs = Filesystem::open(disk).value();
    u64 const most = std::min(blocks_of(*fs, s.file1), blocks_of(*fs, s.file2));
    ExchangeRange range;
    range.length = below(most + 1) * block;
    range.offset1 = below(blocks_of(*fs, s.file1) - range.length / block + 1) * block;
    range.offset2 = below(blocks_of(*fs, s.file2) - range.length / block + 1) * block;
    s.range = range;
    return s;
  }

 private:
  static constexpr u64 block = 4096;
  static u64 blocks_of(Filesystem& fs, std::string const& path) {
    return fs.stat(fs.resolve(path).value()).value().size / block;
  }
  std::mt19937 random_;
};

void exchange(BlockDevice& disk, test::Scenario const& s) {
  CAPTURE(s.file1);
  CAPTURE(s.file2);
  Result<ExchangeReport> const done = test::exchange_files(disk, s);
  REQUIRE_MESSAGE(done, (done ? "" : describe(done.error())));
}

}  // namespace

TEST_SUITE("rt") {
  TEST_CASE("reverse mappings of realtime groups follow what changes places") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::vector<File> const files = realtime_files(*disk);
    std::span<File const> const free = std::span(files).first(static_cast<std::size_t>(
        std::ranges::count_if(files, [](File const& f) { return !f.limited(); })));
    Blocks const before = check_disk(*disk, files);
    Dice dice(20261130);
    std::vector<test::Scenario> done;
    u64 most = before.trees;
    for (u32 i = 0; i < 60; ++i) {
      done.push_back(dice.scenario(*disk, free));
      exchange(*disk, done.back());
      if (i % 6 != 5) continue;
      Blocks const now = check_disk(*disk, files);
      CHECK(now.all == before.all);
      most = std::max(most, now.trees);
    }
    CHECK(most > before.trees);
    // Each is its own inverse, so the trees shrink again to what they were.
    for (; !done.empty(); done.pop_back()) exchange(*disk, done.back());
    Blocks const again = check_disk(*disk, files);
    CHECK(again.all == before.all);
    CHECK(again.trees < most);
    for (u32 i = 0; i < 20; ++i) {
      test::Scenario s = dice.scenario(*disk, free);
      s.written_only = true;
      exchange(*disk, s);
    }
    CHECK(check_disk(*disk, files).all == before.all);
  }

  TEST_CASE("a tree that does not hold what a file has is an error, before all") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    InodeNumber const file = Filesystem::open(*disk).value()->resolve("/rt/one").value();
    Inode const inode = load_inode(*volume, file).value();
    std::vector<Mapping> const all = collect_mappings(*volume, inode, ForkKind::data).value();
    MappingChange const change{InodeNumber(file.raw() + 1), ForkKind::data, all, {}};
    Transaction txn(*volume);
    Space space(txn);
    Error const e = change_realtime_rmaps(txn, space, {&change, 1}).error();
    CHECK(e.structure == "rtrmapbt block");
    CHECK(e.reason == "the record is not in the btree");
  }

  TEST_CASE("room is kept for the trees of all groups") {
    std::unique_ptr<MemoryDevice> const disk = test::image(image_name);
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    Geometry const& g = volume->geometry();
    // Groups of 4096 blocks: 50 leaves of 83 records, two nodes and a root; 25 and a root.
    u64 const room = g.realtime().group_count * (50 + 2 + 1 + 25 + 1);
    CHECK(realtime_tree_room(g) == room);
    u64 const left = realtime_tree_room_left(*volume).value();
    CHECK(left < room);
    CHECK(left > room / 2);
    Transaction txn(*volume);
    Space space(txn);
    space.keep_back(room, [&] { return realtime_tree_room_left(*volume); });
    RunOwner const owner{g.root_inode().raw(), false, true};
    FsBlock near(100);
    u64 taken = 0;
    for (;; ++taken) {
      Result<FsBlock> const block = space.allocate(near, owner);
      if (!block) break;
      near = block.value();
    }
    CHECK(taken > 10'000);
    u64 kept = 0;
    while (space.allocate(near, owner, Space::Use::kept_back)) ++kept;
    CHECK(kept == left);
    std::unique_ptr<MemoryDevice> const other = test::image("rmapbt");
    CHECK(realtime_tree_room(Volume::open(*other).value()->geometry()) == 0);
  }
}
