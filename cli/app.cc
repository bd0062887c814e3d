#include "app.h"

#include "command_line.h"
#include "exit_status.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <new>

#ifndef XFSX_VERSION
#error "the build defines XFSX_VERSION"
#endif

namespace xfsx::inline v0::cli {

namespace {

/// Parsing may have stopped before it came to --json.
bool wants_json(std::span<std::string const> words) {
  auto const end = std::ranges::find(words, "--");
  return std::find(words.begin(), end, "--json") != end;
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

std::string usage_sentence(CommandLine& line, std::string const& from_parser) {
  if (line.chosen() != nullptr) return from_parser + "; see --help";
  for (std::string const& word : line.parser->remaining()) {
    if (!word.starts_with('-')) return fmt::format("unknown verb '{}'; see --help", word);
  }
  return from_parser + "; see --help";
}

/// Runs the verb and turns whatever happens into an exit status.
int run_verb(Verb& verb, Session& session) {
  try {
    Result<void> done = verb.run(session);
    if (done) done = session.finish();
    if (session.reader_gone()) return exit_status::done;
    if (done) return session.incomplete() ? exit_status::incomplete : exit_status::done;
    (void)session.finish();
    return session.fail(done.error());
  } catch (std::bad_alloc const&) {
    return session.fail(make_error(Errc::no_memory, ENOMEM, "out of memory"));
  }
}

int print_and_leave(Environment& environment, std::string_view text) {
  int const status = environment.out.write(text);
  int const flushed = environment.out.flush();
  return status == 0 && flushed == 0 ? exit_status::done : exit_status::operational;
}

int parse_and_run(std::span<std::string const> words, Environment& environment) {
  std::unique_ptr<CommandLine> const line = declare_command_line();
  bool const json = wants_json(words);
  try {
    line->parser->parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (CLI::CallForHelp const&) {
    return print_and_leave(environment, line->parser->help());
  } catch (CLI::ParseError const& error) {
    if (line->version) return print_and_leave(environment, "xfsx " XFSX_VERSION "\n");
    return fail_usage(environment, json, usage_sentence(*line, one_line(error.what())));
  }
  if (line->version) return print_and_leave(environment, "xfsx " XFSX_VERSION "\n");
  Verb* const verb = line->chosen();
  if (verb == nullptr) return fail_usage(environment, json, "a verb is missing; see --help");
  if (std::string const wrong = verb->check_usage(line->options); !wrong.empty()) {
    return fail_usage(environment, json, wrong);
  }
  Session session(environment, line->options);
  session.set_image(verb->image_name);
  return run_verb(*verb, session);
}

}  // namespace

int run(std::span<std::string const> words, Environment& environment) {
  try {
    return parse_and_run(words, environment);
  } catch (std::bad_alloc const&) {
    environment.err.write("xfsx: out of memory [ENOMEM]\n");
    environment.err.flush();
    return exit_status::operational;
  }
}

}  // namespace xfsx::inline v0::cli
