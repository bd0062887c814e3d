#include "fs/owners.h"

#include "fs/impl.h"

namespace xfsx::inline v0 {

namespace {

Error no_block(std::string_view what,
               std::source_location raised = std::source_location::current()) {
  return refuse(EINVAL, what, raised);
}

BlockRange one_block(AgNumber ag, u64 block) {
  return {ag.raw(), ag.raw(), block, block + 1};
}

Result<BlockRange> block_of_device(Geometry const& g, u64 block) {
  if (block >= g.data_blocks()) return no_block("the address is behind the filesystem");
  return one_block(AgNumber(static_cast<u32>(block / g.ag_blocks())), block % g.ag_blocks());
}

Result<BlockRange> range_of(Geometry const& g, BlockAddress const& where) {
  using Kind = BlockAddress::Kind;
  switch (where.kind) {
    case Kind::everything:
      return BlockRange{0, g.ag_count() - 1, 0, g.ag_blocks()};
    case Kind::daddr:
      return block_of_device(g, where.number >> (g.block_log() - 9));
    case Kind::byte:
      return block_of_device(g, where.number >> g.block_log());
    case Kind::fsblock: {
      FsBlock const block(where.number);
      // The AG is what is left of a number of 64 bits; only then does it fit its type.
      bool const exists = g.fsblock(g.ag_of(block), g.agblock_of(block)) == block &&
                          g.agblock_of(block).raw() < g.blocks_of(g.ag_of(block));
      if (!exists) return no_block("the filesystem has no block of this number");
      return one_block(g.ag_of(block), g.agblock_of(block).raw());
    }
    case Kind::group:
    case Kind::agblock:
      if (where.ag.raw() >= g.ag_count()) return no_block("there is no such AG");
      if (where.kind == Kind::group) {
        return BlockRange{where.ag.raw(), where.ag.raw(), 0, g.ag_blocks()};
      }
      if (where.number >= g.blocks_of(where.ag)) return no_block("the AG has no such block");
      return one_block(where.ag, where.number);
  }
  return no_block("not an address");
}

Result<OwnersReport> find_owners(Volume& volume, OwnersRequest const& request) {
  Geometry const& g = volume.geometry();
  XFSX_TRY(BlockRange const range, range_of(g, request.where));
  OwnerList list(g, range);
  OwnersReport report;
  report.scanned = request.scan || !g.has_ro(ro_compat::rmapbt);
  XFSX_TRYV(report.scanned ? owners_by_scan(volume, request, list) : owners_by_rmap(volume, list));
  report.owners = list.finish();
  return report;
}

}  // namespace

std::string_view to_string(OwnerKind kind) {
  switch (kind) {
    case OwnerKind::nobody:
      return "nobody";
    case OwnerKind::free_space:
      return "free_space";
    case OwnerKind::headers:
      return "headers";
    case OwnerKind::log:
      return "log";
    case OwnerKind::free_list:
      return "free_list";
    case OwnerKind::bnobt:
      return "bnobt";
    case OwnerKind::cntbt:
      return "cntbt";
    case OwnerKind::rmapbt:
      return "rmapbt";
    case OwnerKind::inobt:
      return "inobt";
    case OwnerKind::finobt:
      return "finobt";
    case OwnerKind::refcountbt:
      return "refcountbt";
    case OwnerKind::inodes:
      return "inodes";
    case OwnerKind::staging:
      return "staging";
    case OwnerKind::file:
      return "file";
  }
  return "nobody";
}

Result<OwnersReport> Filesystem::find_owners(OwnersRequest const& request) {
  return guarded([&] { return xfsx::find_owners(*impl_->volume, request); });
}

}  // namespace xfsx::inline v0
