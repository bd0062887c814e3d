#pragma once
// Changes to structures by the field tables that `inspect` prints: a mutation lands on meaning
// instead of dying at the checksum, which the caller stamps again afterwards.

#include "disk/field.h"
#include "fuzz/support/input.h"

#include <span>

namespace xfsx::fuzz {

/// A structure inside a block: its table and where it starts.
struct Region {
  std::span<disk::Field const> fields;
  std::size_t at = 0;
};

template <class T>
Region region(std::size_t at = 0) {
  return {disk::Layout<T>::fields, at};
}

/// Runs changes out of `input`, at most `limit`: the verbs of xfs_db's fuzz command on a field
/// (zeroes, ones, first bit, middle bit, last bit, add, subtract, another value) of one of
/// `regions`, or on an integer anywhere in `block`. Regions and fields outside of `block` are left
/// alone.
void mutate(Input& input, Bytes block, std::span<Region const> regions, unsigned limit = 16);

}  // namespace xfsx::fuzz
