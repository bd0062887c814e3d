#pragma once
// What every target is made of. A target reads its input as a script (which image, which structure,
// which changes), lets the library look at the result, and aborts when something was accepted that
// must be refused. Errors are welcome; crashes, endless loops and wrong answers are not.

#include "fuzz/support/input.h"
#include "fuzz/support/mutate.h"
#include "fuzz/support/world.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace xfsx::fuzz {

inline Input script(std::uint8_t const* data, std::size_t size) {
  return Input(std::as_bytes(std::span(data, size)));
}

/// Our own promise, broken: the input is a finding.
inline void must(bool holds) {
  if (!holds) std::abort();
}

/// Bits of an input's flag byte that all targets share.
namespace flag {
inline constexpr u8 keep_checksum = 0x80;  ///< the old checksum stays: must be refused or equal
}  // namespace flag

}  // namespace xfsx::fuzz
