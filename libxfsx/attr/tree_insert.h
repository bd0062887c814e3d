#pragma once
// The hash tree of an attribute fork, changed where an attribute comes. What a block has no room
// for is dealt out to it and to new blocks behind it, which its node then names too; where that has
// no room, it is dealt out likewise. The root stays the first block of the fork: when it is dealt
// out, all parts get new blocks, and the root leads to them.

#include "attr/fork_blocks.h"
#include "attr/leaf_entries.h"
#include "attr/lookup.h"

namespace xfsx::inline v0 {

class TreeInserter {
 public:
  /// `inode`: as it was before the transaction; its fork is that of `map`. All outlive this.
  TreeInserter(Transaction& txn, Inode const& inode, ForkMap const& map, ForkBlocks& blocks)
      : txn_(txn), inode_(inode), map_(map), blocks_(blocks) {}

  /// Puts an entry into the tree. Errors: those of ForkBlocks::take and of reading; bad_value for
  /// blocks that do not agree; refused EFBIG for a tree that would be too tall.
  Result<void> insert(LeafEntry entry);

  /// Makes a tree of entries, which are in order, in a fork of which only the first block has been
  /// taken.
  Result<void> build(std::vector<LeafEntry> entries);

 private:
  /// Leads to a block of the level below.
  struct Child {
    u32 last_hash = 0;
    u32 offset = 0;
  };
  /// What a block holds, or will.
  struct Part {
    u32 level = 0;
    std::vector<LeafEntry> entries{};  // of a leaf
    std::vector<Child> children{};     // of a node

    [[nodiscard]] u32 last_hash() const {
      return level == 0 ? entries.back().hash : children.back().last_hash;
    }
  };
  /// The way down to a leaf.
  struct Path {
    std::vector<NodeStep> nodes;
    std::vector<u32> offsets;  // of the nodes, and of the leaf
    BufferRef leaf;
  };

  [[nodiscard]] Geometry const& geometry() const { return txn_.volume().geometry(); }
  Result<Path> descend(u32 hash);
  Result<BufferRef> read(BlockKind const& kind, u32 offset);
  [[nodiscard]] std::vector<Part> dealt_out(std::vector<LeafEntry> entries) const;
  [[nodiscard]] std::vector<Part> dealt_out(std::vector<Child> children, u32 level) const;
  Result<void> put(Path const& path, std::size_t depth, std::vector<Part> parts);
  Result<void> new_root(BufferRef const& old, std::vector<Part> parts);
  Result<std::vector<Child>> in_new_blocks(std::span<Part const> parts);
  Result<std::vector<Child>> split(BufferRef const& block, u32 offset, std::span<Part const> parts);
  Result<void> link(u32 level, std::span<u32 const> row);
  void write(Bytes block, Part const& part) const;

  Transaction& txn_;
  Inode const& inode_;
  ForkMap const& map_;
  ForkBlocks& blocks_;
};

}  // namespace xfsx::inline v0
