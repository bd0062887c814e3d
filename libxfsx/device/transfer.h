#pragma once
// From the requests of a batch to the requests that the kernel sees: sorted, neighbours merged into
// one vector, and what O_DIRECT cannot take (odd addresses, odd offsets) carried through a bounce
// buffer.

#include <xfsx/device.h>

#include <sys/uio.h>

#include <memory>
#include <span>
#include <vector>

namespace xfsx::inline v0 {

enum class Direction : u8 { read, write };

/// One vectored request to the kernel, continued until `needed` bytes have moved.
struct Transfer {
  u64 offset = 0;  ///< bytes; the next byte to move
  u64 length = 0;  ///< bytes that the vector still holds
  u64 needed =
      0;  ///< bytes without which it has failed; less than length only at the end of a file
  iovec* vector = nullptr;
  u32 vector_size = 0;
};

/// What a file asks of the requests that reach it.
struct TransferLimits {
  u64 size = 0;              ///< bytes of the device
  u32 sector = 512;          ///< bytes; writes are whole sectors
  bool direct = false;       ///< offsets, lengths and buffers must be aligned
  u32 memory_alignment = 1;  ///< bytes; of buffers, when direct
};

/// The plan of one batch. Its arrays are kept from batch to batch, so that a steady stream of
/// batches allocates nothing.
class TransferPlan {
 public:
  /// Has room for a steady_batch of requests, which then need no memory.
  TransferPlan();

  /// Errors: truncated past the end, refused EINVAL for writes of parts of sectors.
  Result<void> plan(std::span<ReadRequest const> batch, TransferLimits const& limits);
  Result<void> plan(std::span<WriteRequest const> batch, TransferLimits const& limits);

  [[nodiscard]] std::span<Transfer> transfers() { return transfers_; }

  /// The bytes that the requests of the batch hold.
  [[nodiscard]] u64 bytes() const { return bytes_; }

  /// Copies what was read into bounce buffers to where the caller wants it.
  void deliver() const;

 private:
  struct Piece {
    u64 offset = 0;
    u64 length = 0;
    std::byte* memory = nullptr;  // the caller's, or null while its bounce buffer is not placed
    std::byte* caller = nullptr;
    u64 caller_offset = 0;
    u64 caller_length = 0;
  };
  struct FreeDeleter {
    void operator()(std::byte* p) const noexcept;
  };

  void clear();
  Result<void> add(u64 offset, Bytes bytes, Direction direction, TransferLimits const& limits);
  void place_bounces(Direction direction);
  void merge(u64 size);

  std::vector<Piece> pieces_;
  std::vector<iovec> vectors_;
  std::vector<Transfer> transfers_;
  std::unique_ptr<std::byte, FreeDeleter> bounce_;
  u64 bounce_capacity_ = 0;
  u64 bounce_used_ = 0;
  u64 bytes_ = 0;
};

/// Takes `moved` bytes off the front of a transfer. `unit` is what a continued request must be
/// aligned to: bytes of a torn unit are moved again.
void advance(Transfer& transfer, u64 moved, u32 unit);

/// Runs one transfer by blocking calls. `flags` as of preadv2(2). Adds the requests made to
/// `requests`. Errors: io, truncated when a file ends early.
Result<void> run_blocking(int fd, Direction direction, Transfer& transfer, u32 unit, int flags);

/// What the result of one system call means for a transfer: true when it has to be issued again.
/// `result` is a count of bytes or a negated errno.
Result<bool> settle(Direction direction, Transfer& transfer, s64 result, u32 unit);

}  // namespace xfsx::inline v0
