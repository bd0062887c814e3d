// Dquots, and blocks of the realtime section, changed by their tables and stamped again.

#include "disk/quota.h"
#include "disk/realtime.h"
#include "format/verify_quota.h"
#include "format/verify_realtime.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr Form forms[] = {Form::dquots, Form::rt_bitmap, Form::rt_summary};

/// The ids of an accepted block follow one another, and all are of one kind.
void check_dquots(Geometry const& g, ConstBytes block) {
  auto const& first = view_as<disk::Dquot>(block);
  must(first.id.value() % dquots_per_block(g) == 0);
  for (u32 i = 0; i < dquots_per_block(g); ++i) {
    auto const& dquot = view_as<disk::Dquot>(block, i * sizeof(disk::DquotRecord));
    must(dquot.id.value() == first.id.value() + i);
    must(((dquot.type ^ first.type) & disk::dquot_type::kinds) == 0);
  }
}

void change_block(Input& input, World const& world, Form form, u8 flags) {
  Geometry const& g = world.geometry();
  Site const site = world.pick(form, input.byte());
  if (site.length == 0) return;
  OverlayDisk disk = world.disk();
  std::vector<std::byte> const original = read_at(disk, site.offset, site.length);
  std::vector<std::byte> block = original;
  mutate(input, block, regions_of(g.version(), form, block.size(), input.byte()));
  bool const stamped = (flags & flag::keep_checksum) == 0;
  BlockKind const& kind = *kind_of(form);
  if (stamped) restamp(g.version(), kind, block);
  BlockContext const context{g, g.locate(Daddr(site.offset / 512))};
  if (!verify_block(kind, block, context, Lsn(0))) return;
  // Nothing covers what follows the last dquot.
  must(stamped || form == Form::dquots || block == original);
  if (form == Form::dquots) check_dquots(g, block);
}

/// The superblock of the section is on no shipped data device: it is made.
void change_superblock(Input& input, World const& world) {
  Geometry const& g = world.geometry();
  std::vector<std::byte> block(g.block_size());
  auto& sb = edit_as<disk::RtSuperblock>(block);
  sb.magicnum = disk::rt_superblock_magic;
  sb.uuid = g.uuid();
  sb.meta_uuid = g.meta_uuid();
  Region const regions[] = {region<disk::RtSuperblock>()};
  mutate(input, block, regions);
  stamp_block(rt_superblock_kind, block, Lsn(0));
  BlockContext const context{g, {}};
  if (!rt_superblock_kind.verify(block, context)) return;
  must(sb.uuid == g.uuid() && sb.meta_uuid == g.meta_uuid());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  u8 const flags = input.byte();
  u32 const choice = flags % (std::size(forms) + 1);
  if (choice == std::size(forms)) {
    change_superblock(input, world);
  } else {
    change_block(input, world, forms[choice], flags);
  }
  return 0;
}
