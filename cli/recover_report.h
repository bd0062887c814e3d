#pragma once
// What `recover` tells, for programs and for people.

#include <xfsx/recover.h>

#include "inspect/value.h"

#include <map>
#include <string>

namespace xfsx::inline v0::cli {

/// Paths of inodes, where they are known.
using PathsOfInodes = std::map<u64, std::string>;

/// Adds the report to a document; `paths`: of inodes whose changes are lost.
void add_recovery(inspect::Value& document, RecoverReport const& report,
                  PathsOfInodes const& paths);

/// What a salvage gives up, a line for each transaction.
std::string lost_text(SalvageReport const& lost, PathsOfInodes const& paths);

/// The whole report in sentences.
std::string recovery_text(RecoverReport const& report, bool dry_run);

}  // namespace xfsx::inline v0::cli
