#pragma once
// Checks on one structure that locate themselves: the member that is passed is looked up in the
// field table by its address, so an error names structure, address, field, and both values without
// a string.

#include <xfsx/result.h>

#include "base/view.h"
#include "disk/field.h"

namespace xfsx::inline v0 {

/// Where a structure lies, as far as it is known.
struct Location {
  DeviceRole device = DeviceRole::data;
  AddressKind kind = AddressKind::none;
  u64 address = 0;
  AgNumber ag = null_agnumber;
  AgBlock agblock = null_agblock;
  InodeNumber owner = null_inode;
};

/// An error of class `code` about a structure at `where`.
Error located(Errc code, std::string_view structure, Location const& where,
              std::source_location raised = std::source_location::current());

/// The table row that covers byte `offset`, or null.
disk::Field const* field_at(std::span<disk::Field const> fields, std::size_t offset);

template <class T>
class CheckedView {
 public:
  using Source = std::source_location;

  CheckedView(T const& object, Location const& where,
              std::string_view structure = disk::Layout<T>::name)
      : object_(object), where_(where), structure_(structure) {}

  T const* operator->() const { return &object_; }

  template <class V, boost::endian::order O>
  Result<void> equal(OnDisk<V, O> const& member, V want, Source at = Source::current()) const {
    if (member.value() == want) return success();
    return fail(&member, member.raw(), raw(want), Relation::equal, at);
  }
  Result<void> equal(u8 const& member, u8 want, Source at = Source::current()) const {
    if (member == want) return success();
    return fail(&member, member, want, Relation::equal, at);
  }
  Result<void> equal(Uuid const& member, Uuid const& want, Source at = Source::current()) const {
    if (member == want) return success();
    Error e = error(&member, Relation::equal, at);
    e.found.uuid = member;
    e.expected.uuid = want;
    e.found.is_uuid = e.expected.is_uuid = true;
    return e;
  }
  template <class V, boost::endian::order O>
  Result<void> at_most(OnDisk<V, O> const& member, V limit, Source at = Source::current()) const {
    if (member.value() <= limit) return success();
    return fail(&member, member.raw(), raw(limit), Relation::at_most, at);
  }
  Result<void> at_most(u8 const& member, u8 limit, Source at = Source::current()) const {
    if (member <= limit) return success();
    return fail(&member, member, limit, Relation::at_most, at);
  }
  template <class V, boost::endian::order O>
  Result<void> at_least(OnDisk<V, O> const& member, V limit, Source at = Source::current()) const {
    if (member.value() >= limit) return success();
    return fail(&member, member.raw(), raw(limit), Relation::at_least, at);
  }
  template <class V, boost::endian::order O>
  Result<void> below(OnDisk<V, O> const& member, V limit, Source at = Source::current()) const {
    if (member.value() < limit) return success();
    return fail(&member, member.raw(), raw(limit), Relation::below, at);
  }
  /// The verdict `ok` on a member whose rule is not a plain comparison with `expected`.
  template <class M>
  Result<void> require(bool ok, M const& member, u64 expected, Relation relation,
                       Source at = Source::current()) const {
    if (ok) return success();
    return fail(&member, number(member), expected, relation, at);
  }

 private:
  template <class V>
  static u64 raw(V v) {
    if constexpr (std::integral<V>) {
      return v;
    } else {
      return v.raw();
    }
  }
  template <class M>
  static u64 number(M const& m) {
    if constexpr (std::integral<M>) {
      return m;
    } else if constexpr (requires { m.raw(); }) {
      return m.raw();
    } else {
      return 0;
    }
  }
  Error error(void const* member, Relation relation, Source at) const {
    Error e = located(Errc::bad_value, structure_, where_, at);
    e.relation = relation;
    std::ptrdiff_t const offset = static_cast<std::byte const*>(member) - bytes_of(object_).data();
    disk::Field const* f = field_at(disk::Layout<T>::fields, static_cast<std::size_t>(offset));
    if (f != nullptr) {
      e.field = f->name;
      e.found.hex = e.expected.hex = f->show == disk::Show::hex;
    }
    return e;
  }
  Error fail(void const* member, u64 found, u64 expected, Relation relation, Source at) const {
    Error e = error(member, relation, at);
    e.found.number = found;
    e.expected.number = expected;
    return e;
  }

  T const& object_;
  Location where_;
  std::string_view structure_;
};

}  // namespace xfsx::inline v0
