#include "cache/buffer_cache.h"

#include "base/assert.h"
#include "base/checked.h"

#include <algorithm>
#include <new>

namespace xfsx::inline v0 {

namespace {

// Enough requests at once to fill a device's queue, few enough to bound memory.
constexpr std::size_t prefetch_batch = 256;

}  // namespace

AlignedBytes::AlignedBytes(std::size_t size) : size_(size) {
  std::size_t const whole = round_up(std::max(size, std::size_t{1}), alignment);
  auto* p = static_cast<std::byte*>(std::aligned_alloc(alignment, whole));
  if (p == nullptr) throw std::bad_alloc();
  std::memset(p, 0, whole);
  data_.reset(p);
}

std::shared_ptr<Buffer> copy_of(Buffer const& original) {
  auto copy = std::make_shared<Buffer>();
  copy->daddr = original.daddr;
  copy->length = original.length;
  copy->kind = original.kind;
  copy->data = AlignedBytes(original.data.size());
  std::ranges::copy(original.bytes(), copy->data.bytes().begin());
  return copy;
}

Result<std::shared_ptr<Buffer>> BufferCache::read(Key key) {
  auto buffer = std::make_shared<Buffer>();
  buffer->daddr = Daddr(key.daddr);
  buffer->length = SectorCount(key.length);
  buffer->data = AlignedBytes(key.length * basic_block_size);
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
    auto buffer = std::make_shared<Buffer>();
    buffer->daddr = e.daddr;
    buffer->length = e.length;
    buffer->data = AlignedBytes(key.length * basic_block_size);
    requests.push_back({key.daddr * basic_block_size, buffer->data.bytes()});
    buffers.push_back(std::move(buffer));
    if (requests.size() == prefetch_batch) run();
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
