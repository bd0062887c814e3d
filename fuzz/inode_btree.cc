// The way to an inode: AGI and inode btree changed, lookups and walks over what is left.

#include "ag/inode_chunk.h"
#include "btree/reader.h"
#include "disk/ag.h"
#include "format/verify_ag.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"
#include "inode/inode.h"

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

void change_agi(Input& input, OverlayDisk& disk, Geometry const& g) {
  u64 const at = g.ag_header(AgNumber(input.byte() % g.ag_count()), 2).raw() * 512;
  std::vector<std::byte> sector = read_at(disk, at, g.sector_size());
  Region const regions[] = {region<disk::Agi>()};
  mutate(input, sector, regions, 3);
  restamp(g.version(), agi_kind, sector);
  write_at(disk, at, sector);
}

void change_block(Input& input, OverlayDisk& disk, FormatVersion const& version, Site const& site) {
  std::vector<std::byte> block = read_at(disk, site.offset, site.length);
  std::size_t const head = version.short_block;
  Region const header =
      version.self_describing ? region<disk::BtreeShortBlock>() : region<disk::BtreeShortBlockV4>();
  Region const regions[] = {header, region<disk::InobtKey>(head),
                            region<disk::InobtRecord>(head + input.byte() % 32U * 16)};
  mutate(input, block, regions, 6);
  restamp(version, inobt_kind, block);
  write_at(disk, site.offset, block);
}

/// Whatever the links say, a walk ends, and its records rise.
void walk(Volume& volume, AgNumber ag) {
  Geometry const& g = volume.geometry();
  Daddr const at = g.ag_header(ag, 2);
  Result<BufferRef> const agi =
      volume.cache().load(agi_kind, at, SectorCount(g.sector_size() / 512));
  if (!agi) return;
  disk::Agi const& head = view_as<disk::Agi>(agi.value()->bytes());
  BtreeReader<Inobt> tree(volume, {ag, head.root.value(), head.level.value()});
  u64 least = 0;
  (void)tree.visit(AgInode(0), [&](Inobt::Record const& record) {
    must(record.start.raw() >= least);
    least = u64{record.start.raw()} + 1;
    return true;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  Geometry const& g = world.geometry();
  u8 const flags = input.byte();
  OverlayDisk disk = world.disk();
  if ((flags & 1) != 0) change_agi(input, disk, g);
  if (Site const site = world.pick(Form::inobt, input.byte()); site.length != 0) {
    change_block(input, disk, g.version(), site);
  }
  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  must(volume.has_value());
  for (u32 ag = 0; ag < g.ag_count(); ++ag) walk(*volume.value(), AgNumber(ag));
  for (InodeNumber const ino : world.inodes()) (void)load_inode(*volume.value(), ino);
  (void)load_inode(*volume.value(), InodeNumber(input.wide()));
  return 0;
}
