#pragma once
// The image of a verb as a filesystem, and its operands as inodes.

#include <xfsx/filesystem.h>

#include "session.h"

namespace xfsx::inline v0::cli {

/// A filesystem and the devices that it must not outlive.
struct OpenImage {
  Devices devices;
  std::unique_ptr<Filesystem> filesystem;
};

/// Opens the image of a session. With `writable` the device is opened exclusively; otherwise what
/// reading should be warned of (a dirty log first of all) is said on stderr.
Result<OpenImage> open_image(Session& session, bool writable);

/// Says on stderr what reading should be warned of.
void warn(Session& session, Warning const& warning);

/// The filesystem of devices that are open, with the same warnings unless `writable`.
Result<std::unique_ptr<Filesystem>> open_filesystem(Session& session, BlockDevice& data,
                                                    FurtherDevices const& further, bool writable);

/// What is wrong with a FILE operand as it was written, or empty: neither an absolute path nor
/// inode:N, or no hexadecimal digits where they are asked for.
std::string check_operand(std::string const& operand, GlobalOptions const& options);

/// The number of an operand inode:N.
std::optional<InodeNumber> inode_operand(std::string_view operand);

/// The bytes of a path operand that passed check_operand; for inode:N the operand itself.
std::string operand_bytes(std::string const& operand, GlobalOptions const& options);

/// The inode that a FILE operand names. `number` is 1 for FILE1, 2 for FILE2, 0 for the only one;
/// errors carry it.
Result<InodeNumber> resolve_operand(Session& session, Filesystem& filesystem,
                                    std::string const& operand, u8 number = 0);

}  // namespace xfsx::inline v0::cli
