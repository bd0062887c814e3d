#pragma once
// Which done items of exchanges answer an SXI. Early kernels wrote exchange intents that were
// shorter, called SXI; their done items have the number and the form of an XMD, so only the intent
// tells them apart.

#include "log/decode_item.h"

#include <set>

namespace xfsx::inline v0 {

class ExchangeNames {
 public:
  /// Takes the next item in the order of the log, and calls a done item an SXD where it answers an
  /// SXI. One whose intent is no longer in the log stays an XMD.
  void settle(DecodedLogItem& item);

 private:
  std::set<u64> sxi_;  ///< numbers of those that wait for an answer
};

}  // namespace xfsx::inline v0
