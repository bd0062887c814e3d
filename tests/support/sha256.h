#pragma once
// SHA-256 (FIPS 180-4) and base64, for comparing with what manifests say.

#include <xfsx/types.h>

#include <string>
#include <string_view>

namespace xfsx::test {

class Sha256 {
 public:
  void feed(ConstBytes bytes);
  /// The digest in lower case; nothing may be fed afterwards.
  std::string hex();

 private:
  void block(std::byte const* bytes);

  std::array<u32, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                            0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> open_{};
  std::size_t used_ = 0;
  u64 total_ = 0;
};

/// The bytes that a base64 text stands for.
std::string from_base64(std::string_view text);

}  // namespace xfsx::test
