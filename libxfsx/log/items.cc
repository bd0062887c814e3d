#include "log/items.h"

#include "base/checked.h"
#include "base/view.h"
#include "disk/btree.h"
#include "disk/inode.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::Dinode;
using disk::ForkFormat;
namespace field = disk::inode_item_field;

// Format, core, and both forks in the forms that are made here: an inode has at most 2 KiB.
constexpr std::size_t own_capacity = 4096;
constexpr std::size_t max_regions = 1 + log_max_chunks / 2;

u32 chunks_of(std::size_t bytes) {
  return static_cast<u32>(bytes / log_chunk_size);
}

u32 map_words(std::size_t bytes) {
  return div_round_up(chunks_of(bytes), 32U);
}

/// Calls `run(first, count)` for each run of dirty chunks.
template <class F>
void for_each_run(ChunkMap const& map, u32 chunks, F run) {
  for (u32 i = 0; i < chunks;) {
    u32 end = i;
    while (end < chunks && map.test(end)) ++end;
    if (end > i) run(i, end - i);
    i = std::max(end, i + 1);
  }
}

/// The core in the form of the log: every number in the byte order of the processor, here
/// little-endian.
void make_log_core(Bytes core) {
  auto& inode = edit_as<Dinode>(core);
  bool const bigtime = (inode.flags2.value() & disk::inode_flag2::bigtime) != 0;
  inode.next_unlinked = null_agino;  // never replayed
  inode.crc = 0;
  for (disk::Field const& f : disk::Layout<Dinode>::fields) {
    if (f.order != disk::Order::big) continue;
    // A time without BIGTIME is two numbers, seconds and nanoseconds.
    bool const split = f.show == disk::Show::timestamp && !bigtime;
    std::size_t const size = split ? 4 : f.size;
    for (std::size_t at = f.offset; at < f.offset + f.size; at += size) {
      std::ranges::reverse(core.subspan(at, size));
    }
  }
}

struct Fork {
  ForkFormat format{};
  ConstBytes bytes{};  ///< the space of the fork in the inode
  u64 extents = 0;
  u64 local_size = 0;
};

/// Field bits of a fork by its format.
struct ForkBits {
  u32 local, extents, broot;
};

/// Sizes in a root that lies in a fork: bytes of a record, where there are some, and of a key.
struct RootShape {
  u32 magic;
  std::size_t record, key;
};
constexpr RootShape bmbt_root{disk::bmbt_magic, sizeof(disk::BmbtRecord), sizeof(disk::BmbtKey)};
constexpr RootShape rtrmapbt_root{disk::rtrmapbt_magic, sizeof(disk::RmapRecord),
                                  sizeof(disk::RmapKey)};

class InodeItemMaker {
 public:
  InodeItemMaker(LogItem& item, InodeItem const& inode)
      : item_(item), request_(inode), inode_(view_as<Dinode>(inode.inode)) {}

  Result<void> make();

 private:
  [[nodiscard]] Error misfit(std::string_view field_name, u64 found, u64 limit) const {
    Location const where{DeviceRole::data, AddressKind::inode, request_.number.raw()};
    Error e = located(Errc::bad_value, disk::Layout<Dinode>::name, where);
    e.field = field_name;
    e.relation = Relation::at_most;
    e.found.number = found;
    e.expected.number = limit;
    return e;
  }
  Result<u32> add_fork(Fork const& fork, ForkBits bits, std::string_view count_field);
  Result<u32> add_broot(Fork const& fork, RootShape const& shape);
  [[nodiscard]] Fork data_fork() const;
  [[nodiscard]] Fork attr_fork() const;

  LogItem& item_;
  InodeItem const& request_;
  Dinode const& inode_;
  u32 fields_ = field::core;
};

Fork InodeItemMaker::data_fork() const {
  bool const large = (inode_.flags2.value() & disk::inode_flag2::nrext64) != 0;
  Fork fork;
  fork.format = ForkFormat(inode_.format);
  fork.bytes = request_.inode.subspan(sizeof(Dinode));
  if (inode_.forkoff != 0) fork.bytes = fork.bytes.first(std::size_t{inode_.forkoff} * 8);
  fork.extents = large ? inode_.nrext64_nextents.value() : inode_.nextents.value();
  fork.local_size = inode_.size.value();
  return fork;
}

Fork InodeItemMaker::attr_fork() const {
  bool const large = (inode_.flags2.value() & disk::inode_flag2::nrext64) != 0;
  Fork fork;
  fork.format = ForkFormat(inode_.aformat);
  fork.bytes = request_.inode.subspan(sizeof(Dinode) + std::size_t{inode_.forkoff} * 8);
  fork.extents = large ? inode_.nextents.value() : inode_.naextents.value();
  // A short attribute list begins with its own size.
  if (fork.format == ForkFormat::local && fork.bytes.size() >= 2) {
    fork.local_size = view_as<be16>(fork.bytes).value();
  }
  return fork;
}

/// The root of a btree in a fork as Linux holds it in memory: with the header of a block, and the
/// pointers right behind the keys in use. A root of level 0 has records instead.
Result<u32> InodeItemMaker::add_broot(Fork const& fork, RootShape const& shape) {
  if (fork.bytes.size() < sizeof(disk::BmdrBlock)) return misfit("forkoff", inode_.forkoff, 0);
  auto const& root = view_as<disk::BmdrBlock>(fork.bytes);
  bool const leaf = root.level.value() == 0;
  std::size_t const key = leaf ? shape.record : shape.key;
  std::size_t const entry = leaf ? shape.record : shape.key + sizeof(be<FsBlock>);
  std::size_t const room = (fork.bytes.size() - sizeof(disk::BmdrBlock)) / entry;
  std::size_t const count = root.numrecs.value();
  if (count > room) return misfit("numrecs", count, room);

  Bytes const region = item_.add_own(sizeof(disk::BtreeLongBlock) + count * entry);
  auto& block = edit_as<disk::BtreeLongBlock>(region);
  block.magic = shape.magic;
  block.level = root.level.value();
  block.numrecs = root.numrecs.value();
  block.leftsib = null_fsblock;
  block.rightsib = null_fsblock;
  block.bno = Daddr(~u64{0});
  block.uuid = inode_.uuid;
  block.owner = request_.number;
  std::size_t const keys = count * key;
  ConstBytes const from = fork.bytes.subspan(sizeof(disk::BmdrBlock));
  Bytes const to = region.subspan(sizeof(disk::BtreeLongBlock));
  std::ranges::copy(from.first(keys), to.begin());
  std::size_t const pointers = count * (entry - key);
  std::ranges::copy(from.subspan(room * key, pointers), to.subspan(keys).begin());
  return static_cast<u32>(region.size());
}

/// Adds the fork's region, if it has one, and its bit; the exact length in bytes.
Result<u32> InodeItemMaker::add_fork(Fork const& fork, ForkBits bits,
                                     std::string_view count_field) {
  switch (fork.format) {
    case ForkFormat::local: {
      if (fork.local_size == 0) return 0U;
      if (fork.local_size > fork.bytes.size()) {
        return misfit("size", fork.local_size, fork.bytes.size());
      }
      std::size_t const size = fork.local_size;
      std::ranges::copy(fork.bytes.first(size),
                        item_.add_own(round_up<std::size_t>(size, 4)).begin());
      fields_ |= bits.local;
      return static_cast<u32>(size);
    }
    case ForkFormat::extents: {
      if (fork.extents == 0) return 0U;
      u64 const room = fork.bytes.size() / sizeof(disk::BmbtRecord);
      if (fork.extents > room) return misfit(count_field, fork.extents, room);
      ConstBytes const records = fork.bytes.first(fork.extents * sizeof(disk::BmbtRecord));
      item_.add(records);
      fields_ |= bits.extents;
      return static_cast<u32>(records.size());
    }
    case ForkFormat::btree:
      fields_ |= bits.broot;
      return add_broot(fork, bmbt_root);
    case ForkFormat::meta_btree:
      fields_ |= bits.broot;
      return add_broot(fork, rtrmapbt_root);
    default:
      return 0U;
  }
}

Result<void> InodeItemMaker::make() {
  std::size_t const attr_start = sizeof(Dinode) + std::size_t{inode_.forkoff} * 8;
  if (attr_start > request_.inode.size()) {
    return misfit("forkoff", inode_.forkoff, (request_.inode.size() - sizeof(Dinode)) / 8);
  }
  item_.clear();
  auto& format = edit_as<disk::InodeLogFormat>(item_.add_own(sizeof(disk::InodeLogFormat)));
  Bytes const core = item_.add_own(sizeof(Dinode));
  std::ranges::copy(request_.inode.first(sizeof(Dinode)), core.begin());
  make_log_core(core);

  u32 data_size = 0, attr_size = 0;
  Fork const data = data_fork();
  if (request_.data_fork) {
    XFSX_TRY(data_size, add_fork(data, {field::data_local, field::data_extents, field::data_broot},
                                 "nextents"));
    if (data.format == ForkFormat::dev && data.bytes.size() >= 4) {
      fields_ |= field::dev;
      edit_as<le32>(std::as_writable_bytes(std::span(format.u))) =
          view_as<be32>(data.bytes).value();
    }
  }
  if (request_.attr_fork && inode_.forkoff != 0) {
    XFSX_TRY(attr_size,
             add_fork(attr_fork(), {field::attr_local, field::attr_extents, field::attr_broot},
                      "naextents"));
  }
  format.type = static_cast<u16>(disk::LogItemType::inode);
  format.size = static_cast<u16>(item_.regions().size());
  format.fields = fields_;
  format.asize = static_cast<u16>(attr_size);
  format.dsize = static_cast<u16>(data_size);
  format.ino = request_.number;
  format.blkno = request_.place.cluster;
  format.len = static_cast<u32>(request_.place.cluster_length.raw());
  format.boffset = request_.place.offset;
  return success();
}

}  // namespace

void ChunkMap::set_all(std::size_t bytes) {
  set_range(0, bytes);
}

void ChunkMap::set_range(std::size_t offset, std::size_t bytes) {
  XFSX_ASSERT(bytes > 0 && (offset + bytes - 1) / log_chunk_size < log_max_chunks);
  for (std::size_t i = offset / log_chunk_size; i <= (offset + bytes - 1) / log_chunk_size; ++i) {
    set(static_cast<u32>(i));
  }
}

bool ChunkMap::none() const {
  return std::ranges::all_of(words_, [](u32 word) { return word == 0; });
}

ChunkMap& ChunkMap::operator|=(ChunkMap const& other) {
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  return *this;
}

LogItem::LogItem() : own_(own_capacity) {
  regions_.reserve(max_regions);
}

void LogItem::clear() {
  regions_.clear();
  used_ = 0;
}

Bytes LogItem::add_own(std::size_t bytes) {
  XFSX_ASSERT(bytes > 0 && bytes % 4 == 0 && bytes <= own_.size() - used_);
  Bytes const region = Bytes(own_).subspan(used_, bytes);
  used_ += bytes;
  std::ranges::fill(region, std::byte{0});
  add(region);
  return region;
}

void LogItem::add(ConstBytes bytes) {
  XFSX_ASSERT(!bytes.empty() && bytes.size() % 4 == 0 && regions_.size() < max_regions);
  regions_.push_back(bytes);
}

LogSizes LogItem::sizes() const {
  LogSizes sizes{regions_.size(), 0};
  for (ConstBytes const& region : regions_) sizes.bytes += region.size();
  return sizes;
}

void make_buffer_item(LogItem& item, BufferItem const& buffer) {
  u32 const chunks = chunks_of(buffer.image.size());
  XFSX_ASSERT(!buffer.dirty.none() && chunks <= log_max_chunks);
  u32 const words = map_words(buffer.image.size());
  item.clear();
  Bytes const head = item.add_own(sizeof(disk::BufferLogFormat) + std::size_t{words} * 4);
  for_each_run(buffer.dirty, chunks, [&](u32 first, u32 count) {
    item.add(buffer.image.subspan(std::size_t{first} * log_chunk_size,
                                  std::size_t{count} * log_chunk_size));
  });
  auto& format = edit_as<disk::BufferLogFormat>(head);
  format.type = static_cast<u16>(disk::LogItemType::buffer);
  format.size = static_cast<u16>(item.regions().size());
  format.flags = static_cast<u16>(buffer.flags | static_cast<u16>(buffer.type)
                                                     << disk::buffer_item_flag::type_shift);
  format.len = static_cast<u16>(buffer.image.size() / basic_block_size);
  format.blkno = buffer.address;
  format.map_size = words;
  for (u32 i = 0; i < words; ++i) {
    edit_as<le32>(head, sizeof(disk::BufferLogFormat) + std::size_t{i} * 4) = buffer.dirty.word(i);
  }
}

void make_cancel_item(LogItem& item, Daddr address, SectorCount length) {
  u32 const words = map_words(length.raw() * basic_block_size);
  item.clear();
  Bytes const head = item.add_own(sizeof(disk::BufferLogFormat) + std::size_t{words} * 4);
  auto& format = edit_as<disk::BufferLogFormat>(head);
  format.type = static_cast<u16>(disk::LogItemType::buffer);
  format.size = 1;
  format.flags = disk::buffer_item_flag::cancel;
  format.len = static_cast<u16>(length.raw());
  format.blkno = address;
  format.map_size = words;
}

LogSizes buffer_item_sizes(BufferItem const& buffer) {
  LogSizes sizes{1, sizeof(disk::BufferLogFormat) + u64{map_words(buffer.image.size())} * 4};
  for_each_run(buffer.dirty, chunks_of(buffer.image.size()),
               [&](u32, u32 count) { sizes += LogSizes{1, u64{count} * log_chunk_size}; });
  return sizes;
}

Result<void> make_inode_item(LogItem& item, InodeItem const& inode) {
  XFSX_ASSERT(fits<Dinode>(inode.inode));
  return InodeItemMaker(item, inode).make();
}

}  // namespace xfsx::inline v0
