#pragma once
// Strong types for every address and length of XFS. A point and a length add to a point, two points
// subtract to a length, and nothing else mixes: an agblock cannot be passed where a daddr is meant.
// Conversions between spaces go through Geometry, which knows the shape of the filesystem.

#include <xfsx/types.h>

#include <compare>
#include <concepts>

namespace xfsx::inline v0 {

/// A number of something; `Tag` says of what. Explicit in, `raw()` out.
template <class Tag, std::unsigned_integral R>
class Quantity {
 public:
  using Rep = R;
  constexpr Quantity() = default;
  explicit constexpr Quantity(R value) : n_(value) {}
  [[nodiscard]] constexpr R raw() const { return n_; }
  friend constexpr auto operator<=>(Quantity, Quantity) = default;

 private:
  R n_{};
};

/// A length in units of `Tag`: lengths add, subtract and scale.
template <class Tag, std::unsigned_integral R>
class Length : public Quantity<Tag, R> {
 public:
  using Quantity<Tag, R>::Quantity;
  friend constexpr Length operator+(Length a, Length b) {
    return Length(static_cast<R>(a.raw() + b.raw()));
  }
  friend constexpr Length operator-(Length a, Length b) {
    return Length(static_cast<R>(a.raw() - b.raw()));
  }
  friend constexpr auto operator<=>(Length, Length) = default;
};

/// A point in a space whose lengths are `L`.
template <class Tag, std::unsigned_integral R, class L>
class Point : public Quantity<Tag, R> {
 public:
  using Quantity<Tag, R>::Quantity;
  friend constexpr Point operator+(Point p, L n) {
    return Point(static_cast<R>(p.raw() + static_cast<R>(n.raw())));
  }
  friend constexpr L operator-(Point a, Point b) {
    return L(static_cast<typename L::Rep>(a.raw() - b.raw()));
  }
  friend constexpr auto operator<=>(Point, Point) = default;
};

/// Basic blocks of 512 bytes.
using SectorCount = Length<struct SectorCountTag, u64>;
/// Filesystem blocks of `sb_blocksize` bytes.
using BlockCount = Length<struct BlockCountTag, u64>;
/// Bytes.
using ByteCount = Length<struct ByteCountTag, u64>;

/// Address on a device in basic blocks of 512 bytes.
using Daddr = Point<struct DaddrTag, u64, SectorCount>;
/// Filesystem-wide block number: AG number above `sb_agblklog` bits of agblock; sparse.
using FsBlock = Point<struct FsBlockTag, u64, BlockCount>;
/// Number of an allocation group.
using AgNumber = Quantity<struct AgNumberTag, u32>;
/// Block number inside an allocation group.
using AgBlock = Point<struct AgBlockTag, u32, BlockCount>;
/// Inode number of the whole filesystem; sparse like FsBlock.
using InodeNumber = Quantity<struct InodeNumberTag, u64>;
/// Inode number inside an allocation group.
using AgInode = Quantity<struct AgInodeTag, u32>;
/// Offset inside a fork, in filesystem blocks.
using FileBlock = Point<struct FileBlockTag, u64, BlockCount>;
/// Directory or attribute block number, in filesystem blocks of the fork's own address space.
using DaBlock = Quantity<struct DaBlockTag, u32>;
/// Offset from the start of the log, in basic blocks of 512 bytes.
using LogBlock = Point<struct LogBlockTag, u32, SectorCount>;

/// Log sequence number: the cycle of the log in the high half, the log block in the low half.
class Lsn : public Quantity<struct LsnTag, u64> {
 public:
  using Quantity::Quantity;
  constexpr Lsn(u32 cycle, LogBlock block)
      : Quantity((static_cast<u64>(cycle) << 32) | block.raw()) {}
  [[nodiscard]] constexpr u32 cycle() const { return static_cast<u32>(raw() >> 32); }
  [[nodiscard]] constexpr LogBlock block() const { return LogBlock(static_cast<u32>(raw())); }
  friend constexpr auto operator<=>(Lsn, Lsn) = default;
};

inline constexpr u32 basic_block_size = 512;

inline constexpr AgBlock null_agblock{0xffffffffU};
inline constexpr AgInode null_agino{0xffffffffU};
inline constexpr AgNumber null_agnumber{0xffffffffU};
inline constexpr FsBlock null_fsblock{~u64{0}};
inline constexpr InodeNumber null_inode{~u64{0}};
/// "Never logged": stands in blocks that are written outside the log.
inline constexpr Lsn null_lsn{~u64{0}};

}  // namespace xfsx::inline v0
