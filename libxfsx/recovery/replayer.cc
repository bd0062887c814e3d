#include "recovery/replayer.h"

#include "base/crc32c.h"
#include "disk/log_items.h"
#include "recovery/block_identity.h"
#include "recovery/item_replayer.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::LogItemType;
namespace flag = disk::buffer_item_flag;

u16 buffer_flags(DecodedLogItem const& item) {
  return view_as<disk::BufferLogFormat>(item.parts.front().bytes).flags.value();
}

/// Where in the order of a transaction an item is replayed.
enum class Turn : u8 { blocks, others, unlinked, cancelled };

Turn turn_of(DecodedLogItem const& item) {
  if (item.type == LogItemType::icreate) return Turn::blocks;
  if (item.type != LogItemType::buffer) return Turn::others;
  u16 const flags = buffer_flags(item);
  if ((flags & flag::cancel) != 0) return Turn::cancelled;
  return (flags & flag::inode_buf) != 0 ? Turn::unlinked : Turn::blocks;
}

/// An item and the place in its transaction that it came from.
struct Placed {
  DecodedLogItem item;
  LogItemRegions const* regions = nullptr;
};

/// All items of a transaction in the order in which they are replayed. Of pointers and
/// cancellations, the last comes first.
Result<std::vector<Placed>> in_order(LogTransaction& transaction) {
  std::vector<Placed> all;
  all.reserve(transaction.items.size());
  for (LogItemRegions& regions : transaction.items) {
    XFSX_TRY(DecodedLogItem item, decode_log_item(transaction, regions));
    all.push_back({std::move(item), &regions});
  }
  std::ranges::stable_sort(all, {}, [](Placed const& p) { return turn_of(p.item); });
  auto const unlinked =
      std::ranges::find_if(all, [](Placed const& p) { return turn_of(p.item) >= Turn::unlinked; });
  auto const cancelled =
      std::ranges::find_if(all, [](Placed const& p) { return turn_of(p.item) == Turn::cancelled; });
  std::reverse(unlinked, cancelled);
  std::reverse(cancelled, all.end());
  return all;
}

/// The first pass: which images were called off, and what switched quota off.
class FirstPass final : public LogSink {
 public:
  FirstPass(CancelledBlocks& cancelled, u32& quota_off)
      : cancelled_(cancelled), quota_off_(quota_off) {}

  Result<void> unmounted(LogRecord const&) override { return success(); }
  Result<void> abandoned(LogTransaction&) override { return success(); }
  Result<void> committed(LogTransaction& transaction) override {
    for (LogItemRegions& regions : transaction.items) {
      auto const type = LogItemType(regions.type);
      if (type != LogItemType::buffer && type != LogItemType::quotaoff) continue;
      XFSX_TRY(DecodedLogItem const item, decode_log_item(transaction, regions));
      ConstBytes const bytes = item.parts.front().bytes;
      if (type == LogItemType::quotaoff) {
        quota_off_ |= view_as<disk::QuotaoffLogFormat>(bytes).flags.value();
        continue;
      }
      auto const& format = view_as<disk::BufferLogFormat>(bytes);
      if ((format.flags.value() & flag::cancel) == 0) continue;
      cancelled_.add(format.blkno.value(), format.len.value());
    }
    return success();
  }

 private:
  CancelledBlocks& cancelled_;
  u32& quota_off_;
};

/// The second pass: what was logged goes where it belongs.
class SecondPass final : public LogSink {
 public:
  SecondPass(ReplayedBlocks& blocks, Geometry const& geometry, CancelledBlocks& cancelled,
             u32 quota_off)
      : blocks_(blocks), items_(blocks, geometry, cancelled) {
    items_.quota_off(quota_off);
  }

  Result<void> unmounted(LogRecord const&) override { return success(); }
  Result<void> abandoned(LogTransaction&) override {
    ++result_.counts.uncommitted;
    return success();
  }
  Result<void> committed(LogTransaction& transaction) override {
    ++result_.counts.transactions;
    XFSX_TRY(std::vector<Placed> const items, in_order(transaction));
    std::vector<BlockExtent> extents;
    for (Placed const& p : items) items_.add_extents(p.item, extents);
    blocks_.prefetch(extents);
    for (Placed const& p : items) {
      XFSX_TRYV(take(p, transaction));
    }
    return success();
  }

  ReplayResult finish() {
    std::map<u64, Intent> by_order;
    for (auto& [key, open] : open_) by_order.emplace(open.order, std::move(open.intent));
    for (auto& [order, intent] : by_order) result_.intents.push_back(std::move(intent));
    result_.counts.blocks_skipped = items_.skipped();
    result_.inodes = items_.inodes();
    return std::move(result_);
  }

 private:
  struct Open {
    Intent intent;
    u64 order = 0;
  };

  Result<void> take(Placed const& p, LogTransaction const& transaction) {
    ++result_.counts.items;
    ++result_.counts.by_name[p.item.name];
    if (done_of(p.item.type)) {
      XFSX_TRY(Intent intent, make_intent(p.item, transaction, *p.regions));
      std::pair const key{intent.type, intent.id};
      open_.emplace(key, Open{std::move(intent), result_.counts.items});
      return success();
    }
    if (std::optional<LogItemType> const intent = intent_of(p.item.type)) {
      // Numbers are used again; a done item without an intent answers one from before the tail.
      auto const found = open_.find({*intent, intent_id(p.item)});
      if (found != open_.end()) open_.erase(found);
      return success();
    }
    LogRegion const& first = transaction.regions[p.regions->first];
    return items_.replay(p.item, {transaction.lsn, first.block, first.op});
  }

  ReplayedBlocks& blocks_;
  ItemReplayer items_;
  std::multimap<std::pair<LogItemType, u64>, Open> open_;
  ReplayResult result_;
};

Result<void> walk(LogPlace const& place, LogState const& state, LogSink& sink,
                  std::function<Result<void>(u64)> const& seen) {
  LogWalk log(place.device, place.log, state, LogWalk::From::tail);
  LogAssembler assembler(sink);
  u64 done = 0;
  for (;;) {
    XFSX_TRY(std::optional<LogRecord> const record, log.next());
    if (!record) break;
    XFSX_TRYV(assembler.feed(*record));
    done += record->header_blocks + record->data.size() / basic_block_size;
    XFSX_TRYV(seen(done));
  }
  return assembler.finish();
}

/// Blocks that nothing changed are forgotten; the others get their checksums.
void settle(ReplayedBlocks& blocks, Geometry const& geometry) {
  std::erase_if(blocks.blocks(), [](auto const& entry) { return entry.second.dirty.none(); });
  for (auto& [address, block] : blocks.blocks()) {
    BlockKind const* const kind = identify(geometry, block.data.bytes());
    if (kind == nullptr || kind->crc == BlockKind::none) continue;
    crc32c_stamp(block.data.bytes(), kind->crc);
    block.dirty.set_range(kind->crc, sizeof(le32));
  }
}

}  // namespace

Result<ReplayResult> replay_log(ReplayedBlocks& blocks, Geometry const& geometry,
                                LogPlace const& place, LogState const& state,
                                ReplayOptions const& options) {
  CancelledBlocks cancelled;
  u32 quota_off = 0;
  FirstPass first(cancelled, quota_off);
  u32 const head = state.head.block().raw(), tail = state.tail.block().raw();
  u64 const length = (u64{head} + place.log.blocks - tail) % place.log.blocks;
  auto const tell = [&](u64 base) {
    return [&options, length, base](u64 done) -> Result<void> {
      return options.progress ? options.progress(base + done, 2 * length) : Result<void>(success());
    };
  };
  XFSX_TRYV(walk(place, state, first, tell(0)));
  SecondPass second(blocks, geometry, cancelled, quota_off);
  XFSX_TRYV(walk(place, state, second, tell(length)));
  settle(blocks, geometry);
  return second.finish();
}

}  // namespace xfsx::inline v0
