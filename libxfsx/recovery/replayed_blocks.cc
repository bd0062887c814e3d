#include "recovery/replayed_blocks.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

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
  ReplayedBlock block{daddr, length, type, {}, {}};
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

/// What sticks out of a block that is taken over by another one.
void ReplayedBlocks::keep_part(ReplayedBlock const& whole, u64 from, u64 to) {
  if (from >= to) return;
  ReplayedBlock rest = make(Daddr(from), SectorCount(to - from), disk::BufferType::unknown);
  std::size_t const skipped = (from - whole.daddr.raw()) * basic_block_size;
  std::ranges::copy(whole.data.bytes().subspan(skipped, rest.data.size()),
                    rest.data.bytes().begin());
  rest.dirty.set_all(rest.data.size());
  blocks_.insert_or_assign(from, std::move(rest));
}

Result<ReplayedBlock*> ReplayedBlocks::edit(Daddr daddr, SectorCount length,
                                            disk::BufferType type) {
  auto const same = blocks_.find(daddr.raw());
  if (same != blocks_.end() && same->second.length == length) {
    if (type != disk::BufferType::unknown) same->second.type = type;
    return &same->second;
  }
  ReplayedBlock block = make(daddr, length, type);
  XFSX_TRYV(fill(block));
  u64 const start = daddr.raw(), end = block.end();
  lay_over(start * basic_block_size, block.data.bytes());
  for (Place at = first_touching(start); at != blocks_.end() && at->first < end;) {
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

void ReplayedBlocks::prefetch(std::span<BlockExtent const> extents) {
  std::vector<ReadRequest> requests;
  std::vector<std::pair<u64, u64>> keys;
  std::vector<AlignedBytes> memory;
  for (BlockExtent const& e : extents) {
    std::pair<u64, u64> const key{e.daddr.raw(), e.length.raw()};
    auto const here = blocks_.find(key.first);
    if ((here != blocks_.end() && here->second.length == e.length) || fetched_.contains(key)) {
      continue;
    }
    if (std::ranges::find(keys, key) != keys.end()) continue;
    keys.push_back(key);
    memory.push_back(pool_.take(key.second * basic_block_size));
    requests.push_back({key.first * basic_block_size, memory.back().bytes()});
  }
  if (requests.empty() || !device_.read(requests)) return;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    fetched_.insert_or_assign(keys[i], std::move(memory[i]));
  }
}

void ReplayedBlocks::forget(Daddr daddr, SectorCount length) {
  auto const at = blocks_.find(daddr.raw());
  if (at != blocks_.end() && at->second.length == length) blocks_.erase(at);
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
