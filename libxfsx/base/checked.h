#pragma once
// Arithmetic on numbers that a disk controls: an overflow is an answer, not a wrapped value.

#include <concepts>
#include <optional>

namespace xfsx::inline v0 {

template <std::unsigned_integral T>
constexpr std::optional<T> checked_add(T a, T b) {
  T sum{};
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

template <std::unsigned_integral T>
constexpr std::optional<T> checked_mul(T a, T b) {
  T product{};
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// True if [start, start + length) lies inside [0, end) without wrapping.
template <std::unsigned_integral T>
constexpr bool range_inside(T start, T length, T end) {
  return start <= end && length <= end - start;
}

template <std::unsigned_integral T>
constexpr T round_up(T value, T unit) {
  return (value + unit - 1) / unit * unit;
}

template <std::unsigned_integral T>
constexpr T div_round_up(T value, T unit) {
  return value / unit + (value % unit != 0 ? 1 : 0);
}

}  // namespace xfsx::inline v0
