#pragma once
// Fails the n-th allocation of the calling thread, for programs that link failing_new.cc (which
// replaces operator new).

#include <xfsx/types.h>

namespace xfsx::inline v0 {

/// While one lives, the n-th call of operator new in its thread (from 1) throws std::bad_alloc;
/// the others work. One at a time in a thread.
class FailingNew {
 public:
  explicit FailingNew(u64 nth);
  FailingNew(FailingNew const&) = delete;
  FailingNew& operator=(FailingNew const&) = delete;
  ~FailingNew();

  /// True if the allocation has failed.
  [[nodiscard]] bool fired() const;
};

}  // namespace xfsx::inline v0
