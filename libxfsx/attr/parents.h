#pragma once
// Where a file is found, by the parents that it remembers: attributes whose names are names in a
// directory, and whose values say which directory that is.

#include "inode/inode.h"

#include <string>
#include <vector>

namespace xfsx::inline v0 {

struct ParentPointer {
  InodeNumber parent{};
  u32 generation = 0;  ///< of the parent
  std::string name;    ///< raw bytes
};

/// The parents that an inode remembers; none on filesystems without parent pointers. Errors:
/// bad_value for a pointer that can be none; those of for_each_value.
Result<std::vector<ParentPointer>> parents_of(Volume& volume, Inode const& inode);

/// The path from the root that a pointer stands for, "/a/b", by the pointers of its directory and
/// of those above that. Empty where these lead to no root: to a directory that is not there, of
/// another generation, or round in a circle. Errors: those of reading the inodes.
Result<std::string> path_of(Volume& volume, ParentPointer const& pointer);

}  // namespace xfsx::inline v0
