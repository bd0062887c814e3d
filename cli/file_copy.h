#pragma once
// The bytes of files out of an image: holes and unwritten blocks stay holes, and what files of the
// image share, files of the host share too where their filesystem can.

#include <xfsx/filesystem.h>

#include "cache/aligned_bytes.h"
#include "host_tree.h"

#include <map>

namespace xfsx::inline v0::cli {

class FileCopy {
 public:
  FileCopy(Filesystem& filesystem, HostTree const& tree, u32 block_size)
      : filesystem_(filesystem), tree_(tree), block_size_(block_size), buffer_(buffer_size) {}

  /// Writes the bytes of a regular file to `fd`, an empty file. `going` is asked between pieces;
  /// its error ends the copy. Errors: those of Filesystem::read; io and host_full of the host.
  Result<void> copy(FileStatus const& status, int fd, std::function<Result<void>()> const& going);

  /// The file that was copied last is whole and has its name: later ones may share its blocks.
  void keep(std::string const& below);

  /// The same for a file that an earlier run copied.
  Result<void> learn(FileStatus const& status, std::string const& below);

  [[nodiscard]] u64 written() const { return written_; }  ///< bytes
  [[nodiscard]] u64 cloned() const { return cloned_; }    ///< bytes

 private:
  static constexpr std::size_t buffer_size = 8 << 20;

  /// Where a shared run of the image lies on the host.
  struct Copied {
    u64 length = 0;  // blocks
    std::shared_ptr<std::string const> below;
    u64 offset = 0;  // blocks, in the file
    u64 size = 0;    // bytes of the file
  };

  struct Range {
    u64 from = 0, to = 0;  // bytes of the file
  };

  Result<void> copy_mapping(FileStatus const& status, int fd, FileMapping const& m);
  /// Puts a range by until a buffer's worth of the file can be read with one batch.
  Result<void> copy_range(FileStatus const& status, int fd, Range range);
  Result<void> flush(FileStatus const& status, int fd);
  /// Where, behind file byte `at` whose block lies at `start`, something could be shared again.
  [[nodiscard]] u64 next_shared(u64 start, u64 at, u64 to) const;
  /// Shares blocks from file byte `at` to `to` whose first lies at `start`: how many bytes it
  /// could.
  u64 clone(int fd, u64 start, u64 at, u64 to);
  bool clone_range(int fd, Copied const& source, u64 from, u64 length, u64 at);

  Filesystem& filesystem_;
  HostTree const& tree_;
  u64 block_size_;
  AlignedBytes buffer_;
  u64 written_ = 0, cloned_ = 0;
  bool can_clone_ = true;
  std::map<u64, Copied> copied_;  // by place_of()
  std::vector<Range> waiting_;    // in file order, no farther apart than a buffer
  std::vector<FileMapping> fresh_;
  u64 fresh_size_ = 0;
  std::shared_ptr<std::string const> open_path_;
  UniqueFd open_;
};

}  // namespace xfsx::inline v0::cli
