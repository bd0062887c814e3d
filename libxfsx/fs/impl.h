#pragma once
// What stands behind the facade.

#include <xfsx/filesystem.h>

#include "base/guarded.h"
#include "dir/directory.h"
#include "recovery/recovery.h"

namespace xfsx::inline v0 {

struct Filesystem::Impl {
  /// The file that was read last, with its mappings: reading goes on where it was.
  struct OpenFile {
    Inode inode;
    std::vector<Mapping> mappings;
  };

  std::unique_ptr<Volume> on_device;   ///< as the device has it
  std::unique_ptr<Recovery> recovery;  ///< as recovery would leave it, where that is asked for
  Volume* volume = nullptr;            ///< the one that is shown
  std::optional<Error> unrecoverable;
  std::optional<OpenFile> last_read;
};

/// The inode that an absolute path names; see Filesystem::resolve.
Result<InodeNumber> resolve_path(Volume& volume, std::string_view path);

/// The inode is of the tree of metadata files (`metadata`), or of that of users, whose names lead
/// to it. Errors: bad_value.
Result<void> check_same_tree(Volume& volume, Inode const& inode, bool metadata);

/// See Filesystem::walk.
Result<void> walk_directories(Volume& volume, InodeNumber start,
                              std::function<bool(WalkedDirectory const&)> const& visit,
                              WalkOptions const& options);

/// The kind of file that a mode says.
FileType type_of(u16 mode);

/// The kind of file that a directory entry stands for: what it says itself, and where filesystems
/// do not keep that in directories, what the inode says. Errors: those of load_inode.
Result<FileType> type_of(Volume& volume, RawDirEntry const& entry);

/// See Filesystem::prefetch.
std::size_t prefetch_entries(Volume& volume, std::span<DirectoryEntry const> entries);

/// Errors: refused EISDIR, EINVAL, EOPNOTSUPP for what cannot be read as a file.
Result<void> check_readable(Inode const& inode);

/// Fills `into` with bytes of `file`, whose mappings are `mappings`, none past its end.
Result<void> read_mapped(Volume& volume, InodeView const& file, std::span<Mapping const> mappings,
                         u64 offset, Bytes into);

/// See Filesystem::read_each.
Result<void> read_files(Volume& volume, std::span<FileRead> files);

/// See Filesystem::mappings.
Result<void> visit_mappings(Volume& volume, Inode const& inode, ForkKind fork,
                            std::function<bool(FileMapping const&)> const& visit);

}  // namespace xfsx::inline v0
