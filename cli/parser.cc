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

void Parser::optional_operands(std::string_view name, std::vector<std::string>& into, int most,
                               std::string_view help) {
  app_.add_option(std::string(name), into, std::string(help))->expected(0, most)->type_name("");
}

void Parser::choice(std::string_view name, std::vector<std::string> const& choices,
                    std::vector<std::string>& into, std::string_view help) {
  app_.add_option(std::string(name), into, std::string(help))
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->type_name(CLI::detail::join(choices, "|"));
}

void Parser::flag(std::string_view names, bool& into, std::string_view help) {
  app_.add_flag(std::string(names), into, std::string(help));
}

void Parser::text(std::string_view name, std::string_view what, std::string& into,
                  std::string_view help) {
  app_.add_option(std::string(name), into, std::string(help))->type_name(std::string(what));
}

void Parser::number(std::string_view name, std::string_view what, std::optional<u64>& into,
                    std::string_view help) {
  app_.add_option_function<u64>(
          std::string(name), [&into](u64 const& value) { into = value; }, std::string(help))
      ->type_name(std::string(what));
}

void Parser::bytes(std::string_view name, std::optional<u64>& into, std::string_view help) {
  number(name, "BYTES", into, help);
}

void Parser::details(std::string_view text) {
  app_.footer(std::string(text));
}

}  // namespace xfsx::inline v0::cli
