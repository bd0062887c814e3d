#pragma once
// All verbs and options, declared to the parser.

#include "session.h"
#include "verb.h"

#include <memory>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace xfsx::inline v0::cli {

/// The parser, and what it fills.
struct CommandLine {
  CommandLine();
  ~CommandLine();

  std::unique_ptr<CLI::App> parser;
  GlobalOptions options;
  std::vector<std::pair<CLI::App*, std::unique_ptr<Verb>>> verbs;
  bool version = false;

  /// The verb that was named, or null.
  Verb* chosen();
};

std::unique_ptr<CommandLine> declare_command_line();

}  // namespace xfsx::inline v0::cli
