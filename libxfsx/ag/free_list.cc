#include "ag/free_list.h"

#include "ag/headers.h"
#include "format/verify_ag.h"

namespace xfsx::inline v0 {

namespace {

constexpr u32 agfl_sector = 3;

}  // namespace

Result<std::vector<AgBlock>> free_list_blocks(Volume& volume, AgNumber ag) {
  Geometry const& g = volume.geometry();
  XFSX_TRY(BufferRef const header, load_agf(volume, ag));
  disk::Agf const& agf = view_as<disk::Agf>(header->bytes());
  Daddr const at = g.ag_header(ag, agfl_sector);
  XFSX_TRY(BufferRef const sector,
           volume.cache().load(agfl_kind, at, SectorCount(g.sector_size() / basic_block_size)));
  u32 const slots = agfl_slots(g);
  std::span<be<AgBlock> const> const list =
      view_array<be<AgBlock>>(sector->bytes(), g.version().agfl, slots);
  std::vector<AgBlock> blocks;
  // The verifier of the AGF has bounded both numbers by the slots.
  for (u32 i = 0; i < agf.flcount.value(); ++i) {
    AgBlock const block = list[(agf.flfirst.value() + i) % slots].value();
    if (!g.valid(ag, block)) {
      Error e = located(Errc::bad_value, "agfl", g.locate(at));
      e.field = "bno";
      e.relation = Relation::below;
      e.found.number = block.raw();
      e.expected.number = g.blocks_of(ag);
      return e;
    }
    blocks.push_back(block);
  }
  return blocks;
}

}  // namespace xfsx::inline v0
