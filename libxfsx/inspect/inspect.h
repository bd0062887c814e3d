#pragma once
// Any structure of a filesystem, found by what a person calls it (`agf 0`, `inode 131`) and decoded
// by its table. Inspecting goes on where verifying stops: a damaged structure is decoded all the
// same, and what is wrong with it stands beside its fields.
//
// This room knows formats, not filesystems: whoever has the bytes implements ByteSource.

#include "format/geometry.h"
#include "format/quota.h"
#include "inspect/value.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace xfsx::inline v0::inspect {

/// Where inspect gets bytes from.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Reads from the data device. Errors: io, truncated.
  virtual Result<void> read(Daddr at, Bytes into) = 0;
  /// Reads from the realtime device, if there is one. Errors: io, truncated; refused ENODEV if it
  /// was not given.
  virtual Result<void> read_realtime(Daddr at, Bytes into);
  [[nodiscard]] virtual bool has_realtime() const { return false; }
};

/// What to look at.
struct Target {
  enum class Kind : u8 {
    superblock,
    agf,
    agi,
    agfl,
    bnobt,  ///< these six: the root block of the tree
    cntbt,
    inobt,
    finobt,
    rmapbt,
    refcountbt,
    unlinked,  ///< the inodes on an AG's lists of unlinked ones
    inode,
    fsblock,
    daddr,
    log,
    dquot,
    rt_bitmap,  ///< a block of the file; these two without realtime groups
    rt_summary,
    rt_superblock,
  };
  Kind kind = Kind::superblock;
  u64 number = 0;    ///< AG, inode, address, id, or block of a file
  std::string path;  ///< a field path; empty for the whole structure
  QuotaKind quota = QuotaKind::user;
};

/// Understands `sb`, `sb 2`, `agf 0`, `agi 1`, `agfl 0`, `bnobt 0` (and the other trees of an AG),
/// `unlinked 0`, `inode 131`, `fsblock N`, `daddr N`, `log`, `dquot user 1000` (and the other kinds
/// of quota), `rtbitmap 0`, `rtsummary 0`, `rtsb`, each with a field path behind it or not; numbers
/// may be 0x…. Nothing if it is none of these.
std::optional<Target> parse_target(std::span<std::string const> words);

/// Bytes that lie together on a device.
struct Extent {
  Daddr at;
  u32 size = 0;  ///< bytes
};

/// A checksum over some of the bytes of an inspection.
struct Checksum {
  u32 first = 0;  ///< the first byte that it covers
  u32 size = 0;   ///< bytes that it covers, itself among them
  u32 at = 0;     ///< where it lies, from the first
};

struct Inspection {
  std::string_view structure;  ///< "agf", "inode", "bmbt block"; "unknown" if no magic matches
  Location where;
  Value fields = Value::group({});
  std::optional<Error> problem;  ///< what the verifier says, if it says anything
  /// What `fields` were decoded from: the places of values lie in here.
  std::vector<std::byte> bytes{};
  std::vector<Extent> extents{};      ///< where these bytes lie, in their order, on where.device
  std::vector<Checksum> checksums{};  ///< those that can be made again from these bytes
  /// True where a checksum covers these bytes that cannot: more lies elsewhere.
  bool checksum_elsewhere = false;
};

/// Reads and decodes. `head`: no structure may carry a newer LSN; null for no check. Errors: io,
/// truncated; refused EINVAL for an address outside the filesystem, for a tree that the filesystem
/// does not have, and for the log, whose parts the caller finds; ENOENT for what a file does not
/// have, ENODEV without the device; bad_value for a root that leads outside.
Result<Inspection> inspect(Geometry const& geometry, ByteSource& source, Target const& target,
                           Lsn head);

/// The header of a log record, called `record`.
Value decode_log_record(ConstBytes header);

/// The primary superblock, whose numbers need not make a geometry. Errors: truncated; not_xfs
/// unless `any_magic`.
Result<Inspection> inspect_primary(ConstBytes sector, SuperblockLimits const& limits,
                                   bool any_magic = false);

}  // namespace xfsx::inline v0::inspect
