#pragma once
// Whose the sectors of an image are: those that were there before a change, those that the change
// wrote, or those of somebody who came later.

#include "undo/undo_file.h"

namespace xfsx::inline v0 {

/// In what state the devices are. `mark`: the first sector of the data device while an undo is at
/// work. Errors: refused ESTALE, located, for a sector that is neither old nor the change's; io,
/// truncated.
Result<UndoState> find_undo_state(UndoFile const& file, DevicesByRole const& devices,
                                  ConstBytes mark);

}  // namespace xfsx::inline v0
