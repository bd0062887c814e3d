#pragma once
// Small files and directories of /proc and /sys. The standard library's streams swallow a failed
// allocation and its directory iterator dies of one; here both are thrown as std::bad_alloc.

#include <string>
#include <vector>

namespace xfsx::inline v0 {

/// The text of a file; empty when it cannot be read.
std::string host_text(std::string const& path);

/// The names in a directory but "." and ".."; none when it cannot be read.
std::vector<std::string> host_names(std::string const& path);

}  // namespace xfsx::inline v0
