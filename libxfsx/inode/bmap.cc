#include "inode/bmap.h"

#include "btree/reader.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using Node = BtreeNode<Bmbt>;

/// A child that a level above names, and the first offset that it must hold.
struct Child {
  FsBlock block;
  FileBlock key;
};

class BmbtWalk {
 public:
  BmbtWalk(Volume& volume, Inode const& inode, ForkKind kind)
      : volume_(volume), inode_(inode), kind_(kind) {}

  Result<std::vector<BufferRef>> run() {
    XFSX_TRY(std::vector<Child> level, root_children());
    u32 height = root_level();
    while (height > 0) {
      --height;
      XFSX_TRY(std::vector<Child> below, load_level(level, height));
      level = std::move(below);
    }
    return std::move(blocks_);
  }

 private:
  [[nodiscard]] u32 root_level() const {
    return view_as<disk::BmdrBlock>(fork_bytes(inode_, kind_)).level.value();
  }

  Error bad_root(std::string_view field, u64 found, u64 expected, Relation relation) const {
    Error e = located(Errc::bad_value, "bmdr", inode_.location(volume_.geometry()));
    e.field = field;
    e.found.number = found;
    e.expected.number = expected;
    e.relation = relation;
    return e;
  }

  Result<std::vector<Child>> root_children() {
    ConstBytes const fork = fork_bytes(inode_, kind_);
    if (!fits<disk::BmdrBlock>(fork)) {
      return bad_root("numrecs", fork.size(), sizeof(disk::BmdrBlock), Relation::at_least);
    }
    auto const& head = view_as<disk::BmdrBlock>(fork);
    u16 const level = head.level.value();
    u16 const count = head.numrecs.value();
    if (level == 0) return bad_root("level", level, 1, Relation::at_least);
    if (level >= max_bmbt_height) {
      return bad_root("level", level, max_bmbt_height, Relation::below);
    }
    if (count == 0) return bad_root("numrecs", count, 1, Relation::at_least);
    u32 const room = Node::fork_root_max(fork.size());
    if (count > room) return bad_root("numrecs", count, room, Relation::at_most);
    Location const where = inode_.location(volume_.geometry());
    std::vector<Child> children;
    XFSX_TRYV(add_children(Node::of_fork(fork), where, "bmdr", children));
    return children;
  }

  /// Appends what `node` points to, judged; keys go on rising from node to node.
  Result<void> add_children(Node const& node, Location const& where, std::string_view structure,
                            std::vector<Child>& out) {
    for (u32 i = 0; i < node.count(); ++i) {
      Child const child{node.pointer(i), node.key(i)};
      if (!volume_.geometry().valid(child.block, BlockCount(1))) {
        return with_structure(pointer_error(where, child.block, structure), structure);
      }
      if (!out.empty() && child.key <= out.back().key) {
        Error e = btree_error(bmbt_kind, where, "startoff", child.key.raw(),
                              out.back().key.raw() + 1, Relation::at_least);
        e.structure = structure;
        return e;
      }
      out.push_back(child);
    }
    // Each block counts in the inode: a longer walk goes in circles.
    if (blocks_.size() + out.size() <= inode_.nblocks()) return success();
    Error e = located(Errc::loop, structure, where);
    e.owner = inode_.number;
    e.field = "ptrs";
    e.reason = "more btree blocks than the inode occupies";
    return e;
  }

  Error pointer_error(Location const& where, FsBlock found, std::string_view structure) const {
    Error e = btree_error(bmbt_kind, where, "ptrs", found.raw(), volume_.geometry().data_blocks(),
                          Relation::below);
    e.structure = structure;
    e.owner = inode_.number;
    return e;
  }

  void prefetch(std::span<Child const> level) {
    Geometry const& g = volume_.geometry();
    std::vector<BlockExtent> extents;
    extents.reserve(level.size());
    for (Child const& c : level) {
      extents.push_back({g.daddr(c.block), g.sectors(BlockCount(1))});
    }
    std::ranges::sort(extents, {}, &BlockExtent::daddr);
    volume_.cache().prefetch(extents);
  }

  Result<std::vector<Child>> load_level(std::span<Child const> level, u32 height) {
    Geometry const& g = volume_.geometry();
    prefetch(level);
    blocks_.reserve(blocks_.size() + level.size());
    std::vector<Child> below;
    for (std::size_t i = 0; i < level.size(); ++i) {
      Daddr const at = g.daddr(level[i].block);
      Result<BufferRef> block =
          volume_.cache().load(bmbt_kind, at, g.sectors(BlockCount(1)), inode_.number);
      if (!block) return with_owner(block.error(), inode_.number);
      Location where = g.locate(at);
      where.owner = inode_.number;
      XFSX_TRYV(check_block(Node::of_block(block.value()->bytes(), g.version()), level, i, height,
                            where, view_as<disk::BtreeLongBlockV4>(block.value()->bytes())));
      if (height > 0) {
        XFSX_TRYV(add_children(Node::of_block(block.value()->bytes(), g.version()), where,
                               bmbt_kind.name, below));
      }
      blocks_.push_back(std::move(block.value()));
    }
    return below;
  }

  /// Block `i` of its level stands where its parent and its neighbours say.
  static Result<void> check_block(Node const& node, std::span<Child const> level, std::size_t i,
                                  u32 height, Location const& where,
                                  disk::BtreeLongBlockV4 const& head) {
    if (node.level() != height) {
      return btree_error(bmbt_kind, where, "level", node.level(), height);
    }
    if (node.key(0) != level[i].key) {
      return btree_error(bmbt_kind, where, "startoff", node.key(0).raw(), level[i].key.raw());
    }
    FsBlock const left = i == 0 ? null_fsblock : level[i - 1].block;
    FsBlock const right = i + 1 == level.size() ? null_fsblock : level[i + 1].block;
    if (head.leftsib.value() != left) {
      return btree_error(bmbt_kind, where, "leftsib", head.leftsib.raw(), left.raw());
    }
    if (head.rightsib.value() != right) {
      return btree_error(bmbt_kind, where, "rightsib", head.rightsib.raw(), right.raw());
    }
    return success();
  }

  Volume& volume_;
  Inode const& inode_;
  ForkKind kind_;
  std::vector<BufferRef> blocks_;
};

Result<void> check_count(Volume& volume, Inode const& inode, ForkKind kind, u64 found) {
  u64 const expected = fork_mapping_count(inode, kind);
  if (found == expected) return success();
  Error e = located(Errc::bad_value, "inode", inode.location(volume.geometry()));
  e.field = kind == ForkKind::data ? "nextents" : "naextents";
  e.relation = Relation::equal;
  e.found.number = expected;
  e.expected.number = found;
  return e;
}

/// Hands the mappings in the leaves among `blocks` to `visit`, each checked, and counts them.
template <class Visit>
Result<void> visit_leaves(Volume& volume, Inode const& inode, ForkKind kind,
                          std::span<BufferRef const> blocks, Visit visit) {
  Geometry const& g = volume.geometry();
  FileBlock least(0);
  u64 count = 0;
  BtreeShape const shape = bmbt_shape.on(g.version());
  for (BufferRef const& block : blocks) {
    auto const& head = view_as<disk::BtreeLongBlockV4>(block->bytes());
    if (head.level.value() != 0) continue;
    Location where = g.locate(block->daddr);
    where.owner = inode.number;
    MappingRules const rules = mapping_rules(g, inode, kind, where, bmbt_kind.name);
    for (disk::BmbtRecord const& record :
         view_array<disk::BmbtRecord>(block->bytes(), shape.header, head.numrecs.value())) {
      Mapping const m = decode_mapping(record);
      XFSX_TRYV(check_mapping(m, least, rules));
      least = m.end();
      visit(m);
    }
    count += head.numrecs.value();
  }
  return check_count(volume, inode, kind, count);
}

Result<std::vector<Mapping>> mappings_of_blocks(Volume& volume, Inode const& inode, ForkKind kind,
                                                std::span<BufferRef const> blocks) {
  std::vector<Mapping> mappings;
  // The leaves, which exist, hold what is reserved, not a number of the inode alone.
  Geometry const& g = volume.geometry();
  u64 const most = blocks.size() * bmbt_shape.on(g.version()).max_records(g.block_size(), 0);
  mappings.reserve(std::min<u64>(fork_mapping_count(inode, kind), most));
  XFSX_TRYV(
      visit_leaves(volume, inode, kind, blocks, [&](Mapping const& m) { mappings.push_back(m); }));
  return mappings;
}

/// The mappings of a fork are no more blocks than the inode counts, and lie beside each other: a
/// walk over what they hold is bounded by the size of the device, whatever the inode claims. Only
/// in the data of a file with shared blocks may a block occur more than once.
Result<void> check_room(Volume& volume, Inode const& inode, ForkKind kind,
                        std::span<Mapping const> mappings) {
  // Each is at most 2^21 blocks long, and there are fewer than 2^43.
  u64 sum = 0;
  bool rising = true;
  FsBlock end(0);
  for (Mapping const& m : mappings) {
    sum += m.length.raw();
    rising = rising && m.start >= end;
    end = m.start + m.length;
  }
  Error e = located(Errc::bad_value, "inode", inode.location(volume.geometry()));
  if (sum > inode.nblocks()) {
    e.field = "nblocks";
    e.relation = Relation::at_least;
    e.found.number = inode.nblocks();
    e.expected.number = sum;
    return e;
  }
  bool const shares = kind == ForkKind::data && inode.is_regular() && inode.is_reflink();
  if (rising || shares) return success();
  std::vector<std::pair<u64, u64>> places;
  places.reserve(mappings.size());
  for (Mapping const& m : mappings) places.emplace_back(m.start.raw(), m.length.raw());
  std::ranges::sort(places);
  for (std::size_t i = 1; i < places.size(); ++i) {
    if (places[i - 1].first + places[i - 1].second <= places[i].first) continue;
    e.structure = "bmbt_rec";
    e.field = "startblock";
    e.reason = "two mappings of the fork overlap";
    return with_note(e, std::to_string(places[i].first));
  }
  return success();
}

Result<std::vector<Mapping>> decode_fork(Volume& volume, Inode const& inode, ForkKind kind) {
  switch (fork_format(inode, kind)) {
    case disk::ForkFormat::extents: {
      ConstBytes const fork = fork_bytes(inode, kind);
      std::vector<Mapping> mappings;
      Geometry const& g = volume.geometry();
      // The verifier of the inode has made sure that they fit.
      XFSX_TRYV(decode_mappings(
          view_array<disk::BmbtRecord>(fork, 0, fork_mapping_count(inode, kind)), FileBlock(0),
          mapping_rules(g, inode, kind, inode.location(g), "bmbt_rec"), mappings));
      return mappings;
    }
    case disk::ForkFormat::btree: {
      XFSX_TRY(std::vector<BufferRef> const blocks, bmbt_blocks(volume, inode, kind));
      return mappings_of_blocks(volume, inode, kind, blocks);
    }
    default:
      return std::vector<Mapping>();
  }
}

}  // namespace

Result<std::vector<BufferRef>> bmbt_blocks(Volume& volume, Inode const& inode, ForkKind kind) {
  if (fork_format(inode, kind) != disk::ForkFormat::btree) return std::vector<BufferRef>();
  return BmbtWalk(volume, inode, kind).run();
}

Result<BlockCount> mapped_by_leaves(Volume& volume, Inode const& inode, ForkKind kind,
                                    std::span<BufferRef const> blocks) {
  BlockCount sum(0);
  XFSX_TRYV(
      visit_leaves(volume, inode, kind, blocks, [&](Mapping const& m) { sum = sum + m.length; }));
  return sum;
}

Result<std::vector<Mapping>> collect_mappings(Volume& volume, Inode const& inode, ForkKind kind) {
  XFSX_TRY(std::vector<Mapping> mappings, decode_fork(volume, inode, kind));
  XFSX_TRYV(check_room(volume, inode, kind, mappings));
  return mappings;
}

}  // namespace xfsx::inline v0
