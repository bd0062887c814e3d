// An inode with changed core or forks, and changed blocks of its mapping btree, read the whole way:
// through superblock, AGI and inode btree.

#include "disk/inode.h"
#include "format/verify_btree.h"
#include "fuzz/support/promises.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

void change_inode(Input& input, OverlayDisk& disk, FormatVersion const& version, Site const& site,
                  u8 flags) {
  std::vector<std::byte> inode = read_at(disk, site.offset, site.length);
  std::size_t const core = version.inode_core;
  Region const head = version.self_describing ? region<disk::Dinode>() : region<disk::DinodeV2>();
  Region const regions[] = {head, region<disk::BmdrBlock>(core), region<disk::BmbtRecord>(core),
                            region<disk::BmbtRecord>(core + input.byte() % 64U * 16)};
  mutate(input, inode, regions, 6);
  if ((flags & flag::keep_checksum) == 0) restamp_inode(version, inode);
  write_at(disk, site.offset, inode);
}

void change_bmbt(Input& input, OverlayDisk& disk, FormatVersion const& version, Site const& site) {
  std::vector<std::byte> block = read_at(disk, site.offset, site.length);
  Region const head =
      version.self_describing ? region<disk::BtreeLongBlock>() : region<disk::BtreeLongBlockV4>();
  Region const regions[] = {head, region<disk::BmbtRecord>(version.long_block),
                            region<disk::BmbtKey>(version.long_block)};
  mutate(input, block, regions, 4);
  restamp(version, bmbt_kind, block);
  write_at(disk, site.offset, block);
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
    change_bmbt(input, disk, world.geometry().version(), site);
  } else {
    change_inode(input, disk, world.geometry().version(), site, flags);
  }
  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  must(volume.has_value());
  Result<Inode> const inode = load_inode(*volume.value(), site.owner);
  if (!inode) return 0;
  check_mappings(*volume.value(), inode.value(), ForkKind::data);
  check_mappings(*volume.value(), inode.value(), ForkKind::attr);
  return 0;
}
