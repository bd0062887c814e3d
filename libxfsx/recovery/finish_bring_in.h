#pragma once
// What Linux does behind an exchange of metadata: a fork that lies in blocks and fits its inode
// goes there. (A directory of one block is right either way, and stays as it is.)

#include "recovery/finish.h"

namespace xfsx::inline v0 {

/// Brings attributes that lie in one leaf, or the target of a link, into the inode if they fit;
/// reverse mappings agree with the fork by now. Errors: those of reading; bad_value; refused
/// ENOSPC.
Result<void> bring_in(Workbench& bench, BringInWork const& work);

}  // namespace xfsx::inline v0
