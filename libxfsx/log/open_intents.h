#pragma once
// Which announced work was not finished when the log ends: intents without a done item.

#include "log/decode_item.h"

namespace xfsx::inline v0 {

struct OpenIntent {
  disk::LogItemType type{};
  std::string_view name{};  ///< "EFI", "SXI"
  u64 id = 0;
  Lsn lsn{};    ///< of the record in which its transaction starts
  u32 tid = 0;  ///< of its transaction
  u64 order = 0;
};

class OpenIntents {
 public:
  /// Takes the next item in the order of the log. Numbers are used again, so the order matters; a
  /// done item without an intent answers one from before the tail.
  void take(DecodedLogItem const& item, LogTransaction const& transaction);

  /// Those that are open, oldest first.
  [[nodiscard]] std::vector<OpenIntent> list() const;

 private:
  std::multimap<std::pair<disk::LogItemType, u64>, OpenIntent> open_;
  u64 taken_ = 0;
};

}  // namespace xfsx::inline v0
