#pragma once
// The reverse mappings of files whose mappings change. A file has one record for each run of blocks
// that lie one behind the other in the file and on disk and agree in their state, whatever the
// mappings they are cut into: what the lists before and after do not have in common is taken out
// and put in.

#include "ag/space.h"
#include "inode/fork.h"

namespace xfsx::inline v0 {

/// The mappings of a fork, before and after; all of them, in order.
struct MappingChange {
  InodeNumber owner;
  ForkKind kind = ForkKind::data;
  std::span<Mapping const> before, after;
};

/// Edits by AG, or by realtime group.
using RmapEdits = std::map<u32, std::vector<BtreeEdit<Rmapbt>>>;

/// Where blocks of the data device, or of the realtime section, have their reverse mappings.
enum class RmapPlace : u8 { ag, realtime_group };

/// What the changes take out and put in, file by file. Throws std::bad_alloc.
RmapEdits rmap_edits(Geometry const& geometry, RmapPlace place,
                     std::span<MappingChange const> changes);

/// Hands the edits to `space`, which carries them out when it is finished. The blocks are of the
/// data device. Throws std::bad_alloc. Errors: those of opening the AGs.
Result<void> change_rmaps(Space& space, Geometry const& geometry,
                          std::span<MappingChange const> changes);

}  // namespace xfsx::inline v0
