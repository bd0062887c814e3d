#include "recovery/intent.h"

#include "base/assert.h"
#include "base/view.h"
#include "format/checked_view.h"
#include "log/log_reader.h"

namespace xfsx::inline v0 {

namespace {

using disk::LogItemType;
using Role = LogItemPart::Role;

/// An intent that is being made of its parts.
class Maker {
 public:
  Maker(DecodedLogItem const& item, u32 block) : item_(item), block_(block) {}

  Result<void> fill(Intent& intent) const;

 private:
  template <class T>
  [[nodiscard]] T const& format() const {
    return view_as<T>(item_.parts.front().bytes);
  }
  template <class T>
  [[nodiscard]] CheckedView<T> checked(T const& structure) const {
    return {structure, log_location(block_), item_.parts.front().structure};
  }
  template <class T>
  [[nodiscard]] std::span<T const> extents() const {
    LogItemPart const* const part = item_.part(Role::extent);
    if (part == nullptr) return {};
    return view_array<T>(part->bytes, 0, part->count);
  }
  [[nodiscard]] std::vector<std::byte> copy(Role role) const {
    LogItemPart const* const part = item_.part(role);
    if (part == nullptr) return {};
    return {part->bytes.begin(), part->bytes.end()};
  }
  [[nodiscard]] FreeIntent free_intent() const;
  [[nodiscard]] RmapIntent rmap_intent() const;
  [[nodiscard]] RefcountIntent refcount_intent() const;
  [[nodiscard]] Result<BmapIntent> bmap_intent() const;
  [[nodiscard]] AttrIntent attr_intent() const;
  template <class Format>
  [[nodiscard]] Result<ExchangeIntent> exchange_intent() const;

  DecodedLogItem const& item_;
  u32 block_;
};

MapChange map_change(disk::MapExtentLog const& logged) {
  return {logged.owner.value(), logged.startblock.value(), logged.startoff.value(),
          logged.len.value(), logged.flags.value()};
}

FreeIntent Maker::free_intent() const {
  FreeIntent work;
  LogItemPart const* const part = item_.part(Role::extent);
  if (part != nullptr && part->structure == disk::Layout<disk::FreeExtentLog32>::name) {
    for (disk::FreeExtentLog32 const& e : extents<disk::FreeExtentLog32>()) {
      work.extents.push_back({e.start.value(), e.len.value()});
    }
    return work;
  }
  for (disk::FreeExtentLog const& e : extents<disk::FreeExtentLog>()) {
    work.extents.push_back({e.start.value(), e.len.value()});
  }
  return work;
}

RmapIntent Maker::rmap_intent() const {
  RmapIntent work;
  for (disk::MapExtentLog const& e : extents<disk::MapExtentLog>()) {
    work.changes.push_back(map_change(e));
  }
  return work;
}

RefcountIntent Maker::refcount_intent() const {
  RefcountIntent work;
  for (disk::CountExtentLog const& e : extents<disk::CountExtentLog>()) {
    work.changes.push_back({e.startblock.value(), e.len.value(), e.flags.value()});
  }
  return work;
}

Result<BmapIntent> Maker::bmap_intent() const {
  auto const& head = format<disk::IntentLogFormat>();
  XFSX_TRYV(checked(head).equal(head.nextents, 1U));
  return BmapIntent{map_change(extents<disk::MapExtentLog>().front())};
}

AttrIntent Maker::attr_intent() const {
  auto const& head = format<disk::AttriLogFormat>();
  AttrIntent work;
  work.inode = head.ino.value();
  work.generation = head.igen.value();
  work.operation = head.op_flags.value();
  work.filter = head.attr_filter.value();
  work.name = copy(Role::name);
  work.new_name = copy(Role::new_name);
  work.value = copy(Role::value);
  work.new_value = copy(Role::new_value);
  return work;
}

template <class Format>
Result<ExchangeIntent> Maker::exchange_intent() const {
  auto const& head = format<Format>();
  XFSX_TRYV(checked(head).equal(head.pad, 0U));
  ExchangeIntent work;
  work.inode1 = head.inode1.value();
  work.inode2 = head.inode2.value();
  if constexpr (requires { head.igen1; }) {
    work.has_generations = true;
    work.generation1 = head.igen1.value();
    work.generation2 = head.igen2.value();
  }
  work.start1 = head.startoff1.value();
  work.start2 = head.startoff2.value();
  work.length = BlockCount(head.blockcount.value());
  work.flags = head.flags.value();
  work.size1 = head.isize1.value();
  work.size2 = head.isize2.value();
  return work;
}

Result<void> Maker::fill(Intent& intent) const {
  switch (item_.type) {
    case LogItemType::efi_rt:
      intent.realtime = true;
      [[fallthrough]];
    case LogItemType::efi:
      intent.work = free_intent();
      return success();
    case LogItemType::rui_rt:
      intent.realtime = true;
      [[fallthrough]];
    case LogItemType::rui:
      intent.work = rmap_intent();
      return success();
    case LogItemType::cui_rt:
      intent.realtime = true;
      [[fallthrough]];
    case LogItemType::cui:
      intent.work = refcount_intent();
      return success();
    case LogItemType::bui: {
      XFSX_TRY(intent.work, bmap_intent());
      return success();
    }
    case LogItemType::attri:
      intent.work = attr_intent();
      return success();
    default:
      break;
  }
  XFSX_ASSERT(item_.type == LogItemType::xmi);
  bool const early = item_.parts.front().structure == disk::Layout<disk::SxiLogFormat>::name;
  if (early) {
    XFSX_TRY(intent.work, exchange_intent<disk::SxiLogFormat>());
  } else {
    XFSX_TRY(intent.work, exchange_intent<disk::XmiLogFormat>());
  }
  return success();
}

}  // namespace

Result<Intent> make_intent(DecodedLogItem const& item, LogTransaction const& transaction,
                           LogItemRegions const& regions) {
  XFSX_ASSERT(done_of(item.type));
  std::span<LogRegion const> const logged = transaction.regions_of(regions);
  Intent intent;
  intent.type = item.type;
  intent.name = item.name;
  intent.id = intent_id(item);
  intent.lsn = transaction.lsn;
  intent.tid = transaction.tid;
  intent.block = logged.front().block;
  intent.operation = logged.front().op;
  for (LogRegion const& region : logged) {
    ConstBytes const bytes = transaction.bytes_of(region);
    intent.regions.emplace_back(bytes.begin(), bytes.end());
  }
  Result<void> const filled = Maker(item, intent.block).fill(intent);
  if (!filled) return with_operation(filled.error(), intent.operation);
  return intent;
}

}  // namespace xfsx::inline v0
