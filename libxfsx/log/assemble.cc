#include "log/assemble.h"

#include "log/byte_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace xfsx::inline v0 {

namespace {

using disk::LogOpHeader;
using disk::LogRecordHeader;
using disk::TransactionHeader;
namespace op_flag = disk::log_op;

/// Errors about the header of an operation.
class OpView : public CheckedView<LogOpHeader> {
 public:
  OpView(LogOpHeader const& header, LogRecord const& record)
      : CheckedView(header, log_location(record.block)) {}
};

u16 half_at(ConstBytes bytes, std::size_t offset, bool big) {
  return big ? view_as<be16>(bytes, offset).value() : view_as<le16>(bytes, offset).value();
}

}  // namespace

Error with_operation(Error e, u32 number) {
  if (e.note.view().empty()) e.note = Note(fmt::format("operation {}", number));
  return e;
}

std::span<LogRegion const> LogTransaction::regions_of(LogItemRegions const& item) const {
  std::size_t const there = std::min<std::size_t>(item.regions, regions.size() - item.first);
  return std::span(regions).subspan(item.first, there);
}

Result<void> LogAssembler::feed(LogRecord const& record) {
  CheckedView<LogRecordHeader> const view(record.header, log_location(record.block));
  u32 const order = record.header.fmt.value();
  XFSX_TRYV(view.at_least(record.header.fmt, disk::log_format_linux_le));
  XFSX_TRYV(view.require(order <= disk::log_format_irix_be, record.header.fmt,
                         disk::log_format_irix_be, Relation::at_most));
  ConstBytes rest = record.data;
  for (u32 number = 0; number < record.header.num_logops.value() && !rest.empty(); ++number) {
    if (!fits<LogOpHeader>(rest)) {
      return with_operation(
          located(Errc::truncated, disk::Layout<LogOpHeader>::name, log_location(record.block)),
          number);
    }
    auto const& header = view_as<LogOpHeader>(rest);
    rest = rest.subspan(sizeof(LogOpHeader));
    u32 const len = header.len.value();
    Result<void> taken = OpView(header, record).at_most(header.len, static_cast<u32>(rest.size()));
    if (taken) taken = take({record, header, rest.first(len), number});
    if (!taken) return with_operation(taken.error(), number);
    rest = rest.subspan(len);
  }
  return success();
}

Result<void> LogAssembler::take(Operation const& op) {
  OpView const view(op.header, op.record);
  bool const known_client = op.header.clientid == op_flag::client_transaction ||
                            op.header.clientid == op_flag::client_log;
  XFSX_TRYV(
      view.require(known_client, op.header.clientid, op_flag::client_transaction, Relation::equal));
  u8 flags = op.header.flags & static_cast<u8>(~op_flag::end);
  if ((flags & op_flag::was_cont) != 0) flags &= static_cast<u8>(~op_flag::cont);
  if (flags == op_flag::unmount) return unmount(op);
  if ((flags & op_flag::start) != 0) return start(op);
  auto const found = open_.find(op.header.tid.value());
  // The rest of a transaction that starts before what is read.
  if (found == open_.end()) return success();
  switch (flags) {
    case 0:
    case op_flag::cont:
      return add_region(found->second, op);
    case op_flag::was_cont:
      return append(found->second, op);
    case op_flag::commit:
      return commit(found->second, op);
    default:
      return view.require(false, op.header.flags, 0, Relation::equal);
  }
}

Result<void> LogAssembler::start(Operation const& op) {
  OpView const view(op.header, op.record);
  u32 const tid = op.header.tid.value();
  if (auto const old = open_.find(tid); old != open_.end()) {
    // Recovery has not seen one that starts before the tail, and nobody goes on with it.
    XFSX_TRYV(view.require(!old->second.pending && op.record.pending, op.header.tid, tid,
                           Relation::not_equal));
    XFSX_TRYV(sink_.abandoned(old->second));
    open_.erase(old);
  }
  XFSX_TRYV(
      view.require(open_.size() < most_open, op.header.flags, op_flag::start, Relation::not_equal));
  LogTransaction& transaction = open_[tid];
  transaction.bytes = std::exchange(spare_.bytes, {});
  transaction.regions = std::exchange(spare_.regions, {});
  transaction.items = std::exchange(spare_.items, {});
  transaction.tid = tid;
  transaction.lsn = op.record.header.lsn.value();
  transaction.pending = op.record.pending;
  transaction.other_order = op.record.header.fmt.value() != disk::log_format_linux_le;
  return success();
}

Result<void> LogAssembler::add_to_header(LogTransaction& transaction, Operation const& op) {
  std::size_t const room = sizeof(TransactionHeader) - transaction.header_size;
  XFSX_TRYV(OpView(op.header, op.record).at_most(op.header.len, static_cast<u32>(room)));
  std::ranges::copy(op.payload, transaction.header.begin() + transaction.header_size);
  transaction.header_size += op.header.len.value();
  if (transaction.header_size < sizeof(TransactionHeader)) return success();
  if (transaction.other_order) {
    turn_fields(disk::Layout<TransactionHeader>::fields, transaction.header);
  }
  auto const& header = view_as<TransactionHeader>(transaction.header);
  CheckedView<TransactionHeader> const view(header, log_location(op.record.block));
  return view.equal(header.magic, disk::transaction_magic);
}

Result<void> LogAssembler::begin_item(LogTransaction& transaction, Operation const& op) {
  OpView const view(op.header, op.record);
  XFSX_TRYV(view.at_least(op.header.len, 4U));
  LogItemRegions item;
  item.type = half_at(op.payload, 0, transaction.other_order);
  item.regions = half_at(op.payload, 2, transaction.other_order);
  item.first = static_cast<u32>(transaction.regions.size());
  if (item.regions == 0 || item.regions > disk::log_max_regions) {
    Error e = located(Errc::bad_value, "log item", log_location(op.record.block));
    e.field = "size";
    e.relation = item.regions == 0 ? Relation::at_least : Relation::at_most;
    e.found.number = item.regions;
    e.expected.number = item.regions == 0 ? 1 : disk::log_max_regions;
    return e;
  }
  transaction.items.push_back(item);
  return success();
}

Result<void> LogAssembler::add_region(LogTransaction& transaction, Operation const& op) {
  if (op.payload.empty()) return success();
  if (transaction.header_size < sizeof(TransactionHeader)) {
    // A new region is not the rest of an old one.
    XFSX_TRYV(OpView(op.header, op.record)
                  .require(transaction.header_size == 0, op.header.flags, op_flag::was_cont,
                           Relation::equal));
    return add_to_header(transaction, op);
  }
  std::vector<LogItemRegions> const& items = transaction.items;
  bool const full =
      items.empty() || transaction.regions_of(items.back()).size() == items.back().regions;
  if (full) {
    XFSX_TRYV(begin_item(transaction, op));
  }
  transaction.regions.push_back(
      {transaction.bytes.size(), op.payload.size(), op.record.block, op.number});
  transaction.bytes.insert(transaction.bytes.end(), op.payload.begin(), op.payload.end());
  return success();
}

Result<void> LogAssembler::append(LogTransaction& transaction, Operation const& op) {
  if (transaction.header_size < sizeof(TransactionHeader)) return add_to_header(transaction, op);
  XFSX_TRYV(OpView(op.header, op.record)
                .require(!transaction.regions.empty(), op.header.flags, 0, Relation::equal));
  transaction.regions.back().size += op.payload.size();
  transaction.bytes.insert(transaction.bytes.end(), op.payload.begin(), op.payload.end());
  return success();
}

Result<void> LogAssembler::commit(LogTransaction& transaction, Operation const& op) {
  transaction.committed = true;
  transaction.commit = op.record.header.lsn.value();
  LogTransaction whole = std::move(transaction);
  open_.erase(op.header.tid.value());
  XFSX_TRYV(sink_.committed(whole));
  spare_ = std::move(whole);
  spare_.bytes.clear();
  spare_.regions.clear();
  spare_.items.clear();
  return success();
}

Result<void> LogAssembler::unmount(Operation const& op) {
  open_.erase(op.header.tid.value());
  return sink_.unmounted(op.record);
}

Result<void> LogAssembler::finish() {
  std::vector<LogTransaction*> left;
  for (auto& [tid, transaction] : open_) left.push_back(&transaction);
  std::ranges::sort(left, {}, [](LogTransaction const* t) { return t->lsn; });
  for (LogTransaction* transaction : left) {
    XFSX_TRYV(sink_.abandoned(*transaction));
  }
  open_.clear();
  return success();
}

}  // namespace xfsx::inline v0
