#include "recovery/finish.h"

namespace xfsx::inline v0 {

Result<Finished> finish_interrupted(Workbench& bench, std::span<Intent const> intents) {
  static_cast<void>(bench);
  if (!intents.empty()) {
    return refuse(EOPNOTSUPP, "the log has open intents, which are not finished yet");
  }
  return Finished{};
}

}  // namespace xfsx::inline v0
