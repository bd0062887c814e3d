#pragma once
// Small files that say how to turn an image into one with a wrong field: one JSON object each.

#include "change.h"

namespace xfsx::inline v0::cli {

/// A case: a field, and what was done to it.
struct Delta {
  std::string structure, field;  ///< the words that inspect takes
  std::string mutation;          ///< one of the eight verbs
  u64 seed = 0;                  ///< of random; 0 for the others
  std::string checksum, before, after;
  std::vector<inspect::Patch> patches;
};

std::string to_text(Delta const& delta);

/// Reads a delta back. Errors: missing, io; refused EFBIG for more than a megabyte; EINVAL for what
/// is no delta, and for bytes that do not follow one another in rising order.
Result<Delta> read_delta(std::string const& path);

/// Writes a file whole or not at all. Errors: io with its path.
Result<void> write_whole(std::string const& path, std::string_view text);

Error cannot_write(std::string const& path, int code);

}  // namespace xfsx::inline v0::cli
