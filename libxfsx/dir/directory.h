#pragma once
// Directories for reading, in all forms: their entries, and the search for a name.
//
// Names are raw bytes. The listing goes through the data blocks, which hold all entries; the search
// goes through the index by hash, whose answers are compared with the entries that they lead to.

#include "format/verify_dir.h"
#include "inode/bmap.h"

#include <functional>
#include <optional>

namespace xfsx::inline v0 {

/// Called for each entry; false ends the walk. The name is valid during the call.
using DirVisitor = std::function<bool(RawDirEntry const&)>;

class Directory {
 public:
  /// Reads what is needed to find the blocks. Errors: refused ENOTDIR if `inode` is none; those of
  /// collect_mappings.
  static Result<Directory> open(Volume& volume, Inode inode);

  [[nodiscard]] Inode const& inode() const { return inode_; }

  /// Hands all entries but "." and ".." to `visit`, in the order of their places. Errors: bad_value
  /// and bad_crc of the blocks, located; bad_value field name for a name with a slash or a zero.
  Result<void> list(DirVisitor const& visit);

  /// Where the blocks lie that list reads: for bringing in those of several directories together.
  /// Empty where list has something to say against them.
  [[nodiscard]] std::vector<BlockExtent> data_extents() const;

  /// All blocks, data and index, in the order of their places; none in short form. Errors: those of
  /// the blocks; refused EOPNOTSUPP where one lies in several pieces: replay takes these for blocks
  /// of their own, and would give each a checksum.
  Result<std::vector<BufferRef>> blocks();

  /// The entry called `name`, if there is one; "." and ".." are answered too. The returned entry's
  /// name is `name`. Errors: those of the blocks on the way; loop for an index that goes in
  /// circles.
  Result<std::optional<RawDirEntry>> lookup(std::string_view name);

 private:
  enum class Form : u8 { shortform, block, leaf, node };

  Directory(Volume& volume, Inode inode, std::vector<Mapping> mappings);

  [[nodiscard]] Form form() const;
  /// First block of the index in the fork, and of the free index behind it.
  [[nodiscard]] FileBlock leaf_start() const;
  [[nodiscard]] FileBlock free_start() const;
  [[nodiscard]] Error bad(std::string_view structure, std::string_view field, u64 found,
                          u64 expected, Relation relation,
                          std::source_location raised = std::source_location::current()) const;

  /// Entries of the short form; `visit` gets "." and ".." as well.
  Result<void> walk_short(DirVisitor const& visit) const;
  Result<void> list_blocks(DirVisitor const& visit);
  /// The starts of all data blocks that are mapped, each wholly.
  Result<std::vector<FileBlock>> data_blocks() const;
  [[nodiscard]] std::vector<BlockExtent> extents_of(std::span<FileBlock const> blocks) const;

  /// The directory block at `at`, wherever its pieces lie.
  Result<BufferRef> load(BlockKind const& kind, FileBlock at);
  /// The same, of the kind that belongs there.
  Result<BufferRef> load_any(FileBlock at);
  Result<BufferRef> load_pieces(BlockKind const& kind, std::span<BlockExtent const> pieces);
  /// The pieces of the directory block at `at`; empty if it is not wholly mapped.
  [[nodiscard]] std::vector<BlockExtent> pieces_of(FileBlock at) const;

  /// The leaf in which entries with `hash` begin.
  Result<BufferRef> find_leaf(u32 hash);
  Result<BufferRef> load_node_root();
  /// Follows those of `index` that have `hash`. `more`: the next leaf may have some, too.
  Result<std::optional<RawDirEntry>> search(std::span<disk::DirLeafEntry const> index, u32 hash,
                                            std::string_view name, bool& more);
  Result<RawDirEntry> entry_at(u32 address, u32 hash);

  Volume& volume_;
  Inode inode_;
  std::vector<Mapping> mappings_;
  BufferRef kept_;  // the block that the last entry's name lies in
};

}  // namespace xfsx::inline v0
