#pragma once
// Looks up and walks records of a btree, whichever tree it is and wherever its root lies. The
// reader trusts nothing that a pointer leads to: a child lies one level below its parent, starts
// with the key that the parent has for it, ends before the next one, reaches as far as the parent
// says where runs overlap, and names the neighbours that it has there. A walk therefore visits
// strictly rising keys and ends, whatever the links say.
//
// Where runs overlap, a record that covers a block may begin, and stand, far to the left of it. The
// upper half of each key in a node says how far the records below the pointer reach, so a range
// visits the children whose reach touches it and leaves the others alone.

#include "btree/node.h"
#include "txn/volume.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace xfsx::inline v0 {

/// Where the root of an AG's tree lies.
struct AgTreeRoot {
  AgNumber ag;
  AgBlock block;
  u32 height = 0;  ///< levels, at least 1
};

/// The root of a tree in an inode's fork. The bytes must outlive the reader.
struct ForkTreeRoot {
  ConstBytes fork;
  InodeNumber owner;
  Location where;  ///< of the inode
};

/// The address of a child, checked. Null if the pointer leads outside.
inline std::optional<Daddr> child_daddr(Geometry const& g, AgTreeRoot const& root,
                                        AgBlock pointer) {
  if (!g.valid(root.ag, pointer)) return std::nullopt;
  return g.daddr(root.ag, pointer);
}

inline std::optional<Daddr> child_daddr(Geometry const& g, ForkTreeRoot const&, FsBlock pointer) {
  if (!g.valid(pointer, BlockCount(1))) return std::nullopt;
  return g.daddr(pointer);
}

/// An error about one number of a btree block.
inline Error btree_error(BlockKind const& kind, Location const& where, std::string_view field,
                         u64 found, u64 expected, Relation relation = Relation::equal,
                         std::source_location raised = std::source_location::current()) {
  Error e = located(Errc::bad_value, kind.name, where, raised);
  e.field = field;
  e.relation = relation;
  e.found.number = found;
  e.expected.number = expected;
  return e;
}

/// Reads a tree that is rooted in an AG header or in a fork, as its pointers say.
template <BtreeTraits T>
class BtreeReader {
 public:
  using Record = typename T::Record;
  using Key = typename T::Key;
  using Pointer = typename T::Pointer;
  static constexpr bool in_ag = std::same_as<Pointer, AgBlock>;
  using Root = std::conditional_t<in_ag, AgTreeRoot, ForkTreeRoot>;

  BtreeReader(Volume& volume, Root const& root) : volume_(volume), root_(root) {}

  /// The last record whose key is at most `key`, if there is one. Errors: those of loading a block,
  /// bad_value for links that do not fit together.
  Result<std::optional<Record>> lookup_le(Key const& key) {
    XFSX_TRY(bool const found, seek(key));
    if (!found) return std::optional<Record>();
    return std::optional<Record>(current());
  }

  /// Hands the records from the last one at most `from` on to `visit`, in order, until it returns
  /// false. Where no record is at most `from`, begins with the first.
  template <class Visit>
  Result<void> visit(Key const& from, Visit visit) {
    XFSX_TRY(bool found, seek(from));
    if (!found) {
      XFSX_TRY(found, first());
    }
    while (found && visit(current())) {
      XFSX_TRY(found, next());
    }
    return success();
  }

  /// Hands all records to `visit`, in order, until it returns false.
  template <class Visit>
  Result<void> visit_all(Visit visit) {
    XFSX_TRY(bool found, first());
    while (found && visit(current())) {
      XFSX_TRY(found, next());
    }
    return success();
  }

  /// Hands all blocks of the tree to `visit(pointer, node)`, level by level from the root down,
  /// each level from left to right and brought in in batches ahead of use, until it returns false.
  /// A root in a fork is no block.
  template <class Visit>
  Result<void> visit_blocks(Visit visit) {
    return visit_levels([](Child const&) { return true; },
                        [&](Step const& step) { return visit(step.at, step.node); });
  }

  /// The same for those blocks alone that `wants(first, last)`, told between which numbers the
  /// records below a block lie, returns true for. Hands them to `visit(buffer, node)`.
  template <class Wants, class Visit>
    requires OverlappingBtree<T>
  Result<void> visit_blocks_where(Wants wants, Visit visit) {
    return visit_levels(
        [&](Child const& child) { return wants(T::number(child.low), T::number(child.high)); },
        [&](Step const& step) { return visit(step.buffer, step.node); });
  }

  /// Hands the records that have anything of `from` to `to`, both included, to `visit`, in order,
  /// until it returns false. The numbers are what the tree is sorted by: blocks of the AG, inodes
  /// of the AG, blocks of the file. Where runs may not overlap, none that is handed out does.
  template <class Visit>
    requires RangedBtree<T>
  Result<void> visit_range(u64 from, u64 to, Visit visit) {
    XFSX_TRYV(load_root());
    [[maybe_unused]] u64 end = 0;  // of the last record
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.index == step.node.count()) {
        path_.pop_back();
        if (!path_.empty()) ++path_.back().index;
      } else if (T::number(step.node.key(step.index)) > to) {
        break;  // whatever follows begins later still
      } else if (step.node.level() != 0) {
        if (reach(step) >= from) {
          XFSX_TRYV(push_child());
        } else {
          ++step.index;
        }
      } else {
        Record const record = step.node.record(step.index);
        if constexpr (!OverlappingBtree<T>) {
          if (T::first(record) < end) {
            return btree_error(T::kind(), here(), T::key_name, T::first(record), end,
                               Relation::at_least);
          }
          end = T::end(record);
        }
        if (T::end(record) > from && !visit(record)) break;
        ++step.index;
      }
    }
    return success();
  }

 private:
  using Node = BtreeNode<T>;

  /// A block on the way down and the entry that was taken.
  struct Step {
    BufferRef buffer;  ///< null for a root in a fork
    Node node;
    Pointer at{};  ///< where the block lies; meaningless for a root in a fork
    bool leftmost = true, rightmost = true;
    u32 index = 0;
  };

  /// What a node says of a block below it; or, where nobody looked at the node, that there are
  /// blocks of which nothing is known.
  struct Child {
    Pointer at;
    Key low, high;  // high: only where runs overlap
    bool known = true;
  };
  // Enough to fill a device's queue, few enough to bound memory.
  static constexpr std::size_t level_batch = 256;

  static constexpr Pointer none{static_cast<typename Pointer::Rep>(~u64{0})};

  Record current() const { return path_.back().node.record(path_.back().index); }

  Result<void> load_root() {
    path_.clear();
    if constexpr (in_ag) {
      XFSX_TRY(Step const root, load(root_.block, root_.height - 1));
      XFSX_TRYV(check_neighbours(root, none, none));
      path_.push_back(root);
    } else {
      XFSX_TRYV(check_fork_root());
      path_.push_back({nullptr, Node::of_fork(root_.fork)});
    }
    return success();
  }

  Result<void> check_fork_root() const
    requires(!in_ag)
  {
    if (!fits<disk::BmdrBlock>(root_.fork)) {
      return bad_root("numrecs", root_.fork.size(), sizeof(disk::BmdrBlock), Relation::at_least);
    }
    auto const& head = view_as<disk::BmdrBlock>(root_.fork);
    u16 const level = head.level.value();
    u16 const count = head.numrecs.value();
    u32 const room = Node::fork_root_max(root_.fork.size());
    if constexpr (requires { T::records_in_root; }) {
      // The verifier of the inode has looked at it.
      if (level == 0) return success();
    }
    if (level == 0) return bad_root("level", level, 1, Relation::at_least);
    if (level >= T::height) return bad_root("level", level, T::height, Relation::below);
    if (count == 0) return bad_root("numrecs", count, 1, Relation::at_least);
    if (count > room) return bad_root("numrecs", count, room, Relation::at_most);
    return success();
  }

  Error bad_root(std::string_view field, u64 found, u64 expected, Relation relation) const
    requires(!in_ag)
  {
    Error e = btree_error(T::kind(), root_.where, field, found, expected, relation);
    e.structure = disk::Layout<disk::BmdrBlock>::name;
    return e;
  }

  /// Loads the block that `pointer` names, which must stand on `level`.
  Result<Step> load(Pointer pointer, u32 level) {
    Geometry const& g = volume_.geometry();
    std::optional<Daddr> const at = child_daddr(g, root_, pointer);
    if (!at) {
      return btree_error(T::kind(), here(), "ptrs", pointer.raw(), g.data_blocks(),
                         Relation::below);
    }
    XFSX_TRY(BufferRef block,
             volume_.cache().load(T::kind(), *at, g.sectors(BlockCount(1)), owner()));
    Node const node = Node::of_block(block->bytes(), g.version());
    if (node.level() != level) {
      return btree_error(T::kind(), g.locate(*at), "level", node.level(), level);
    }
    return Step{std::move(block), node, pointer};
  }

  /// Goes down to the child that the last step has chosen, once it is what that step says.
  Result<void> push_child() {
    Step const& parent = path_.back();
    u32 const i = parent.index;
    bool const begins = i == 0, ends = i + 1 == parent.node.count();
    XFSX_TRY(Step child, load(parent.node.pointer(i), parent.node.level() - 1));
    child.leftmost = begins && parent.leftmost;
    child.rightmost = ends && parent.rightmost;
    Key const low = parent.node.key(i);
    if (child.node.count() == 0 || child.node.key(0) != low) {
      u64 const found = child.node.count() == 0 ? 0 : T::number(child.node.key(0));
      return wrong(child, T::key_name, found, T::number(low));
    }
    if (Key const last = child.node.key(child.node.count() - 1);
        !ends && !(last < parent.node.key(i + 1))) {
      return wrong(child, T::key_name, T::number(last), T::number(parent.node.key(i + 1)),
                   Relation::below);
    }
    if constexpr (OverlappingBtree<T>) {
      XFSX_TRYV(check_reach(child, parent.node.high_key(i)));
    }
    XFSX_TRYV(check_neighbours(child, neighbour(child, parent, i, Side::left),
                               neighbour(child, parent, i, Side::right)));
    path_.push_back(std::move(child));
    return success();
  }

  template <class Wants, class Visit>
  Result<void> visit_levels(Wants wants, Visit visit) {
    XFSX_TRYV(load_root());
    Step const root = path_.back();
    if (in_ag && !visit(root)) return success();
    std::vector<Child> level;
    if (root.node.level() > 0) add_children(root.node, level);
    for (u32 height = root.node.level(); height-- > 0;) {
      std::vector<Child> below;
      std::size_t fetched = 0;
      for (std::size_t i = 0; i < level.size(); ++i) {
        if (!level[i].known || !wants(level[i])) {
          add_unknown(below);
          continue;
        }
        if (i >= fetched) fetched = prefetch_level(level, i, wants);
        XFSX_TRY(Step const step, load(level[i].at, height));
        XFSX_TRYV(check_in_level(step, level, i));
        if (!visit(step)) return success();
        if (height > 0) add_children(step.node, below);
      }
      level = std::move(below);
    }
    return success();
  }

  /// The children of a node that was left out.
  static void add_unknown(std::vector<Child>& out) {
    if (!out.empty() && !out.back().known) return;
    Child gap{};
    gap.known = false;
    out.push_back(gap);
  }

  static void add_children(Node const& node, std::vector<Child>& out) {
    for (u32 i = 0; i < node.count(); ++i) {
      Child child{node.pointer(i), node.key(i), {}, true};
      if constexpr (OverlappingBtree<T>) child.high = node.high_key(i);
      out.push_back(child);
    }
  }

  /// Brings in the next children that are wanted, from `first` on. Returns up to which.
  template <class Wants>
  std::size_t prefetch_level(std::span<Child const> level, std::size_t first, Wants wants) {
    Geometry const& g = volume_.geometry();
    std::vector<BlockExtent> extents;
    std::size_t i = first;
    for (; i < level.size() && extents.size() < level_batch; ++i) {
      if (!level[i].known || !wants(level[i])) continue;
      std::optional<Daddr> const at = child_daddr(g, root_, level[i].at);
      if (at) extents.push_back({*at, g.sectors(BlockCount(1))});
    }
    std::ranges::sort(extents, {}, &BlockExtent::daddr);
    volume_.cache().prefetch(extents);
    return i;
  }

  /// Block `i` of its level is what the level above says of it. First keys rise along the level, so
  /// no block is met twice.
  Result<void> check_in_level(Step const& step, std::span<Child const> level, std::size_t i) const {
    u32 const count = step.node.count();
    if (count == 0) return wrong(step, "numrecs", 0, 1, Relation::at_least);
    if (step.node.key(0) != level[i].low) {
      return wrong(step, T::key_name, T::number(step.node.key(0)), T::number(level[i].low));
    }
    bool const last = i + 1 == level.size();
    bool const next_known = !last && level[i + 1].known;
    if (next_known && !(step.node.key(count - 1) < level[i + 1].low)) {
      return wrong(step, T::key_name, T::number(step.node.key(count - 1)),
                   T::number(level[i + 1].low), Relation::below);
    }
    if constexpr (OverlappingBtree<T>) {
      XFSX_TRYV(check_reach(step, level[i].high));
    }
    // What stands beyond blocks that nobody looked at is what the block itself says.
    Pointer const left = i == 0               ? none
                         : level[i - 1].known ? level[i - 1].at
                                              : head(step).leftsib.value();
    Pointer const right = last ? none : next_known ? level[i + 1].at : head(step).rightsib.value();
    return check_neighbours(step, left, right);
  }

  enum class Side : u8 { left, right };

  /// What `child`, entry `i` of `parent`, must have at a side: the entry beside it, nothing at the
  /// tree's edge, and at the parent's edge what it says itself, which the walk from one parent to
  /// the next compares.
  static Pointer neighbour(Step const& child, Step const& parent, u32 i, Side side) {
    bool const left = side == Side::left;
    if (left ? i > 0 : i + 1 < parent.node.count())
      return parent.node.pointer(left ? i - 1 : i + 1);
    if (left ? child.leftmost : child.rightmost) return none;
    return left ? head(child).leftsib.value() : head(child).rightsib.value();
  }

  Result<void> check_neighbours(Step const& step, Pointer left, Pointer right) const {
    auto const& block = head(step);
    if (block.leftsib.value() != left) {
      return wrong(step, "leftsib", block.leftsib.raw(), left.raw());
    }
    if (block.rightsib.value() != right) {
      return wrong(step, "rightsib", block.rightsib.raw(), right.raw());
    }
    return success();
  }

  /// No record below `child` reaches farther than its parent says, and one reaches as far.
  Result<void> check_reach(Step const& child, Key const& expected) const
    requires OverlappingBtree<T>
  {
    Key most{};
    for (u32 i = 0; i < child.node.count(); ++i) most = std::max(most, child.node.high_key(i));
    if (most == expected) return success();
    return wrong(child, T::key_name, T::number(most), T::number(expected));
  }

  /// The highest number that a record below the chosen entry of `step` may have.
  static u64 reach(Step const& step) {
    if constexpr (OverlappingBtree<T>) {
      return T::number(step.node.high_key(step.index));
    } else {
      if (step.index + 1 == step.node.count()) return ~u64{0};
      return T::number(step.node.key(step.index + 1)) - 1;
    }
  }

  /// Goes from the end of the path down to a leaf, `choose(node)` naming the entry in each block.
  template <class Choose>
  Result<void> descend(Choose choose) {
    for (;;) {
      Step& step = path_.back();
      step.index = choose(step.node);
      if (step.node.level() == 0) return success();
      XFSX_TRYV(push_child());
    }
  }

  Result<bool> seek(Key const& key) {
    XFSX_TRYV(load_root());
    if (path_.back().node.upper_bound(key) == 0) return false;
    XFSX_TRYV(descend([&](Node const& node) { return node.upper_bound(key) - 1; }));
    return true;
  }

  Result<bool> first() {
    XFSX_TRYV(load_root());
    if (path_.back().node.count() == 0) return false;
    XFSX_TRYV(descend([](Node const&) { return 0U; }));
    return true;
  }

  Result<bool> next() {
    Key const before = path_.back().node.key(path_.back().index);
    std::vector<Step> left;  // blocks that the walk is done with, the leaf first
    while (path_.back().index + 1 >= path_.back().node.count()) {
      left.push_back(std::move(path_.back()));
      path_.pop_back();
      if (path_.empty()) return false;
    }
    ++path_.back().index;
    if (!left.empty()) {
      XFSX_TRYV(push_child());
      XFSX_TRYV(descend([](Node const&) { return 0U; }));
      XFSX_TRYV(check_border(left));
    }
    Key const after = path_.back().node.key(path_.back().index);
    if (before < after) return true;
    return btree_error(T::kind(), here(), T::key_name, T::number(after), T::number(before) + 1,
                       Relation::at_least);
  }

  /// The blocks that were left and those that were entered name each other, level by level.
  Result<void> check_border(std::span<Step const> left) const {
    for (std::size_t i = 0; i < left.size(); ++i) {
      Step const& entered = path_[path_.size() - 1 - i];
      if (head(entered).leftsib.value() != left[i].at) {
        return wrong(entered, "leftsib", head(entered).leftsib.raw(), left[i].at.raw());
      }
      if (head(left[i]).rightsib.value() != entered.at) {
        return wrong(left[i], "rightsib", head(left[i]).rightsib.raw(), entered.at.raw());
      }
    }
    return success();
  }

  static typename T::Block const& head(Step const& step) {
    return view_as<typename T::Block>(step.buffer->bytes());
  }

  Error wrong(Step const& step, std::string_view field, u64 found, u64 expected,
              Relation relation = Relation::equal,
              std::source_location raised = std::source_location::current()) const {
    Location where = volume_.geometry().locate(step.buffer->daddr);
    where.owner = owner();
    return btree_error(T::kind(), where, field, found, expected, relation, raised);
  }

  /// The block that the walk stands on, or what holds the root.
  [[nodiscard]] Location here() const {
    Geometry const& g = volume_.geometry();
    if (!path_.empty() && path_.back().buffer) {
      Location where = g.locate(path_.back().buffer->daddr);
      where.owner = owner();
      return where;
    }
    if constexpr (in_ag) {
      return g.locate(g.ag_header(root_.ag, 0));
    } else {
      return root_.where;
    }
  }

  [[nodiscard]] InodeNumber owner() const {
    if constexpr (in_ag) {
      return null_inode;
    } else {
      return root_.owner;
    }
  }

  Volume& volume_;
  Root root_;
  std::vector<Step> path_;
};

}  // namespace xfsx::inline v0
