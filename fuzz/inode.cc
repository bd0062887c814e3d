// An inode with changed core or forks, and changed blocks of its mapping btree, read the whole way:
// through superblock, AGI and inode btree.

#include "disk/inode.h"
#include "base/crc32c.h"
#include "format/verify_btree.h"
#include "fuzz/support/target.h"
#include "inode/bmap.h"

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

void change_inode(Input& input, OverlayDisk& disk, Site const& site, u8 flags) {
  std::vector<std::byte> inode = read_at(disk, site.offset, site.length);
  constexpr std::size_t core = sizeof(disk::Dinode);
  Region const regions[] = {region<disk::Dinode>(), region<disk::BmdrBlock>(core),
                            region<disk::BmbtRecord>(core),
                            region<disk::BmbtRecord>(core + input.byte() % 64U * 16)};
  mutate(input, inode, regions, 6);
  if ((flags & flag::keep_checksum) == 0) crc32c_stamp(inode, offsetof(disk::Dinode, crc));
  write_at(disk, site.offset, inode);
}

void change_bmbt(Input& input, OverlayDisk& disk, Site const& site) {
  std::vector<std::byte> block = read_at(disk, site.offset, site.length);
  Region const regions[] = {region<disk::BtreeLongBlock>(),
                            region<disk::BmbtRecord>(sizeof(disk::BtreeLongBlock)),
                            region<disk::BmbtKey>(sizeof(disk::BtreeLongBlock))};
  mutate(input, block, regions, 4);
  stamp_block(bmbt_kind, block, lsn_of(bmbt_kind, block));
  write_at(disk, site.offset, block);
}

/// Mappings that are handed out rise and lie inside the filesystem.
void check_mappings(Volume& volume, Inode const& inode, ForkKind kind) {
  Result<std::vector<Mapping>> const mappings = collect_mappings(volume, inode, kind);
  if (!mappings) return;
  FileBlock least(0);
  for (Mapping const& m : mappings.value()) {
    must(m.offset >= least && m.length.raw() > 0);
    bool const realtime = kind == ForkKind::data && inode.is_realtime();
    must(realtime || volume.geometry().valid(m.start, m.length));
    least = m.end();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  u8 const flags = input.byte();
  bool const in_block = (flags & 1) != 0;
  Site const site = world.pick(in_block ? Form::bmbt : Form::inode, input.byte());
  if (site.length == 0) return 0;

  OverlayDisk disk = world.disk();
  if (in_block) {
    change_bmbt(input, disk, site);
  } else {
    change_inode(input, disk, site, flags);
  }
  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  must(volume.has_value());
  Result<Inode> const inode = load_inode(*volume.value(), site.owner);
  if (!inode) return 0;
  check_mappings(*volume.value(), inode.value(), ForkKind::data);
  check_mappings(*volume.value(), inode.value(), ForkKind::attr);
  return 0;
}
