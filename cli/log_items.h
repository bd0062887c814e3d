#pragma once
// What log items say, as a sentence for people and as a value for programs.

#include "inspect/value.h"
#include "log/decode_item.h"

namespace xfsx::inline v0::cli {

/// One line without its end: `inode 131: core, 2 mappings of the data fork`.
std::string log_item_words(DecodedLogItem const& item);

/// The item with all fields of its structures.
inspect::Value log_item_value(DecodedLogItem const& item);

/// Cycle and block: `3:128`.
std::string lsn_words(Lsn lsn);
inspect::Value lsn_value(std::string_view name, Lsn lsn);

}  // namespace xfsx::inline v0::cli
