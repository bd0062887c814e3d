#pragma once
// What all changes of the hash tree of an attribute fork have in common.

#include "attr/lookup.h"
#include "disk/dir.h"
#include "txn/transaction.h"

namespace xfsx::inline v0 {

/// The entries of a node in a private copy.
std::span<disk::DaNodeEntry> edit_index(FormatVersion const& version, Bytes node);

/// Makes nodes of `owner` name the last hash below them again, from the lowest one up. None of them
/// has been changed in the transaction.
Result<void> follow_last_hash(Transaction& txn, InodeNumber owner, std::span<NodeStep const> nodes,
                              u32 last_hash);

}  // namespace xfsx::inline v0
