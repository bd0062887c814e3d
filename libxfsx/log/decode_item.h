#pragma once
// Log items as the structures that their regions are. Which structures follow each other, and how
// long they may be, is checked as strictly as recovery in Linux does; what the numbers in them mean
// for the filesystem is not asked here.

#include "disk/log_items.h"
#include "log/assemble.h"

namespace xfsx::inline v0 {

/// One structure of an item, or several of one kind, or bytes without structure.
struct LogItemPart {
  enum class Role : u8 {
    format,     ///< the first region's own structure
    extent,     ///< an array of what an intent lists
    bitmap,     ///< words of the chunk bitmap of a buffer
    core,       ///< of an inode
    dquot,      ///< as it lies on disk
    data_fork,  ///< bytes of the form that the inode item's `fields` say
    attr_fork,
    chunks,  ///< dirty chunks of a buffer; `offset` says where they belong
    name,
    new_name,
    value,
    new_value,
  };
  Role role = Role::format;
  std::string_view structure{};  ///< empty for plain bytes
  std::span<disk::Field const> fields{};
  ConstBytes bytes{};  ///< in the memory of the transaction
  u32 count = 1;       ///< structures
  u32 offset = 0;      ///< bytes from the start of the buffer
};

struct DecodedLogItem {
  disk::LogItemType type{};
  std::string_view name{};         ///< "inode", "EFI", "SXI"
  std::vector<LogItemPart> parts;  ///< the first is the format

  /// The first part that plays `role`, or null.
  [[nodiscard]] LogItemPart const* part(LogItemPart::Role role) const;
};

/// "inode", "EFI"; empty for a number that is no item. An SXI has the number of an XMI.
std::string_view log_item_name(u16 type);

/// The type of the done item that ends an intent; nothing if `type` is no intent.
std::optional<disk::LogItemType> done_of(disk::LogItemType type);
/// The other way round.
std::optional<disk::LogItemType> intent_of(disk::LogItemType type);

/// By which number an intent or a done item of these types goes.
u64 intent_id(DecodedLogItem const& item);

/// Decodes one of a transaction's items, after turning it into our byte order where it is in the
/// other. Errors: bad_value located by log block and operation, with structure and field.
Result<DecodedLogItem> decode_log_item(LogTransaction& transaction, LogItemRegions& item);

}  // namespace xfsx::inline v0
