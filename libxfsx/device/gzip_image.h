#pragma once
// Images that are compressed by gzip, for reading. gzip has no way to a byte but through all bytes
// before it, so such an image is unpacked once, into a temporary file with holes for its zeros,
// which has no name and is gone when it is closed.

#include "device/unique_fd.h"

#include <xfsx/result.h>

namespace xfsx::inline v0 {

/// Whether a file begins like one that gzip wrote.
bool is_gzip(int fd);

/// The unpacked bytes, in a file in TMPDIR or else /var/tmp. Errors: truncated and bad_value of the
/// compressed bytes; host_full; io.
Result<UniqueFd> unpack_gzip(int fd);

}  // namespace xfsx::inline v0
