#include "inspect/change.h"
#include "base/parse.h"

#include "base/crc32c.h"
#include "inspect/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <random>

namespace xfsx::inline v0::inspect {

namespace {

constexpr std::string_view names[] = {"zeroes",  "ones", "firstbit", "middlebit",
                                      "lastbit", "add",  "sub",      "random"};
constexpr u64 amount_of_small_fields = 137;
constexpr u64 amount_of_others = 2017;

/// The bits of a field inside bytes; bit 0 is the most significant.
class Bits {
 public:
  Bits(Bytes bytes, std::size_t first, Place const& place)
      : bytes_(bytes), first_(first + place.bit), width_(place.width), little_(place.little) {}

  [[nodiscard]] u32 width() const { return width_; }

  [[nodiscard]] bool get(u32 i) const {
    std::size_t const at = position(i);
    return (bytes_[at / 8] & mask(at)) != std::byte{0};
  }
  void set(u32 i, bool value) {
    std::size_t const at = position(i);
    std::byte& byte = bytes_[at / 8];
    byte = value ? byte | mask(at) : byte & ~mask(at);
  }
  void flip(u32 i) { set(i, !get(i)); }

  [[nodiscard]] u64 number() const {
    u64 n = 0;
    for (u32 i = 0; i < width_; ++i) n = (n << 1) | (get(i) ? 1U : 0U);
    return n;
  }
  void set_number(u64 n) {
    for (u32 i = 0; i < width_; ++i) set(width_ - 1 - i, i < 64 && ((n >> i) & 1U) != 0);
  }
  void set_bytes(std::string_view bytes) {
    for (u32 i = 0; i < width_; ++i) {
      u32 const byte = i / 8 < bytes.size() ? static_cast<u8>(bytes[i / 8]) : 0U;
      set(i, ((byte >> (7 - i % 8)) & 1U) != 0);
    }
  }

 private:
  static std::byte mask(std::size_t at) { return std::byte{0x80} >> static_cast<int>(at % 8); }
  [[nodiscard]] std::size_t position(u32 i) const {
    return first_ + (little_ ? width_ - 8 - i / 8 * 8 + i % 8 : i);
  }

  Bytes bytes_;
  std::size_t first_;  ///< bits
  u32 width_;
  bool little_;
};

/// The first byte of a place, counted from the first of the inspection; nothing if it lies
/// elsewhere or nowhere.
std::optional<std::size_t> offset_of(Inspection const& found, Place const& place) {
  std::less<> const before;  // a total order of all pointers
  std::byte const* const first = found.bytes.data();
  std::byte const* const end = first + found.bytes.size();
  if (place.width == 0 || before(place.byte, first) || !before(place.byte, end)) {
    return std::nullopt;
  }
  auto const offset = static_cast<std::size_t>(place.byte - first);
  std::size_t const last = offset * 8 + place.bit + place.width;
  if (last > found.bytes.size() * 8) return std::nullopt;
  return offset;
}

Result<std::size_t> place_of(Inspection const& found, Value const& field) {
  if (field.place.form == Place::Form::part) {
    return with_structure(refuse(EINVAL,
                                 "it is computed from a count of nanoseconds since 1901-12-13 "
                                 "20:45:52 UTC: name the time as a whole, which is that count"),
                          found.structure);
  }
  if (std::optional<std::size_t> const offset = offset_of(found, field.place)) return *offset;
  return with_structure(refuse(EINVAL,
                               "this is made of several fields, or lies in a block of its "
                               "own: name one field"),
                        found.structure);
}

void randomize(Bits& bits, u64 seed) {
  std::mt19937_64 source(seed);
  u64 word = 0;
  for (u32 i = 0; i < bits.width(); ++i) {
    if (i % 64 == 0) word = source();
    bits.set(i, ((word >> (i % 64)) & 1U) != 0);
  }
}

void mutate(Bits& bits, MutationRequest const& request) {
  u32 const width = bits.width();
  u64 const small = width <= 8 ? amount_of_small_fields : amount_of_others;
  u64 const amount = request.amount.value_or(small);
  switch (request.mutation) {
    case Mutation::zeroes:
    case Mutation::ones:
      for (u32 i = 0; i < width; ++i) bits.set(i, request.mutation == Mutation::ones);
      break;
    case Mutation::firstbit:
      bits.flip(0);
      break;
    case Mutation::middlebit:
      bits.flip(width / 2);
      break;
    case Mutation::lastbit:
      bits.flip(width - 1);
      break;
    case Mutation::add:
      bits.set_number(bits.number() + amount);
      break;
    case Mutation::sub:
      bits.set_number(bits.number() - amount);
      break;
    case Mutation::random:
      randomize(bits, request.seed);
      break;
  }
}

Error not_fitting(std::string_view what, std::string_view value) {
  return with_note(refuse(ERANGE, what), value);
}

/// As in C: decimal, hexadecimal after 0x, octal after 0.
std::optional<u64> unsigned_number(std::string_view text) {
  bool const octal = text.size() > 1 && text.starts_with('0') && !text.starts_with("0x");
  return octal ? parse_digits(text.substr(1), 8) : parse_number(text);
}

/// Text in quotes with the escapes that inspect writes; other text is what it is.
std::optional<std::string> plain_text(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::string(text);
  text = text.substr(1, text.size() - 2);
  std::string bytes;
  while (!text.empty()) {
    if (text.front() != '\\') {
      bytes += text.front();
      text.remove_prefix(1);
      continue;
    }
    u8 byte = 0;
    bool const octal =
        text.size() >= 4 &&
        std::from_chars(text.data() + 1, text.data() + 4, byte, 8).ptr == text.data() + 4;
    if (text.size() < 2) return std::nullopt;
    bytes += octal ? static_cast<char>(byte) : text[1];
    text.remove_prefix(octal ? 4 : 2);
  }
  return bytes;
}

std::optional<std::string> uuid_bytes(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) digits += text[i];
  }
  return digits.size() == 32 ? parse_hex(digits) : std::nullopt;
}

Result<void> set_bytes(Bits& bits, std::optional<std::string> const& bytes,
                       std::string_view value) {
  if (!bytes) return with_note(refuse(EINVAL, "this is no value of the field"), value);
  if (bytes->size() * 8 > bits.width()) {
    return not_fitting("the value is longer than the field", value);
  }
  bits.set_bytes(*bytes);
  return success();
}

Result<void> set_number(Bits& bits, std::string_view value) {
  if (bits.width() > 64) {
    return refuse(EINVAL, "the field is wider than a number: give its bytes as # and digits");
  }
  u64 const most = bits.width() == 64 ? ~u64{0} : (u64{1} << bits.width()) - 1;
  bool const negative = value.starts_with('-');
  std::optional<u64> const n =
      value == "null" ? most : unsigned_number(negative ? value.substr(1) : value);
  if (!n) return with_note(refuse(EINVAL, "this is no value of the field"), value);
  if (*n > (negative ? most / 2 + 1 : most)) {
    return not_fitting("the value does not fit the field", value);
  }
  bits.set_number(negative ? u64{0} - *n : *n);
  return success();
}

Result<void> set_value(Bits& bits, Place::Form form, std::string_view value) {
  if (value.starts_with('#')) return set_bytes(bits, parse_hex(value.substr(1)), value);
  if (form == Place::Form::uuid) return set_bytes(bits, uuid_bytes(value), value);
  if (form == Place::Form::bytes) return set_bytes(bits, plain_text(value), value);
  return set_number(bits, value);
}

/// The byte of the device at which byte `at` of the inspection lies.
u64 on_device(Inspection const& found, std::size_t at) {
  for (Extent const& extent : found.extents) {
    if (at < extent.size) return extent.at.raw() * basic_block_size + at;
    at -= extent.size;
  }
  XFSX_ASSERT(false);
  return 0;
}

}  // namespace

std::span<std::string_view const> mutation_names() {
  return names;
}

std::string_view to_string(Mutation mutation) {
  return names[static_cast<std::size_t>(mutation)];
}

std::optional<Mutation> parse_mutation(std::string_view word) {
  auto const* const found = std::ranges::find(names, word);
  if (found == std::ranges::end(names)) return std::nullopt;
  return static_cast<Mutation>(found - std::ranges::begin(names));
}

bool changeable(Inspection const& found, Value const& field) {
  return field.place.form != Place::Form::part && offset_of(found, field.place).has_value();
}

std::optional<BitPlace> place_on_device(Inspection const& found, Value const& field) {
  if (!changeable(found, field)) return std::nullopt;
  return BitPlace{on_device(found, *offset_of(found, field.place)), field.place.bit};
}

Result<std::vector<std::byte>> mutated(Inspection const& found, Value const& field,
                                       MutationRequest const& request) {
  XFSX_TRY(std::size_t const offset, place_of(found, field));
  bool const sum = request.mutation == Mutation::add || request.mutation == Mutation::sub;
  if (sum && field.place.width > 64) {
    return with_structure(refuse(EINVAL, "the field is wider than a number: neither add nor sub"),
                          found.structure);
  }
  std::vector<std::byte> bytes = found.bytes;
  Bits bits(bytes, offset * 8, field.place);
  mutate(bits, request);
  return bytes;
}

Result<std::vector<std::byte>> with_value(Inspection const& found, Value const& field,
                                          std::string_view value) {
  XFSX_TRY(std::size_t const offset, place_of(found, field));
  std::vector<std::byte> bytes = found.bytes;
  Bits bits(bytes, offset * 8, field.place);
  XFSX_TRYV(set_value(bits, field.place.form, value));
  return bytes;
}

Result<std::string> spell_bits(Inspection const& found, Value const& field, ConstBytes bytes) {
  XFSX_ASSERT(bytes.size() == found.bytes.size());
  XFSX_TRY(std::size_t const offset, place_of(found, field));
  ConstBytes const own = bytes.subspan(offset, (field.place.bit + field.place.width + 7) / 8);
  if (field.place.form == Place::Form::bytes) return quoted(text_of(own));
  if (field.place.form == Place::Form::uuid) return to_string(view_as<Uuid>(own));
  std::vector<std::byte> copy(own.begin(), own.end());
  u64 const number = Bits(copy, 0, field.place).number();
  bool const hex = field.spelling.starts_with("0x") || field.name == "crc";
  return hex ? fmt::format("{:#x}", number) : std::to_string(number);
}

Result<void> restamp(Inspection const& found, Value const& field, Bytes changed) {
  XFSX_ASSERT(changed.size() == found.bytes.size());
  XFSX_TRY(std::size_t const offset, place_of(found, field));
  if (found.checksum_elsewhere) {
    return with_structure(refuse(EOPNOTSUPP,
                                 "its checksum covers blocks that are not known here; "
                                 "--bad-crc leaves it as it is"),
                          found.structure);
  }
  for (Checksum const& checksum : found.checksums) {
    if (offset < checksum.first || offset >= std::size_t{checksum.first} + checksum.size) continue;
    std::size_t const at = std::size_t{checksum.first} + checksum.at;
    if (offset >= at && offset < at + sizeof(le32)) {
      return with_structure(refuse(EINVAL,
                                   "a checksum is made again after each change; with "
                                   "--bad-crc it is left as you say"),
                            found.structure);
    }
    crc32c_stamp(changed.subspan(checksum.first, checksum.size), checksum.at);
  }
  return success();
}

std::vector<Patch> patches(Inspection const& found, ConstBytes changed) {
  XFSX_ASSERT(changed.size() == found.bytes.size());
  std::vector<Patch> all;
  u64 end = 0;  // of the last patch, on the device
  for (std::size_t i = 0; i < changed.size(); ++i) {
    if (changed[i] == found.bytes[i]) continue;
    u64 const at = on_device(found, i);
    if (all.empty() || at != end) all.push_back({at, {}, {}});
    all.back().before.push_back(found.bytes[i]);
    all.back().after.push_back(changed[i]);
    end = at + 1;
  }
  return all;
}

}  // namespace xfsx::inline v0::inspect
