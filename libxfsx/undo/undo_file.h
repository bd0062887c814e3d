#pragma once
// The file that a change can be undone with: what it holds, how it is written and how it is read.
// docs/undo-file.md has its layout.
//
// Beside the bytes that a change overwrites it has the checksum of every sector that the change
// writes, once for each time that it writes it. So each sector of an image can be told to be old,
// to be the change's, or to be somebody else's, whatever moment the change was interrupted at.

#include <xfsx/undo.h>

#include "device/unique_fd.h"
#include "undo/rehearsal.h"

#include <array>
#include <string>
#include <vector>

namespace xfsx::inline v0 {

/// The unit of checksums: no device writes less.
constexpr u32 undo_sector = basic_block_size;

/// A run of bytes of a device, of whole sectors.
struct UndoRange {
  DeviceRole role = DeviceRole::data;
  u64 offset = 0;  ///< bytes
  u64 length = 0;  ///< bytes

  [[nodiscard]] u64 end() const { return offset + length; }
};

/// All of an undo file but the bytes that it saves.
struct UndoContents {
  UndoSummary summary;
  std::array<u64, 3> device_sizes{};  ///< bytes, by role; 0 for what was not there
  std::vector<UndoRange> ranges;      ///< what is saved: by role and offset, apart from each other
  std::vector<UndoRange> writes;      ///< what the change writes, in its order
  std::vector<u32> checksums;         ///< CRC32c of each sector of each of `writes`
};

/// An undo file that is being made. It goes when this goes, unless keep() was called.
class NewUndoFile {
 public:
  /// Errors: refused EEXIST, missing if there is no such folder or it must not be written, io.
  static Result<NewUndoFile> create(std::string const& path);
  NewUndoFile(NewUndoFile&& other) noexcept;
  NewUndoFile& operator=(NewUndoFile&&) = delete;
  ~NewUndoFile();

  /// Writes all of it, with what lies in the ranges on `devices` now, and makes it durable, the
  /// name in its folder too. Errors: host_full and io, of the file with its path; io of a device.
  Result<void> write(UndoContents const& contents, DevicesByRole const& devices);

  void keep() { path_.clear(); }

 private:
  NewUndoFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
};

/// An undo file that is whole.
class UndoFile {
 public:
  /// Reads all of it and checks that nothing is wrong with it. Errors: missing; truncated,
  /// bad_value, bad_crc, located in the file; io.
  static Result<UndoFile> open(std::string const& path);

  [[nodiscard]] UndoContents const& contents() const { return contents_; }

  /// Fills `into` with the bytes that range number `range` holds from its byte `from` on. Errors:
  /// io, truncated if the file has become shorter meanwhile.
  Result<void> read(std::size_t range, u64 from, Bytes into) const;

 private:
  explicit UndoFile(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  UndoContents contents_;
  std::vector<u64> positions_;  // of the bytes of each range, in the file
};

}  // namespace xfsx::inline v0
