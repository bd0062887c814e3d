#include "support/sha256.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace xfsx::test {

namespace {

/// The first 32 bits of the fractions of the cube roots of the first 64 primes.
std::array<u32, 64> round_constants() {
  std::array<u32, 64> k{};
  std::size_t n = 0;
  for (u32 candidate = 2; n < k.size(); ++candidate) {
    bool prime = true;
    for (u32 d = 2; d * d <= candidate; ++d) prime = prime && candidate % d != 0;
    if (!prime) continue;
    // A double holds 53 bits, of which 35 are wanted.
    double const root = std::cbrt(static_cast<double>(candidate));
    k[n++] = static_cast<u32>((root - std::floor(root)) * 4294967296.0);
  }
  return k;
}

u32 load(std::byte const* p) {
  u32 value = 0;
  for (int i = 0; i < 4; ++i) value = (value << 8) | std::to_integer<u32>(p[i]);
  return value;
}

}  // namespace

void Sha256::block(std::byte const* bytes) {
  static std::array<u32, 64> const k = round_constants();
  std::array<u32, 64> w{};
  for (std::size_t i = 0; i < 16; ++i) w[i] = load(bytes + 4 * i);
  for (std::size_t i = 16; i < 64; ++i) {
    u32 const a = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    u32 const b = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + a + w[i - 7] + b;
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t i = 0; i < 64; ++i) {
    u32 const s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    u32 const t1 = h + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i];
    u32 const s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    u32 const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  std::array<u32, 8> const add{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < add.size(); ++i) state_[i] += add[i];
}

void Sha256::feed(ConstBytes bytes) {
  total_ += bytes.size();
  while (!bytes.empty()) {
    std::size_t const n = std::min(bytes.size(), open_.size() - used_);
    std::copy_n(bytes.begin(), n, open_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ += n;
    bytes = bytes.subspan(n);
    if (used_ == open_.size()) {
      block(open_.data());
      used_ = 0;
    }
  }
}

std::string Sha256::hex() {
  u64 const bits = total_ * 8;
  std::byte const one{0x80}, zero{0};
  feed({&one, 1});
  while (used_ != 56) feed({&zero, 1});
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::byte>(bits >> (56 - 8 * i));
  feed(length);
  std::string text;
  for (u32 const word : state_) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      text += "0123456789abcdef"[(word >> shift) & 15];
    }
  }
  return text;
}

std::string from_base64(std::string_view text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  u32 bits = 0;
  int count = 0;
  for (char const c : text) {
    std::size_t const digit = digits.find(c);
    if (digit == digits.npos) break;
    bits = (bits << 6) | static_cast<u32>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  return out;
}

}  // namespace xfsx::test
