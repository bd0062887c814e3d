// Btree blocks of both forms: whatever passes the verifier can be walked entry by entry.

#include "btree/traits.h"
#include "fuzz/support/promises.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

struct Tree {
  Form form;
  BlockKind const& kind;
  bool in_ag;
  Region record, key;  ///< as if there were no header
};

/// Element `index` of an array, behind a header, of what `first` is one of.
Region element(Region first, std::size_t header, u32 index) {
  disk::Field const& last = first.fields.back();
  first.at += header + index * std::size_t{last.offset + u32{last.size}};
  return first;
}

/// The header of a version, and where what it is the header of begins.
struct Headers {
  Region region;
  std::size_t size;
};

Headers header_of(FormatVersion const& version, bool in_ag) {
  bool const v5 = version.self_describing;
  if (in_ag) {
    return {v5 ? region<disk::BtreeShortBlock>() : region<disk::BtreeShortBlockV4>(),
            version.short_block};
  }
  return {v5 ? region<disk::BtreeLongBlock>() : region<disk::BtreeLongBlockV4>(),
          version.long_block};
}

/// A tree and the tables that cover what follows its header.
template <BtreeTraits T>
Tree tree_of(Form form) {
  return {form, T::kind(), std::same_as<typename T::Pointer, AgBlock>,
          region<typename T::DiskRecord>(), region<typename T::DiskKey>()};
}

Tree const trees[] = {
    tree_of<Inobt>(Form::inobt),
    tree_of<Refcountbt>(Form::refcountbt),
    tree_of<Bmbt>(Form::bmbt),
    tree_of<Bnobt>(Form::bnobt),
    tree_of<Cntbt>(Form::cntbt),
    tree_of<Finobt>(Form::finobt),
    tree_of<Rmapbt>(Form::rmapbt),
    tree_of<RtRmapbt>(Form::rtrmapbt),
    tree_of<RtRefcountbt>(Form::rtrefcountbt),
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  Geometry const& g = world.geometry();
  u8 const flags = input.byte();
  Tree const& tree = trees[flags % std::size(trees)];
  Site const site = world.pick(tree.form, input.byte());
  if (site.length == 0) return 0;

  OverlayDisk disk = world.disk();
  std::vector<std::byte> const original = read_at(disk, site.offset, site.length);
  std::vector<std::byte> block = original;
  // The record that is changed may be any of the block, and so may the key.
  u32 const which = input.byte();
  Headers const header = header_of(g.version(), tree.in_ag);
  Region const record = element(tree.record, header.size, which);
  Region const key = element(tree.key, header.size, (flags & 0x40) != 0 ? which : 0);
  Region const regions[] = {header.region, record, key};
  mutate(input, block, regions);
  bool const stamped = (flags & flag::keep_checksum) == 0;
  if (stamped) restamp(g.version(), tree.kind, block);
  write_at(disk, site.offset, block);

  BlockContext const context{g, g.locate(Daddr(site.offset / 512))};
  if (!verify_block(tree.kind, block, context, Lsn(0))) return 0;
  must(stamped || !g.version().self_describing || block == original);
  (void)verify_owner(tree.kind, block, context, site.owner);
  check_btree_block(g.version(), tree.form, block);
  return 0;
}
