#pragma once
// The two ways in which many requests run side by side: a ring that the kernel serves, and threads
// that block. Both end every transfer before they return, also when one of them fails.

#include "device/transfer.h"

#include <memory>
#include <string_view>

namespace xfsx::inline v0 {

class Engine {
 public:
  Engine() = default;
  Engine(Engine const&) = delete;
  Engine& operator=(Engine const&) = delete;
  virtual ~Engine() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;

  /// Runs all transfers to their ends; `unit` as of advance(). Returns the first error in the order
  /// of the transfers; those behind a failed one may or may not have run.
  virtual Result<void> run(Direction direction, std::span<Transfer> transfers, u32 unit) = 0;
};

/// Threads that call preadv and pwritev; started when a batch first has more than one transfer.
Result<std::unique_ptr<Engine>> make_thread_engine(int fd);

/// An io_uring of its own. Errors: refused EOPNOTSUPP with the host's reason in the note where the
/// kernel does not let us have one (probed, not guessed from a version).
Result<std::unique_ptr<Engine>> make_uring_engine(int fd);

}  // namespace xfsx::inline v0
