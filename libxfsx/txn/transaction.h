#pragma once
// A transaction: private copies of blocks and inodes, edited freely and thrown away without a trace
// unless they are committed. What has to be logged is found at commit by comparing a private copy
// with its original, so nobody can forget to log a range.
//
// There is one copy of everything. An inode is a slice of its cluster's buffer and never a copy of
// the cluster: two inodes of one cluster are two slices.

#include "txn/volume.h"

#include <map>

namespace xfsx::inline v0 {

/// A block with its private copy.
struct EditedBlock {
  /// What becomes of it: `created` had no role, or another one; `freed` will have none.
  enum class Fate : u8 { changed, created, freed };

  BufferRef original;              ///< verified; what lay there, of no kind, if it had no role
  std::shared_ptr<Buffer> copy;    ///< null for what is freed
  InodeNumber owner = null_inode;  ///< whose block it will be; null_inode for blocks of an AG
  Fate fate = Fate::changed;

  /// Whether the block holds metadata as long as the transaction is not committed.
  [[nodiscard]] bool was_in_use() const { return original->kind != nullptr; }
};

/// An inode with its private copy, core and forks.
struct EditedInode {
  InodeNumber number;
  InodePlace place;
  BufferRef cluster;
  std::vector<std::byte> bytes;

  [[nodiscard]] ConstBytes original() const {
    return cluster->bytes().subspan(place.offset, bytes.size());
  }
};

class Transaction {
 public:
  /// Private copies beyond this many bytes are refused, before anything is written.
  static constexpr u64 default_memory_limit = u64{2} << 30;

  explicit Transaction(Volume& volume, u64 memory_limit = default_memory_limit)
      : volume_(volume), memory_limit_(memory_limit) {}

  [[nodiscard]] Volume& volume() const { return volume_; }

  /// The private copy of a block, made at the first call. `owner` is the inode that will own it.
  /// Errors: refused ENOMEM beyond the memory limit.
  Result<Bytes> edit(BufferRef const& block, InodeNumber owner = null_inode);

  /// A block that was free, or was released before, with zeros in it: it is logged as a whole.
  /// Errors: io; refused ENOMEM; bad_value for a block that this transaction knows to be in use.
  Result<Bytes> create(BlockKind const& kind, Daddr daddr, SectorCount length,
                       InodeNumber owner = null_inode);

  /// The block holds metadata no longer; the log says so. Not to be read any more. Errors:
  /// bad_value if it was released before.
  Result<void> release(BufferRef const& block);

  /// The block as it is by now: the private copy, or what the cache loads. Errors: those of
  /// BufferCache::load; bad_value for a block that was released.
  Result<BufferRef> read(BlockKind const& kind, Daddr daddr, SectorCount length,
                         InodeNumber owner = null_inode);

  /// The private copy of an inode (core and literal area), made at the first call.
  Result<Bytes> edit_inode(InodeNumber number, InodePlace const& place, BufferRef const& cluster);

  /// In the order of their addresses.
  [[nodiscard]] std::map<u64, EditedBlock>& blocks() { return blocks_; }
  [[nodiscard]] std::map<u64, EditedBlock> const& blocks() const { return blocks_; }
  /// In the order of their numbers.
  [[nodiscard]] std::map<u64, EditedInode>& inodes() { return inodes_; }
  [[nodiscard]] std::map<u64, EditedInode> const& inodes() const { return inodes_; }

 private:
  Result<void> charge(u64 bytes);
  Result<BufferRef> read_raw(Daddr daddr, SectorCount length);
  [[nodiscard]] Error misused(BlockKind const& kind, Daddr daddr, std::string_view reason) const;

  Volume& volume_;
  u64 memory_limit_;
  u64 charged_ = 0;
  AlignedPool pool_;
  std::map<u64, EditedBlock> blocks_;  // by daddr
  std::map<u64, EditedInode> inodes_;  // by number
};

}  // namespace xfsx::inline v0
