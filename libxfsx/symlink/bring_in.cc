#include "symlink/bring_in.h"

#include "format/verify_dir.h"
#include "inode/fork_editor.h"
#include "inode/mapping_rmaps.h"

#include <algorithm>

namespace xfsx::inline v0 {

Result<void> bring_target_in(Transaction& txn, InodeNumber number, Bytes copy,
                             std::string_view target, std::span<Mapping const> mappings) {
  Geometry const& g = txn.volume().geometry();
  Space space(txn);
  XFSX_TRYV(change_fork(txn, space, {number, copy, ForkKind::data}, mappings, {}));
  MappingChange const change{number, ForkKind::data, mappings, {}};
  XFSX_TRYV(change_rmaps(space, g, {&change, 1}));
  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  for (Mapping const& m : mappings) {
    XFSX_TRY(BufferRef const block,
             txn.read(symlink_kind, g.daddr(m.start), g.sectors(m.length), number));
    XFSX_TRYV(txn.release(block));
    XFSX_TRYV(space.release_mapped(m.start, m.length));
    core.nblocks = core.nblocks.value() - m.length.raw();
  }
  XFSX_TRYV(space.finish());
  core.format = static_cast<u8>(disk::ForkFormat::local);
  std::ranges::copy(bytes_of(target), copy.subspan(sizeof(disk::Dinode)).begin());
  return success();
}

}  // namespace xfsx::inline v0
