#pragma once
// Result<T>: a value or an Error. Only this header knows which library provides it.

#include <xfsx/error.h>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/try.hpp>
#include <exception>

namespace xfsx::inline v0 {

/// Thrown by Result::value() when there is none, for callers who prefer exceptions.
class Exception : public std::exception {
 public:
  explicit Exception(Error const& error) : error_(error) {}
  [[nodiscard]] Error const& error() const { return error_; }
  [[nodiscard]] char const* what() const noexcept override { return "xfsx::Exception"; }

 private:
  Error error_;
};

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

/// What Result::value() does when there is no value.
struct ThrowError : outcome::policy::base {
  template <class Impl>
  static constexpr void wide_value_check(Impl&& self) {
    if (!base::_has_value(std::forward<Impl>(self))) {
      throw Exception(base::_error(std::forward<Impl>(self)));
    }
  }
  template <class Impl>
  static constexpr void wide_error_check(Impl&& self) {
    if (!base::_has_error(std::forward<Impl>(self))) std::terminate();
  }
  template <class Impl>
  static constexpr void wide_exception_check(Impl&&) {}
};

template <class T>
using Result = outcome::basic_result<T, Error, ThrowError>;

using outcome::success;

}  // namespace xfsx::inline v0

#define XFSX_TRY BOOST_OUTCOME_TRY
#define XFSX_TRYV BOOST_OUTCOME_TRYV
#define XFSX_CO_TRY BOOST_OUTCOME_CO_TRY
#define XFSX_CO_TRYV BOOST_OUTCOME_CO_TRYV
