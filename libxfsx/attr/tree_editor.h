#pragma once
// The hash tree of an attribute fork, changed where an attribute goes. A leaf without attributes
// leaves the tree, and so do nodes that lead nowhere then; an only child takes the place of the
// root. Blocks that are left over are gathered, to be freed together.

#include "attr/fork_map.h"
#include "attr/lookup.h"
#include "disk/dir.h"
#include "txn/transaction.h"

#include <set>

namespace xfsx::inline v0 {

class TreeEditor {
 public:
  /// `place`: as the tree was found. All of them outlive the editor.
  TreeEditor(Transaction& txn, Inode const& inode, ForkMap const& map, AttributePlace const& place)
      : txn_(txn), inode_(inode), map_(map), place_(place), is_leaf_(place.nodes.empty()) {}

  /// Takes the attribute out of its leaf, and the leaf out of the tree if it was the last one.
  /// Errors: bad_value where blocks do not agree; those of reading.
  Result<void> remove_entry();

  /// The blocks of the value are left over. Errors: bad_value for a block that holds no value.
  Result<void> drop_value();

  /// Blocks that belong to nothing are left over too.
  void drop_blocks(std::set<u64> const& offsets) {
    dropped_.insert(offsets.begin(), offsets.end());
  }

  /// The leaf that is the whole tree; null if there are nodes, or nothing.
  Result<BufferRef> only_leaf();
  /// Whether nothing is left of the tree.
  [[nodiscard]] bool is_gone() const { return dropped_.contains(0); }
  /// Whether no attribute is left, in a leaf or without one.
  Result<bool> is_empty();
  /// The only leaf is left over too. Errors: as above.
  Result<void> drop_only_leaf();

  /// Offsets of the blocks that are left over.
  [[nodiscard]] std::set<u64> const& dropped() const { return dropped_; }

 private:
  /// A link to a neighbour, and where it leads before and after.
  using Link = be<DaBlock> disk::DaBlockInfoV4::*;
  struct Change {
    DaBlock before, after;
  };

  [[nodiscard]] FormatVersion const& version() const { return geometry().version(); }
  [[nodiscard]] Geometry const& geometry() const { return txn_.volume().geometry(); }
  [[nodiscard]] Error bad(BlockKind const& kind, FsBlock at, std::string_view field,
                          std::string_view reason) const;
  Result<BufferRef> read(BlockKind const& kind, u32 offset);
  Result<void> relink(BlockKind const& kind, u32 sibling, Link link, Change const& to);
  Result<void> drop(BlockKind const& kind, BufferRef const& block, u32 offset);
  Result<void> drop_leaf();
  Result<void> collapse_root();

  Transaction& txn_;
  Inode const& inode_;
  ForkMap const& map_;
  AttributePlace const& place_;
  bool is_leaf_;  // the root
  std::set<u64> dropped_;
};

/// Lays a leaf out in `leaf` as `old` is without entry `gone`: names and values close up at the
/// end, and what is free is one run; pure. Errors: bad_value.
Result<void> pack_leaf_without(u32 gone, ConstBytes old, Bytes leaf, Location const& where);

}  // namespace xfsx::inline v0
