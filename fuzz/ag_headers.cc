// The header sectors of an allocation group, changed by their tables and stamped again.

#include "disk/ag.h"
#include "format/verify_ag.h"
#include "fuzz/support/promises.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

struct Header {
  BlockKind const& kind;
  Region region;
};

/// Sector 1, 2 or 3 of an AG.
Header header(u32 sector) {
  if (sector == 1) return {agf_kind, region<disk::Agf>()};
  if (sector == 2) return {agi_kind, region<disk::Agi>()};
  return {agfl_kind, region<disk::Agfl>()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  Geometry const& g = world.geometry();
  u8 const flags = input.byte();
  u8 const choice = input.byte();
  AgNumber const ag(choice / 3U % g.ag_count());
  u32 const sector = 1U + choice % 3U;
  Header const what = header(sector);

  Daddr const at = g.ag_header(ag, sector);
  OverlayDisk disk = world.disk();
  std::vector<std::byte> const original = read_at(disk, at.raw() * 512, g.sector_size());
  std::vector<std::byte> block = original;
  mutate(input, block, {&what.region, 1});
  bool const stamped = (flags & flag::keep_checksum) == 0;
  if (stamped) restamp(g.version(), what.kind, block);
  write_at(disk, at.raw() * 512, block);

  Lsn const head(flags & 1 ? 0x0000'0001'0000'0000U : 0U);
  Result<void> const verdict = verify_block(what.kind, block, {g, g.locate(at)}, head);
  if (!verdict) return 0;
  must(stamped || !g.version().self_describing || block == original);
  check_ag_header(sector, block, g, ag);
  return 0;
}
