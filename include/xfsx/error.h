#pragma once
// What went wrong, as data. An Error is a small trivially copyable value: reporting a bad disk
// never allocates. The sentence is made when somebody prints it (describe), and what a caller knows
// better (which inode owns the block, which operand it was) is added on the way out by the with_*
// functions.

#include <xfsx/types.h>
#include <xfsx/units.h>

#include <cerrno>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>

namespace xfsx::inline v0 {

/// The classes of errors; the command line's exit status follows from them.
enum class Errc : u8 {
  bad_value,     ///< a field fails its verifier
  bad_crc,       ///< a checksum does not match
  truncated,     ///< the device ends before the structure does
  not_xfs,       ///< no XFS superblock
  needs_repair,  ///< the filesystem says that it needs xfs_repair
  loop,          ///< a walk over links of the disk does not end
  io,            ///< a device request failed
  missing,       ///< the image is missing or cannot be opened
  busy,          ///< mounted, locked, or held by something else
  host_full,     ///< the host has no room for the blocks of the image
  no_memory,     ///< out of memory
  dirty_log,     ///< the log is dirty
  refused,       ///< understood and refused; errno_class says which kind
  cancelled,     ///< the caller asked to stop
  changed,       ///< the target is not what it was when its freshness was taken
  shut_down,     ///< an earlier failure stopped all writing
};

/// Which device an address is on.
enum class DeviceRole : u8 { data, log, realtime };

/// What kind of number `Error::address` is.
enum class AddressKind : u8 { none, byte, daddr, fsblock, inode, log_block };

/// How the value found should relate to the value expected.
enum class Relation : u8 {
  none,
  equal,
  not_equal,
  at_most,
  at_least,
  below,
  one_of_bits,
  multiple_of
};

/// A value of up to 16 bytes; `size` 16 means a UUID in `bytes`, otherwise `number` counts.
struct ErrorValue {
  u64 number = 0;
  Uuid uuid{};
  bool is_uuid = false;
  bool hex = false;
};

/// A few words that only the run knows, cut to fit: a mount point, the holder of a lock, a feature.
class Note {
 public:
  constexpr Note() = default;
  explicit Note(std::string_view text) {
    size_ = static_cast<u8>(text.size() < text_.size() ? text.size() : text_.size());
    std::memcpy(text_.data(), text.data(), size_);
  }
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 71> text_{};
  u8 size_ = 0;
};

/// What became of the image when a write operation failed.
enum class ImageState : u8 { unchanged, committed_log_dirty, unknown };

/// An error as data. All string views are literals of the program; nothing
/// here owns memory.
struct Error {
  Errc code = Errc::io;
  DeviceRole device = DeviceRole::data;
  AddressKind address_kind = AddressKind::none;
  Relation relation = Relation::none;
  ImageState image = ImageState::unchanged;
  u8 operand = 0;               ///< 1 for FILE1, 2 for FILE2, n for path component n; 0 for none
  int errno_class = 0;          ///< the errno whose name stands in brackets; 0 for none
  u64 address = 0;              ///< in units of address_kind
  AgNumber ag = null_agnumber;  ///< the AG of a daddr, where it is known
  AgBlock agblock = null_agblock;
  InodeNumber owner = null_inode;
  std::string_view structure{};  ///< "agf", "bmbt block", "inode"
  std::string_view field{};      ///< the published field name
  std::string_view reason{};     ///< a short sentence for what is refused
  Note note{};                   ///< appended to the reason
  ErrorValue found{};
  ErrorValue expected{};
  std::source_location raised{};
};
static_assert(std::is_trivially_copyable_v<Error>);

/// One line: structure, address, field, found and expected, errno name in brackets. Without the
/// program's and the image's name, which the caller has.
XFSX_API std::string describe(Error const& error);

/// The symbolic name of an errno value ("EINVAL"), or "E<number>" for one without a known name.
XFSX_API std::string errno_name(int value);

/// A stable identifier of the class, for JSON ("bad_crc").
XFSX_API std::string_view to_string(Errc code);
XFSX_API std::string_view to_string(ImageState state);
/// "data", "log", "realtime".
XFSX_API std::string_view to_string(DeviceRole role);

/// Refuses something that is understood, by name.
inline Error refuse(int errno_class, std::string_view reason,
                    std::source_location raised = std::source_location::current()) {
  Error e;
  e.code = Errc::refused;
  e.errno_class = errno_class;
  e.reason = reason;
  e.raised = raised;
  return e;
}

/// An error of class `code` with a reason and its natural errno.
inline Error make_error(Errc code, int errno_class, std::string_view reason,
                        std::source_location raised = std::source_location::current()) {
  Error e = refuse(errno_class, reason, raised);
  e.code = code;
  return e;
}

inline Error with_operand(Error e, u8 operand) {
  if (e.operand == 0) e.operand = operand;
  return e;
}
inline Error with_owner(Error e, InodeNumber owner) {
  if (e.owner == null_inode) e.owner = owner;
  return e;
}
inline Error with_structure(Error e, std::string_view structure) {
  if (e.structure.empty()) e.structure = structure;
  return e;
}
inline Error with_device(Error e, DeviceRole device) {
  e.device = device;
  return e;
}
inline Error with_note(Error e, std::string_view note) {
  e.note = Note(note);
  return e;
}
inline Error with_image(Error e, ImageState state) {
  e.image = state;
  return e;
}

}  // namespace xfsx::inline v0
