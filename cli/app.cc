#include "app.h"

#include "exit_status.h"
#include "verb.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <new>

#ifndef XFSX_VERSION
#error "the build defines XFSX_VERSION"
#endif

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* description =
    "Reads and changes XFS filesystems that are not mounted.\n"
    "IMAGE is a block device or an image file. A FILE is an absolute path inside the\n"
    "filesystem, or inode:N. Options may follow the verb. `xfsx VERB --help` describes a verb.";

constexpr char const* statuses =
    "Exit status:\n"
    "   0  done\n"
    "   1  refused or failed, nothing changed\n"
    "   2  the log is dirty\n"
    "   4  the image is damaged or holds no XFS filesystem\n"
    "   8  operational error: IMAGE missing, unreadable, mounted, busy or locked; input/output\n"
    "  16  usage\n"
    "  32  cancelled\n";

/// The parser, and what it fills.
struct CommandLine {
  CLI::App parser{description, "xfsx"};
  GlobalOptions options;
  std::vector<std::pair<CLI::App*, std::unique_ptr<Verb>>> verbs;
  bool version = false;

  /// The verb that was named, or null.
  Verb* chosen() {
    for (auto& [sub, verb] : verbs) {
      if (sub->parsed()) return verb.get();
    }
    return nullptr;
  }
};

void declare_globals(CommandLine& line) {
  GlobalOptions& o = line.options;
  CLI::App& p = line.parser;
  std::map<std::string, When> const when = {
      {"auto", When::automatic}, {"always", When::always}, {"never", When::never}};
  std::map<std::string, IoBackend> const backends = {
      {"auto", IoBackend::automatic}, {"uring", IoBackend::uring}, {"threads", IoBackend::threads}};
  p.add_flag("--json", o.json,
             "one JSON document on stdout; on stderr one JSON object a line and nothing else");
  p.add_option("--offset", o.offset, "where the filesystem starts inside IMAGE, bytes")
      ->type_name("BYTES");
  p.add_option("--io", o.io, "how the device is driven: auto, uring or threads")
      ->type_name("WAY")
      ->transform(CLI::CheckedTransformer(backends).description(""));
  p.add_flag("--hex-path", o.hex_path, "paths are given as hexadecimal digits, two for each byte");
  p.add_flag("-q,--quiet", o.quiet, "no warnings and no progress on stderr");
  p.add_flag("-v,--verbose", o.verbose, "tell more on stderr");
  p.add_option("--color", o.color, "colour on stderr: auto, always or never; see NO_COLOR")
      ->type_name("WHEN")
      ->transform(CLI::CheckedTransformer(when).description(""));
  p.add_option("--progress", o.progress, "progress on stderr: auto, always or never")
      ->type_name("WHEN")
      ->transform(CLI::CheckedTransformer(when).description(""));
  p.add_flag("--version", line.version, "print the version and exit");
  p.set_help_flag("-h,--help", "print this help and exit");
  p.footer(statuses);
}

std::unique_ptr<CommandLine> declare_all() {
  auto line = std::make_unique<CommandLine>();
  declare_globals(*line);
  line->parser.require_subcommand(0, 1);
  line->parser.fallthrough();
  for (VerbRow const& row : verb_table()) {
    CLI::App* sub = line->parser.add_subcommand(std::string(row.name), std::string(row.summary));
    sub->fallthrough();
    std::unique_ptr<Verb> verb = row.make();
    sub->add_option("IMAGE", verb->image_name, "a block device or an image file")->required();
    Parser parser(*sub);
    verb->declare(parser);
    line->verbs.emplace_back(sub, std::move(verb));
  }
  return line;
}

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
  for (std::string const& word : line.parser.remaining()) {
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
    if (done) return exit_status::done;
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
  std::unique_ptr<CommandLine> const line = declare_all();
  bool const json = wants_json(words);
  try {
    line->parser.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (CLI::CallForHelp const&) {
    return print_and_leave(environment, line->parser.help());
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
