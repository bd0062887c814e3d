#pragma once
// A change that can be taken back. What it will overwrite is saved in an undo file, which is
// complete and on stable storage before the first overwrite; `undo` puts it back as long as nothing
// else has happened to the filesystem since. docs/undo-file.md describes the file.
//
// The change is done twice: once in memory, where every write of it is kept and read back, so that
// it is known what it overwrites; then the writes that were kept are carried out, in their order
// and with their flushes. So what the file covers is what is written.

#include <xfsx/device.h>
#include <xfsx/result.h>
#include <xfsx/units.h>

#include <functional>
#include <string>
#include <string_view>

namespace xfsx::inline v0 {

/// How a log stood.
struct UndoLogState {
  bool known = false;  ///< false where it could not be understood; then nothing else counts
  bool clean = false;  ///< nothing waited for recovery
  Lsn head{};          ///< where the next record went
  Lsn tail{};          ///< the oldest record that recovery needed
  friend bool operator==(UndoLogState const&, UndoLogState const&) = default;
};

/// What an undo file says of itself: of which filesystem it is, the state that it restores
/// ("before") and the state that the change leaves ("after").
struct UndoSummary {
  Uuid uuid;                                        ///< of the filesystem, as users see it
  u32 superblock_before = 0, superblock_after = 0;  ///< CRC32c of the superblock's sector
  UndoLogState log_before{}, log_after{};
  u64 ranges = 0;  ///< runs of bytes that are saved
  u64 bytes = 0;   ///< how many they hold
};

/// In what state `undo` found a filesystem.
enum class UndoState : u8 {
  done,      ///< as the change left it
  begun,     ///< in the middle of the change, which was interrupted
  undoing,   ///< in the middle of an undo, which was interrupted; Linux refuses to mount it
  restored,  ///< as it was before the change: nothing is to be done
};

/// "done", "begun", "undoing", "restored".
XFSX_API std::string_view to_string(UndoState state);

struct UndoReport {
  UndoSummary file;
  UndoState found = UndoState::done;
};

struct UndoOptions {
  /// Called before the first write to a device; true gives up with Errc::cancelled.
  std::function<bool()> cancelled;
  /// Called when the first write to a device comes next, and nothing can stop it any more.
  std::function<void()> on_write;
};

/// A change of a filesystem that does all its reading and writing through the devices that it is
/// given; it must not keep them. It is called once.
using UndoableChange =
    std::function<Result<void>(BlockDevice& data, FurtherDevices const& further)>;

/// Does `change` so that it can be undone with `file`, which must not exist yet: it is made,
/// readable by its owner only, and stays once the first write comes next. What the change writes is
/// held in memory meanwhile. Errors: those of `change`, of reading the superblock and io, with
/// nothing written and no file left; refused EEXIST; missing, host_full and io of the file, whose
/// path is the note; cancelled; no_memory. io of a device while the change is carried out says that
/// the image is in an unknown state, which the file can undo.
XFSX_API Result<UndoSummary> with_undo(BlockDevice& data, FurtherDevices const& further,
                                       std::string const& file, UndoableChange const& change,
                                       UndoOptions const& options = {});

/// What undo() would do; writes nothing. Errors: those of undo() but for writing.
XFSX_API Result<UndoReport> plan_undo(BlockDevice& data, FurtherDevices const& further,
                                      std::string const& file);

/// Restores what `file` saved; afterwards the devices hold the bytes that they held before the
/// change. It may be interrupted at any write, and called again. Until it has ended, the superblock
/// says that an offline operation is in progress, and neither Linux nor xfsx take the filesystem
/// for one. Errors: truncated, bad_value, bad_crc of the file, located in it, missing; refused
/// EINVAL for a file of another filesystem, ENODEV if it needs a device that was not given, ESTALE
/// if the devices do not hold what the change has left, or a part of it; cancelled; no_memory;
/// host_full and io, the latter with the image's state if it was written to.
XFSX_API Result<UndoReport> undo(BlockDevice& data, FurtherDevices const& further,
                                 std::string const& file, UndoOptions const& options = {});

}  // namespace xfsx::inline v0
