// The back end for hosts that refuse io_uring: threads that block. The caller's thread works too,
// so a batch gets done even where no thread can be had.

#include "device/engine.h"
#include "device/guard.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace xfsx::inline v0 {

namespace {

// Enough for a disk's queue to be of use; threads that block cost little else.
constexpr std::size_t helper_count = 7;

class ThreadEngine final : public Engine {
 public:
  explicit ThreadEngine(int fd) : fd_(fd) {}
  ~ThreadEngine() override {
    // No work is left: run() waits for all of it.
    if (pool_) pool_->stop();
    for (std::thread& thread : threads_) thread.join();
  }

  [[nodiscard]] std::string_view name() const override { return "threads"; }

  Result<void> run(Direction direction, std::span<Transfer> transfers, u32 unit) override {
    direction_ = direction;
    transfers_ = transfers;
    unit_ = unit;
    next_ = 0;
    failed_at_ = transfers.size();
    error_.reset();
    start_helpers(
        std::min(helper_count, transfers.size() - std::min<std::size_t>(1, transfers.size())));
    work();
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [this] { return helpers_ == 0; });
    if (error_) return *error_;
    return success();
  }

 private:
  void start_helpers(std::size_t wanted) {
    try {
      if (wanted == 0) return;
      // The pool's own constructor waits for ever when the host refuses it one thread of several,
      // so it starts empty and each thread joins by itself.
      if (!pool_) pool_.emplace(0U);
      threads_.reserve(helper_count);
      while (threads_.size() < wanted) threads_.emplace_back([this] { pool_->attach(); });
      for (std::size_t i = 0; i < wanted; ++i) {
        adjust_helpers(1);
        try {
          boost::asio::post(*pool_, [this] { help(); });
        } catch (...) {
          adjust_helpers(-1);
          throw;
        }
      }
    } catch (std::exception const&) {
      // Fewer helpers than wanted: slower, and still done.
      return;
    }
  }

  void help() {
    work();
    adjust_helpers(-1);
  }

  void adjust_helpers(int by) {
    std::lock_guard<std::mutex> const lock(mutex_);
    helpers_ += by;
    if (helpers_ == 0) idle_.notify_all();
  }

  void work() {
    for (;;) {
      std::size_t const i = next_.fetch_add(1);
      if (i >= transfers_.size()) return;
      Result<void> const result = run_blocking(fd_, direction_, transfers_[i], unit_, 0);
      if (!result) note_failure(i, result.error());
    }
  }

  void note_failure(std::size_t at, Error const& error) {
    std::lock_guard<std::mutex> const lock(mutex_);
    if (at >= failed_at_) return;
    failed_at_ = at;
    error_ = error;
    next_ = transfers_.size();
  }

  int const fd_;
  Direction direction_ = Direction::read;
  std::span<Transfer> transfers_;
  u32 unit_ = 1;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::condition_variable idle_;
  int helpers_ = 0;
  std::size_t failed_at_ = 0;
  std::optional<Error> error_;
  std::optional<boost::asio::thread_pool> pool_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<Engine>> make_thread_engine(int fd) {
  return guarded([fd]() -> Result<std::unique_ptr<Engine>> {
    return std::unique_ptr<Engine>(std::make_unique<ThreadEngine>(fd));
  });
}

}  // namespace xfsx::inline v0
