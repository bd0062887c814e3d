// The process around the command line: file descriptors, signals, the clock.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "app.h"
#include "signals.h"

namespace {

using xfsx::cli::Attention;
using xfsx::cli::Environment;
using xfsx::cli::Sink;

/// A file descriptor with a buffer.
class DescriptorSink : public Sink {
 public:
  explicit DescriptorSink(int descriptor)
      : descriptor_(descriptor), terminal_(isatty(descriptor) == 1) {
    // A larger pipe wakes its reader less often. It is only a wish: what is no pipe stays as it is.
    ::fcntl(descriptor, F_SETPIPE_SZ, wished_pipe);
  }

  int write(std::string_view text) override {
    if (status_ != 0) return status_;
    if (text.size() >= most_kept) {
      flush();
      put(text);
      return status_;
    }
    kept_ += text;
    return kept_.size() >= most_kept ? flush() : 0;
  }

  int flush() override {
    put(kept_);
    kept_.clear();
    return status_;
  }

  [[nodiscard]] bool is_terminal() const override { return terminal_; }

 private:
  void put(std::string_view text) {
    while (status_ == 0 && !text.empty()) {
      ssize_t const n = ::write(descriptor_, text.data(), text.size());
      if (n >= 0) {
        text.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EINTR) {
        status_ = errno;
      }
    }
  }

  static constexpr std::size_t most_kept = 1 << 16;
  static constexpr int wished_pipe = 1 << 20;
  int descriptor_;
  bool terminal_;
  int status_ = 0;
  std::string kept_;
};

/// SOURCE_DATE_EPOCH makes runs repeatable; anything that is no number is taken as not set.
xfsx::Timestamp wall_time() {
  if (char const* fixed = std::getenv("SOURCE_DATE_EPOCH"); fixed != nullptr && *fixed != '\0') {
    char* end = nullptr;
    errno = 0;
    long long const seconds = std::strtoll(fixed, &end, 10);
    if (*end == '\0' && errno == 0) return {seconds, 0};
  }
  auto const since = std::chrono::system_clock::now().time_since_epoch();
  auto const seconds = std::chrono::floor<std::chrono::seconds>(since);
  auto const rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds);
  return {seconds.count(), static_cast<xfsx::u32>(rest.count())};
}

/// Whether the person types something that begins like yes.
bool ask(DescriptorSink& err, std::string_view question) {
  err.write(question);
  err.flush();
  std::array<char, 64> answer{};
  ssize_t const n = ::read(STDIN_FILENO, answer.data(), answer.size());
  return n > 0 && (answer.front() == 'y' || answer.front() == 'Y');
}

double uptime() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

int main(int argc, char** argv) {
  Attention attention;
  xfsx::cli::SignalWatch const watch(attention);
  DescriptorSink out(STDOUT_FILENO);
  DescriptorSink err(STDERR_FILENO);
  char const* no_color = std::getenv("NO_COLOR");
  Environment environment{
      out, err, attention, wall_time, uptime, no_color != nullptr && *no_color != '\0', {}};
  if (err.is_terminal() && ::isatty(STDIN_FILENO) == 1) {
    environment.ask = [&err](std::string_view question) { return ask(err, question); };
  }
  std::vector<std::string> const words(argv + 1, argv + argc);
  return xfsx::cli::run(words, environment);
}
