#pragma once
// What an image says of a file besides its bytes, put on a file of the host: owner, mode,
// attributes, times. What the host does not permit is left out and told, never an error.

#include <xfsx/filesystem.h>

#include "posix_acl.h"

namespace xfsx::inline v0::cli {

/// The file that is written to. `fd` is open unless it is a link or a special file, which only its
/// folder can name.
struct HostTarget {
  int fd = -1;
  int folder = -1;
  std::string name;
};

/// What the host did not take.
struct LeftOut {
  bool owner = false;
  bool privileges = false;              ///< set-id bits, since the owner is not the image's
  std::vector<std::string> attributes;  ///< their names, with the errno's in brackets
};

/// Puts it all on the file, the times last. Errors: io if mode or times cannot be set.
Result<LeftOut> apply_metadata(HostTarget const& target, FileStatus const& status,
                               std::span<HostAttribute const> attributes);

}  // namespace xfsx::inline v0::cli
