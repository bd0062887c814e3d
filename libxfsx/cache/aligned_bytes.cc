#include "cache/aligned_bytes.h"

#include "base/checked.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace xfsx::inline v0 {

namespace {

// From here on whole huge pages: one page fault instead of five hundred.
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t first_chunk = std::size_t{64} << 10;
constexpr std::size_t huge_from = std::size_t{1} << 20;

// AddressSanitizer sees where an allocation ends, not where a piece of one does.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool pieces_apart = true;
#elif defined(__has_feature)
constexpr bool pieces_apart = __has_feature(address_sanitizer);
#else
constexpr bool pieces_apart = false;
#endif

std::shared_ptr<std::byte> allocate(std::size_t size) {
  std::size_t const unit = size >= huge_from ? huge_page : AlignedBytes::alignment;
  std::size_t const least = std::max(size, std::size_t{1});
  std::size_t const whole = pieces_apart ? least : round_up(least, unit);
  std::align_val_t const alignment{unit};
  auto* const memory = static_cast<std::byte*>(::operator new(whole, alignment));
  // Only a wish: where the host has no huge pages, small ones serve.
  if (unit == huge_page) ::madvise(memory, whole, MADV_HUGEPAGE);
  // If there is no memory for the count of references, the constructor frees what it was given.
  return {memory, [alignment](std::byte* p) { ::operator delete(p, alignment); }};
}

}  // namespace

AlignedBytes AlignedBytes::uninitialized(std::size_t size) {
  std::shared_ptr<std::byte> memory = allocate(size);
  Bytes const bytes(memory.get(), size);
  return {std::move(memory), bytes};
}

AlignedBytes::AlignedBytes(std::size_t size) : AlignedBytes(uninitialized(size)) {
  std::ranges::fill(bytes_, std::byte{0});
}

AlignedBytes AlignedPool::take(std::size_t size) {
  if constexpr (pieces_apart) return AlignedBytes::uninitialized(size);
  std::size_t const whole = round_up(size, AlignedBytes::alignment);
  if (left_.size() < whole) {
    next_size_ = std::clamp(next_size_ * 2, first_chunk, huge_page);
    std::size_t const chunk = std::max(next_size_, whole);
    chunk_ = allocate(chunk);
    left_ = {chunk_.get(), chunk};
  }
  Bytes const piece = left_.first(size);
  left_ = left_.subspan(whole);
  return {chunk_, piece};
}

}  // namespace xfsx::inline v0
