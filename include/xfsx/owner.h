#pragma once
// Whose a block is. Filesystems with reverse mappings know; on all others everything that can own a
// block is looked through. The call itself is Filesystem::find_owners.

#include <xfsx/fork.h>
#include <xfsx/result.h>

#include <functional>
#include <string_view>
#include <vector>

namespace xfsx::inline v0 {

/// What a block can be.
enum class OwnerKind : u8 {
  nobody,      ///< neither free nor anybody's: lost
  free_space,  ///< in the free space btrees
  headers,     ///< superblock and headers of an AG
  log,         ///< of the internal log
  free_list,   ///< waits in the AGFL
  bnobt,       ///< a block of this btree; so are the next five
  cntbt,
  rmapbt,
  inobt,
  finobt,
  refcountbt,
  inodes,   ///< holds inodes, in use or free
  staging,  ///< waits for the end of a copy-on-write
  file,     ///< a file's, a directory's, any inode's
};

/// A stable identifier ("free_space").
XFSX_API std::string_view to_string(OwnerKind kind);

/// A run of blocks of one owner. Runs of several owners may overlap: files share blocks.
struct BlockOwner {
  OwnerKind kind = OwnerKind::nobody;
  AgNumber ag{};
  AgBlock agblock{};
  u64 length = 0;  ///< blocks
  FsBlock fsblock{};
  Daddr daddr{};
  InodeNumber inode = null_inode;  ///< of `file`: which; of `inodes`: the first in the run
  ForkKind fork = ForkKind::data;  ///< of `file`
  bool mapping_block = false;      ///< of `file`: a block of the fork's mapping btree
  bool unwritten = false;          ///< of `file`: allocated, reads as zeros
  bool shared = false;             ///< of `file`: other files have blocks of the run too
  FileBlock offset{};              ///< of `file`: in the fork; 0 for a mapping_block
};

/// What is asked about.
struct BlockAddress {
  enum class Kind : u8 {
    everything,  ///< all blocks of the filesystem
    group,       ///< all blocks of `ag`
    fsblock,     ///< `number` is filesystem-wide
    agblock,     ///< `number` is a block of `ag`
    daddr,       ///< `number` counts units of 512 bytes
    byte,        ///< `number` counts bytes from the start of the device
  };
  Kind kind = Kind::everything;
  AgNumber ag{};
  u64 number = 0;
};

struct OwnersRequest {
  BlockAddress where;
  bool scan = false;  ///< leave the reverse mappings alone and look through everything
  /// Called for damage that a scan leaves aside. Without it damage ends the scan as an error.
  std::function<void(Error const&)> problem;
  /// Called now and then with the number of inodes looked at; true gives up with Errc::cancelled.
  std::function<bool(u64 inodes)> cancelled;
};

struct OwnersReport {
  bool scanned = false;            ///< by a scan, not by reverse mappings
  std::vector<BlockOwner> owners;  ///< in the order of the disk, cut to what was asked about
};

}  // namespace xfsx::inline v0
