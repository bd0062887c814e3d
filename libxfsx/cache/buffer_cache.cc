#include "cache/buffer_cache.h"

#include "base/assert.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

// Enough requests at once to fill a device's queue, few enough to bound memory.
constexpr std::size_t prefetch_batch = 1024;
// Reading so much more takes a device less time than one more request does.
constexpr u64 widest_gap = u64{32} << 10;

}  // namespace

std::shared_ptr<Buffer> BufferCache::make_buffer(Daddr daddr, SectorCount length) {
  auto buffer = std::make_shared<Buffer>();
  buffer->daddr = daddr;
  buffer->length = length;
  buffer->data = pool_.take(length.raw() * basic_block_size);
  return buffer;
}

std::shared_ptr<Buffer> copy_of(Buffer const& original, AlignedPool& pool) {
  auto copy = std::make_shared<Buffer>();
  copy->daddr = original.daddr;
  copy->length = original.length;
  copy->kind = original.kind;
  copy->data = pool.take(original.data.size());
  std::ranges::copy(original.bytes(), copy->data.bytes().begin());
  return copy;
}

Result<std::shared_ptr<Buffer>> BufferCache::read(Key key) {
  std::shared_ptr<Buffer> buffer = make_buffer(Daddr(key.daddr), SectorCount(key.length));
  ReadRequest const request{key.daddr * basic_block_size, buffer->data.bytes()};
  XFSX_TRYV(device_.read({&request, 1}));
  return buffer;
}

Result<BufferRef> BufferCache::load(BlockKind const& kind, Daddr daddr, SectorCount length,
                                    InodeNumber owner) {
  Key const key{daddr.raw(), length.raw()};
  BlockContext const context{geometry_, geometry_.locate(daddr)};
  auto hit = verified_.find(key);
  if (hit == verified_.end() || hit->second->kind != &kind) {
    std::shared_ptr<Buffer> buffer;
    if (auto raw = fetched_.extract(key); !raw.empty()) {
      buffer = std::move(raw.mapped());
    } else {
      XFSX_TRY(buffer, read(key));
    }
    XFSX_TRYV(verify_block(kind, buffer->bytes(), context, head_));
    buffer->kind = &kind;
    hit = verified_.insert_or_assign(key, std::move(buffer)).first;
  }
  if (owner != null_inode) {
    XFSX_TRYV(verify_owner(kind, hit->second->bytes(), context, owner));
  }
  return hit->second;
}

void BufferCache::prefetch(std::span<BlockExtent const> extents) {
  std::vector<std::shared_ptr<Buffer>> buffers;
  std::vector<ReadRequest> requests;
  AlignedBytes between;  // takes what nobody asked for
  auto const run = [&] {
    if (!requests.empty() && device_.read(requests)) {
      for (std::shared_ptr<Buffer>& b : buffers) {
        Key const key{b->daddr.raw(), b->length.raw()};
        fetched_.insert_or_assign(key, std::move(b));
      }
    }
    buffers.clear();
    requests.clear();
  };
  for (BlockExtent const& e : extents) {
    Key const key{e.daddr.raw(), e.length.raw()};
    if (verified_.contains(key) || fetched_.contains(key)) continue;
    u64 const start = key.daddr * basic_block_size;
    u64 const end = requests.empty() ? start : requests.back().offset + requests.back().into.size();
    if (start > end && start - end <= widest_gap) {
      if (between.size() == 0) between = AlignedBytes::uninitialized(widest_gap);
      requests.push_back({end, between.bytes().first(start - end)});
    }
    buffers.push_back(make_buffer(e.daddr, e.length));
    requests.push_back({start, buffers.back()->data.bytes()});
    if (requests.size() >= prefetch_batch) run();
  }
  run();
}

void BufferCache::publish(BufferRef buffer) {
  XFSX_ASSERT(buffer->kind != nullptr);
  Key const key{buffer->daddr.raw(), buffer->length.raw()};
  fetched_.erase(key);
  verified_.insert_or_assign(key, std::move(buffer));
}

void BufferCache::clear() {
  verified_.clear();
  fetched_.clear();
}

}  // namespace xfsx::inline v0
