#pragma once
// What follows replay: interrupted work is finished, files without a name are freed, and blocks
// that waited for a copy-on-write that never came.

#include "recovery/intent.h"
#include "recovery/workbench.h"

#include <xfsx/recover.h>

namespace xfsx::inline v0 {

struct Finished {
  std::vector<FreedFile> freed;
  u64 staging_blocks = 0;
};

/// Does it, in this order. `now` is for the timers of quota. Errors: those of the structures;
/// bad_value of an intent that cannot be meant, located by the log; refused by name for work that
/// is not understood.
Result<Finished> finish_interrupted(Workbench& bench, std::span<Intent const> intents,
                                    Timestamp now);

}  // namespace xfsx::inline v0
