#include "attr/tree_nodes.h"

#include "format/verify_dir.h"

namespace xfsx::inline v0 {

std::span<disk::DaNodeEntry> edit_index(FormatVersion const& version, Bytes node) {
  return edit_array<disk::DaNodeEntry>(node, version.index_header,
                                       da_node_index(version, node).size());
}

Result<void> follow_last_hash(Transaction& txn, InodeNumber owner, std::span<NodeStep const> nodes,
                              u32 last_hash) {
  FormatVersion const& version = txn.volume().geometry().version();
  while (!nodes.empty()) {
    NodeStep const& step = nodes.back();
    if (da_node_index(version, step.node->bytes())[step.entry].hashval.value() == last_hash) break;
    XFSX_TRY(Bytes const node, txn.edit(step.node, owner));
    std::span<disk::DaNodeEntry> const index = edit_index(version, node);
    index[step.entry].hashval = last_hash;
    if (step.entry + 1 != index.size()) break;
    nodes = nodes.first(nodes.size() - 1);
  }
  return success();
}

}  // namespace xfsx::inline v0
