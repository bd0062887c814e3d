#pragma once
// The one place where errors become exit statuses.

#include <xfsx/error.h>

namespace xfsx::inline v0::cli {

namespace exit_status {
inline constexpr int done = 0;
inline constexpr int refused = 1;
inline constexpr int dirty_log = 2;
inline constexpr int damaged = 4;
inline constexpr int operational = 8;
inline constexpr int usage = 16;
inline constexpr int cancelled = 32;
inline constexpr int changed = 64;
inline constexpr int incomplete = 65;
}  // namespace exit_status

int exit_status_of(Errc code);

}  // namespace xfsx::inline v0::cli
