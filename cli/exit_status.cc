#include "exit_status.h"

namespace xfsx::inline v0::cli {

int exit_status_of(Errc code) {
  switch (code) {
    case Errc::refused:
      return exit_status::refused;
    case Errc::dirty_log:
      return exit_status::dirty_log;
    case Errc::bad_value:
    case Errc::bad_crc:
    case Errc::truncated:
    case Errc::not_xfs:
    case Errc::needs_repair:
    case Errc::loop:
      return exit_status::damaged;
    case Errc::io:
    case Errc::missing:
    case Errc::busy:
    case Errc::host_full:
    case Errc::no_memory:
    case Errc::shut_down:
      return exit_status::operational;
    case Errc::cancelled:
      return exit_status::cancelled;
    case Errc::changed:
      return exit_status::changed;
  }
  return exit_status::operational;
}

}  // namespace xfsx::inline v0::cli
