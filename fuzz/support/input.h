#pragma once
// A fuzz input as a script: bytes are taken from the front, and a script that has run out goes on
// with zeros, so every input means something.

#include <xfsx/types.h>

namespace xfsx::fuzz {

class Input {
 public:
  explicit Input(ConstBytes bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] ConstBytes rest() const { return rest_; }

  u8 byte() {
    if (rest_.empty()) return 0;
    u8 const value = std::to_integer<u8>(rest_.front());
    rest_ = rest_.subspan(1);
    return value;
  }
  u16 half() { return static_cast<u16>(byte() << 8 | byte()); }
  u32 word() { return u32{half()} << 16 | half(); }
  u64 wide() { return u64{word()} << 32 | word(); }

  /// The next `count` bytes, fewer where the script ends.
  ConstBytes take(std::size_t count) {
    ConstBytes const taken = rest_.first(count < rest_.size() ? count : rest_.size());
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  ConstBytes rest_;
};

}  // namespace xfsx::fuzz
