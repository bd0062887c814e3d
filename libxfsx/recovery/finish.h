#pragma once
// What the parts of finishing intents have in common. Each part first asks whether an intent can be
// meant, by the rules of recovery in Linux, then does its first step; what follows from that step
// is left for later, until all intents that the log holds have had theirs.

#include "format/mapping.h"
#include "inode/fork.h"
#include "inode/inode.h"
#include "recovery/intent.h"
#include "recovery/workbench.h"

#include <deque>
#include <variant>

namespace xfsx::inline v0 {

/// Reverse mappings to be changed, as a RUI would list them.
struct RmapWork {
  std::vector<MapChange> changes;
  bool realtime = false;  ///< of the realtime section
};

/// Blocks to be freed, as an EFI would list them.
struct FreeWork {
  std::vector<FreeIntent::Extent> extents;
  bool realtime = false;
};

/// A fork that was exchanged, which belongs into its inode if it fits there.
struct BringInWork {
  InodeNumber inode;
  ForkKind fork = ForkKind::data;
};

using LeftWork = std::variant<RmapWork, FreeWork, BringInWork>;

struct Finishing {
  Workbench& bench;
  Timestamp now;              ///< for the timers of quota
  std::deque<LeftWork> left;  ///< in the order in which it is to be done
};

/// The structure of which an intent's numbers are fields, as the log's tables name it.
std::string_view structure_of(Intent const& intent);

/// What is wrong with a number of an intent.
struct WrongField {
  std::string_view field;
  u64 found = 0, expected = 0;
  Relation relation = Relation::equal;
  std::string_view reason{};
};

/// bad_value, located by log block and operation.
Error bad_intent(Intent const& intent, WrongField const& wrong,
                 std::source_location raised = std::source_location::current());

/// `e`, if it is not located yet, as an error about the intent.
Error about(Intent const& intent, Error e);

/// Blocks of the data device, or of the realtime section: they exist, lie in one AG or group, and
/// hold nothing that is always there. Errors: bad_value of the intent with field `field`.
Result<void> check_blocks(Geometry const& geometry, Intent const& intent, FsBlock start, u64 length,
                          bool realtime);

/// A range of a file. Errors: bad_value of the intent.
Result<void> check_file_range(Intent const& intent, FileBlock offset, u64 length);

/// The inode that an intent names, in use. Errors: bad_value of the intent if there is none; those
/// of load_inode.
Result<Inode> load_inode_of(Volume& volume, Intent const& intent, InodeNumber number);

/// The offset of a block in a fork as a RUI has it, and what kind of fork that is.
MapChange rmap_change(u32 what, InodeNumber owner, ForkKind kind, Mapping const& mapping);

}  // namespace xfsx::inline v0
