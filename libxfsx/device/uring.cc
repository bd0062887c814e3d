// The io_uring back end. The ring is our own; its eventfd is awaited by a private Asio context,
// which is what later lets signals and timers be awaited beside it. While requests are in flight
// nothing may leave run(): the kernel writes into memory that the caller owns. So every path out
// of it, the ones where memory is short included, first waits for what was submitted.

#include "device/engine.h"
#include "device/guard.h"

#include <liburing.h>
#include <sys/eventfd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cerrno>
#include <vector>

namespace xfsx::inline v0 {

namespace {

constexpr unsigned depth = 64;

Error no_ring(int error) {
  return with_note(refuse(EOPNOTSUPP, "the host refuses io_uring"), errno_name(error));
}

class UringEngine final : public Engine {
 public:
  explicit UringEngine(int fd) : fd_(fd), event_(context_) { again_.reserve(depth); }

  ~UringEngine() override {
    boost::system::error_code ignored;
    event_.close(ignored);
    // The kernel takes a ring apart after we have gone on; a file that it still knew would stay
    // locked or claimed until then.
    if (file_registered_) ::io_uring_unregister_files(&ring_);
    if (ring_made_) ::io_uring_queue_exit(&ring_);
  }

  /// Errors: refused EOPNOTSUPP with the host's reason.
  Result<void> start() {
    if (int const r = ::io_uring_queue_init(depth, &ring_, 0); r < 0) return no_ring(-r);
    ring_made_ = true;
    // A sandbox may allow the setup and forbid the rest: only a round trip tells.
    ::io_uring_prep_nop(::io_uring_get_sqe(&ring_));
    io_uring_cqe* done = nullptr;
    if (int const r = ::io_uring_submit(&ring_); r != 1) return no_ring(r < 0 ? -r : EIO);
    if (int const r = ::io_uring_wait_cqe(&ring_, &done); r < 0) return no_ring(-r);
    ::io_uring_cqe_seen(&ring_, done);

    int const event = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (event < 0) return no_ring(errno);
    event_.assign(event);
    if (int const r = ::io_uring_register_eventfd(&ring_, event); r < 0) return no_ring(-r);
    file_registered_ = ::io_uring_register_files(&ring_, &fd_, 1) == 0;
    return success();
  }

  [[nodiscard]] std::string_view name() const override { return "uring"; }

  Result<void> run(Direction direction, std::span<Transfer> transfers, u32 unit) override {
    if (broken_) return run_one_by_one(direction, transfers, unit);
    again_.clear();
    next_ = 0;
    failed_at_ = transfers.size();
    for (;;) {
      if (!broken_) submit(direction, transfers);
      if (in_flight_ == 0) break;
      await_event();
      reap(direction, transfers, unit);
    }
    if (failed_at_ < transfers.size()) return failure_;
    if (broken_) return make_error(Errc::io, EIO, "the ring of the host failed");
    return success();
  }

 private:
  Result<void> run_one_by_one(Direction direction, std::span<Transfer> transfers, u32 unit) const {
    for (Transfer& transfer : transfers) {
      XFSX_TRYV(run_blocking(fd_, direction, transfer, unit, 0));
    }
    return success();
  }

  void prepare(Direction direction, Transfer const& transfer, std::size_t index) {
    io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
    int const file = file_registered_ ? 0 : fd_;
    if (direction == Direction::read) {
      ::io_uring_prep_readv(entry, file, transfer.vector, transfer.vector_size, transfer.offset);
    } else {
      ::io_uring_prep_writev(entry, file, transfer.vector, transfer.vector_size, transfer.offset);
    }
    if (file_registered_) entry->flags |= IOSQE_FIXED_FILE;
    ::io_uring_sqe_set_data64(entry, index);
  }

  /// Fills the ring up to its depth and hands it to the kernel.
  void submit(Direction direction, std::span<Transfer const> transfers) {
    while (in_flight_ + unsubmitted_ < depth) {
      std::size_t index = next_;
      if (!again_.empty()) {
        index = again_.back();
        again_.pop_back();
      } else if (next_ < transfers.size()) {
        ++next_;
      } else {
        break;
      }
      prepare(direction, transfers[index], index);
      ++unsubmitted_;
    }
    while (unsubmitted_ > 0) {
      int const count = ::io_uring_submit(&ring_);
      if (count > 0) {
        in_flight_ += static_cast<unsigned>(count);
        unsubmitted_ -= static_cast<unsigned>(count);
        continue;
      }
      if (count == -EINTR) continue;
      // Short of resources: what is in flight gives them back when it ends.
      bool const for_now = count == 0 || count == -EAGAIN || count == -EBUSY;
      if (!for_now || in_flight_ == 0) broken_ = true;
      return;
    }
  }

  /// Waits until something may have ended.
  void await_event() noexcept {
    io_uring_cqe* done = nullptr;
    if (::io_uring_peek_cqe(&ring_, &done) == 0) return;
    woken_ = false;
    try {
      event_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [this](boost::system::error_code error) {
                          u64 count = 0;
                          woken_ =
                              !error && ::read(event_.native_handle(), &count, sizeof count) > 0;
                        });
      context_.restart();
      context_.run();
    } catch (std::exception const&) {
      woken_ = false;
    }
    if (!woken_) ::io_uring_wait_cqe(&ring_, &done);
  }

  void reap(Direction direction, std::span<Transfer> transfers, u32 unit) {
    io_uring_cqe* done = nullptr;
    while (::io_uring_peek_cqe(&ring_, &done) == 0) {
      std::size_t const index = ::io_uring_cqe_get_data64(done);
      s64 const result = done->res;
      ::io_uring_cqe_seen(&ring_, done);
      --in_flight_;
      Result<bool> const again = settle(direction, transfers[index], result, unit);
      if (!again) {
        note_failure(index, again.error());
        next_ = transfers.size();
      } else if (again.value() && failed_at_ == transfers.size()) {
        again_.push_back(index);  // at most `depth` of them, for which there is room
      }
    }
  }

  void note_failure(std::size_t index, Error const& error) {
    again_.clear();
    if (index >= failed_at_) return;
    failed_at_ = index;
    failure_ = error;
  }

  int const fd_;
  io_uring ring_{};
  bool ring_made_ = false;
  bool file_registered_ = false;
  // The ring took no more although nothing was in flight: from then on without it.
  bool broken_ = false;
  boost::asio::io_context context_{1};
  boost::asio::posix::stream_descriptor event_;
  bool woken_ = false;
  unsigned in_flight_ = 0;
  unsigned unsubmitted_ = 0;
  std::size_t next_ = 0;
  std::vector<std::size_t> again_;
  std::size_t failed_at_ = 0;
  Error failure_;
};

}  // namespace

Result<std::unique_ptr<Engine>> make_uring_engine(int fd) {
  return guarded([fd]() -> Result<std::unique_ptr<Engine>> {
    std::unique_ptr<UringEngine> engine = std::make_unique<UringEngine>(fd);
    XFSX_TRYV(engine->start());
    return std::unique_ptr<Engine>(std::move(engine));
  });
}

}  // namespace xfsx::inline v0
