#pragma once
// An inode as bytes, with names for what its core says. Which counters are where, how times are
// stored and how large the forks are depends on flags of the inode itself.

#include "base/view.h"
#include "disk/inode.h"

namespace xfsx::inline v0 {

/// Bits of `mode` that say what an inode is.
namespace file_type {
inline constexpr u16 mask = 0170000;
inline constexpr u16 fifo = 0010000;
inline constexpr u16 character = 0020000;
inline constexpr u16 directory = 0040000;
inline constexpr u16 block = 0060000;
inline constexpr u16 regular = 0100000;
inline constexpr u16 symlink = 0120000;
inline constexpr u16 socket = 0140000;
}  // namespace file_type

/// Decodes a stored time; its form depends on the BIGTIME flag of the inode.
constexpr Timestamp decode_timestamp(u64 stored, bool bigtime) {
  if (!bigtime) {
    return {static_cast<s32>(stored >> 32), static_cast<u32>(stored)};
  }
  constexpr u64 billion = 1'000'000'000;
  constexpr s64 epoch = s64{1} << 31;  // a bigtime of 0 lies this many seconds before 1970
  return {static_cast<s64>(stored / billion) - epoch, static_cast<u32>(stored % billion)};
}

/// Encodes a time; `at` must lie in the range of the form.
constexpr u64 encode_timestamp(Timestamp const& at, bool bigtime) {
  if (!bigtime) return (u64{static_cast<u32>(at.seconds)} << 32) | at.nanoseconds;
  return static_cast<u64>(at.seconds + (s64{1} << 31)) * 1'000'000'000 + at.nanoseconds;
}

class InodeView {
 public:
  /// `bytes`: the whole inode, core and literal area; at least a core of version 3, which every
  /// size of inodes has room for.
  explicit InodeView(ConstBytes bytes) : bytes_(bytes) { XFSX_ASSERT(fits<disk::Dinode>(bytes)); }

  [[nodiscard]] ConstBytes bytes() const { return bytes_; }
  /// The fields from the checksum on, and the large extent counter, are there in version 3 only:
  /// the functions below know.
  [[nodiscard]] disk::Dinode const& core() const { return view_as<disk::Dinode>(bytes_); }
  /// The same bytes as versions 1 and 2 have them.
  [[nodiscard]] disk::DinodeV2 const& old_core() const { return view_as<disk::DinodeV2>(bytes_); }
  [[nodiscard]] bool is_v3() const { return core().version == 3; }
  [[nodiscard]] u32 core_size() const {
    return is_v3() ? sizeof(disk::Dinode) : sizeof(disk::DinodeV2);
  }
  /// Where the forks lie.
  [[nodiscard]] ConstBytes literal() const { return bytes_.subspan(core_size()); }

  [[nodiscard]] u16 mode() const { return core().mode.value(); }
  [[nodiscard]] u16 type() const { return mode() & file_type::mask; }
  [[nodiscard]] bool is_regular() const { return type() == file_type::regular; }
  [[nodiscard]] bool is_directory() const { return type() == file_type::directory; }
  [[nodiscard]] bool is_symlink() const { return type() == file_type::symlink; }

  [[nodiscard]] u64 size() const { return core().size.value(); }
  /// Blocks of both forks, btree blocks included.
  [[nodiscard]] u64 nblocks() const { return core().nblocks.value(); }
  [[nodiscard]] u16 flags() const { return core().flags.value(); }
  [[nodiscard]] u64 flags2() const { return is_v3() ? core().flags2.value() : 0; }
  [[nodiscard]] u32 links() const {
    return core().version == 1 ? old_core().onlink.value() : core().nlinkv2.value();
  }
  [[nodiscard]] u32 project() const {
    if (core().version == 1) return 0;
    return (u32{core().projid_hi.value()} << 16) | core().projid_lo.value();
  }
  [[nodiscard]] Lsn lsn() const { return is_v3() ? core().lsn.value() : Lsn(0); }
  [[nodiscard]] u64 change_count() const { return is_v3() ? core().change_count.value() : 0; }
  /// Blocks.
  [[nodiscard]] u32 cow_extent_size() const { return is_v3() ? core().cowextsize.value() : 0; }
  [[nodiscard]] bool is_realtime() const { return (flags() & disk::inode_flag::realtime) != 0; }
  [[nodiscard]] bool is_reflink() const { return (flags2() & disk::inode_flag2::reflink) != 0; }
  [[nodiscard]] bool is_bigtime() const { return (flags2() & disk::inode_flag2::bigtime) != 0; }
  [[nodiscard]] bool is_nrext64() const { return (flags2() & disk::inode_flag2::nrext64) != 0; }
  /// Whether it is a file of the filesystem itself, whose core has a metatype.
  [[nodiscard]] bool is_metadata() const {
    return is_v3() && (flags2() & disk::inode_flag2::metadata) != 0;
  }
  [[nodiscard]] u32 generation() const { return core().gen.value(); }

  /// Mappings of the data fork.
  [[nodiscard]] u64 nextents() const {
    return is_nrext64() ? core().nrext64_nextents.value() : core().nextents.value();
  }
  /// Mappings of the attribute fork.
  [[nodiscard]] u32 anextents() const {
    return is_nrext64() ? core().nextents.value() : core().naextents.value();
  }

  [[nodiscard]] u32 literal_size() const { return static_cast<u32>(bytes_.size()) - core_size(); }
  [[nodiscard]] bool has_attr_fork() const { return core().forkoff != 0; }
  /// Bytes of the literal area that the data fork may use. The verifier bounds forkoff.
  [[nodiscard]] u32 data_fork_size() const {
    return has_attr_fork() ? u32{core().forkoff} * 8 : literal_size();
  }
  [[nodiscard]] u32 attr_fork_size() const {
    return has_attr_fork() ? literal_size() - u32{core().forkoff} * 8 : 0;
  }

  [[nodiscard]] Timestamp atime() const { return time(core().atime); }
  [[nodiscard]] Timestamp mtime() const { return time(core().mtime); }
  [[nodiscard]] Timestamp ctime() const { return time(core().ctime); }
  /// The beginning of 1970 where it is not kept.
  [[nodiscard]] Timestamp crtime() const { return is_v3() ? time(core().crtime) : Timestamp{0, 0}; }

 private:
  [[nodiscard]] Timestamp time(be64 const& stored) const {
    return decode_timestamp(stored.value(), is_bigtime());
  }

  ConstBytes bytes_;
};

}  // namespace xfsx::inline v0
