#include "candidates.h"

#include "inspect/registry.h"

#include <algorithm>
#include <string_view>

namespace xfsx::inline v0::cli {

namespace {

/// A command line up to its last word.
class Line {
 public:
  Line(Usage const& usage, std::span<std::string const> words) : usage_(usage) {
    for (std::string const& word : words) take(word);
  }

  [[nodiscard]] VerbUsage const* verb() const { return verb_; }
  /// The option whose value comes next, or null.
  [[nodiscard]] OptionUsage const* awaited() const { return awaited_; }
  /// Whether words that begin with a dash are operands.
  [[nodiscard]] bool only_operands() const { return only_operands_; }

  /// The operand that the next word is, or null.
  [[nodiscard]] OptionUsage const* next_operand() const {
    if (verb_ == nullptr || verb_->operands.empty()) return nullptr;
    if (operands_.size() < verb_->operands.size()) return &verb_->operands[operands_.size()];
    return verb_->operands.back().repeats ? &verb_->operands.back() : nullptr;
  }
  [[nodiscard]] std::vector<std::string> const& operands() const { return operands_; }
  /// Options that say where the filesystem lies, with their values.
  [[nodiscard]] std::vector<std::string> const& place() const { return place_; }

  [[nodiscard]] OptionUsage const* find_option(std::string_view name) const {
    for (auto const* options : {&usage_.options, verb_ == nullptr ? nullptr : &verb_->options}) {
      if (options == nullptr) continue;
      for (OptionUsage const& option : *options) {
        if (std::ranges::find(option.names, name) != option.names.end()) return &option;
      }
    }
    return nullptr;
  }

 private:
  void take(std::string const& word) {
    if (word == "=") return;  // shells part --io=uring into three words
    if (awaited_ != nullptr) {
      keep_place(*awaited_, word);
      awaited_ = nullptr;
    } else if (!only_operands_ && word == "--") {
      only_operands_ = true;
    } else if (!only_operands_ && word.size() > 1 && word.front() == '-') {
      take_option(word);
    } else if (verb_ == nullptr) {
      auto const found = std::ranges::find(usage_.verbs, word, &VerbUsage::name);
      if (found != usage_.verbs.end()) verb_ = &*found;
    } else {
      operands_.push_back(word);
    }
  }

  void take_option(std::string const& word) {
    std::size_t const equals = word.find('=');
    OptionUsage const* const option = find_option(word.substr(0, equals));
    if (option == nullptr || option->value.empty()) return;
    if (equals == std::string::npos) {
      awaited_ = option;
    } else {
      keep_place(*option, word.substr(equals + 1));
    }
  }

  void keep_place(OptionUsage const& option, std::string const& value) {
    constexpr std::string_view places[] = {"--offset", "--partition", "--log-dev", "--rt-dev"};
    if (std::ranges::find(places, option.names.back()) == std::end(places)) return;
    place_.push_back(option.names.back());
    place_.push_back(value);
  }

  Usage const& usage_;
  VerbUsage const* verb_ = nullptr;
  OptionUsage const* awaited_ = nullptr;
  bool only_operands_ = false;
  std::vector<std::string> operands_, place_;
};

void add(Candidates& found, std::string_view word, std::string_view begun, std::string_view help) {
  if (!word.starts_with(begun)) return;
  std::string_view const first = help.substr(0, help.find_first_of(";\n"));
  found.words.push_back({std::string(word), std::string(first)});
}

Candidates values_of(OptionUsage const& option, std::string_view begun) {
  Candidates found;
  for (std::string const& choice : option.choices) add(found, choice, begun, {});
  found.host_files = option.value == "PATH" || option.value == "DIR" || option.value == "FILE";
  return found;
}

Candidates options_of(Usage const& usage, Line const& line, std::string_view begun) {
  Candidates found;
  for (auto const* options :
       {line.verb() == nullptr ? nullptr : &line.verb()->options, &usage.options}) {
    if (options == nullptr) continue;
    for (OptionUsage const& option : *options) {
      for (std::string const& name : option.names) add(found, name, begun, option.help);
    }
  }
  return found;
}

/// Paths inside the image, which is the first operand.
Candidates paths_of(Line const& line, std::string const& begun, ListDirectory const& list) {
  Candidates found;
  if (line.operands().empty()) return found;
  if (!begun.starts_with('/')) {
    add(found, "/", begun, "the root directory");
    add(found, "inode:", begun, "an inode by its number");
    return found;
  }
  std::string const folder = begun.substr(0, begun.rfind('/') + 1);
  std::vector<std::string> words = line.place();
  words.push_back("--");
  words.push_back(line.operands().front());
  words.push_back(folder);
  for (std::string const& name : list(words)) add(found, folder + name, begun, {});
  return found;
}

Candidates operand_of(Usage const& usage, Line const& line, std::string const& begun,
                      ListDirectory const& list) {
  OptionUsage const* const operand = line.next_operand();
  if (operand == nullptr) return {};
  std::string const& name = operand->names.front();
  Candidates found = values_of(*operand, begun);
  found.host_files = name == "IMAGE";
  if (name == "VERB") {
    for (VerbUsage const& verb : usage.verbs) add(found, verb.name, begun, verb.summary);
  } else if (name == "NAME" && line.verb()->name == "document") {
    for (inspect::Family const& page : inspect::families()) {
      add(found, page.name, begun, page.title);
    }
  } else if (name == "FILE" && line.verb()->name == "undo") {
    found.host_files = true;
  } else if (name.starts_with("FILE") || name == "PATH") {
    return paths_of(line, begun, list);
  }
  return found;
}

}  // namespace

Candidates find_candidates(Usage const& usage, std::span<std::string const> words,
                           ListDirectory const& list) {
  std::string const begun = words.empty() || words.back() == "=" ? std::string() : words.back();
  Line const line(usage, words.first(words.empty() ? 0 : words.size() - 1));
  if (line.awaited() != nullptr) return values_of(*line.awaited(), begun);
  if (begun.starts_with('-') && !line.only_operands()) {
    std::size_t const equals = begun.find('=');
    OptionUsage const* const option = line.find_option(begun.substr(0, equals));
    if (equals == std::string::npos || option == nullptr) return options_of(usage, line, begun);
    Candidates found = values_of(*option, begun.substr(equals + 1));
    for (Candidate& c : found.words) c.word.insert(0, begun.substr(0, equals + 1));
    return found;
  }
  if (line.verb() != nullptr) return operand_of(usage, line, begun, list);
  Candidates found;
  for (VerbUsage const& verb : usage.verbs) add(found, verb.name, begun, verb.summary);
  return found;
}

}  // namespace xfsx::inline v0::cli
