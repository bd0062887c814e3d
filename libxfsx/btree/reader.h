#pragma once
// Looks up and walks records of a btree. The reader trusts nothing that a pointer leads to: a child
// lies one level below its parent and starts with the key that the parent has for it, so a walk
// visits strictly rising keys and ends, whatever the links say.

#include "btree/node.h"
#include "txn/volume.h"

#include <optional>
#include <vector>

namespace xfsx::inline v0 {

/// Where the root of an AG's tree lies.
struct AgTreeRoot {
  AgNumber ag;
  AgBlock block;
  u32 height = 0;  ///< levels, at least 1
};

/// The address of a child, checked. Null if the pointer leads outside.
inline std::optional<Daddr> child_daddr(Geometry const& g, AgNumber ag, AgBlock pointer) {
  if (!g.valid(ag, pointer)) return std::nullopt;
  return g.daddr(ag, pointer);
}

inline std::optional<Daddr> child_daddr(Geometry const& g, AgNumber, FsBlock pointer) {
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

/// Reads a tree that is rooted in an AG header.
template <BtreeTraits T>
class BtreeReader {
 public:
  using Record = typename T::Record;
  using Key = typename T::Key;

  BtreeReader(Volume& volume, AgTreeRoot const& root) : volume_(volume), root_(root) {}

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

 private:
  /// A block on the way down and the entry that was taken.
  struct Step {
    BufferRef buffer;
    u32 index = 0;
    [[nodiscard]] BtreeNode<T> node() const { return BtreeNode<T>::of_block(buffer->bytes()); }
  };

  Record current() const { return path_.back().node().record(path_.back().index); }

  Result<void> load_root() {
    path_.clear();
    return push(root_.block, root_.height - 1, nullptr);
  }

  /// Loads the block that `pointer` names, which must stand on `level` and start with `key`.
  Result<void> push(typename T::Pointer pointer, u32 level, Key const* key) {
    Geometry const& g = volume_.geometry();
    std::optional<Daddr> const at = child_daddr(g, root_.ag, pointer);
    if (!at) {
      return btree_error(T::kind(), here(), "ptrs", pointer.raw(), g.blocks_of(root_.ag),
                         Relation::below);
    }
    XFSX_TRY(BufferRef block, volume_.cache().load(T::kind(), *at, g.sectors(BlockCount(1))));
    BtreeNode<T> const node = BtreeNode<T>::of_block(block->bytes());
    Location const where = g.locate(*at);
    if (node.level() != level) {
      return btree_error(T::kind(), where, "level", node.level(), level);
    }
    if (key != nullptr && (node.count() == 0 || node.key(0) != *key)) {
      u64 const found = node.count() == 0 ? 0 : number(node.key(0));
      return btree_error(T::kind(), where, T::key_name, found, number(*key));
    }
    path_.push_back({std::move(block), 0});
    return success();
  }

  /// Goes from the end of the path down to a leaf, `choose(node)` naming the entry in each block.
  template <class Choose>
  Result<void> descend(Choose choose) {
    for (;;) {
      BtreeNode<T> const node = path_.back().node();
      path_.back().index = choose(node);
      if (node.level() == 0) return success();
      Key const key = node.key(path_.back().index);
      XFSX_TRYV(push(node.pointer(path_.back().index), node.level() - 1, &key));
    }
  }

  Result<bool> seek(Key const& key) {
    XFSX_TRYV(load_root());
    if (path_.back().node().upper_bound(key) == 0) return false;
    XFSX_TRYV(descend([&](BtreeNode<T> const& node) { return node.upper_bound(key) - 1; }));
    return true;
  }

  Result<bool> first() {
    XFSX_TRYV(load_root());
    if (path_.back().node().count() == 0) return false;
    XFSX_TRYV(descend([](BtreeNode<T> const&) { return 0U; }));
    return true;
  }

  Result<bool> next() {
    Key const before = path_.back().node().key(path_.back().index);
    while (path_.back().index + 1 >= path_.back().node().count()) {
      path_.pop_back();
      if (path_.empty()) return false;
    }
    ++path_.back().index;
    if (BtreeNode<T> const node = path_.back().node(); node.level() != 0) {
      Key const key = node.key(path_.back().index);
      XFSX_TRYV(push(node.pointer(path_.back().index), node.level() - 1, &key));
      XFSX_TRYV(descend([](BtreeNode<T> const&) { return 0U; }));
    }
    Key const after = path_.back().node().key(path_.back().index);
    if (before < after) return true;
    return btree_error(T::kind(), here(), T::key_name, number(after), number(before) + 1,
                       Relation::at_least);
  }

  [[nodiscard]] Location here() const {
    Geometry const& g = volume_.geometry();
    if (path_.empty()) return g.locate(g.ag_header(root_.ag, 0));
    return g.locate(path_.back().buffer->daddr);
  }

  static u64 number(Key const& key) {
    if constexpr (requires { key.raw(); }) {
      return key.raw();
    } else {
      return key;
    }
  }

  Volume& volume_;
  AgTreeRoot root_;
  std::vector<Step> path_;
};

}  // namespace xfsx::inline v0
