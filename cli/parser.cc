#include "parser.h"

#include <CLI/CLI.hpp>

namespace xfsx::inline v0::cli {

void Parser::operand(std::string_view name, std::string& into, std::string_view help) {
  app_.add_option(std::string(name), into, std::string(help))->required()->type_name("");
}

void Parser::optional_operand(std::string_view name, std::string& into, std::string_view help) {
  app_.add_option(std::string(name), into, std::string(help))->type_name("");
}

void Parser::operands(std::string_view name, std::vector<std::string>& into, int most,
                      std::string_view help) {
  app_.add_option(std::string(name), into, std::string(help))
      ->required()
      ->expected(1, most)
      ->type_name("");
}

void Parser::flag(std::string_view names, bool& into, std::string_view help) {
  app_.add_flag(std::string(names), into, std::string(help));
}

void Parser::bytes(std::string_view name, std::optional<u64>& into, std::string_view help) {
  app_.add_option_function<u64>(
          std::string(name), [&into](u64 const& value) { into = value; }, std::string(help))
      ->type_name("BYTES");
}

void Parser::details(std::string_view text) {
  app_.footer(std::string(text));
}

}  // namespace xfsx::inline v0::cli
