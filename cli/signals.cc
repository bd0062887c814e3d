#include "signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include "exit_status.h"

namespace xfsx::inline v0::cli {

namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  for (int const signal : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

/// The second request to stop does not wait for anything.
[[noreturn]] void leave_at_once(bool writing) {
  constexpr std::string_view half_written =
      "xfsx: interrupted while the image was being written: it may be changed in part; if its log "
      "is dirty, mount and unmount the filesystem to replay it [EINTR]\n";
  constexpr std::string_view clean = "xfsx: interrupted [EINTR]\n";
  std::string_view const text = writing ? half_written : clean;
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) _exit(exit_status::operational);
  _exit(writing ? exit_status::operational : exit_status::cancelled);
}

}  // namespace

SignalWatch::SignalWatch(Attention& attention) : attention_(attention) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t const set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // What arrived before counts from the first instruction of the verb on.
  constexpr timespec at_once{};
  for (int signal = 0; (signal = sigtimedwait(&set, nullptr, &at_once)) > 0;) take(signal);
  thread_ = std::thread([this] { watch(); });
}

SignalWatch::~SignalWatch() {
  ended_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

void SignalWatch::watch() {
  sigset_t const set = watched();
  int signal = 0;
  while (sigwait(&set, &signal) == 0 && !ended_) {
    take(signal);
  }
}

void SignalWatch::take(int signal) {
  if (signal == SIGUSR1) {
    attention_.report_wanted = true;
  } else if (attention_.cancelled.exchange(true)) {
    leave_at_once(attention_.writing);
  }
}

}  // namespace xfsx::inline v0::cli
