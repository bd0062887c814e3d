#pragma once
// Documents for people: one `name: value` a line, groups indented below their name.

#include <xfsx/filesystem.h>

#include "inspect/value.h"

namespace xfsx::inline v0::cli {

std::string to_report(inspect::Value const& document);

/// A moment as a group of `sec` and `nsec` for JSON; text shows the calendar, in UTC.
inspect::Value time_value(std::string_view name, Timestamp const& time);

/// A position in the log.
inspect::Value position_value(std::string_view name, Lsn lsn);

/// `2026-11-22 17:59:48`, and with `nanoseconds` the fraction too; UTC.
std::string calendar(Timestamp const& time, bool nanoseconds);

/// "regular", "directory" …
std::string_view to_string(FileType type);

/// As ls -l shows it: `drwxr-xr-x`.
std::string mode_text(FileType type, u16 mode);

/// What stat knows of an inode.
inspect::Value status_value(std::string_view name, FileStatus const& status);

}  // namespace xfsx::inline v0::cli
