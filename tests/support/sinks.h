#pragma once
// Streams of the command line that a test reads.

#include "cli/environment.h"

#include <string>

namespace xfsx::test {

class StringSink final : public cli::Sink {
 public:
  explicit StringSink(bool terminal = false) : terminal_(terminal) {}
  int write(std::string_view more) override {
    if (failure == 0) text += more;
    return failure;
  }
  int flush() override { return failure; }
  [[nodiscard]] bool is_terminal() const override { return terminal_; }

  std::string text;
  int failure = 0;

 private:
  bool terminal_;
};

}  // namespace xfsx::test
