// Realtime space after files and staging are freed: bitmap, summary and superblock held against
// each other. That Linux agrees is for the oracle test of tests/recovery.

#include "rt/free_space.h"

#include "ag/headers.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "format/verify_realtime.h"
#include "inode/bmap.h"
#include "inode/drop_fork.h"
#include "inode/unlinked_list.h"
#include "recovery/staging.h"
#include "recovery/unlinked.h"
#include "rt/group_tree.h"
#include "rt/refcounts.h"
#include "rt/rmaps.h"
#include "rt/word_file.h"
#include "support/images.h"
#include "support/results.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <bit>
#include <set>

namespace {

using namespace xfsx;
using namespace xfsx::test;

struct Bench {
  explicit Bench(std::string const& name)
      : disk(image(name)),
        realtime(realtime_device(name)),
        blocks(*disk),
        bench(value_of(Workbench::open(blocks, {.log = nullptr, .realtime = realtime.get()}))) {}

  [[nodiscard]] Volume& volume() const { return bench->volume(); }
  [[nodiscard]] RealtimeShape const& shape() const { return volume().geometry().realtime(); }

  std::unique_ptr<MemoryDevice> disk, realtime;
  ReplayedBlocks blocks;
  std::unique_ptr<Workbench> bench;
};

disk::Superblock superblock_of(Volume& volume) {
  SectorCount const sector(volume.geometry().sector_size() / basic_block_size);
  BufferRef const block = value_of(volume.cache().load(superblock_kind, Daddr(0), sector));
  return view_as<disk::Superblock>(block->bytes());
}

WordFile open_file(Transaction& txn, u32 group, disk::MetaType type) {
  Volume& volume = txn.volume();
  bool const bitmap = type == disk::MetaType::rt_bitmap;
  if (volume.geometry().realtime().groups) {
    Inode const inode = value_of(find_group_file(volume, group, type));
    return value_of(WordFile::open(txn, inode, bitmap ? rt_bitmap_kind : rt_summary_kind));
  }
  disk::Superblock const sb = superblock_of(volume);
  Inode const inode = value_of(load_inode(volume, (bitmap ? sb.rbmino : sb.rsumino).value()));
  return value_of(
      WordFile::open(txn, inode, bitmap ? plain_rt_bitmap_kind : plain_rt_summary_kind));
}

/// Makes the summary of a group anew from its bitmap, compares, and returns its free extents.
u64 check_group(Bench& b, u32 group) {
  Transaction txn(b.volume());
  WordFile bitmap = open_file(txn, group, disk::MetaType::rt_bitmap);
  WordFile summary = open_file(txn, group, disk::MetaType::rt_summary);
  u64 const extents = b.shape().blocks_of(group) / b.shape().extent_blocks;
  std::map<u64, u32> counted;
  u64 free = 0;
  u64 run = 0;  // free extents before this one
  for (u64 i = 0; i <= extents; ++i) {
    bool const is_free = i < extents && (value_of(bitmap.get(i / 32)) >> (i % 32) & 1) != 0;
    if (is_free) {
      ++run;
      continue;
    }
    if (run != 0) {
      u64 const level = static_cast<u64>(std::bit_width(run)) - 1;
      u64 const block = (i - run) / (bitmap.words_per_block() * 32);
      ++counted[level * b.shape().bitmap_blocks + block];
    }
    free += run;
    run = 0;
  }
  u64 const full = b.shape().groups ? b.shape().group_extents : extents;
  u64 const levels = static_cast<u64>(std::bit_width(full));
  for (u64 i = 0; i < levels * b.shape().bitmap_blocks; ++i) {
    CHECK(value_of(summary.get(i)) == (counted.contains(i) ? counted[i] : 0));
  }
  return free;
}

u64 check_all(Bench& b) {
  u32 const groups = b.shape().groups ? b.shape().group_count : 1;
  u64 free = 0;
  for (u32 group = 0; group < groups; ++group) free += check_group(b, group);
  CHECK(superblock_of(b.volume()).frextents.value() == free);
  return free;
}

std::vector<InodeNumber> realtime_files(std::string const& name) {
  std::set<u64> numbers;
  nlohmann::json const manifest = manifest_of(name);
  for (nlohmann::json const& entry : manifest["entries"]) {
    bool const realtime = entry["type"] == "file" && (entry.value("xflags", 0) & 1) != 0;
    if (realtime) numbers.insert(entry["ino"].get<u64>());
  }
  std::vector<InodeNumber> out;
  for (u64 const number : numbers) out.emplace_back(number);
  return out;
}

void unlink(Bench& b, InodeNumber number) {
  Geometry const& g = b.volume().geometry();
  Inode const inode = value_of(load_inode(b.volume(), number));
  Transaction txn(b.volume());
  disk::Dinode& core =
      edit_as<disk::Dinode>(value_of(txn.edit_inode(number, inode.place, inode.cluster)));
  BufferRef const agi = value_of(load_agi(b.volume(), g.ag_of(number)));
  AgInode const agino = g.agino_of(number);
  auto& head = edit_as<disk::Agi>(value_of(txn.edit(agi))).unlinked[unlinked_bucket(agino)];
  core.nlinkv2 = 0;
  core.next_unlinked = head.value();
  head = agino;
  must(b.bench->take(txn));
}

/// Realtime blocks that files map, each once.
u64 mapped_once(Bench& b, std::vector<InodeNumber> const& files) {
  std::set<u64> blocks;
  for (InodeNumber const number : files) {
    Inode const inode = value_of(load_inode(b.volume(), number));
    for (Mapping const& m : value_of(collect_mappings(b.volume(), inode, ForkKind::data))) {
      for (u64 i = 0; i < m.length.raw(); ++i) blocks.insert(m.start.raw() + i);
    }
  }
  return blocks.size();
}

}  // namespace

TEST_CASE("realtime space: unlinked files give their extents back, shared ones with the last") {
  for (std::string const name : {"realtime", "rtgroups"}) {
    CAPTURE(name);
    Bench b(name);
    u64 const before = check_all(b);
    std::vector<InodeNumber> const files = realtime_files(name);
    u64 const extents = mapped_once(b, files) / b.shape().extent_blocks;
    REQUIRE(extents > 10);
    for (InodeNumber const number : files) unlink(b, number);
    CHECK(value_of(free_unlinked(*b.bench, {})).size() == files.size());
    CHECK(check_all(b) == before + extents);
  }
}

TEST_CASE("realtime space: staging of every group comes back") {
  Bench b("rtgroups");
  // The blocks of a file become staging, with a reverse mapping that says so.
  InodeNumber const number = realtime_files("rtgroups").front();
  u64 const blocks = mapped_once(b, {number});
  u64 const before = check_all(b);
  Inode const inode = value_of(load_inode(b.volume(), number));
  REQUIRE(!inode.is_reflink());
  Transaction txn(b.volume());
  Space space(txn);
  RealtimeRefcounts counts(txn, space);
  Bytes const copy = value_of(txn.edit_inode(number, inode.place, inode.cluster));
  std::vector<Mapping> const had = value_of(unmap_fork(txn, space, inode, copy, ForkKind::data));
  std::vector<Mapping> staged = had;
  for (Mapping& m : staged) {
    must(counts.add_staging(m.start, m.length));
    m.offset = FileBlock(0);
    m.unwritten = false;
    MappingChange const whose{InodeNumber(disk::rmap_owner::cow), ForkKind::data, {}, {&m, 1}};
    must(change_realtime_rmaps(txn, space, {&whose, 1}));
  }
  MappingChange const change{number, ForkKind::data, had, {}};
  must(change_realtime_rmaps(txn, space, {&change, 1}));
  must(space.finish());
  must(b.bench->take(txn));
  CHECK(value_of(free_staging(*b.bench)).raw() == blocks);
  CHECK(check_all(b) == before + blocks / b.shape().extent_blocks);
  for (u32 group = 0; group < b.shape().group_count; ++group) {
    CHECK(value_of(realtime_staging(b.volume(), group)).empty());
  }
}

TEST_CASE("realtime space: what is free, no whole extent, or outside is an error") {
  for (std::string const name : {"realtime", "rtgroups"}) {
    CAPTURE(name);
    Bench b(name);
    Inode const inode = value_of(load_inode(b.volume(), realtime_files(name).front()));
    Mapping const m = value_of(collect_mappings(b.volume(), inode, ForkKind::data)).front();
    Transaction txn(b.volume());
    RealtimeSpace space(txn);
    BlockRun const extent{m.start, BlockCount(b.shape().extent_blocks)};
    must(space.release({extent}));
    Error const twice = space.release({extent}).error();
    CHECK(twice.code == Errc::bad_value);
    CHECK(twice.field == "rtwords");
    CHECK(space.release({{FsBlock(~u64{0} >> 2), extent.length}}).error().code == Errc::bad_value);
    if (b.shape().extent_blocks > 1) {
      CHECK(space.release({{m.start, BlockCount(1)}}).error().code == Errc::bad_value);
    }
  }
}
