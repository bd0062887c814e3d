#pragma once
// An inode that takes part in an exchange.

#include "inode/inode.h"

namespace xfsx::inline v0 {

/// An inode as it was, and its private copy.
struct EditedFile {
  Inode const& inode;
  Bytes copy;

  [[nodiscard]] disk::Dinode& core() const { return edit_as<disk::Dinode>(copy); }
};

}  // namespace xfsx::inline v0
