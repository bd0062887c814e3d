#pragma once
// Integers as they lie on disk: a byte array with a byte order, alignment 1, so that a struct of
// them is exactly the bytes of the disk and can be looked at in place. `T` is an integer or a
// strong type.

#include <xfsx/types.h>
#include <xfsx/units.h>

#include <boost/endian/buffers.hpp>
#include <concepts>

namespace xfsx::inline v0 {

template <class T>
struct RepOf {
  using type = T;
};
template <class T>
  requires requires { typename T::Rep; }
struct RepOf<T> {
  using type = typename T::Rep;
};

template <class T, boost::endian::order Order>
class OnDisk {
 public:
  using Value = T;
  using Rep = typename RepOf<T>::type;
  static constexpr bool is_big = Order == boost::endian::order::big;

  OnDisk() = default;
  OnDisk(T v) { *this = v; }
  OnDisk& operator=(T v) {
    if constexpr (std::same_as<T, Rep>) {
      raw_ = v;
    } else {
      raw_ = v.raw();
    }
    return *this;
  }
  [[nodiscard]] T value() const { return T(raw_.value()); }
  /// The number without its strong type.
  [[nodiscard]] Rep raw() const { return raw_.value(); }

 private:
  boost::endian::endian_buffer<Order, Rep, sizeof(Rep) * 8> raw_;
};

template <class T>
using be = OnDisk<T, boost::endian::order::big>;
template <class T>
using le = OnDisk<T, boost::endian::order::little>;

using be16 = be<u16>;
using be32 = be<u32>;
using be64 = be<u64>;
using le16 = le<u16>;
using le32 = le<u32>;
using le64 = le<u64>;

}  // namespace xfsx::inline v0
