#pragma once
// Any structure of a filesystem, found by what a person calls it (`agf 0`, `inode 131`) and decoded
// by its table. Inspecting goes on where verifying stops: a damaged structure is decoded all the
// same, and what is wrong with it stands beside its fields.
//
// This room knows formats, not filesystems: whoever has the bytes implements ByteSource.

#include "format/geometry.h"
#include "inspect/value.h"

#include <optional>
#include <span>
#include <string>

namespace xfsx::inline v0::inspect {

/// Where inspect gets bytes from.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Reads from the data device. Errors: io, truncated.
  virtual Result<void> read(Daddr at, Bytes into) = 0;
};

/// What to look at.
struct Target {
  enum class Kind : u8 { superblock, agf, agi, agfl, inode, fsblock, daddr, log };
  Kind kind = Kind::superblock;
  u64 number = 0;    ///< AG, inode, or address
  std::string path;  ///< a field path; empty for the whole structure
};

/// Understands `sb`, `sb 2`, `agf 0`, `agi 1`, `agfl 0`, `inode 131`, `fsblock N`, `daddr N`,
/// `log`, each with a field path behind it or not; numbers may be 0x…. Nothing if it is none of
/// these.
std::optional<Target> parse_target(std::span<std::string const> words);

struct Inspection {
  std::string_view structure;  ///< "agf", "inode", "bmbt block"; "unknown" if no magic matches
  Location where;
  Value fields = Value::group({});
  std::optional<Error> problem;  ///< what the verifier says, if it says anything
};

/// Reads and decodes. `head`: no structure may carry a newer LSN; null for no check. Errors: io,
/// truncated; refused EINVAL for an address outside the filesystem, and for the log, whose parts
/// the caller finds.
Result<Inspection> inspect(Geometry const& geometry, ByteSource& source, Target const& target,
                           Lsn head);

/// The header of a log record, called `record`.
Value decode_log_record(ConstBytes header);

/// The primary superblock, whose numbers need not make a geometry. Errors: not_xfs, truncated.
Result<Inspection> inspect_primary(ConstBytes sector, SuperblockLimits const& limits);

}  // namespace xfsx::inline v0::inspect
