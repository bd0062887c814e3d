#pragma once
// What a verb may touch of the world outside: streams, the clock, and the wish of the person to
// stop. main() passes the process's own; a test passes strings and runs verbs in its own process.

#include <xfsx/types.h>

#include <atomic>
#include <functional>
#include <string_view>

namespace xfsx::inline v0::cli {

/// Where text goes.
class Sink {
 public:
  Sink() = default;
  Sink(Sink const&) = delete;
  Sink& operator=(Sink const&) = delete;
  virtual ~Sink() = default;
  /// Takes all of `text`; returns 0 or an errno value, which later calls repeat.
  virtual int write(std::string_view text) = 0;
  /// Hands on what write() kept back; returns 0 or an errno value.
  virtual int flush() = 0;
  [[nodiscard]] virtual bool is_terminal() const = 0;
};

/// What signals ask for, and what they want to know.
struct Attention {
  std::atomic<bool> cancelled{false};      ///< SIGINT or SIGTERM arrived
  std::atomic<bool> writing{false};        ///< the image may be half written if we stop now
  std::atomic<bool> report_wanted{false};  ///< SIGUSR1 arrived
};

/// While one stands, a second signal says that the image may be changed in part.
class Writing {
 public:
  explicit Writing(Attention& attention) : attention_(attention) { attention_.writing = true; }
  Writing(Writing const&) = delete;
  Writing& operator=(Writing const&) = delete;
  ~Writing() { attention_.writing = false; }

 private:
  Attention& attention_;
};

struct Environment {
  Sink& out;
  Sink& err;
  Attention& attention;
  /// The time of day, or SOURCE_DATE_EPOCH.
  std::function<Timestamp()> now;
  /// Seconds on a clock that never goes back.
  std::function<double()> uptime;
  bool no_color = false;  ///< NO_COLOR is set
  /// Asks the person at the terminal a question of yes or no; empty where there is none.
  std::function<bool(std::string_view question)> ask = {};
};

}  // namespace xfsx::inline v0::cli
