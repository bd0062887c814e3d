#include "usage.h"

#include "command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace xfsx::inline v0::cli {

namespace {

std::vector<std::string> split(std::string const& text, char mark) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, start)) {
    parts.push_back(text.substr(start, at - start));
    start = at + 1;
  }
  parts.push_back(text.substr(start));
  return parts;
}

OptionUsage describe(CLI::Option const& option) {
  OptionUsage usage;
  if (option.get_positional()) {
    usage.names.push_back(option.get_name(true));
  } else {
    for (std::string const& name : option.get_snames()) usage.names.push_back("-" + name);
    for (std::string const& name : option.get_lnames()) usage.names.push_back("--" + name);
  }
  bool const is_flag = option.get_items_expected_max() == 0;
  std::string const type = is_flag ? std::string() : option.get_type_name();
  if (type.find('|') != std::string::npos) usage.choices = split(type, '|');
  usage.value = option.get_positional() ? std::string() : type;
  usage.help = option.get_description();
  usage.required = option.get_required();
  usage.repeats = option.get_positional() && option.get_items_expected_max() > 1;
  return usage;
}

std::vector<OptionUsage> describe_all(CLI::App const& app, bool positional) {
  std::vector<OptionUsage> found;
  for (CLI::Option const* option : app.get_options()) {
    bool const is_help = option == app.get_help_ptr() && app.get_parent() != nullptr;
    if (option->get_positional() == positional && !is_help) found.push_back(describe(*option));
  }
  return found;
}

}  // namespace

Usage describe_usage() {
  std::unique_ptr<CommandLine> const line = declare_command_line();
  Usage usage;
  usage.description = line->parser->get_description();
  usage.statuses = line->parser->get_footer();
  usage.options = describe_all(*line->parser, false);
  for (auto const& [sub, verb] : line->verbs) {
    usage.verbs.push_back({sub->get_name(), sub->get_description(), sub->get_footer(),
                           describe_all(*sub, true), describe_all(*sub, false)});
  }
  return usage;
}

}  // namespace xfsx::inline v0::cli
