#pragma once
// What stands behind the facade.

#include <xfsx/filesystem.h>

#include "inode/bmap.h"

#include <new>

namespace xfsx::inline v0 {

struct Filesystem::Impl {
  /// The file that was read last, with its mappings: reading goes on where it was.
  struct OpenFile {
    Inode inode;
    std::vector<Mapping> mappings;
  };

  std::unique_ptr<Volume> volume;
  std::optional<OpenFile> last_read;
};

/// Runs a part of the facade; where memory runs out, that is the error.
template <class Body>
auto guarded(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (std::bad_alloc const&) {
    return make_error(Errc::no_memory, ENOMEM, {});
  }
}

/// The inode that an absolute path names; see Filesystem::resolve.
Result<InodeNumber> resolve_path(Volume& volume, std::string_view path);

/// See Filesystem::walk.
Result<void> walk_directories(Volume& volume, InodeNumber start,
                              std::function<bool(WalkedDirectory const&)> const& visit);

/// The entries of a directory, sorted by the bytes of their names.
Result<std::vector<DirectoryEntry>> sorted_entries(Volume& volume, InodeNumber directory);

/// Fills `into` with bytes of a file whose mappings are `mappings`, none past its end.
Result<void> read_mapped(Volume& volume, std::span<Mapping const> mappings, u64 offset, Bytes into);

/// See Filesystem::mappings.
Result<void> visit_mappings(Volume& volume, Inode const& inode, Fork fork,
                            std::function<bool(FileMapping const&)> const& visit);

}  // namespace xfsx::inline v0
