#pragma once
// What set and fuzz have in common: a field found by its name, changed in a copy, and the bytes
// that differ written where they lie, outside of the log.

#include "inspect/change.h"
#include "session.h"

#include <functional>

namespace xfsx::inline v0::cli {

/// A change of one field that is ready to be written.
struct FieldChange {
  std::string_view structure;  ///< what inspect calls it
  std::string field;           ///< its path
  std::string before, after;   ///< the bits of the field, spelled
  std::string_view checksum;   ///< "restamped", "kept", or "none" where the structure has none
  std::vector<inspect::Patch> patches;
};

/// Makes the bytes of the inspection that has `field` changed.
using Alter = std::function<Result<std::vector<std::byte>>(inspect::Inspection const& found,
                                                           Value const& field)>;

/// Refuses what may not be written: version 4 filesystems. Warns when the log is dirty, which may
/// undo a change when it is replayed, or cannot be understood.
Result<void> check_changeable(Session& session, Devices const& devices);

/// Finds the field that `target` names and changes it in a copy. Errors: those of look_at; refused
/// ENOENT if there is no such field; those of `alter`, of restamp without `bad_crc`.
Result<FieldChange> change_field(Devices const& devices, inspect::Target const& target,
                                 bool bad_crc, Alter const& alter);

/// The same with a value that was found already.
Result<FieldChange> change_found(Devices const& devices, inspect::Inspection const& found,
                                 inspect::Found const& field, bool is_log, bool bad_crc,
                                 Alter const& alter);

/// Writes patches in whole sectors and makes them durable. Errors: refused EINVAL, with nothing
/// written, if the device does not hold what should be there before; host_full, io.
Result<void> write_patches(Session& session, BlockDevice& device,
                           std::span<inspect::Patch const> patches);

/// Whether the device holds what patches say should be there before; reads only. Errors: refused
/// EINVAL if not, io, truncated.
Result<void> check_patches(BlockDevice& device, std::span<inspect::Patch const> patches);

/// Shows a change, and writes it unless `dry_run`. `words`: the structure as the person named it.
Result<void> carry_out(Session& session, BlockDevice& device, Value document,
                       FieldChange const& change, bool dry_run);

/// The bytes of a change, as lists of them are shown.
Value patches_value(std::span<inspect::Patch const> patches);

/// The words of a structure and field path, understood; nothing if there is no path among them.
std::optional<inspect::Target> parse_field(std::span<std::string const> words);

}  // namespace xfsx::inline v0::cli
