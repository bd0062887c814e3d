#include "recovery/block_identity.h"

#include "attr/block.h"
#include "base/view.h"
#include "disk/ag.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "disk/dir.h"
#include "disk/realtime.h"
#include "disk/superblock.h"
#include "disk/symlink.h"
#include "format/verify_ag.h"
#include "format/verify_btree.h"
#include "format/verify_dir.h"
#include "format/verify_realtime.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

struct Row {
  u32 magic;
  BlockKind const* kind;
};

constexpr Row by_first_word[] = {
    {disk::bnobt_magic, &bnobt_kind},
    {disk::cntbt_magic, &cntbt_kind},
    {disk::inobt_magic, &inobt_kind},
    {disk::finobt_magic, &finobt_kind},
    {disk::rmapbt_magic, &rmapbt_kind},
    {disk::refcountbt_magic, &refcountbt_kind},
    {disk::bmbt_magic, &bmbt_kind},
    {disk::rtrmapbt_magic, &rtrmapbt_kind},
    {disk::agf_magic, &agf_kind},
    {disk::rtrefcountbt_magic, &rtrefcountbt_kind},
    {disk::agi_magic, &agi_kind},
    {disk::agfl_magic, &agfl_kind},
    {disk::symlink_magic, &symlink_kind},
    {disk::dir_block_magic, &dir_block_kind},
    {disk::dir_data_magic, &dir_data_kind},
    {disk::dir_free_magic, &dir_free_kind},
    {disk::superblock_magic, &superblock_kind},
    {disk::rt_bitmap_magic, &rt_bitmap_kind},
    {disk::rt_summary_magic, &rt_summary_kind},
};

/// Index blocks have their magic behind two neighbours.
constexpr std::size_t index_magic = 8;
constexpr Row by_index_magic[] = {
    {disk::da_node_magic, &da_node_kind},
    {disk::dir_leaf1_magic, &dir_leaf1_kind},
    {disk::dir_leafn_magic, &dir_leafn_kind},
    {disk::attr_leaf_magic, &attr_leaf_kind},
};

BlockKind const* find(std::span<Row const> rows, u32 magic) {
  auto const row = std::ranges::find(rows, magic, &Row::magic);
  return row == rows.end() ? nullptr : row->kind;
}

}  // namespace

BlockKind const* identify(Geometry const& geometry, ConstBytes bytes) {
  if (!geometry.version().self_describing || bytes.size() < basic_block_size) return nullptr;
  BlockKind const* kind = find(by_first_word, view_as<be32>(bytes).value());
  if (kind == nullptr) kind = find(by_index_magic, view_as<be16>(bytes, index_magic).value());
  if (kind == nullptr || kind->lsn == BlockKind::none) return nullptr;
  // The superblock's UUID may be changed by what is replayed.
  bool const ours =
      kind->uuid == BlockKind::none || view_as<Uuid>(bytes, kind->uuid) == geometry.meta_uuid();
  return ours ? kind : nullptr;
}

}  // namespace xfsx::inline v0
