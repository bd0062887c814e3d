#include "log/relog.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

class TakenTransactions final : public LogSink {
 public:
  Result<void> unmounted(LogRecord const&) override { return success(); }
  Result<void> committed(LogTransaction& transaction) override {
    return take(transaction, true, committed_);
  }
  Result<void> abandoned(LogTransaction& transaction) override {
    return take(transaction, false, abandoned_);
  }

  std::vector<ComposedTransaction> all() {
    std::ranges::move(abandoned_, std::back_inserter(committed_));
    return std::move(committed_);
  }

 private:
  static Result<void> take(LogTransaction& transaction, bool commit,
                           std::vector<ComposedTransaction>& into) {
    ComposedTransaction taken{transaction.tid, commit, {}};
    for (LogItemRegions& regions : transaction.items) {
      bool const whole = transaction.regions_of(regions).size() == regions.regions;
      if (!whole && !commit) break;  // the log ended in the middle of it
      XFSX_TRY(DecodedLogItem const item, decode_log_item(transaction, regions));
      taken.items.push_back(ComposedItem::copy_of(transaction, regions, item));
    }
    into.push_back(std::move(taken));
    return success();
  }

  std::vector<ComposedTransaction> committed_, abandoned_;
};

/// The state of a log that was cleared.
LogState cleared_state(u32 cycle) {
  LogState state;
  state.clean = true;
  state.empty = true;
  state.head = state.tail = Lsn(cycle, LogBlock(0));
  return state;
}

}  // namespace

Result<std::vector<ComposedTransaction>> pending_transactions(BlockDevice& device,
                                                              LogGeometry const& log,
                                                              LogState const& state) {
  LogWalk walk(device, log, state, LogWalk::From::tail);
  TakenTransactions taken;
  LogAssembler assembler(taken);
  for (;;) {
    XFSX_TRY(std::optional<LogRecord> const record, walk.next());
    if (!record) break;
    XFSX_TRYV(assembler.feed(*record));
  }
  XFSX_TRYV(assembler.finish());
  return taken.all();
}

Result<CheckpointResult> relog(BlockDevice& device, LogGeometry const& log,
                               RelogOptions const& options) {
  XFSX_TRY(LogState const state, find_log_head(device, log));
  if (state.clean) return refuse(EINVAL, "the log is clean: there is nothing to write anew");
  XFSX_TRY(std::vector<ComposedTransaction> transactions, pending_transactions(device, log, state));
  for (ComposedTransaction& transaction : transactions) {
    if (!options.change) break;
    XFSX_TRYV(options.change(transaction));
  }
  LogComposer::Options how;
  how.record_size = options.record_size != 0 ? options.record_size : state.record_size;
  how.format = options.format;
  how.share_records = true;
  u32 const cycle = next_log_cycle(state.head.cycle());
  XFSX_TRY(LogComposer composer, LogComposer::create(device, log, cleared_state(cycle), how));
  XFSX_TRYV(clear_log(device, log, cycle));
  for (ComposedTransaction const& transaction : transactions) {
    XFSX_TRYV(composer.add(transaction));
  }
  return composer.finish();
}

}  // namespace xfsx::inline v0
