#pragma once
// Files that verbs write for people.

#include <xfsx/result.h>

#include <string>
#include <string_view>

namespace xfsx::inline v0::cli {

/// Makes a folder and those above it. Errors: io, the note names it.
Result<void> make_folder(std::string const& path);

/// Writes a new or emptied file. Errors: io, the note names it.
Result<void> write_file(std::string const& path, std::string_view text);

}  // namespace xfsx::inline v0::cli
