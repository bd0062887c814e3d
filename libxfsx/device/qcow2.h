#pragma once
// Images in QEMU's format qcow2, versions 2 and 3, for reading. The image is cut into clusters; a
// table of two levels says where each lies in the file, or that it is compressed, reads as zeros,
// or has never been written and is that of the backing file. The reference counts of clusters
// matter to writers only. All numbers are big-endian.
//
// What the file says is never believed: tables and clusters must lie in the file, tables are read
// through a cache of fixed size, and the depth of the tables does not depend on the file.

#include <xfsx/device.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace xfsx::inline v0 {

/// Whether a device begins like a qcow2 image.
bool is_qcow2(BlockDevice& file);

/// What an image says of the file that has the clusters which it does not have itself.
struct BackingFile {
  std::string name;    ///< as it stands there; relative names count from the image's folder
  std::string format;  ///< "raw", "qcow2", or empty if it does not say
};
using OpenBacking = std::function<Result<std::unique_ptr<BlockDevice>>(BackingFile const&)>;

/// The disk that the image in `file` describes; `open` is called if it has a backing file. Errors:
/// bad_value and truncated of its header; refused EOPNOTSUPP, by name, for what is not understood
/// (encryption, an external data file, extended L2 entries, compression other than zlib's, unknown
/// incompatible features, version 1); those of `open`; io. Reading has the same for tables.
Result<std::unique_ptr<BlockDevice>> open_qcow2(std::unique_ptr<BlockDevice> file,
                                                OpenBacking const& open);

}  // namespace xfsx::inline v0
