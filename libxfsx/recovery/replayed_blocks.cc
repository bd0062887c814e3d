#include "recovery/replayed_blocks.h"

#include "format/checked_view.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

constexpr u64 prefetch_most = u64{64} << 20;

/// The part of `bytes`, which lie at `at`, from byte `from` to byte `to` of the device.
Bytes part(Bytes bytes, u64 at, u64 from, u64 to) {
  return bytes.subspan(from - at, to - from);
}

}  // namespace

ReplayedBlocks::Place ReplayedBlocks::first_touching(u64 start) {
  Place at = blocks_.upper_bound(start);
  if (at == blocks_.begin()) return at;
  Place const before = std::prev(at);
  return before->second.end() > start ? before : at;
}

ReplayedBlock ReplayedBlocks::make(Daddr daddr, SectorCount length, disk::BufferType type) {
  ReplayedBlock block{daddr, length, type, {}, {}, {}, false};
  block.data = pool_.take(length.raw() * basic_block_size);
  return block;
}

Result<void> ReplayedBlocks::fill(ReplayedBlock& block) {
  auto const ready = fetched_.find({block.daddr.raw(), block.length.raw()});
  if (ready != fetched_.end()) {
    block.data = std::move(ready->second);
    fetched_.erase(ready);
    return success();
  }
  ReadRequest const request{block.daddr.raw() * basic_block_size, block.data.bytes()};
  return device_.read({&request, 1});
}

/// Keeps a block as the log replays it, before it changes once more.
void ReplayedBlocks::save(ReplayedBlock const& block) {
  if (!finishing_ || block.replayed.none() || as_replayed_.contains(block.daddr.raw())) return;
  ReplayedBlock copy = make(block.daddr, block.length, block.type);
  std::ranges::copy(block.data.bytes(), copy.data.bytes().begin());
  copy.replayed = block.replayed;
  copy.mixed = block.mixed;
  as_replayed_.emplace(block.daddr.raw(), std::move(copy));
}

/// What sticks out of a block that is taken over by another one.
void ReplayedBlocks::keep_part(ReplayedBlock const& whole, u64 from, u64 to) {
  if (from >= to) return;
  ReplayedBlock rest = make(Daddr(from), SectorCount(to - from), disk::BufferType::unknown);
  std::size_t const skipped = (from - whole.daddr.raw()) * basic_block_size;
  std::ranges::copy(whole.data.bytes().subspan(skipped, rest.data.size()),
                    rest.data.bytes().begin());
  rest.dirty.set_all(rest.data.size());
  rest.mixed = true;
  blocks_.insert_or_assign(from, std::move(rest));
}

void ReplayedBlocks::keep_out_of(Daddr start, SectorCount length) {
  log_ = {start, length};
}

/// Pointers of a damaged disk may lead into the log, to what looks like the block that they want.
Result<void> ReplayedBlocks::check_place(Daddr daddr, SectorCount length) const {
  u64 const start = daddr.raw(), log = log_.daddr.raw();
  bool const apart = start >= log + log_.length.raw() || start + length.raw() <= log;
  if (apart) return success();
  Location where;
  where.kind = AddressKind::daddr;
  where.address = start;
  Error e = located(Errc::bad_value, "block", where);
  e.field = "daddr";
  e.found.number = start;
  e.reason = "metadata cannot lie in the log";
  return e;
}

/// A new block without its bytes.
Result<ReplayedBlock> ReplayedBlocks::begin(Daddr daddr, SectorCount length,
                                            disk::BufferType type) {
  if (!finishing_) made_ += length.raw() * basic_block_size;
  if (made_ > most_) return refuse(ENOMEM, "the log names more blocks than a log of its size does");
  return make(daddr, length, type);
}

/// Takes the block in, in place of those that it overlaps.
ReplayedBlock* ReplayedBlocks::put(ReplayedBlock block) {
  u64 const start = block.daddr.raw(), end = block.end();
  for (Place at = first_touching(start); at != blocks_.end() && at->first < end;) {
    save(at->second);
    block.mixed = true;
    ReplayedBlock const old = std::move(at->second);
    blocks_.erase(at);
    u64 const from = std::max(start, old.daddr.raw()), to = std::min(end, old.end());
    block.dirty.set_range((from - start) * basic_block_size, (to - from) * basic_block_size);
    keep_part(old, old.daddr.raw(), start);
    keep_part(old, end, old.end());
    at = first_touching(start);
    while (at != blocks_.end() && at->second.end() <= start) ++at;
  }
  return &blocks_.insert_or_assign(start, std::move(block)).first->second;
}

Result<ReplayedBlock*> ReplayedBlocks::edit(Daddr daddr, SectorCount length,
                                            disk::BufferType type) {
  XFSX_TRYV(check_place(daddr, length));
  auto const same = blocks_.find(daddr.raw());
  if (same != blocks_.end() && same->second.length == length) {
    save(same->second);
    if (type != disk::BufferType::unknown) same->second.type = type;
    return &same->second;
  }
  XFSX_TRY(ReplayedBlock block, begin(daddr, length, type));
  XFSX_TRYV(fill(block));
  lay_over(daddr.raw() * basic_block_size, block.data.bytes());
  return put(std::move(block));
}

Result<ReplayedBlock*> ReplayedBlocks::create(Daddr daddr, SectorCount length,
                                              disk::BufferType type) {
  XFSX_TRYV(check_place(daddr, length));
  ReplayedBlock* created = nullptr;
  auto const same = blocks_.find(daddr.raw());
  if (same != blocks_.end() && same->second.length == length) {
    save(same->second);
    same->second.type = type;
    created = &same->second;
  } else {
    XFSX_TRY(ReplayedBlock block, begin(daddr, length, type));
    created = put(std::move(block));
  }
  created->dirty.set_all(created->data.size());
  return created;
}

ReplayedBlock* ReplayedBlocks::containing(Daddr daddr) {
  Place const at = first_touching(daddr.raw());
  if (at == blocks_.end() || at->first > daddr.raw()) return nullptr;
  return &at->second;
}

void ReplayedBlocks::prefetch(std::span<BlockExtent const> extents) {
  // What was not asked for after all.
  fetched_.clear();
  u64 bytes = 0;
  std::vector<ReadRequest> requests;
  std::map<std::pair<u64, u64>, AlignedBytes> wanted;
  for (BlockExtent const& e : extents) {
    std::pair<u64, u64> const key{e.daddr.raw(), e.length.raw()};
    auto const here = blocks_.find(key.first);
    if (here != blocks_.end() && here->second.length == e.length) continue;
    if (bytes >= prefetch_most) break;  // the others are read when they are wanted
    auto const [at, fresh] = wanted.try_emplace(key);
    if (!fresh) continue;
    bytes += key.second * basic_block_size;
    at->second = pool_.take(key.second * basic_block_size);
    requests.push_back({key.first * basic_block_size, at->second.bytes()});
  }
  if (!requests.empty() && device_.read(requests)) fetched_ = std::move(wanted);
}

bool ReplayedBlocks::call_off(Daddr daddr, SectorCount length) {
  Place const at = first_touching(daddr.raw());
  if (at == blocks_.end() || at->first >= daddr.raw() + length.raw()) return true;
  ReplayedBlock const& block = at->second;
  if (block.mixed || block.daddr != daddr || block.length != length) return false;
  blocks_.erase(at);
  return true;
}

void ReplayedBlocks::forget(Daddr daddr, SectorCount length) {
  auto const at = blocks_.find(daddr.raw());
  if (at == blocks_.end() || at->second.length != length) return;
  save(at->second);
  blocks_.erase(at);
}

void ReplayedBlocks::clear() {
  finishing_ = false;
  made_ = 0;
  blocks_.clear();
  as_replayed_.clear();
  newer_.clear();
  fetched_.clear();
}

void ReplayedBlocks::end_replay() {
  finishing_ = true;
  for (auto& [address, block] : blocks_) {
    block.replayed = block.dirty;
    block.dirty = {};
  }
}

void ReplayedBlocks::forget_finished() {
  std::erase_if(blocks_, [this](auto const& entry) {
    ReplayedBlock const& block = entry.second;
    return block.replayed.none() || as_replayed_.contains(block.daddr.raw());
  });
  for (auto& [address, block] : as_replayed_) blocks_.insert_or_assign(address, std::move(block));
  as_replayed_.clear();
  newer_.clear();
}

void ReplayedBlocks::lay_over(u64 offset, Bytes bytes) const {
  u64 const end = offset + bytes.size();
  auto at = blocks_.upper_bound(offset / basic_block_size);
  if (at != blocks_.begin()) --at;
  for (; at != blocks_.end() && at->first * basic_block_size < end; ++at) {
    u64 const start = at->first * basic_block_size;
    u64 const from = std::max(offset, start);
    u64 const to = std::min(end, at->second.end() * basic_block_size);
    if (from >= to) continue;
    ConstBytes const source = at->second.data.bytes().subspan(from - start, to - from);
    std::ranges::copy(source, part(bytes, offset, from, to).begin());
  }
}

}  // namespace xfsx::inline v0
