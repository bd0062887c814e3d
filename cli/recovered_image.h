#pragma once
// For verbs that look at an image without opening a filesystem: a dirty one as recovery would leave
// it.

#include "session.h"

namespace xfsx::inline v0::cli {

/// Where the log of the image is dirty and can be replayed, puts a device in the place of the data
/// device that shows what comes of it, and says so on stderr. Where it cannot, the image is shown
/// as it lies there, and why is said. What is no filesystem at all is left to whoever reads it.
/// Errors: io.
Result<void> show_recovered(Session& session, Devices& devices);

}  // namespace xfsx::inline v0::cli
