#include "testing/failing_new.h"

#include <cstdlib>
#include <new>

namespace {

// What is left until the failure; 0 when nothing is armed or it has happened.
thread_local xfsx::u64 allocations_left = 0;
thread_local bool has_fired = false;

void count_allocation() {
  if (allocations_left == 0) return;
  if (--allocations_left > 0) return;
  has_fired = true;
  throw std::bad_alloc();
}

void* allocate(std::size_t size) {
  count_allocation();
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* allocate(std::size_t size, std::align_val_t alignment) {
  count_allocation();
  // aligned_alloc() wants the size rounded up: AddressSanitizer would not see where it ends.
  void* memory = nullptr;
  std::size_t const unit = static_cast<std::size_t>(alignment);
  if (::posix_memalign(&memory, unit, size == 0 ? 1 : size) != 0) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void* operator new(std::size_t size, std::align_val_t unit) {
  return allocate(size, unit);
}
void* operator new[](std::size_t size, std::align_val_t unit) {
  return allocate(size, unit);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete[](void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}

namespace xfsx::inline v0 {

FailingNew::FailingNew(u64 nth) {
  has_fired = false;
  allocations_left = nth;
}

FailingNew::~FailingNew() {
  allocations_left = 0;
}

bool FailingNew::fired() const {
  return has_fired;
}

}  // namespace xfsx::inline v0
