#pragma once
// Work that the log announces and does not report as done, in our own words.

#include "log/decode_item.h"

#include <string_view>
#include <variant>
#include <vector>

namespace xfsx::inline v0 {

/// EFI: blocks to be freed. `realtime`: of the realtime section.
struct FreeIntent {
  struct Extent {
    FsBlock start{};
    u32 length = 0;
  };
  std::vector<Extent> extents;
};

/// One line of a RUI or a BUI; `flags` as the log has them.
struct MapChange {
  u64 owner = 0;
  FsBlock start{};
  FileBlock offset{};
  u32 length = 0;
  u32 flags = 0;
};

/// RUI: reverse mappings to be changed.
struct RmapIntent {
  std::vector<MapChange> changes;
};

/// CUI: reference counts to be changed.
struct RefcountIntent {
  struct Change {
    FsBlock start{};
    u32 length = 0;
    u32 flags = 0;
  };
  std::vector<Change> changes;
};

/// BUI: one mapping of a file to be made or removed.
struct BmapIntent {
  MapChange change;
};

/// ATTRI: an attribute to be set, removed or replaced.
struct AttrIntent {
  InodeNumber inode{};
  u32 generation = 0;  ///< of the inode, for parent pointers
  u32 operation = 0;   ///< one of disk::attr_intent
  u32 filter = 0;      ///< name space, as in attribute forks
  std::vector<std::byte> name, new_name, value, new_value;
};

/// XMI, or SXI (which knows no generations).
struct ExchangeIntent {
  InodeNumber inode1{}, inode2{};
  bool has_generations = false;
  u32 generation1 = 0, generation2 = 0;
  FileBlock start1{}, start2{};
  BlockCount length{};  ///< what is left
  u64 flags = 0;
  u64 size1 = 0, size2 = 0;  ///< bytes, afterwards
};

struct Intent {
  disk::LogItemType type{};
  std::string_view name{};  ///< "EFI", "SXI"
  u64 id = 0;
  Lsn lsn{};  ///< of the record in which its transaction starts
  u32 tid = 0;
  u32 block = 0;  ///< log block and operation, for errors
  u32 operation = 0;
  bool realtime = false;  ///< of the realtime section
  std::variant<FreeIntent, RmapIntent, RefcountIntent, BmapIntent, AttrIntent, ExchangeIntent> work;
  std::vector<std::vector<std::byte>> regions;  ///< as they were logged, in our byte order
};

/// What an intent, decoded from `regions` of a transaction, announces; copies of everything that
/// counts. What the numbers mean for the filesystem is not asked. Throws std::bad_alloc. Errors:
/// bad_value located by log block and operation, with structure and field.
Result<Intent> make_intent(DecodedLogItem const& item, LogTransaction const& transaction,
                           LogItemRegions const& regions);

}  // namespace xfsx::inline v0
