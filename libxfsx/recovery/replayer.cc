#include "recovery/replayer.h"

#include "base/crc32c.h"
#include "disk/log_items.h"
#include "recovery/block_identity.h"
#include "recovery/item_replayer.h"
#include "recovery/replay_inode.h"

#include <algorithm>
#include <array>
#include <iterator>

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
  std::array<std::vector<Placed>, 4> by_turn;
  for (LogItemRegions& regions : transaction.items) {
    XFSX_TRY(DecodedLogItem item, decode_log_item(transaction, regions));
    auto const turn = static_cast<std::size_t>(turn_of(item));
    by_turn[turn].push_back({std::move(item), &regions});
  }
  std::ranges::reverse(by_turn[static_cast<std::size_t>(Turn::unlinked)]);
  std::ranges::reverse(by_turn[static_cast<std::size_t>(Turn::cancelled)]);
  std::vector<Placed> all;
  all.reserve(transaction.items.size());
  for (std::vector<Placed>& turn : by_turn) std::ranges::move(turn, std::back_inserter(all));
  return all;
}

/// Takes so many committed transactions, and no more.
class LimitedSink : public LogSink {
 public:
  explicit LimitedSink(u64 most) : left_(most) {}
  [[nodiscard]] bool is_full() const { return left_ == 0; }
  [[nodiscard]] u64 taken() const { return taken_; }

  Result<void> unmounted(LogRecord const&) override { return success(); }
  Result<void> committed(LogTransaction& transaction) final {
    if (is_full()) return success();
    XFSX_TRYV(take(transaction));
    --left_;
    ++taken_;
    return success();
  }

 private:
  virtual Result<void> take(LogTransaction& transaction) = 0;

  u64 left_;
  u64 taken_ = 0;
};

/// The first pass: which images were called off, and what switched quota off.
class FirstPass final : public LimitedSink {
 public:
  FirstPass(u64 most, CancelledBlocks& cancelled, u32& quota_off)
      : LimitedSink(most), cancelled_(cancelled), quota_off_(quota_off) {}

  Result<void> abandoned(LogTransaction&) override { return success(); }

 private:
  Result<void> take(LogTransaction& transaction) override {
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

  CancelledBlocks& cancelled_;
  u32& quota_off_;
};

/// The second pass, or the only one: what was logged goes where it belongs.
class SecondPass final : public LimitedSink {
 public:
  SecondPass(u64 most, ReplayedBlocks& blocks, Geometry const& geometry, CancelledBlocks& cancelled,
             u32 quota_off)
      : LimitedSink(most), blocks_(blocks), items_(blocks, geometry, &cancelled) {
    items_.quota_off(quota_off);
  }
  /// Without a first one.
  SecondPass(ReplayedBlocks& blocks, Geometry const& geometry)
      : LimitedSink(~u64{0}), is_only_(true), blocks_(blocks), items_(blocks, geometry, nullptr) {}

  Result<void> abandoned(LogTransaction&) override {
    ++result_.counts.uncommitted;
    return success();
  }

  ReplayResult finish() {
    std::map<u64, Intent> by_order;
    for (auto& [key, open] : open_) by_order.emplace(open.order, std::move(open.intent));
    for (auto& [order, intent] : by_order) result_.intents.push_back(std::move(intent));
    result_.counts.blocks_skipped = items_.skipped();
    result_.owners_changed = items_.owners_changed();
    result_.inodes = items_.inodes(ItemReplayer::Which::replayed);
    result_.logged_inodes = items_.inodes(ItemReplayer::Which::logged);
    return std::move(result_);
  }

 private:
  struct Open {
    Intent intent;
    u64 order = 0;
  };

  Result<void> take(LogTransaction& transaction) override {
    ++result_.counts.transactions;
    XFSX_TRY(std::vector<Placed> const items, in_order(transaction));
    ItemReplayer::Wanted wanted;
    for (Placed const& p : items) items_.add_extents(p.item, wanted);
    blocks_.prefetch(wanted.extents);
    for (Placed const& p : items) {
      XFSX_TRYV(take_item(p, transaction));
    }
    return success();
  }

  Result<void> take_item(Placed const& p, LogTransaction const& transaction) {
    ++result_.counts.items;
    ++result_.counts.by_name[p.item.name];
    if (is_only_ && p.item.type == LogItemType::quotaoff) {
      return refuse(EAGAIN, "dquots that were replayed already should not have been");
    }
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

  bool is_only_ = false;
  ReplayedBlocks& blocks_;
  ItemReplayer items_;
  std::multimap<std::pair<LogItemType, u64>, Open> open_;
  ReplayResult result_;
};

/// What was committed behind a place where the log is damaged.
class LostTransactions final : public LogSink {
 public:
  explicit LostTransactions(u64 replayed) : replayed_(replayed) {}

  Result<void> unmounted(LogRecord const&) override { return success(); }
  /// At a gap, what is under way may be committed behind it; at the head, it never was.
  Result<void> abandoned(LogTransaction& transaction) override {
    if (at_gap) add(transaction);
    return success();
  }
  Result<void> committed(LogTransaction& transaction) override {
    if (seen_++ >= replayed_) add(transaction);
    return success();
  }

  bool at_gap = false;
  std::vector<LostTransaction> list;

 private:
  void add(LogTransaction& transaction) {
    LostTransaction lost{transaction.lsn, transaction.tid, transaction.items.size(), {}};
    for (LogItemRegions& regions : transaction.items) {
      if (LogItemType(regions.type) != LogItemType::inode) continue;
      Result<DecodedLogItem> const item = decode_log_item(transaction, regions);
      if (item) lost.inodes.insert(inode_item_head(item.value()).number.raw());
    }
    list.push_back(std::move(lost));
  }

  u64 replayed_;
  u64 seen_ = 0;
};

/// How one way through the log ended: at the head, or where it is damaged.
struct Walked {
  std::optional<Error> damage;
  u64 transactions = 0;
};

bool is_damage(Error const& e) {
  return e.code == Errc::bad_value || e.code == Errc::bad_crc || e.code == Errc::truncated;
}

Result<void> go_through(LogWalk& log, LimitedSink& sink,
                        std::function<Result<void>(u64)> const& seen) {
  LogAssembler assembler(sink);
  u64 done = 0;
  while (!sink.is_full()) {
    XFSX_TRY(std::optional<LogRecord> const record, log.next());
    if (!record) break;
    Result<void> const fed = assembler.feed(*record);
    // What comes behind the last wanted commit does not matter.
    if (!fed && !sink.is_full()) return fed.error();
    if (!fed) return success();
    done += record->header_blocks + record->data.size() / basic_block_size;
    XFSX_TRYV(seen(done));
  }
  return assembler.finish();
}

Result<Walked> walk(LogPlace const& place, LogState const& state, LimitedSink& sink,
                    std::function<Result<void>(u64)> const& seen) {
  LogWalk log(place.device, place.log, state, LogWalk::From::tail);
  Walked walked;
  Result<void> const ended = go_through(log, sink, seen);
  if (!ended && !is_damage(ended.error())) return ended.error();
  if (!ended) walked.damage = ended.error();
  walked.transactions = sink.taken();
  return walked;
}

/// Lists the transactions that come after so many replayed ones, as far as the log can be read.
std::vector<LostTransaction> find_lost(LogPlace const& place, LogState const& state, u64 replayed) {
  LogWalk log(place.device, place.log, state, LogWalk::From::tail,
              LogWalk::Damaged::is_passed_over);
  LostTransactions sink(replayed);
  auto assembler = std::make_unique<LogAssembler>(sink);
  for (;;) {
    Result<std::optional<LogRecord>> const record = log.next();
    if (!record || !record.value()) break;
    // What does not fit behind a gap is given up with all that is under way.
    if (assembler->feed(*record.value())) continue;
    sink.at_gap = true;
    static_cast<void>(assembler->finish());
    sink.at_gap = false;
    assembler = std::make_unique<LogAssembler>(sink);
  }
  static_cast<void>(assembler->finish());
  return std::move(sink.list);
}

/// How often the end of what can be salvaged is looked for one by one.
constexpr u32 patience = 16;

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

class Replay {
 public:
  Replay(ReplayedBlocks& blocks, Geometry const& geometry, LogPlace const& place,
         LogState const& state, ReplayOptions const& options)
      : blocks_(blocks), geometry_(geometry), place_(place), state_(state), options_(options) {}

  /// Goes through the log once, in the hope that nothing that is called off matters before.
  /// Nothing, and `blocks` as new, if it does, or the log is damaged.
  Result<std::optional<ReplayResult>> run_once() {
    SecondPass pass(blocks_, geometry_);
    Result<Walked> const walked = walk(place_, state_, pass, teller(0, 1));
    bool const stopped =
        !walked && (walked.error().code == Errc::io || walked.error().code == Errc::cancelled);
    if (stopped) return walked.error();
    if (walked && !walked.value().damage) {
      settle(blocks_, geometry_);
      return std::optional<ReplayResult>(pass.finish());
    }
    blocks_.clear();
    return std::optional<ReplayResult>();
  }

  /// Replays at most `most` transactions, and says where the log is damaged before that.
  Result<Walked> run(u64 most, ReplayResult& result) {
    CancelledBlocks cancelled;
    u32 quota_off = 0;
    FirstPass first(most, cancelled, quota_off);
    XFSX_TRY(Walked const looked, walk(place_, state_, first, teller(0, 2)));
    if (looked.damage) return looked;
    SecondPass second(most, blocks_, geometry_, cancelled, quota_off);
    XFSX_TRY(Walked const replayed, walk(place_, state_, second, teller(1, 2)));
    if (replayed.damage) return replayed;
    settle(blocks_, geometry_);
    result = second.finish();
    return replayed;
  }

 private:
  [[nodiscard]] std::function<Result<void>(u64)> teller(u64 pass, u64 passes) const {
    u32 const head = state_.head.block().raw(), tail = state_.tail.block().raw();
    u64 const length = (u64{head} + place_.log.blocks - tail) % place_.log.blocks;
    return [this, length, pass, passes](u64 done) -> Result<void> {
      return options_.progress ? options_.progress(pass * length + done, passes * length)
                               : Result<void>(success());
    };
  }

  ReplayedBlocks& blocks_;
  Geometry const& geometry_;
  LogPlace const& place_;
  LogState const& state_;
  ReplayOptions const& options_;
};

}  // namespace

Result<ReplayResult> replay_log(ReplayedBlocks& blocks, Geometry const& geometry,
                                LogPlace const& place, LogState const& state,
                                ReplayOptions const& options) {
  Replay replay(blocks, geometry, place, state, options);
  if (options.passes == ReplayOptions::Passes::as_needed) {
    XFSX_TRY(std::optional<ReplayResult> once, replay.run_once());
    if (once) return std::move(*once);
  }
  ReplayResult result;
  std::optional<Error> damage;
  u64 most = ~u64{0};
  for (u32 round = 0;; ++round) {
    XFSX_TRY(Walked const walked, replay.run(most, result));
    if (!walked.damage) break;
    if (!options.salvage) return *walked.damage;
    // Begins again, and ends before what is damaged. A log that was made so that each end spoils
    // what comes before it (an image that is called off behind the end) is given up by halves.
    damage = walked.damage;
    most = round < patience ? walked.transactions : walked.transactions / 2;
    blocks.clear();
  }
  if (!damage) return result;
  result.damage = damage;
  result.lost = find_lost(place, state, most);
  return result;
}

}  // namespace xfsx::inline v0
