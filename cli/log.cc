// xfsx log [--pending] IMAGE

#include "cache/buffer_cache.h"
#include "json.h"
#include "log/exchange_names.h"
#include "log/find_head.h"
#include "log/open_intents.h"
#include "log_items.h"
#include "verb.h"

#include <fmt/format.h>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Shows what the log holds, oldest first: a line for each record, and below the record that\n"
    "ends it each transaction with its items; at the end the intents that no transaction\n"
    "finished. Positions in the log are cycle:block. Everything is shown that is still whole\n"
    "between the oldest record and the head. Records before the tail have done their work: they\n"
    "are history, and what was overwritten of them is left out without a word. What lies between\n"
    "tail and head waits for recovery; what is wrong there is an error, and the exit status is 4.\n"
    "With --pending only that is shown. The log of a clean filesystem is all history.\n"
    "(The same as xfs_logprint without and with -t.)\n";

constexpr u64 largest_sector = 32768;

/// Writes what comes out of the log, in its order.
class Printer : public LogSink {
 public:
  explicit Printer(Session& session) : session_(session), json_(session.options().json) {}

  Result<void> begin(LogGeometry const& log, LogState const& state);
  Result<void> record(LogRecord const& record);
  Result<void> unmounted(LogRecord const& record) override;
  Result<void> committed(LogTransaction& transaction) override;
  Result<void> abandoned(LogTransaction& transaction) override;
  Result<void> end();

  /// The first thing that was found wrong where recovery reads.
  std::optional<Error> problem;

 private:
  Result<void> transaction(LogTransaction& transaction);
  Result<void> item(LogTransaction& transaction, LogItemRegions& regions, bool first);
  Result<void> entry(Value const& value);
  /// An entry whose last member the caller goes on with.
  Result<void> open_entry(Value const& value, std::string_view member);

  Session& session_;
  bool json_;
  bool first_ = true;
  bool at_tail_ = false;
  OpenIntents intents_;
  ExchangeNames names_;
};

Result<void> Printer::begin(LogGeometry const& log, LogState const& state) {
  std::string_view const word = state.clean ? "clean" : "dirty";
  if (!json_) {
    std::string text =
        fmt::format("log at daddr {}, {} basic blocks, {}: tail {}, head {}\n", log.start.raw(),
                    log.blocks, word, lsn_words(state.tail), lsn_words(state.head));
    if (state.torn) text += "the end is torn: records behind the head are not whole and dropped\n";
    return session_.print(text);
  }
  Value document = session_.document("log");
  Value about = Value::group("log");
  about.add(Value::wide_integer("start_daddr", log.start.raw()));
  about.add(Value::integer("basic_blocks", log.blocks));
  about.add(Value::words("state", word));
  about.add(Value::flag("torn", state.torn));
  about.add(lsn_value("tail", state.tail));
  about.add(lsn_value("head", state.head));
  document.add(std::move(about));
  // Entries are written as they come: a log may hold more than fits memory as a document.
  std::string text = to_json(document);
  text.pop_back();
  return session_.print(text + ",\"entries\":[");
}

Result<void> Printer::entry(Value const& value) {
  std::string const comma = first_ ? "" : ",";
  first_ = false;
  return session_.print(comma + to_json(value));
}

Result<void> Printer::open_entry(Value const& value, std::string_view member) {
  std::string text = to_json(value);
  text.pop_back();
  std::string const comma = first_ ? "" : ",";
  first_ = false;
  return session_.print(fmt::format("{}{},\"{}\":[", comma, text, member));
}

Result<void> Printer::record(LogRecord const& record) {
  disk::LogRecordHeader const& header = record.header;
  if (!json_) {
    std::string text;
    if (record.pending && !at_tail_) text = "from here on recovery reads\n";
    at_tail_ = record.pending;
    text += fmt::format("record {}: {} bytes, {} operations, tail {}\n",
                        lsn_words(header.lsn.value()), header.len.value(),
                        header.num_logops.value(), lsn_words(header.tail_lsn.value()));
    return session_.print(text);
  }
  Value v = Value::group({});
  v.add(Value::words("kind", "record"));
  v.add(lsn_value("lsn", header.lsn.value()));
  v.add(lsn_value("tail", header.tail_lsn.value()));
  v.add(Value::integer("bytes", header.len.value()));
  v.add(Value::integer("operations", header.num_logops.value()));
  v.add(Value::flag("pending", record.pending));
  return entry(v);
}

Result<void> Printer::unmounted(LogRecord const& record) {
  if (!json_) return session_.print("  unmounted\n");
  Value v = Value::group({});
  v.add(Value::words("kind", "unmount"));
  v.add(lsn_value("lsn", record.header.lsn.value()));
  return entry(v);
}

Result<void> Printer::item(LogTransaction& transaction, LogItemRegions& regions, bool first) {
  Result<DecodedLogItem> decoded = decode_log_item(transaction, regions);
  if (decoded) names_.settle(decoded.value());
  bool const counts = transaction.pending && transaction.committed;
  std::string const comma = first ? "" : ",";
  if (!decoded) {
    std::string const text = describe(decoded.error());
    if (counts && !problem) problem = decoded.error();
    if (!json_) return session_.print("    damaged: " + text + "\n");
    Value v = Value::group({});
    v.add(Value::words("type", log_item_name(regions.type)));
    v.add(Value::words("problem", text));
    return session_.print(comma + to_json(v));
  }
  if (counts) intents_.take(decoded.value(), transaction);
  if (json_) return session_.print(comma + to_json(log_item_value(decoded.value())));
  return session_.print("    " + log_item_words(decoded.value()) + "\n");
}

Result<void> Printer::transaction(LogTransaction& transaction) {
  if (!json_) {
    std::string const end = transaction.committed
                                ? fmt::format("committed in {}", lsn_words(transaction.commit))
                                : "never committed: it does not count";
    XFSX_TRYV(
        session_.print(fmt::format("  transaction {:08x} from {}, {}, items: {}\n", transaction.tid,
                                   lsn_words(transaction.lsn), end, transaction.items.size())));
  } else {
    Value v = Value::group({});
    v.add(Value::words("kind", "transaction"));
    v.add(Value::integer("tid", transaction.tid));
    v.add(lsn_value("lsn", transaction.lsn));
    v.add(Value::flag("committed", transaction.committed));
    if (transaction.committed) v.add(lsn_value("commit", transaction.commit));
    v.add(Value::flag("pending", transaction.pending));
    v.add(Value::integer("regions", transaction.regions.size()));
    XFSX_TRYV(open_entry(v, "items"));
  }
  // One after another: all of them together may be many times the size of the log.
  for (std::size_t i = 0; i < transaction.items.size(); ++i) {
    XFSX_TRYV(item(transaction, transaction.items[i], i == 0));
  }
  if (!json_) return success();
  return session_.print("]}");
}

Result<void> Printer::committed(LogTransaction& whole) {
  XFSX_TRYV(session_.check_cancelled());
  return transaction(whole);
}

Result<void> Printer::abandoned(LogTransaction& partial) {
  return transaction(partial);
}

Result<void> Printer::end() {
  std::vector<OpenIntent> const open = intents_.list();
  if (!json_) {
    std::string text;
    for (OpenIntent const& intent : open) {
      text += fmt::format("left open: {} {:#x} of transaction {:08x} from {}\n", intent.name,
                          intent.id, intent.tid, lsn_words(intent.lsn));
    }
    return session_.print(text);
  }
  Value list = Value::list({});
  for (OpenIntent const& intent : open) {
    Value& v = list.add(Value::group({}));
    v.add(Value::words("type", intent.name));
    v.add(Value::wide_integer("id", intent.id));
    v.add(Value::integer("tid", intent.tid));
    v.add(lsn_value("lsn", intent.lsn));
  }
  return session_.print("],\"open_intents\":" + to_json(list) + "}\n");
}

class Log : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.flag("--pending", pending_, "only what recovery would read");
    parser.details(help);
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(Devices const devices, session.open(Access::read));
    XFSX_TRY(Geometry const geometry, geometry_of(*devices.data));
    XFSX_TRY(LogPlace const place, place_log(geometry, *devices.data, devices.log.get()));
    XFSX_TRY(LogState const state, find_log_head(place.device, place.log));
    Printer printer(session);
    XFSX_TRYV(printer.begin(place.log, state));
    LogWalk walk(place.device, place.log, state,
                 pending_ ? LogWalk::From::tail : LogWalk::From::oldest);
    // The document is ended in any case.
    Result<void> const walked = follow(walk, printer);
    XFSX_TRYV(printer.end());
    XFSX_TRYV(walked);
    if (printer.problem) return *printer.problem;
    return success();
  }

 private:
  static Result<Geometry> geometry_of(BlockDevice& device) {
    DeviceInfo const info = device.info();
    u64 const unit = std::max<u64>(info.logical_sector, basic_block_size);
    AlignedBytes sector(std::min<u64>(largest_sector, info.size / unit * unit));
    ReadRequest const request{0, sector.bytes()};
    XFSX_TRYV(device.read({&request, 1}));
    return Geometry::from_superblock(sector.bytes(), {info.size, info.logical_sector});
  }

  static Result<void> follow(LogWalk& walk, Printer& printer) {
    LogAssembler assembler(printer);
    while (true) {
      XFSX_TRY(std::optional<LogRecord> const record, walk.next());
      if (!record) break;
      XFSX_TRYV(printer.record(*record));
      Result<void> const fed = assembler.feed(*record);
      // History may be cut anywhere.
      bool const told = !fed && fed.error().code != Errc::io && !record->pending;
      if (!fed && !told) return fed.error();
    }
    return assembler.finish();
  }

  bool pending_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_log() {
  return std::make_unique<Log>();
}

}  // namespace xfsx::inline v0::cli
