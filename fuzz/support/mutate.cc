#include "fuzz/support/mutate.h"

#include <algorithm>

namespace xfsx::fuzz {

namespace {

using disk::Order;

u64 load(ConstBytes bytes, Order order) {
  u64 value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::size_t const from = order == Order::little ? bytes.size() - 1 - i : i;
    value = value << 8 | std::to_integer<u64>(bytes[from]);
  }
  return value;
}

void store(Bytes bytes, Order order, u64 value) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::size_t const to = order == Order::little ? i : bytes.size() - 1 - i;
    bytes[to] = static_cast<std::byte>(value & 0xff);
    value >>= 8;
  }
}

/// An operand that is small more often than not.
u64 operand(Input& input) {
  u8 const first = input.byte();
  if (first < 0xfc) return first;
  if (first == 0xfc) return input.half();
  if (first == 0xfd) return input.word();
  return input.wide();
}

/// One verb on an integer of at most 8 bytes.
void change(Input& input, Bytes bytes, Order order) {
  unsigned const bits = static_cast<unsigned>(bytes.size()) * 8;
  u64 const old = load(bytes, order);
  u64 value = old;
  switch (input.byte() % 8) {
    case 0:
      value = 0;
      break;
    case 1:
      value = ~u64{0};
      break;
    case 2:
      value = old ^ (u64{1} << (bits - 1));
      break;
    case 3:
      value = old ^ (u64{1} << (bits / 2));
      break;
    case 4:
      value = old ^ 1;
      break;
    case 5:
      value = old + operand(input);
      break;
    case 6:
      value = old - operand(input);
      break;
    default:
      value = operand(input);
      break;
  }
  store(bytes, order, value);
}

/// A structure member, or one element of a member that is an array.
void change_field(Input& input, Bytes block, Region const& where) {
  disk::Field const& field = where.fields[input.byte() % where.fields.size()];
  std::size_t const element = field.count > 1 ? input.byte() % field.count : 0;
  std::size_t const at = where.at + field.offset + element * field.size;
  if (at > block.size() || field.size > block.size() - at) return;
  Bytes const bytes = block.subspan(at, field.size);
  if (field.size <= 8) {
    change(input, bytes, field.order);
    return;
  }
  // A uuid: one byte of it.
  change(input, bytes.subspan(input.byte() % bytes.size(), 1), Order::bytes);
}

void change_anywhere(Input& input, Bytes block) {
  static constexpr std::size_t widths[] = {1, 2, 4, 8};
  std::size_t const width = std::min(widths[input.byte() % 4], block.size());
  // A modulus of all positions, aligned or not: directory entries have no alignment of their own.
  std::size_t const at = input.half() % (block.size() - width + 1);
  change(input, block.subspan(at, width), Order::big);
}

}  // namespace

void mutate(Input& input, Bytes block, std::span<Region const> regions, unsigned limit) {
  if (block.empty()) return;
  for (unsigned done = 0; done < limit && !input.empty(); ++done) {
    u8 const which = input.byte();
    if (regions.empty() || which % 4 == 3) {
      change_anywhere(input, block);
    } else {
      change_field(input, block, regions[which / 4 % regions.size()]);
    }
  }
}

}  // namespace xfsx::fuzz
