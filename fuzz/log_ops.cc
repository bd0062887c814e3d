// Operations and items of the log: records whose operations an input makes up, or that Linux wrote
// and an input changed. Whatever a transaction is put together from is decoded, told in words and
// as a value; an item says the same in either byte order.

#include "base/view.h"
#include "cli/json.h"
#include "cli/log_items.h"
#include "disk/inode.h"
#include "disk/log.h"
#include "disk/log_items.h"
#include "fuzz/support/target.h"
#include "log/byte_order.h"
#include "log/find_head.h"
#include "log/open_intents.h"
#include "log/record.h"

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;
using disk::LogItemType;

/// Everything that a transaction promises, and everything that is done with it.
class Checker final : public LogSink {
 public:
  Result<void> unmounted(LogRecord const&) override { return success(); }
  Result<void> committed(LogTransaction& transaction) override { return look_at(transaction); }
  Result<void> abandoned(LogTransaction& transaction) override { return look_at(transaction); }

  /// The bytes of items that were right, after they were brought into our byte order.
  std::vector<std::vector<std::byte>> right;

 private:
  Result<void> look_at(LogTransaction& transaction) {
    std::size_t bytes = 0;
    for (LogRegion const& region : transaction.regions) {
      must(region.offset == bytes);
      bytes += region.size;
    }
    must(bytes == transaction.bytes.size());
    std::size_t regions = 0;
    for (LogItemRegions& item : transaction.items) {
      must(item.first == regions);
      regions += transaction.regions_of(item).size();
      look_at(transaction, item);
    }
    must(regions == transaction.regions.size());
    return success();
  }

  void look_at(LogTransaction& transaction, LogItemRegions& item) {
    Result<DecodedLogItem> const decoded = decode_log_item(transaction, item);
    if (!decoded) {
      must(!describe(decoded.error()).empty());
      return;
    }
    for (LogItemPart const& part : decoded.value().parts) {
      if (part.bytes.empty()) continue;
      must(part.bytes.data() >= transaction.bytes.data());
      must(part.bytes.data() + part.bytes.size() <=
           transaction.bytes.data() + transaction.bytes.size());
    }
    must(!cli::log_item_words(decoded.value()).empty());
    must(!cli::to_json(cli::log_item_value(decoded.value())).empty());
    intents_.take(decoded.value(), transaction);
    must(intents_.list().size() <= ++items_);
    LogRegion const& first = transaction.regions[item.first];
    ConstBytes const from = ConstBytes(transaction.bytes).subspan(first.offset);
    std::size_t length = 0;
    for (LogRegion const& r : transaction.regions_of(item)) length += r.size;
    right.emplace_back(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(length));
  }

  OpenIntents intents_;
  std::size_t items_ = 0;
};

struct ItemShape {
  LogItemType type;
  Region format;
  std::size_t format_size;
  Region extent{};
  std::size_t extent_size = 0;
};

template <class T>
ItemShape shape(LogItemType type) {
  return {type, region<T>(), sizeof(T)};
}
template <class T, class Extent>
ItemShape shape(LogItemType type) {
  return {type, region<T>(), sizeof(T), region<Extent>(sizeof(T)), sizeof(Extent)};
}

ItemShape shape_of(u8 number) {
  static ItemShape const shapes[] = {
      shape<disk::BufferLogFormat>(LogItemType::buffer),
      shape<disk::InodeLogFormat>(LogItemType::inode),
      shape<disk::InodeLogFormat32>(LogItemType::inode),
      shape<disk::IntentLogFormat, disk::FreeExtentLog>(LogItemType::efi),
      shape<disk::IntentLogFormat, disk::FreeExtentLog32>(LogItemType::efd_rt),
      shape<disk::IntentLogFormat, disk::MapExtentLog>(LogItemType::rui),
      shape<disk::IntentLogFormat, disk::MapExtentLog>(LogItemType::bui),
      shape<disk::IntentLogFormat, disk::CountExtentLog>(LogItemType::cui),
      shape<disk::DoneLogFormat>(LogItemType::rud),
      shape<disk::DoneLogFormat>(LogItemType::bud),
      shape<disk::AttriLogFormat>(LogItemType::attri),
      shape<disk::DoneLogFormat>(LogItemType::attrd),
      shape<disk::XmiLogFormat>(LogItemType::xmi),
      shape<disk::SxiLogFormat>(LogItemType::xmi),
      shape<disk::DoneLogFormat>(LogItemType::xmd),
      shape<disk::IcreateLogFormat>(LogItemType::icreate),
      shape<disk::DquotLogFormat>(LogItemType::dquot),
      shape<disk::QuotaoffLogFormat>(LogItemType::quotaoff),
  };
  return shapes[number % std::size(shapes)];
}

using Regions = std::vector<std::vector<std::byte>>;

void add_inode_regions(Input& input, Regions& regions) {
  auto& format = edit_as<disk::InodeLogFormat32>(regions[0]);
  u8 const what = input.byte();
  std::vector<std::byte> core((what & 1) != 0 ? sizeof(disk::LogDinodeV2)
                                              : sizeof(disk::LogDinode));
  auto& fixed = edit_as<disk::LogDinodeV2>(core);
  Region const tables[] = {region<disk::LogDinode>(), region<disk::LogDinodeV2>()};
  mutate(input, core, tables, what >> 6);
  fixed.magic = disk::inode_magic;
  fixed.version = (what & 1) != 0 ? 2 : 3;
  regions.push_back(core);
  u32 fields = disk::inode_item_field::core;
  constexpr u32 data[] = {0, disk::inode_item_field::data_local,
                          disk::inode_item_field::data_extents, disk::inode_item_field::data_broot};
  fields |= data[(what >> 1) % 4] | data[(what >> 3) % 4] << 5;
  for (bool const attr : {false, true}) {
    if (((fields >> (attr ? 5 : 0)) & disk::inode_item_field::data_any) == 0) continue;
    u16 const size = static_cast<u16>(32 + input.byte() / 8 * 16);
    (attr ? format.asize : format.dsize) = size;
    ConstBytes const bytes = input.take(size);
    regions.emplace_back(bytes.begin(), bytes.end());
    regions.back().resize(size);
  }
  format.fields = fields;
}

void add_chunks(Input& input, Regions& regions) {
  auto const pattern = static_cast<u8>(input.byte());
  regions[0].resize(sizeof(disk::BufferLogFormat) + 4);
  auto& format = edit_as<disk::BufferLogFormat>(regions[0]);
  format.len = 8;
  format.flags = static_cast<u16>((input.byte() % 21U) << disk::buffer_item_flag::type_shift);
  format.map_size = 1;
  edit_as<le32>(regions[0], sizeof(disk::BufferLogFormat)) = pattern;
  for (u32 bit = 0; bit < 8; ++bit) {
    if (((pattern >> bit) & 1) == 0) continue;
    bool const goes_on = bit > 0 && ((pattern >> (bit - 1)) & 1) != 0;
    if (goes_on) {
      regions.back().resize(regions.back().size() + 128);
    } else {
      regions.emplace_back(128);
    }
  }
}

void add_names(Input& input, Regions& regions) {
  auto& format = edit_as<disk::AttriLogFormat>(regions[0]);
  u32 const op = 1 + input.byte() % 6U;
  u32 const name = 1 + input.byte() % 255U, value = op == 2 ? 0 : 1 + input.half() % 1024U;
  bool const parent = op == disk::attr_intent::parent_replace;
  format.op_flags = op;
  format.name_len = parent ? name | name << 16 : name;
  format.value_len = value;
  regions.emplace_back((name + 3) / 4 * 4);
  if (parent) regions.emplace_back((name + 3) / 4 * 4);
  if (value != 0) regions.emplace_back((value + 3) / 4 * 4);
  if (parent) regions.emplace_back((value + 3) / 4 * 4);
}

/// An item as its writer would make it, before an input has changed anything.
Regions plain_item(Input& input, ItemShape const& shape) {
  u32 const extents =
      shape.extent_size == 0 ? 0 : input.byte() % (shape.type == LogItemType::bui ? 2U : 17U);
  Regions regions(1, std::vector<std::byte>(shape.format_size + extents * shape.extent_size));
  if (shape.extent_size != 0) {
    edit_as<disk::IntentLogFormat>(regions[0]).nextents = extents;
    edit_as<disk::IntentLogFormat>(regions[0]).id = input.byte();
  }
  if (shape.type == LogItemType::inode) add_inode_regions(input, regions);
  if (shape.type == LogItemType::buffer) add_chunks(input, regions);
  if (shape.type == LogItemType::attri) add_names(input, regions);
  if (shape.type == LogItemType::dquot) {
    regions.emplace_back(sizeof(disk::Dquot));
    edit_as<disk::Dquot>(regions[1]).magic = disk::dquot_magic;
  }
  edit_as<le16>(regions[0]) = static_cast<u16>(shape.type);
  edit_as<le16>(regions[0], 2) = static_cast<u16>(regions.size());
  return regions;
}

/// The core as a big-endian machine writes it: a time without BIGTIME is two numbers.
void turn_core_away(Bytes core) {
  bool const large = core.size() >= sizeof(disk::LogDinode);
  bool const bigtime =
      large && (view_as<disk::LogDinode>(core).flags2.value() & disk::inode_flag2::bigtime) != 0;
  turn_fields(disk::Layout<disk::LogDinode>::fields, core);
  for (disk::Field const& field : disk::Layout<disk::LogDinode>::fields) {
    if (bigtime || field.show != disk::Show::timestamp || field.offset + 8U > core.size()) continue;
    std::ranges::rotate(core.subspan(field.offset, 8), core.begin() + field.offset + 4);
  }
}

/// The same item from a big-endian machine.
Regions turned_away(Regions regions, ItemShape const& shape) {
  Bytes const first = regions[0];
  bool const halves =
      shape.type == LogItemType::attri &&
      view_as<disk::AttriLogFormat>(first).op_flags.value() == disk::attr_intent::parent_replace;
  turn_fields(shape.format.fields, first);
  if (halves) {
    Bytes const lengths = first.subspan(offsetof(disk::AttriLogFormat, name_len), 4);
    std::ranges::rotate(lengths, lengths.begin() + 2);
  }
  for (std::size_t at = shape.format_size; shape.extent_size != 0 && at < first.size();
       at += shape.extent_size) {
    turn_fields(shape.extent.fields, first.subspan(at));
  }
  if (shape.type == LogItemType::buffer) {
    for (std::size_t at = shape.format_size; at + 4 <= first.size(); at += 4) {
      std::ranges::reverse(first.subspan(at, 4));
    }
  }
  if (shape.type == LogItemType::inode && regions.size() > 1) turn_core_away(regions[1]);
  return regions;
}

/// The operations of one record.
class Record {
 public:
  explicit Record(bool big) : big_(big) {}

  void add(u32 tid, u8 flags, ConstBytes payload, u8 client = disk::log_op::client_transaction) {
    disk::LogOpHeader header{};
    header.tid = tid;
    header.len = static_cast<u32>(payload.size());
    header.clientid = client;
    header.flags = flags;
    ConstBytes const head = bytes_of(header);
    data_.insert(data_.end(), head.begin(), head.end());
    data_.insert(data_.end(), payload.begin(), payload.end());
    ++ops_;
  }
  void begin(u32 tid) {
    disk::TransactionHeader header{};
    header.magic = disk::transaction_magic;
    header.tid = tid;
    std::vector<std::byte> bytes(bytes_of(header).begin(), bytes_of(header).end());
    if (big_) turn_fields(disk::Layout<disk::TransactionHeader>::fields, bytes);
    add(tid, disk::log_op::start, {});
    add(tid, 0, bytes);
  }
  [[nodiscard]] std::vector<std::byte>& data() { return data_; }

  bool feed(LogAssembler& assembler, u32 block = 0) {
    LogRecord record;
    record.block = block;
    record.pending = true;
    record.header.fmt = big_ ? 2U : disk::log_format_linux_le;
    record.header.num_logops = ops_;
    record.header.lsn = Lsn(1, LogBlock(block));
    record.data = data_;
    bool const fed = assembler.feed(record).has_value();
    data_.clear();
    ops_ = 0;
    return fed;
  }

 private:
  bool big_;
  std::vector<std::byte> data_;
  u32 ops_ = 0;
};

/// One item alone in a transaction; what of it was right.
std::vector<std::vector<std::byte>> through(Regions const& regions, bool big) {
  Checker checker;
  LogAssembler assembler(checker);
  Record record(big);
  record.begin(7);
  for (std::vector<std::byte> const& bytes : regions) record.add(7, 0, bytes);
  record.add(7, disk::log_op::commit, {});
  (void)record.feed(assembler);
  return checker.right;
}

/// The same item in both byte orders.
void both_orders(Input& input) {
  ItemShape const shape = shape_of(input.byte());
  u8 const changes = input.byte() % 4;
  Regions regions = plain_item(input, shape);
  if (changes == 0) must(through(regions, false).size() == 1);
  Region const tables[] = {shape.format, shape.extent};
  mutate(input, regions[0], std::span(tables).first(shape.extent_size != 0 ? 2 : 1), changes);
  edit_as<le16>(regions[0]) = static_cast<u16>(shape.type);
  edit_as<le16>(regions[0], 2) = static_cast<u16>(regions.size());
  must(through(regions, false) == through(turned_away(regions, shape), true));
}

/// Items of several transactions, cut and mixed as the input says.
void many_items(Input& input) {
  namespace op = disk::log_op;
  Checker checker;
  LogAssembler assembler(checker);
  Record record((input.byte() & 1) != 0);
  record.begin(1);
  record.begin(2);
  u32 block = 0;
  for (unsigned i = 0; i < 24 && !input.empty(); ++i) {
    u8 const how = input.byte();
    u32 const tid = 1 + how % 2U;
    Regions const regions = plain_item(input, shape_of(input.byte()));
    for (std::vector<std::byte> const& bytes : regions) {
      std::size_t const cut = (how & 4) != 0 ? bytes.size() / 2 : bytes.size();
      record.add(tid, cut < bytes.size() ? op::cont : 0, ConstBytes(bytes).first(cut));
      if (cut == bytes.size()) continue;
      if ((how & 8) != 0 && !record.feed(assembler, ++block)) return;
      record.add(tid, op::was_cont | op::end, ConstBytes(bytes).subspan(cut));
    }
    if ((how & 16) != 0) record.add(tid, input.byte(), input.take(input.byte()), input.byte());
    if ((how & 32) != 0) record.add(tid, op::commit, {});
    if ((how & 64) != 0) {
      Region const tables[] = {region<disk::LogOpHeader>(), region<disk::TransactionHeader>(24)};
      mutate(input, record.data(), tables, 2);
    }
    if ((how & 128) != 0 && !record.feed(assembler, ++block)) return;
  }
  (void)record.feed(assembler, ++block);
  must(assembler.finish().has_value());
}

/// Long records hold more of the same, and take their time.
constexpr std::size_t kept_bytes = 16384;

/// A record of Linux's, whose bytes have been put back.
struct Kept {
  LogRecord record;
  std::vector<std::byte> data;
};

std::vector<Kept> const& records_of(World const& world) {
  static std::map<World const*, std::vector<Kept>> all;
  auto const [found, is_new] = all.try_emplace(&world);
  if (!is_new) return found->second;
  OverlayDisk disk = world.disk();
  Result<LogGeometry> const log = LogGeometry::of(world.geometry());
  must(log.has_value());
  Result<LogState> const state = find_log_head(disk, log.value());
  must(state.has_value());
  LogWalk walk(disk, log.value(), state.value(), LogWalk::From::oldest);
  while (found->second.size() < 4) {
    Result<std::optional<LogRecord>> const next = walk.next();
    must(next.has_value());
    if (!next.value()) break;
    ConstBytes const data = next.value()->data;
    if (data.size() > kept_bytes) continue;
    found->second.push_back({*next.value(), {data.begin(), data.end()}});
  }
  return found->second;
}

/// Records that Linux wrote, some of them changed.
void real_records(Input& input) {
  std::vector<Kept> const& records = records_of(World::of_logs(input.byte()));
  u8 const which = input.byte();
  Checker checker;
  LogAssembler assembler(checker);
  for (std::size_t i = 0; i < records.size(); ++i) {
    LogRecord record = records[i].record;
    std::vector<std::byte> data = records[i].data;
    if (((which >> (i % 8)) & 1) != 0 && !input.empty()) {
      // Somewhere among the operations.
      std::size_t const at = input.half() % data.size() / 4 * 4;
      Region const tables[] = {
          region<disk::LogOpHeader>(at),     region<disk::TransactionHeader>(at),
          region<disk::BufferLogFormat>(at), region<disk::InodeLogFormat>(at),
          region<disk::LogDinode>(at),       region<disk::UnmountRecord>(at),
      };
      mutate(input, data, tables, 4);
    }
    record.data = data;
    if (!assembler.feed(record)) return;
  }
  must(assembler.finish().has_value());
}

/// Bytes that were sealed as records and read back from a log.
void walked_records(Input& input) {
  World const& world = World::of_logs(input.byte());
  Result<LogGeometry> const log = LogGeometry::of(world.geometry());
  must(log.has_value());
  u32 const blocks = log.value().blocks;
  RecordShape shape;
  shape.unit = log.value().unit;
  shape.size = std::max(min_log_record_size, shape.unit);
  OverlayDisk disk = world.disk();
  u32 const unit_blocks = std::max(shape.unit / 512, 1U);
  u32 const start = (blocks - input.half() % 300U) / unit_blocks * unit_blocks % blocks;
  LogState state;
  state.head = state.tail = Lsn(3, LogBlock(start));
  for (unsigned i = 0; i < 3; ++i) {
    RecordStamp stamp;
    stamp.used = 4 + input.half() % (shape.capacity() - 4) / 4 * 4;
    stamp.ops = input.byte();
    stamp.lsn = state.head;
    stamp.tail = state.tail;
    std::vector<std::byte> record(shape.bytes_for(stamp.used));
    ConstBytes const bytes = input.take(std::min<std::size_t>(stamp.used, input.byte()));
    std::ranges::copy(bytes, record.begin() + static_cast<std::ptrdiff_t>(shape.header_bytes()));
    seal_record(log.value(), shape, stamp, record);
    u32 const at = state.head.block().raw();
    std::size_t const first =
        std::min<std::size_t>(record.size(), (blocks - at) * std::size_t{512});
    write_at(disk, log.value().byte_of(LogBlock(at)), ConstBytes(record).first(first));
    write_at(disk, log.value().byte_of(LogBlock(0)), ConstBytes(record).subspan(first));
    state.head = advance(log.value(), state.head, static_cast<u32>(record.size() / 512));
  }
  Checker checker;
  LogAssembler assembler(checker);
  LogWalk walk(disk, log.value(), state, LogWalk::From::tail);
  for (unsigned i = 0; i < 3; ++i) {
    Result<std::optional<LogRecord>> const next = walk.next();
    must(next.has_value() && next.value().has_value() && next.value()->pending);
    if (!assembler.feed(*next.value())) return;
  }
  Result<std::optional<LogRecord>> const end = walk.next();
  must(end.has_value() && !end.value().has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  switch (input.byte() % 4) {
    case 0:
      both_orders(input);
      break;
    case 1:
      many_items(input);
      break;
    case 2:
      real_records(input);
      break;
    default:
      walked_records(input);
      break;
  }
  return 0;
}
