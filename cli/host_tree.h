#pragma once
// The folder on the host that a tree is extracted into. Names of an image never lead out of it:
// each is one component that is neither empty, `.` nor `..`, each folder is opened by openat2(2)
// beneath the destination without following any symbolic link, and everything else is done in an
// open folder, on the last component alone, without following it.

#include <xfsx/result.h>

#include "device/unique_fd.h"

#include <sys/stat.h>

#include <optional>

namespace xfsx::inline v0::cli {

/// An errno of the host about a name of the destination.
Error host_error(int errno_value, std::string_view what, std::string_view name,
                 std::source_location raised = std::source_location::current());

/// Whether a name of an image can be one of the host's: one component that stays where it is.
bool is_safe_name(std::string_view name);

class HostTree {
 public:
  /// The destination; made if only its last component is missing. Errors: missing, refused
  /// EOPNOTSUPP where the host has no openat2(2).
  static Result<HostTree> open(std::string const& path);

  /// No folder at all, for runs that write nothing.
  static HostTree nowhere() { return HostTree(UniqueFd()); }

  /// The folder at `below` ("" for the destination, then "a", "a/b"), whose names are safe.
  [[nodiscard]] Result<UniqueFd> folder(std::string_view below) const;

  /// A file at `below` for reading, no link.
  [[nodiscard]] Result<UniqueFd> file(std::string_view below) const;

 private:
  explicit HostTree(UniqueFd root) : root_(std::move(root)) {}

  UniqueFd root_;
};

/// What `name` in a folder is, itself and not where it leads. Empty if there is none.
Result<std::optional<struct stat>> look_at(int folder, std::string const& name);

/// Makes the folder `name` if it is not there. Errors: io; EEXIST if it is no folder.
Result<void> make_folder(int folder, std::string const& name);

/// Removes `name`, no folder, if it is there.
Result<void> remove_name(int folder, std::string const& name);

/// Gives the file `part` the name `name`, whatever had it, unless that is a folder.
Result<void> rename_over(int folder, std::string const& part, std::string const& name);

}  // namespace xfsx::inline v0::cli
