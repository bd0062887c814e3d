#pragma once
// Room on the host for what will be written to an image file, so that a full host disk is found out
// before the first byte is. Nothing here changes a byte of the image, or its size.

#include <xfsx/result.h>

namespace xfsx::inline v0 {

class HostRoom {
 public:
  /// `fd`: a regular file that is open for writing; the caller's, who keeps it open.
  explicit HostRoom(int fd) : fd_(fd) {}

  /// Allocates what the host has not allocated of `length` bytes from `offset` on, and gives blocks
  /// that are shared with other files (a reflinked copy) a place of their own where the host can.
  /// True if zeros had to be written for it. Errors: host_full, io.
  Result<bool> reserve(u64 offset, u64 length);

 private:
  bool is_allocated(u64 offset, u64 length);
  Result<bool> fill_holes(u64 offset, u64 length) const;

  int fd_;
  bool can_unshare_ = true;
  bool can_map_ = true;
  u64 solid_from_ = 0, solid_to_ = 0;  // a run that is known to be allocated
};

}  // namespace xfsx::inline v0
