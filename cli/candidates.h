#pragma once
// What a word of the command line may be, for the completion of shells.

#include "usage.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace xfsx::inline v0::cli {

struct Candidate {
  std::string word;
  std::string help;  ///< a few words; may be empty
};

struct Candidates {
  bool host_files = false;  ///< any file of the host; the shell knows them best
  std::vector<Candidate> words;
};

/// Lists a directory: the words are those of `xfsx ls`, without the verb. Returns names,
/// directories with a slash at the end; nothing if it cannot be listed.
using ListDirectory = std::function<std::vector<std::string>(std::vector<std::string> const&)>;

/// What the last of `words` may become; those before it stand as they are. Words after --, or
/// operands that nobody can guess, have no candidates.
Candidates find_candidates(Usage const& usage, std::span<std::string const> words,
                           ListDirectory const& list);

}  // namespace xfsx::inline v0::cli
