#pragma once
// Disks that were kept because something was once wrong with them.
//
// A script says how an image differs, so what it means changes with the image and with the target.
// What a target read and wrote while it ran a script is a disk of its own, which means the same for
// ever: its sectors, and zeros elsewhere. Such a disk is looked at in every way that a target has.

#include <xfsx/result.h>

#include <string>

namespace xfsx::fuzz {

/// Looks at all that a kept disk holds; ends the process where a promise is broken. Errors: those
/// of reading the file.
Result<void> examine_disk(std::string const& path);

}  // namespace xfsx::fuzz
