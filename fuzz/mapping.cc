// Packed mappings out of nothing: decoding and encoding are each other's inverse, and no rule is
// passed by a mapping that lies outside.

#include "base/view.h"
#include "fuzz/support/target.h"
#include "inode/fork.h"

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

void check_inverse(disk::BmbtRecord const& record) {
  disk::BmbtRecord const again = encode_mapping(decode_mapping(record));
  must(again.l0.value() == record.l0.value() && again.l1.value() == record.l1.value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  Geometry const& g = World::of_structures(input.byte()).geometry();
  u8 const flags = input.byte();
  ConstBytes const bytes = input.rest();
  std::size_t const count = bytes.size() / sizeof(disk::BmbtRecord);
  std::span<disk::BmbtRecord const> const records = view_array<disk::BmbtRecord>(bytes, 0, count);
  std::ranges::for_each(records, check_inverse);

  MappingRules const rules{g, (flags & 1) != 0, {}, "inode"};
  std::vector<Mapping> mappings;
  if (!decode_mappings(records, FileBlock(flags), rules, mappings)) return 0;
  must(mappings.size() == count);
  FileBlock least(flags);
  for (Mapping const& m : mappings) {
    must(m.offset >= least);
    must(rules.realtime ? g.realtime().valid(m.start, m.length) : g.valid(m.start, m.length));
    least = m.end();
  }
  std::vector<std::byte> fork(bytes.size());
  encode_mappings(mappings, fork);
  must(std::ranges::equal(std::span(fork).first(count * sizeof(disk::BmbtRecord)),
                          bytes.first(count * sizeof(disk::BmbtRecord))));
  return 0;
}
