#pragma once
// The command line as a function: words in, exit status out.

#include "environment.h"

#include <span>
#include <string>

namespace xfsx::inline v0::cli {

/// Runs `xfsx` with `words` (the program's name left out). Never throws, never exits.
int run(std::span<std::string const> words, Environment& environment);

}  // namespace xfsx::inline v0::cli
