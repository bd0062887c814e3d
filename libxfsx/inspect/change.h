#pragma once
// One field of a decoded structure changed where it lies: by one of the verbs that XFS's own fuzz
// tests use, or to a value. Nothing here reads or writes a device: what comes out is what would
// have to be written where.

#include "inspect/inspect.h"

#include <span>

namespace xfsx::inline v0::inspect {

/// What is done to the bits of a field, whichever way it is shown.
enum class Mutation : u8 {
  zeroes,     ///< no bit set
  ones,       ///< all bits set
  firstbit,   ///< the most significant bit turned over
  middlebit,  ///< the bit half way down turned over
  lastbit,    ///< the least significant bit turned over
  add,        ///< a small number added, modulo the width
  sub,        ///< a small number taken away
  random,     ///< bits by chance
};

std::span<std::string_view const> mutation_names();
std::string_view to_string(Mutation mutation);
std::optional<Mutation> parse_mutation(std::string_view word);

struct MutationRequest {
  Mutation mutation = Mutation::zeroes;
  std::optional<u64> amount;  ///< of add and sub; otherwise 2017, 137 in fields of up to 8 bits
  u64 seed = 0;               ///< of random
};

/// Whether `field` lies in one place among the bytes of the inspection, so that it can be changed.
bool changeable(Inspection const& found, Value const& field);

/// A bit of a device.
struct BitPlace {
  u64 byte = 0;  ///< of the data device
  u8 bit = 0;    ///< the most significant first
};

/// Where the first bit of `field` lies; nothing if it is not changeable().
std::optional<BitPlace> place_on_device(Inspection const& found, Value const& field);

/// The bytes of the inspection with `field` (a value of it) changed; the checksum is as it was.
/// Errors: refused EINVAL for what does not lie in one place, and for add and sub in more than 64
/// bits.
Result<std::vector<std::byte>> mutated(Inspection const& found, Value const& field,
                                       MutationRequest const& request);

/// The same with a value: a number (decimal, 0x…, 0…, negative, `null` for all ones), a UUID, text
/// as it is or in quotes with escapes as inspect shows it (zeroes follow if it is shorter), or #
/// and hexadecimal digits for the bytes themselves. Errors: refused EINVAL for what does not lie in
/// one place or is shown otherwise than it is stored; ERANGE for what does not fit.
Result<std::vector<std::byte>> with_value(Inspection const& found, Value const& field,
                                          std::string_view value);

/// What the bits of `field` are in `bytes` (those of the inspection, or changed ones): a number in
/// decimal, or in hexadecimal where inspect shows it so, a UUID, text in quotes. Errors: refused
/// EINVAL for what does not lie in one place.
Result<std::string> spell_bits(Inspection const& found, Value const& field, ConstBytes bytes);

/// Makes the checksum that covers `field` again in `changed`. Without a checksum in the structure:
/// nothing. Errors: refused EINVAL if the field is in the checksum itself, EOPNOTSUPP where it
/// covers more than these bytes.
Result<void> restamp(Inspection const& found, Value const& field, Bytes changed);

/// A run of bytes of the data device that changes.
struct Patch {
  u64 offset = 0;  ///< bytes
  std::vector<std::byte> before, after;
};

/// Where `changed` differs from the bytes of the inspection.
std::vector<Patch> patches(Inspection const& found, ConstBytes changed);

}  // namespace xfsx::inline v0::inspect
