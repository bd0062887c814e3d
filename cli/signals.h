#pragma once
// Signals become flags that a verb looks at when it can stop. They are blocked in every thread and
// taken by one of their own, so no system call is ever interrupted by them.

#include "environment.h"

#include <thread>

namespace xfsx::inline v0::cli {

class SignalWatch {
 public:
  /// Blocks SIGINT, SIGTERM and SIGUSR1 and ignores SIGPIPE, for the life of the process. To be
  /// made before any other thread.
  explicit SignalWatch(Attention& attention);
  SignalWatch(SignalWatch const&) = delete;
  SignalWatch& operator=(SignalWatch const&) = delete;
  ~SignalWatch();

 private:
  void watch();
  void take(int signal);

  Attention& attention_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace xfsx::inline v0::cli
