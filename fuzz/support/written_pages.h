#pragma once
// What was written to a disk that is shared with others: pages of its own, over what lies below.

#include <xfsx/result.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>

namespace xfsx::fuzz {

class WrittenPages {
 public:
  static constexpr u64 page_size = 4096;

  [[nodiscard]] bool empty() const { return pages_.empty(); }

  /// Puts what was written over `bytes`, which were read from `offset` on.
  void lay_over(u64 offset, Bytes bytes) const {
    u64 const end = offset + bytes.size();
    for (auto at = pages_.lower_bound(offset / page_size);
         at != pages_.end() && at->first * page_size < end; ++at) {
      u64 const page = at->first * page_size;
      u64 const from = std::max(page, offset), to = std::min(page + page_size, end);
      std::memcpy(bytes.data() + (from - offset), at->second->data() + (from - page), to - from);
    }
  }

  /// Writes bytes that lie inside the disk. `below(offset, bytes)` reads what a page that is
  /// written in part held before. Errors: those of `below`.
  template <class Below>
  Result<void> write(u64 offset, ConstBytes bytes, Below const& below) {
    for (std::size_t done = 0; done < bytes.size();) {
      u64 const at = offset + done, number = at / page_size;
      std::size_t const count =
          std::min<std::size_t>(page_size - at % page_size, bytes.size() - done);
      std::unique_ptr<Page>& page = pages_[number];
      if (!page) {
        page.reset(new Page);
        if (count < page_size) {
          XFSX_TRYV(below(number * page_size, Bytes(*page)));
        }
      }
      std::memcpy(page->data() + at % page_size, bytes.data() + done, count);
      done += count;
    }
    return success();
  }

  /// Calls `visit(offset, bytes)` for each page.
  template <class Visit>
  void for_each(Visit const& visit) const {
    for (auto const& [number, page] : pages_) visit(number * page_size, ConstBytes(*page));
  }

 private:
  using Page = std::array<std::byte, page_size>;
  std::map<u64, std::unique_ptr<Page>> pages_;  // by number
};

}  // namespace xfsx::fuzz
