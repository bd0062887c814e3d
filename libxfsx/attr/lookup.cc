#include "attr/lookup.h"

#include "attr/block.h"
#include "attr/fork_map.h"
#include "format/verify_dir.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

class TreeSearch {
 public:
  TreeSearch(Volume& volume, Inode const& inode, ForkMap const& map, AttributeName const& wanted)
      : volume_(volume), inode_(inode), map_(map), wanted_(wanted), hash_(attribute_hash(wanted)) {}

  /// Looks at block `offset` of the fork and below it. A node there is below level `above`.
  Result<bool> look_at(u32 offset, u32 above);

  AttributePlace place;

 private:
  Result<BufferRef> load(BlockKind const& kind, FsBlock at) {
    Geometry const& g = volume_.geometry();
    return volume_.cache().load(kind, g.daddr(at), g.sectors(BlockCount(1)), inode_.number);
  }

  [[nodiscard]] Error bad(std::string_view structure, FsBlock at, std::string_view field) const {
    Error e = located(Errc::bad_value, structure, map_.located_at(at));
    e.field = field;
    return e;
  }

  Result<bool> look_in_node(FsBlock at, u32 above);
  Result<bool> look_in_leaf(FsBlock at);

  Volume& volume_;
  Inode const& inode_;
  ForkMap const& map_;
  AttributeName wanted_;
  u32 hash_;
  u64 visited_ = 0;
};

Result<bool> TreeSearch::look_at(u32 offset, u32 above) {
  XFSX_TRY(FsBlock const at, map_.at(offset));
  // Levels fall, but two nodes may lead to one child, again and again.
  if (++visited_ > inode_.nblocks()) {
    Error e = bad("da node", at, "before");
    e.code = Errc::loop;
    e.reason = "more blocks of the hash tree than the inode occupies";
    return e;
  }
  XFSX_TRY(BufferRef const block, load_attr_block(volume_, inode_, at));
  switch (attr_block_role(volume_.geometry().version(), block->bytes())) {
    case AttrBlockRole::node:
      return look_in_node(at, above);
    case AttrBlockRole::leaf:
      return look_in_leaf(at);
    case AttrBlockRole::value:
      break;
  }
  Error e = bad("da node", at, "before");
  e.reason = "the hash tree leads to a piece of a value";
  return e;
}

Result<bool> TreeSearch::look_in_node(FsBlock at, u32 above) {
  XFSX_TRY(BufferRef const node, load(da_node_kind, at));
  FormatVersion const& version = volume_.geometry().version();
  u32 const level = da_node_level(version, node->bytes());
  if (level >= above) {
    Error e = bad("da node", at, "level");
    e.found.number = level;
    e.expected.number = above;
    e.relation = Relation::below;
    return e;
  }
  std::span<disk::DaNodeEntry const> const index = da_node_index(version, node->bytes());
  for (u32 i = 0; i < index.size(); ++i) {
    if (index[i].hashval.value() < hash_) continue;
    place.nodes.push_back({node, i});
    XFSX_TRY(bool const found, look_at(index[i].before.raw(), level));
    if (found) return true;
    place.nodes.pop_back();
    // Names with one hash may lie in several leaves, but none behind a larger one.
    if (index[i].hashval.value() > hash_) break;
  }
  return false;
}

Result<bool> TreeSearch::look_in_leaf(FsBlock at) {
  XFSX_TRY(place.leaf, load(attr_leaf_kind, at));
  u32 entry = 0;
  bool found = false;
  auto const visit = [&](StoredAttribute const& a) -> Result<bool> {
    found = is_named(a, wanted_);
    if (found) {
      place.entry = entry;
      place.remote = a.remote;
      place.value_block = a.value_block;
      place.value_size = a.value_size;
    }
    ++entry;
    return !found;
  };
  XFSX_TRYV(visit_attr_leaf(volume_.geometry().version(), place.leaf->bytes(), map_.located_at(at),
                            visit));
  return found;
}

}  // namespace

Result<std::optional<AttributePlace>> look_up_in_tree(Volume& volume, Inode const& inode,
                                                      AttributeName const& wanted) {
  XFSX_TRY(ForkMap const map, ForkMap::read(volume, inode));
  TreeSearch search(volume, inode, map, wanted);
  XFSX_TRY(bool const found, search.look_at(0, disk::da_max_depth + 1));
  if (!found) return std::optional<AttributePlace>();
  return std::optional<AttributePlace>(std::move(search.place));
}

Result<AttributePlace> find_in_tree(Volume& volume, Inode const& inode,
                                    AttributeName const& wanted) {
  XFSX_TRY(std::optional<AttributePlace> found, look_up_in_tree(volume, inode, wanted));
  if (found) return std::move(*found);
  Error e = located(Errc::bad_value, "da node", inode.location(volume.geometry()));
  e.field = "hashval";
  e.reason = "the hash tree does not lead to an attribute that a leaf holds";
  return e;
}

}  // namespace xfsx::inline v0
