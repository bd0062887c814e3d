// Btree blocks of both forms: whatever passes the verifier can be walked entry by entry.

#include "btree/node.h"
#include "format/verify_btree.h"
#include "fuzz/support/target.h"

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

/// Reads every entry of an accepted block; the keys of a block rise.
template <BtreeTraits T>
void walk(ConstBytes block) {
  BtreeNode<T> const node = BtreeNode<T>::of_block(block);
  must(node.count() <= T::shape.max_records(block.size(), node.level()));
  for (u32 i = 0; i < node.count(); ++i) {
    must(node.upper_bound(node.key(i)) == i + 1);
    if (node.level() > 0) (void)node.pointer(i);
  }
}

struct Tree {
  Form form;
  BlockKind const& kind;
  Region header, record, key;
  void (*walk)(ConstBytes block);
};

Tree const trees[] = {
    {Form::inobt, inobt_kind, region<disk::BtreeShortBlock>(),
     region<disk::InobtRecord>(sizeof(disk::BtreeShortBlock)),
     region<disk::InobtKey>(sizeof(disk::BtreeShortBlock)), walk<Inobt>},
    {Form::refcountbt, refcountbt_kind, region<disk::BtreeShortBlock>(),
     region<disk::RefcountRecord>(sizeof(disk::BtreeShortBlock)),
     region<disk::RefcountKey>(sizeof(disk::BtreeShortBlock)), walk<Refcountbt>},
    {Form::bmbt, bmbt_kind, region<disk::BtreeLongBlock>(),
     region<disk::BmbtRecord>(sizeof(disk::BtreeLongBlock)),
     region<disk::BmbtKey>(sizeof(disk::BtreeLongBlock)), walk<Bmbt>},
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
  // The record that is changed may be any of the block.
  Region record = tree.record;
  disk::Field const& last = record.fields.back();
  record.at += input.byte() * std::size_t{last.offset + u32{last.size}};
  Region const regions[] = {tree.header, record, tree.key};
  mutate(input, block, regions);
  bool const stamped = (flags & flag::keep_checksum) == 0;
  if (stamped) stamp_block(tree.kind, block, lsn_of(tree.kind, block));

  BlockContext const context{g, g.locate(Daddr(site.offset / 512))};
  if (!verify_block(tree.kind, block, context, Lsn(0))) return 0;
  must(stamped || block == original);
  (void)verify_owner(tree.kind, block, context, site.owner);
  tree.walk(block);
  return 0;
}
