#pragma once
// The two forks of an inode, and the mappings that lie in them as records.

#include <xfsx/fork.h>

#include "format/geometry.h"
#include "format/inode_view.h"
#include "format/mapping.h"

#include <vector>

namespace xfsx::inline v0 {

/// The bytes of the literal area that belong to the fork; empty for an attribute fork that is not
/// there. The inode has passed its verifier.
ConstBytes fork_bytes(InodeView const& inode, ForkKind kind);

/// The format of a fork. An attribute fork that is not there counts as extents, of which it has
/// none.
disk::ForkFormat fork_format(InodeView const& inode, ForkKind kind);

/// How many mappings the inode says that the fork has.
u64 fork_mapping_count(InodeView const& inode, ForkKind kind);

/// What mappings are judged by.
struct MappingRules {
  Geometry const& geometry;
  bool realtime = false;  ///< start blocks are on the realtime device
  Location where;         ///< of what holds the records
  std::string_view structure;
};

/// The rules for the mappings of a fork of an inode that lies at `where`.
MappingRules mapping_rules(Geometry const& geometry, InodeView const& inode, ForkKind kind,
                           Location const& where, std::string_view structure);

/// Checks one mapping: not empty, not before `least` (the end of the one before it), inside the
/// widths of a file offset, inside one AG of the filesystem, and beside the log. Errors: bad_value
/// with field startoff, startblock or blockcount.
Result<void> check_mapping(Mapping const& mapping, FileBlock least, MappingRules const& rules);

/// Decodes and checks `records`, which follow a mapping that ends at `least`, onto the end of
/// `out`.
Result<void> decode_mappings(std::span<disk::BmbtRecord const> records, FileBlock least,
                             MappingRules const& rules, std::vector<Mapping>& out);

/// Lays mappings out as records from the start of `fork`, and zeros behind them. They must fit.
void encode_mappings(std::span<Mapping const> mappings, Bytes fork);

}  // namespace xfsx::inline v0
