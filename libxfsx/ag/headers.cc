#include "ag/headers.h"

#include "format/verify_ag.h"

namespace xfsx::inline v0 {

namespace {

constexpr u32 agf_sector = 1;
constexpr u32 agi_sector = 2;

Result<BufferRef> load_header(Volume& volume, BlockKind const& kind, AgNumber ag, u32 index) {
  Geometry const& g = volume.geometry();
  return volume.cache().load(kind, g.ag_header(ag, index),
                             SectorCount(g.sector_size() / basic_block_size));
}

}  // namespace

Result<BufferRef> load_agf(Volume& volume, AgNumber ag) {
  return load_header(volume, agf_kind, ag, agf_sector);
}

Result<BufferRef> load_agi(Volume& volume, AgNumber ag) {
  return load_header(volume, agi_kind, ag, agi_sector);
}

}  // namespace xfsx::inline v0
