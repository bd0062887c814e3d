#include "attr/tree_insert.h"

#include "attr/block.h"
#include "attr/tree_nodes.h"
#include "disk/attr.h"
#include "format/verify_dir.h"

#include <algorithm>
#include <utility>

namespace xfsx::inline v0 {

namespace {

BlockKind const& kind_on(u32 level) {
  return level == 0 ? attr_leaf_kind : da_node_kind;
}

}  // namespace

Result<BufferRef> TreeInserter::read(BlockKind const& kind, u32 offset) {
  XFSX_TRY(FsBlock const at, map_.at(offset));
  return txn_.read(kind, geometry().daddr(at), geometry().sectors(BlockCount(1)), inode_.number);
}

/// To the leaf in which names with `hash` end.
Result<TreeInserter::Path> TreeInserter::descend(u32 hash) {
  Path path;
  u32 offset = 0;
  u32 above = disk::da_max_depth + 1;
  for (;;) {
    path.offsets.push_back(offset);
    XFSX_TRY(FsBlock const at, map_.at(offset));
    XFSX_TRY(BufferRef const block, load_attr_block(txn_.volume(), inode_, at));
    if (attr_block_role(geometry().version(), block->bytes()) != AttrBlockRole::node) {
      XFSX_TRY(path.leaf, read(attr_leaf_kind, offset));
      return path;
    }
    XFSX_TRY(BufferRef const node, read(da_node_kind, offset));
    u32 const level = da_node_level(geometry().version(), node->bytes());
    if (level >= above) {
      Error e = located(Errc::bad_value, "da node", map_.located_at(at));
      e.field = "level";
      e.found.number = level;
      e.expected.number = above;
      e.relation = Relation::below;
      return e;
    }
    above = level;
    auto const index = da_node_index(geometry().version(), node->bytes());
    auto const reaches = [&](disk::DaNodeEntry const& e) { return e.hashval.value() < hash; };
    u32 const found =
        static_cast<u32>(std::ranges::partition_point(index, reaches) - index.begin());
    u32 const entry = std::min(found, static_cast<u32>(index.size()) - 1);
    path.nodes.push_back({node, entry});
    offset = index[entry].before.raw();
  }
}

/// As few blocks as hold them, about equally full.
std::vector<TreeInserter::Part> TreeInserter::dealt_out(std::vector<LeafEntry> entries) const {
  std::size_t const room = leaf_room(geometry().block_size());
  std::size_t total = 0;
  for (LeafEntry const& e : entries) total += bytes_taken(e);
  auto const deal = [&](std::size_t goal) {
    std::vector<std::size_t> ends;  // of the parts
    std::size_t filled = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      std::size_t const size = bytes_taken(entries[i]);
      if (filled != 0 && (filled + size > room || filled >= goal)) {
        ends.push_back(i);
        filled = 0;
      }
      filled += size;
    }
    ends.push_back(entries.size());
    return ends;
  };
  std::vector<std::size_t> const tight = deal(room);
  std::vector<std::size_t> const even = deal(total / tight.size());
  std::vector<Part> parts;
  std::size_t begin = 0;
  for (std::size_t const end : even.size() > tight.size() ? tight : even) {
    Part part;
    std::move(entries.begin() + static_cast<std::ptrdiff_t>(begin),
              entries.begin() + static_cast<std::ptrdiff_t>(end), std::back_inserter(part.entries));
    parts.push_back(std::move(part));
    begin = end;
  }
  return parts;
}

std::vector<TreeInserter::Part> TreeInserter::dealt_out(std::vector<Child> children,
                                                        u32 level) const {
  std::size_t const most =
      (geometry().block_size() - geometry().version().index_header) / sizeof(disk::DaNodeEntry);
  std::size_t const count = (children.size() + most - 1) / most;
  std::vector<Part> parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t const end = children.size() * (i + 1) / count;
    Part part;
    part.level = level;
    part.children.assign(children.begin() + static_cast<std::ptrdiff_t>(begin),
                         children.begin() + static_cast<std::ptrdiff_t>(end));
    parts.push_back(std::move(part));
    begin = end;
  }
  return parts;
}

/// Makes a block, whose header says whose it is, hold `part`.
void TreeInserter::write(Bytes block, Part const& part) const {
  if (part.level == 0) return lay_out_entries(part.entries, block);
  FormatVersion const& version = geometry().version();
  std::ranges::fill(block.subspan(version.index_info), std::byte{0});
  auto& head = edit_as<disk::DaNodeHeaderV4>(block, version.index_info);
  head.count = static_cast<u16>(part.children.size());
  head.level = static_cast<u16>(part.level);
  std::span<disk::DaNodeEntry> const index = edit_index(version, block);
  for (std::size_t i = 0; i < index.size(); ++i) {
    index[i].hashval = part.children[i].last_hash;
    index[i].before = DaBlock(part.children[i].offset);
  }
}

/// Parts in blocks of their own, not yet linked.
Result<std::vector<TreeInserter::Child>> TreeInserter::in_new_blocks(std::span<Part const> parts) {
  std::vector<Child> children;
  for (Part const& part : parts) {
    XFSX_TRY(u32 const offset, blocks_.take(1));
    XFSX_TRY(Bytes const block, blocks_.create(kind_on(part.level), offset));
    auto& info = edit_as<disk::DaBlockInfo>(block);
    info.magic = part.level == 0 ? disk::attr_leaf_magic : disk::da_node_magic;
    write(block, part);
    children.push_back({part.last_hash(), offset});
  }
  return children;
}

/// Blocks of one level that stand in a row name each other. One that is not there (0) ends the row.
Result<void> TreeInserter::link(u32 level, std::span<u32 const> row) {
  for (std::size_t i = 0; i + 1 < row.size(); ++i) {
    u32 const left = row[i];
    u32 const right = row[i + 1];
    for (u32 const offset : {left, right}) {
      if (offset == 0) continue;
      Daddr const daddr = geometry().daddr(blocks_.at(offset));
      XFSX_TRY(BufferRef const block,
               txn_.read(kind_on(level), daddr, geometry().sectors(BlockCount(1)), inode_.number));
      XFSX_TRY(Bytes const copy, txn_.edit(block, inode_.number));
      auto& info = edit_as<disk::DaBlockInfo>(copy);
      (offset == left ? info.forw : info.back) = DaBlock(offset == left ? right : left);
    }
  }
  return success();
}

/// The first part stays in its block, the others come behind it.
Result<std::vector<TreeInserter::Child>> TreeInserter::split(BufferRef const& block, u32 offset,
                                                             std::span<Part const> parts) {
  XFSX_TRY(Bytes const copy, txn_.edit(block, inode_.number));
  u32 const behind = da_links(copy).forw.raw();
  write(copy, parts.front());
  XFSX_TRY(std::vector<Child> children, in_new_blocks(parts.subspan(1)));
  children.insert(children.begin(), {parts.front().last_hash(), offset});
  std::vector<u32> row;
  for (Child const& c : children) row.push_back(c.offset);
  row.push_back(behind);
  XFSX_TRYV(link(parts.front().level, row));
  return children;
}

/// All parts in new blocks, which the first block of the fork leads to. `old`: what that was; null
/// if it has only been taken.
Result<void> TreeInserter::new_root(BufferRef const& old, std::vector<Part> parts) {
  u32 const level = parts.front().level + 1;
  if (level > disk::da_max_depth) {
    return refuse(EFBIG, "the tree of attributes would become too tall");
  }
  XFSX_TRY(std::vector<Child> children, in_new_blocks(parts));
  std::vector<u32> row;
  for (Child const& c : children) row.push_back(c.offset);
  XFSX_TRYV(link(level - 1, row));
  if (old) {
    XFSX_TRYV(txn_.release(old));
  }
  XFSX_TRY(Bytes const root, blocks_.create(da_node_kind, 0));
  edit_as<disk::DaBlockInfo>(root).magic = disk::da_node_magic;
  Part top;
  top.level = level;
  top.children = std::move(children);
  write(root, top);
  return success();
}

/// Puts parts in the place of the block that stands `depth` blocks below the root on a path.
Result<void> TreeInserter::put(Path const& path, std::size_t depth, std::vector<Part> parts) {
  bool const leaf = depth == path.nodes.size();
  BufferRef const& block = leaf ? path.leaf : path.nodes[depth].node;
  std::span<NodeStep const> const above = std::span(path.nodes).first(depth);
  if (parts.size() == 1) {
    XFSX_TRY(Bytes const copy, txn_.edit(block, inode_.number));
    write(copy, parts.front());
    u32 const last = parts.front().last_hash();
    return follow_last_hash(txn_, inode_.number, above, last);
  }
  if (depth == 0) return new_root(block, std::move(parts));
  XFSX_TRY(std::vector<Child> const links, split(block, path.offsets[depth], parts));
  NodeStep const& step = above.back();
  std::vector<Child> children;
  auto const index = da_node_index(geometry().version(), step.node->bytes());
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (i == step.entry) {
      children.insert(children.end(), links.begin(), links.end());
    } else {
      children.push_back({index[i].hashval.value(), index[i].before.raw()});
    }
  }
  u32 const level = da_node_level(geometry().version(), step.node->bytes());
  return put(path, depth - 1, dealt_out(std::move(children), level));
}

Result<void> TreeInserter::insert(LeafEntry entry) {
  XFSX_TRY(Path const path, descend(entry.hash));
  Location where = geometry().locate(path.leaf->daddr);
  where.owner = inode_.number;
  XFSX_TRY(std::vector<LeafEntry> entries, entries_of_leaf(path.leaf->bytes(), where));
  auto const at = std::ranges::upper_bound(entries, entry.hash, {}, &LeafEntry::hash);
  entries.insert(at, std::move(entry));
  return put(path, path.nodes.size(), dealt_out(std::move(entries)));
}

Result<void> TreeInserter::build(std::vector<LeafEntry> entries) {
  std::vector<Part> parts = dealt_out(std::move(entries));
  if (parts.size() > 1) return new_root(nullptr, std::move(parts));
  XFSX_TRY(Bytes const leaf, blocks_.create(attr_leaf_kind, 0));
  edit_as<disk::DaBlockInfo>(leaf).magic = disk::attr_leaf_magic;
  write(leaf, parts.front());
  return success();
}

}  // namespace xfsx::inline v0
