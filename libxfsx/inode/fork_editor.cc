#include "inode/fork_editor.h"

#include "inode/extent_counts.h"

namespace xfsx::inline v0 {

namespace {

/// Edits that turn one list into the other; what begins and ends both of them alike is left out.
std::vector<BtreeEdit<Bmbt>> difference(std::span<Mapping const> before,
                                        std::span<Mapping const> after) {
  std::vector<BtreeEdit<Bmbt>> edits;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      ++i;
      ++j;
      continue;
    }
    bool const out =
        j == after.size() || (i < before.size() && before[i].offset <= after[j].offset);
    if (out) {
      edits.push_back({before[i++], false});
    } else {
      edits.push_back({after[j++], true});
    }
  }
  return edits;
}

/// Near the first block that the file will have, or near the inode.
FsBlock near_of(Geometry const& g, ForkPlace const& place, std::span<Mapping const> mappings) {
  bool const realtime = place.kind == ForkKind::data && InodeView(place.inode).is_realtime();
  if (!mappings.empty() && !realtime) return mappings.front().start;
  return block_of_inode(g, place.number);
}

void set_format(ForkPlace const& place, disk::ForkFormat format) {
  disk::Dinode& core = edit_as<disk::Dinode>(place.inode);
  (place.kind == ForkKind::data ? core.format : core.aformat) = static_cast<u8>(format);
}

}  // namespace

Result<void> change_fork(Transaction& txn, Space& space, ForkPlace const& place,
                         std::span<Mapping const> before, std::span<Mapping const> after) {
  ForkStore<Bmbt> store(txn, space, place, near_of(txn.volume().geometry(), place, after));
  BtreeEditor<Bmbt, ForkStore<Bmbt>> tree(store);
  bool const was_btree = fork_format(InodeView(place.inode), place.kind) == disk::ForkFormat::btree;
  bool const fits_inode = after.size() <= store.fork().size() / sizeof(disk::BmbtRecord);
  if (was_btree && !fits_inode) {
    XFSX_TRYV(tree.apply(difference(before, after)));
  } else if (fits_inode) {
    if (was_btree) {
      XFSX_TRYV(tree.release_below_root());
    }
    encode_mappings(after, store.fork());
  } else {
    XFSX_TRYV(tree.build({after.begin(), after.end()}));
  }
  set_format(place, fits_inode ? disk::ForkFormat::extents : disk::ForkFormat::btree);
  set_extent_count(edit_as<disk::Dinode>(place.inode), place.kind, after.size());
  return success();
}

}  // namespace xfsx::inline v0
