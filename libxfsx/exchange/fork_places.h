#pragma once
// Where the attribute fork begins in an inode, when either of its forks has come from another one.

#include "exchange/lifted_fork.h"

#include <optional>
#include <span>

namespace xfsx::inline v0 {

/// A forkoff with which both forks fit an inode whose literal area has `literal` bytes: the first
/// of `preferred` that does, or the one that leaves the data fork the most room; 0 is for an inode
/// without attribute fork. None if they do not fit together. Pure.
std::optional<u8> place_forks(LiftedFork const& data, LiftedFork const& attr, u32 literal,
                              std::span<u8 const> preferred);

}  // namespace xfsx::inline v0
