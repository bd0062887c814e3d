#include "log/compose.h"

namespace xfsx::inline v0 {

namespace {

class ListedItems final : public ItemSource {
 public:
  explicit ListedItems(std::span<LogItem const> items) : items_(items) {}

  [[nodiscard]] LogSizes sizes() const override {
    LogSizes sizes;
    for (LogItem const& item : items_) sizes += item.sizes();
    return sizes;
  }
  Result<bool> next(LogItem& item) override {
    if (next_ == items_.size()) return false;
    item.clear();
    for (ConstBytes const& region : items_[next_].regions()) item.add(region);
    ++next_;
    return true;
  }

 private:
  std::span<LogItem const> items_;
  std::size_t next_ = 0;
};

}  // namespace

Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            ItemSource& items, ComposeOptions const& options) {
  XFSX_TRY(LogState const state, find_log_head(device, log));
  u32 const record_size = options.record_size != 0 ? options.record_size
                                                   : LogWriter::record_size_for(log, items.sizes());
  XFSX_TRY(std::unique_ptr<LogWriter> const writer,
           LogWriter::create(device, log, state, record_size));
  XFSX_TRYV(writer->clear_stale());
  return writer->write_checkpoint(items, state.tail, options.tid);
}

Result<CheckpointResult> compose_checkpoint(BlockDevice& device, LogGeometry const& log,
                                            std::span<LogItem const> items,
                                            ComposeOptions const& options) {
  ListedItems source(items);
  return compose_checkpoint(device, log, source, options);
}

}  // namespace xfsx::inline v0
