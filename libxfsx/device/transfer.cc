#include "device/transfer.h"

#include "base/assert.h"
#include "base/checked.h"
#include "device/guard.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace xfsx::inline v0 {

namespace {

// Larger requests gain nothing, and pieces of this size can run side by side.
constexpr u64 largest_transfer = u64{1} << 20;
constexpr std::size_t largest_vector = 1024;  // the kernel's UIO_MAXIOV
constexpr u64 usual_bounce = u64{256} << 10;
constexpr u64 bounce_alignment = 4096;

bool is_aligned(std::byte const* pointer, u32 alignment) {
  // The address as a number, the one thing that memcpy of a pointer is good for.
  std::uintptr_t address = 0;
  std::memcpy(&address, &pointer, sizeof address);
  return address % alignment == 0;
}

}  // namespace

void TransferPlan::FreeDeleter::operator()(std::byte* p) const noexcept {
  ::operator delete(p, std::align_val_t{bounce_alignment});
}

TransferPlan::TransferPlan() {
  pieces_.reserve(steady_batch);
  // A piece may lie across the end of a transfer, and is then two.
  vectors_.reserve(2 * steady_batch);
  transfers_.reserve(2 * steady_batch);
  void* const memory = ::operator new(usual_bounce, std::align_val_t{bounce_alignment});
  bounce_.reset(static_cast<std::byte*>(memory));
  bounce_capacity_ = usual_bounce;
}

Result<void> TransferPlan::plan(std::span<ReadRequest const> batch, TransferLimits const& limits) {
  clear();
  for (ReadRequest const& request : batch) {
    XFSX_TRYV(add(request.offset, request.into, Direction::read, limits));
  }
  place_bounces(Direction::read);
  merge(limits.size);
  return success();
}

Result<void> TransferPlan::plan(std::span<WriteRequest const> batch, TransferLimits const& limits) {
  clear();
  for (WriteRequest const& request : batch) {
    // The kernel's vectors have no const; nothing writes through them here.
    Bytes const bytes(const_cast<std::byte*>(request.from.data()), request.from.size());
    XFSX_TRYV(add(request.offset, bytes, Direction::write, limits));
  }
  place_bounces(Direction::write);
  merge(limits.size);
  return success();
}

void TransferPlan::clear() {
  pieces_.clear();
  vectors_.clear();
  transfers_.clear();
  bounce_used_ = 0;
  bytes_ = 0;
}

Result<void> TransferPlan::add(u64 offset, Bytes bytes, Direction direction,
                               TransferLimits const& limits) {
  if (bytes.empty()) return success();
  u64 const length = bytes.size();
  if (!range_inside<u64>(offset, length, limits.size)) {
    return device_error(Errc::truncated, 0, "request past the end of the device", offset);
  }
  bool const whole_sectors = offset % limits.sector == 0 && length % limits.sector == 0;
  if (direction == Direction::write && !whole_sectors) {
    return device_error(Errc::refused, EINVAL, "write of parts of sectors", offset);
  }
  Piece piece{offset, length, bytes.data(), bytes.data(), offset, length};
  if (limits.direct && !(whole_sectors && is_aligned(bytes.data(), limits.memory_alignment))) {
    piece.offset = offset / limits.sector * limits.sector;
    piece.length = round_up<u64>(offset + length, limits.sector) - piece.offset;
    piece.memory = nullptr;
    bounce_used_ += round_up(piece.length, bounce_alignment);
  }
  bytes_ += length;
  pieces_.push_back(piece);
  return success();
}

void TransferPlan::place_bounces(Direction direction) {
  if (bounce_used_ > bounce_capacity_) {
    void* const memory = ::operator new(bounce_used_, std::align_val_t{bounce_alignment});
    bounce_.reset(static_cast<std::byte*>(memory));
    bounce_capacity_ = bounce_used_;
  }
  u64 at = 0;
  for (Piece& piece : pieces_) {
    if (piece.memory != nullptr) continue;
    piece.memory = bounce_.get() + at;
    at += round_up(piece.length, bounce_alignment);
    if (direction == Direction::write) std::memcpy(piece.memory, piece.caller, piece.length);
  }
}

void TransferPlan::merge(u64 size) {
  std::ranges::sort(pieces_, {}, &Piece::offset);
  // A piece larger than one transfer is cut; so there are more vectors than pieces.
  for (Piece const& piece : pieces_) {
    for (u64 from = 0; from < piece.length;) {
      Transfer* last = transfers_.empty() ? nullptr : &transfers_.back();
      bool const joins = last != nullptr && last->offset + last->length == piece.offset + from &&
                         last->length < largest_transfer && last->vector_size < largest_vector;
      if (!joins) {
        transfers_.push_back({.offset = piece.offset + from});
        last = &transfers_.back();
      }
      u64 const count = std::min(piece.length - from, largest_transfer - last->length);
      vectors_.push_back({piece.memory + from, count});
      last->vector_size += 1;
      last->length += count;
      from += count;
    }
  }
  iovec* next = vectors_.data();
  for (Transfer& transfer : transfers_) {
    transfer.vector = next;
    next += transfer.vector_size;
    transfer.needed = std::min(transfer.length, size - transfer.offset);
  }
}

void TransferPlan::deliver() const {
  for (Piece const& piece : pieces_) {
    if (piece.memory == piece.caller) continue;
    std::memcpy(piece.caller, piece.memory + (piece.caller_offset - piece.offset),
                piece.caller_length);
  }
}

void advance(Transfer& transfer, u64 moved, u32 unit) {
  u64 left = moved / unit * unit;
  XFSX_ASSERT(left <= transfer.length);
  transfer.offset += left;
  transfer.length -= left;
  transfer.needed -= std::min(left, transfer.needed);
  while (left > 0 && left >= transfer.vector->iov_len) {
    left -= transfer.vector->iov_len;
    ++transfer.vector;
    --transfer.vector_size;
  }
  if (left == 0) return;
  transfer.vector->iov_base = static_cast<std::byte*>(transfer.vector->iov_base) + left;
  transfer.vector->iov_len -= left;
}

Result<bool> settle(Direction direction, Transfer& transfer, s64 result, u32 unit) {
  if (result == -EINTR || result == -EAGAIN) return true;
  if (result < 0) {
    std::string_view const what = direction == Direction::read ? "read failed" : "write failed";
    return device_error(Errc::io, static_cast<int>(-result), what, transfer.offset);
  }
  u64 const moved = static_cast<u64>(result);
  if (moved >= transfer.needed) return false;
  u64 const before = transfer.length;
  advance(transfer, moved, unit);
  if (transfer.length < before) return true;
  // Nothing moved: the file has shrunk, or the device takes no more.
  if (direction == Direction::read) {
    return device_error(Errc::truncated, 0, "the device ends early", transfer.offset);
  }
  return device_error(Errc::io, EIO, "the device takes no more", transfer.offset);
}

Result<void> run_blocking(int fd, Direction direction, Transfer& transfer, u32 unit, int flags) {
  for (;;) {
    int const count = static_cast<int>(transfer.vector_size);
    off_t const at = static_cast<off_t>(transfer.offset);
    s64 result = direction == Direction::read ? ::preadv2(fd, transfer.vector, count, at, flags)
                                              : ::pwritev2(fd, transfer.vector, count, at, flags);
    if (result < 0) result = -errno;
    XFSX_TRY(bool again, settle(direction, transfer, result, unit));
    if (!again) return success();
  }
}

}  // namespace xfsx::inline v0
