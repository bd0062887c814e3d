#include "recovery/interrupted.h"

#include "recovery/finish_intents.h"
#include "recovery/staging.h"
#include "recovery/unlinked.h"

namespace xfsx::inline v0 {

Result<Finished> finish_interrupted(Workbench& bench, std::span<Intent const> intents,
                                    Timestamp now) {
  Finished finished;
  XFSX_TRYV(finish_intents(bench, intents, now));
  XFSX_TRY(std::vector<FreedInode> const freed, free_unlinked(bench, now));
  for (FreedInode const& f : freed) {
    finished.freed.push_back({f.number, f.blocks.raw(), {}});
  }
  XFSX_TRY(BlockCount const staging, free_staging(bench));
  finished.staging_blocks = staging.raw();
  return finished;
}

}  // namespace xfsx::inline v0
