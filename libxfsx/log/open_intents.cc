#include "log/open_intents.h"

#include <algorithm>

namespace xfsx::inline v0 {

void OpenIntents::take(DecodedLogItem const& item, LogTransaction const& transaction) {
  if (done_of(item.type)) {
    u64 const id = intent_id(item);
    open_.insert(
        {{item.type, id}, {item.type, item.name, id, transaction.lsn, transaction.tid, taken_++}});
  } else if (std::optional<disk::LogItemType> const intent = intent_of(item.type)) {
    auto const oldest = open_.lower_bound({*intent, intent_id(item)});
    bool const found =
        oldest != open_.end() && oldest->first == std::pair(*intent, intent_id(item));
    if (found) open_.erase(oldest);
  }
}

std::vector<OpenIntent> OpenIntents::list() const {
  std::vector<OpenIntent> all;
  all.reserve(open_.size());
  for (auto const& [key, intent] : open_) all.push_back(intent);
  std::ranges::sort(all, {}, &OpenIntent::order);
  return all;
}

}  // namespace xfsx::inline v0
