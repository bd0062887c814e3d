#include "log/exchange_names.h"

namespace xfsx::inline v0 {

void ExchangeNames::settle(DecodedLogItem& item) {
  if (item.type == disk::LogItemType::xmi) {
    // Numbers are used again: the newest intent is the one that is answered.
    if (item.name == "SXI") {
      sxi_.insert(intent_id(item));
    } else {
      sxi_.erase(intent_id(item));
    }
  } else if (item.type == disk::LogItemType::xmd && sxi_.erase(intent_id(item)) != 0) {
    item.name = "SXD";
  }
}

}  // namespace xfsx::inline v0
