#include "command_line.h"

#include <CLI/CLI.hpp>

#include <map>

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
    "  32  cancelled\n"
    "  64  the target of --fresh has changed, nothing done\n"
    "  65  done, but something could not be extracted\n";

void declare_globals(CommandLine& line) {
  GlobalOptions& o = line.options;
  CLI::App& p = *line.parser;
  std::map<std::string, When> const when = {
      {"auto", When::automatic}, {"always", When::always}, {"never", When::never}};
  std::map<std::string, IoBackend> const backends = {
      {"auto", IoBackend::automatic}, {"uring", IoBackend::uring}, {"threads", IoBackend::threads}};
  p.add_flag("--json", o.json,
             "one JSON document on stdout; on stderr one JSON object a line and nothing else");
  p.add_option("--offset", o.offset, "where the filesystem starts inside IMAGE, bytes")
      ->type_name("BYTES");
  p.add_option("--partition", o.partition,
               "the partition that holds the filesystem; without it the only one with XFS")
      ->type_name("N")
      ->check(CLI::Validator(CLI::PositiveNumber).description(""))
      ->excludes("--offset");
  p.add_option("--log-dev", o.log_device, "the device of an external log")->type_name("PATH");
  p.add_option("--rt-dev", o.realtime_device, "the realtime device")->type_name("PATH");
  p.add_option("--io", o.io, "how the device is driven")
      ->type_name("auto|uring|threads")
      ->transform(CLI::CheckedTransformer(backends).description(""));
  p.add_flag("--hex-path", o.hex_path, "paths are given as hexadecimal digits, two for each byte");
  p.add_flag("--norecovery", o.no_recovery,
             "show a dirty filesystem as it lies on the device, not as recover would leave it");
  p.add_flag("-q,--quiet", o.quiet, "no warnings and no progress on stderr");
  p.add_flag("-v,--verbose", o.verbose, "tell more on stderr");
  p.add_option("--color", o.color, "colour on stderr; see NO_COLOR")
      ->type_name("auto|always|never")
      ->transform(CLI::CheckedTransformer(when).description(""));
  p.add_option("--progress", o.progress, "progress on stderr")
      ->type_name("auto|always|never")
      ->transform(CLI::CheckedTransformer(when).description(""));
  p.add_flag("--version", line.version, "print the version and exit");
  p.set_help_flag("-h,--help", "print this help and exit");
  p.footer(statuses);
}

}  // namespace

CommandLine::CommandLine() : parser(std::make_unique<CLI::App>(description, "xfsx")) {}

CommandLine::~CommandLine() = default;

Verb* CommandLine::chosen() {
  for (auto& [sub, verb] : verbs) {
    if (sub->parsed()) return verb.get();
  }
  return nullptr;
}

std::unique_ptr<CommandLine> declare_command_line() {
  auto line = std::make_unique<CommandLine>();
  declare_globals(*line);
  line->parser->require_subcommand(0, 1);
  line->parser->fallthrough();
  for (VerbRow const& row : verb_table()) {
    CLI::App* sub = line->parser->add_subcommand(std::string(row.name), std::string(row.summary));
    sub->fallthrough();
    std::unique_ptr<Verb> verb = row.make();
    if (verb->needs_image()) {
      sub->add_option("IMAGE", verb->image_name, "a block device or an image file")->required();
    }
    Parser parser(*sub);
    verb->declare(parser);
    line->verbs.emplace_back(sub, std::move(verb));
  }
  return line;
}

}  // namespace xfsx::inline v0::cli
