#pragma once
// What a file was at a moment: taken before its new contents are prepared and handed to the
// exchange, which then refuses if somebody has changed the file meanwhile.

#include <xfsx/result.h>

#include <string>
#include <string_view>

namespace xfsx::inline v0 {

struct Freshness {
  Uuid filesystem;       ///< its UUID, as users see it
  InodeNumber inode;     ///< of the file
  u32 generation = 0;    ///< tells a new file of that inode number from an old one
  Timestamp modified;    ///< mtime
  Timestamp changed;     ///< ctime
  u64 change_count = 0;  ///< rises with every change of the inode
  u64 size = 0;          ///< bytes
  friend bool operator==(Freshness const&, Freshness const&) = default;
};

/// One word that holds all of it: `xfsx1:` and base64, with a checksum inside.
XFSX_API std::string to_token(Freshness const& freshness);

/// What a word of to_token says. Errors: refused EINVAL for any other text.
XFSX_API Result<Freshness> parse_token(std::string_view token);

}  // namespace xfsx::inline v0
