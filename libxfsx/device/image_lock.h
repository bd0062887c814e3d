#pragma once
// Locks on image files, so that xfsx and whoever else has the image open (qemu, another xfsx) find
// each other.

#include <xfsx/result.h>

namespace xfsx::inline v0 {

/// Locks the open image file for a writer that shares with nobody who writes, until `fd` is closed.
/// Errors: busy [EBUSY], the note names the other side where the host tells.
Result<void> lock_for_writing(int fd);

/// Lets writers know that somebody reads. An image that is locked stays readable, so this cannot
/// fail.
void lock_for_reading(int fd);

}  // namespace xfsx::inline v0
