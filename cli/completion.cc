// xfsx completion SHELL, and xfsx completion --candidates -- WORD...
//
// The scripts know nothing of verbs and options: they ask the program with the words that have been
// typed, so they complete paths inside of images too.

#include "app.h"
#include "candidates.h"
#include "verb.h"

#include <nlohmann/json.hpp>

#include <map>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Writes the completion script of a shell to stdout. For a shell that is running:\n"
    "  bash   source <(xfsx completion bash)\n"
    "  zsh    source <(xfsx completion zsh)\n"
    "  fish   xfsx completion fish | source\n"
    "An installed xfsx has them in place. Verbs, options, pages and the paths of files inside of\n"
    "images are completed.\n";

constexpr char const* bash = R"script(# bash completion for xfsx
_xfsx() {
    local line word
    local -a words=()
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        words+=("${word//\\/}")
    done
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done \
                < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
            return
        fi
        line=${line%%$'\t'*}
        [[ $line == */ || $line == inode: ]] && compopt -o nospace 2>/dev/null
        if [[ ${COMP_WORDS[COMP_CWORD]} != -* ]]; then
            printf -v line %q "$line"
        fi
        COMPREPLY+=("$line")
    done < <("${COMP_WORDS[0]}" completion --candidates -- "${words[@]}" 2>/dev/null)
}
complete -F _xfsx xfsx
)script";

constexpr char const* zsh = R"script(#compdef xfsx
# zsh completion for xfsx
_xfsx() {
    local line word
    local -a found shown open open_shown
    for line in "${(@f)$("${words[1]}" completion --candidates -- "${(@Q)words[2,CURRENT]}" \
            2>/dev/null)}"; do
        [[ -n $line ]] || continue
        if [[ $line == :files ]]; then
            _files
            return
        fi
        word=${line%%$'\t'*}
        if [[ $word == */ || $word == inode: ]]; then
            open+=("$word")
            open_shown+=("${line//$'\t'/  -- }")
        else
            found+=("$word")
            shown+=("${line//$'\t'/  -- }")
        fi
    done
    (( ${#open} )) && compadd -l -S '' -d open_shown -- "${open[@]}"
    (( ${#found} )) && compadd -l -d shown -- "${found[@]}"
}
if [[ $funcstack[1] == _xfsx ]]; then
    _xfsx "$@"
else
    compdef _xfsx xfsx
fi
)script";

constexpr char const* fish = R"script(# fish completion for xfsx
function __xfsx_candidates
    set -l words (commandline -opc)
    set -l begun (commandline -ct)
    set -l lines ($words[1] completion --candidates -- $words[2..-1] "$begun" 2>/dev/null)
    if test "$lines[1]" = :files
        __fish_complete_path "$begun"
    else if test (count $lines) -gt 0
        printf '%s\n' $lines
    end
end
complete -c xfsx -f -a '(__xfsx_candidates)'
)script";

class TextSink final : public Sink {
 public:
  int write(std::string_view more) override {
    text += more;
    return 0;
  }
  int flush() override { return 0; }
  [[nodiscard]] bool is_terminal() const override { return false; }
  std::string text;
};

/// Names of a directory, by the verb that lists them.
std::vector<std::string> list_directory(Environment const& environment,
                                        std::vector<std::string> const& where) {
  TextSink out, err;
  Environment inside{out, err, environment.attention, environment.now, environment.uptime};
  std::vector<std::string> words = {"ls", "--json", "--quiet"};
  words.insert(words.end(), where.begin(), where.end());
  std::vector<std::string> names;
  if (cli::run(words, inside) != 0) return names;
  auto const document = nlohmann::json::parse(out.text, nullptr, false);
  if (document.is_discarded()) return names;
  for (auto const& entry : document["entries"]) {
    if (entry.contains("name_bytes")) continue;  // no word of a shell
    std::string name = entry["name"].get<std::string>();
    if (name.find_first_of("\n\t") != std::string::npos) continue;
    if (entry["type"] == "directory") name += '/';
    names.push_back(std::move(name));
  }
  return names;
}

class Completion : public Verb {
 public:
  [[nodiscard]] bool needs_image() const override { return false; }

  void declare(Parser& parser) override {
    parser.choice("SHELL", {"bash", "zsh", "fish"}, words_, "whose script is written");
    parser.flag("--candidates", candidates_,
                "instead, what the last word after -- may become, one a line, or `:files`");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const&) override {
    if (candidates_) return {};
    bool const known = words_.size() == 1 && scripts().contains(words_.front());
    return known ? std::string() : "SHELL is one of bash, zsh and fish";
  }

  Result<void> run(Session& session) override {
    if (!candidates_) return session.print(scripts().at(words_.front()));
    Candidates const found =
        find_candidates(describe_usage(), words_, [&session](std::vector<std::string> const& w) {
          return list_directory(session.environment(), w);
        });
    std::string text = found.host_files ? ":files\n" : "";
    for (Candidate const& c : found.words) {
      text += c.word + (c.help.empty() ? "" : '\t' + c.help) + '\n';
    }
    return session.print(text);
  }

 private:
  static std::map<std::string, char const*> const& scripts() {
    static std::map<std::string, char const*> const table = {
        {"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    return table;
  }

  std::vector<std::string> words_;
  bool candidates_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_completion() {
  return std::make_unique<Completion>();
}

}  // namespace xfsx::inline v0::cli
