#pragma once
// Items are in the byte order of the machine that wrote them. Their tables are declared
// little-endian; what a big-endian machine wrote is turned round by the same tables.

#include <xfsx/types.h>

#include "disk/log_items.h"

#include <span>

namespace xfsx::inline v0 {

/// Turns each little-endian field of a structure at the front of `bytes`, as far as they reach.
void turn_fields(std::span<disk::Field const> fields, Bytes bytes);

/// Turns the core of an inode, whose times are one number or two. `bytes` may end after any field.
void turn_core(Bytes bytes);

/// Turns a core from the log's order into that of the disk. `bytes` may end after any field.
void core_to_disk(Bytes bytes);

}  // namespace xfsx::inline v0
