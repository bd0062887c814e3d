#pragma once
// What a verb declares: operands, options and its long help. Only parser.cc and app.cc know which
// library parses.

#include <xfsx/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace xfsx::inline v0::cli {

class Parser {
 public:
  explicit Parser(CLI::App& app) : app_(app) {}

  /// One operand.
  void operand(std::string_view name, std::string& into, std::string_view help);
  void optional_operand(std::string_view name, std::string& into, std::string_view help);
  /// From one to `most` operands.
  void operands(std::string_view name, std::vector<std::string>& into, int most,
                std::string_view help);
  /// Up to `most` operands, or none.
  void optional_operands(std::string_view name, std::vector<std::string>& into, int most,
                         std::string_view help);
  /// One of `choices`, which --help lists; the caller checks, and may take more words than one.
  void choice(std::string_view name, std::vector<std::string> const& choices,
              std::vector<std::string>& into, std::string_view help);
  /// `names` as in `-n,--dry-run`.
  void flag(std::string_view names, bool& into, std::string_view help);
  /// Text that --help calls `what`.
  void text(std::string_view name, std::string_view what, std::string& into, std::string_view help);
  /// A number that --help calls `what`.
  void number(std::string_view name, std::string_view what, std::optional<u64>& into,
              std::string_view help);
  /// A number of bytes.
  void bytes(std::string_view name, std::optional<u64>& into, std::string_view help);
  /// What stands below the options in --help.
  void details(std::string_view text);

 private:
  CLI::App& app_;
};

}  // namespace xfsx::inline v0::cli
