#pragma once
// Finishes the work that a log left open, in memory. Intents are taken in the order of the log,
// each asked first whether it can be meant; what follows from them (reverse mappings of a mapping
// that was made, blocks whose last owner went) is done once all of them had their turn, in the
// order in which it came up: as Linux does it, and as it must be where one waits for another.
// Attributes are last, since whoever changes them relies on reverse mappings that agree with the
// forks.
//
// All work ends in one checkpoint, which nothing older is needed for: no done item is written, and
// no new intent.

#include "recovery/intent.h"
#include "recovery/workbench.h"

#include <span>

namespace xfsx::inline v0 {

/// `intents`: those that are open, in log order. `now` is for the timers of quota. Errors:
/// bad_value located by log block and operation for an intent that cannot be meant; bad_value,
/// bad_crc, io of the structures that it is about; refused ENOSPC; refused EOPNOTSUPP for what this
/// release cannot finish. The workbench is of no use then.
Result<void> finish_intents(Workbench& bench, std::span<Intent const> intents, Timestamp now);

}  // namespace xfsx::inline v0
