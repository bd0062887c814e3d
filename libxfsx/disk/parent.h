#pragma once
// Parent pointers: an attribute for each name that an inode has, its value being the directory.

#include "disk/field.h"

namespace xfsx::inline v0::disk {

/// Value of an attribute that is a parent pointer.
struct ParentRecord {
  be<InodeNumber> inumber;
  be32 gen;
};

inline constexpr Field parent_record_fields[] = {
    XFSX_FIELD(ParentRecord, 0, inumber, inode, "The directory."),
    XFSX_FIELD(ParentRecord, 8, gen, decimal, "Its generation."),
};
XFSX_LAYOUT(ParentRecord, "parent_rec", parent_record_fields,
            "Value of an attribute that is a parent pointer; its name is the name.");

}  // namespace xfsx::inline v0::disk
