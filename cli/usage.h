#pragma once
// The command line as data: what manual pages and completions are made of. It is read out of the
// parser that --help prints, so the three cannot differ.

#include <string>
#include <vector>

namespace xfsx::inline v0::cli {

struct OptionUsage {
  std::vector<std::string> names;  ///< with their dashes, short ones first; an operand has one
  std::string value;               ///< what follows it, as BYTES; empty for flags and operands
  std::string help;
  std::vector<std::string> choices;  ///< the values that there are; empty if any may be given
  bool required = false;
  bool repeats = false;  ///< an operand that takes all words to the end
};

struct VerbUsage {
  std::string name, summary, details;
  std::vector<OptionUsage> operands, options;
};

struct Usage {
  std::string description, statuses;
  std::vector<OptionUsage> options;  ///< of every verb
  std::vector<VerbUsage> verbs;
};

Usage describe_usage();

}  // namespace xfsx::inline v0::cli
