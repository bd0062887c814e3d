#include "attr/list_to_leaf.h"

#include "attr/block.h"
#include "attr/list.h"
#include "dir/name_hash.h"
#include "disk/attr.h"
#include "inode/fork_editor.h"
#include "rt/reserve.h"

#include <algorithm>
#include <tuple>

namespace xfsx::inline v0 {

namespace {

using disk::AttrLeafEntry;
using disk::AttrLeafHeader;

struct Listed {
  u32 hash = 0;
  u8 flags = 0;  // namespace
  std::string_view name;
  ConstBytes value;
};

/// Parent pointers are told apart by their parents too, which many names have in common.
u32 hash_of(StoredAttribute const& a) {
  u32 const hash = name_hash(a.name);
  if (a.space != AttributeSpace::parent || a.value.size() < sizeof(u64)) return hash;
  u64 const parent = view_as<be64>(a.value).value();
  return hash ^ static_cast<u32>(parent >> 32) ^ static_cast<u32>(parent);
}

/// The attributes in the order that a leaf has.
Result<std::vector<Listed>> sorted(ConstBytes list, Location const& where) {
  std::vector<Listed> all;
  std::size_t at = sizeof(disk::AttrShortHeader);
  XFSX_TRYV(visit_short_form(list, where, [&](StoredAttribute const& a) -> Result<bool> {
    u8 const flags = view_as<disk::AttrShortEntry>(list, at).flags;
    at += sizeof(disk::AttrShortEntry) + a.name.size() + a.value.size();
    all.push_back({hash_of(a), flags, a.name, a.value});
    return true;
  }));
  std::ranges::sort(all, [](Listed const& a, Listed const& b) {
    return std::tie(a.hash, a.name) < std::tie(b.hash, b.name);
  });
  return all;
}

/// Bytes of name and value in a leaf.
std::size_t size_in_leaf(Listed const& a) {
  std::size_t const size = sizeof(disk::AttrLocalName) + a.name.size() + a.value.size();
  return round_up(size, std::size_t{4});
}

bool fit_leaf(std::span<Listed const> all, std::size_t leaf) {
  std::size_t need = sizeof(AttrLeafHeader);
  for (Listed const& a : all) need += sizeof(AttrLeafEntry) + size_in_leaf(a);
  return need <= leaf;
}

}  // namespace

Result<void> lay_out_leaf(ConstBytes list, Bytes leaf, Location const& where) {
  XFSX_TRY(std::vector<Listed> const all, sorted(list, where));
  // Short names take more room in a leaf.
  if (!fit_leaf(all, leaf.size())) {
    return refuse(EOPNOTSUPP, "the attributes neither fit the inode nor one leaf");
  }
  std::size_t at = leaf.size();
  std::size_t table = sizeof(AttrLeafHeader);
  for (Listed const& a : all) {
    at -= size_in_leaf(a);
    disk::AttrLocalName& head = edit_as<disk::AttrLocalName>(leaf, at);
    head.valuelen = static_cast<u16>(a.value.size());
    head.namelen = static_cast<u8>(a.name.size());
    Bytes const behind = leaf.subspan(at + sizeof(disk::AttrLocalName));
    std::ranges::copy(bytes_of(a.name), behind.begin());
    std::ranges::copy(a.value, behind.subspan(a.name.size()).begin());
    AttrLeafEntry& entry = edit_as<AttrLeafEntry>(leaf, table);
    entry.hashval = a.hash;
    entry.nameidx = static_cast<u16>(at);
    entry.flags = static_cast<u8>(a.flags | disk::attr_flag::local);
    table += sizeof(AttrLeafEntry);
  }
  AttrLeafHeader& header = edit_as<AttrLeafHeader>(leaf);
  header.count = static_cast<u16>(all.size());
  header.usedbytes = static_cast<u16>(leaf.size() - at);
  header.firstused = static_cast<u16>(at);
  header.freemap[0] = static_cast<u32>(table << 16 | (at - table));
  return success();
}

Result<void> put_list_in_leaf(Transaction& txn, InodeNumber number, Bytes copy, ConstBytes list) {
  Geometry const& g = txn.volume().geometry();
  FsBlock const near = block_of_inode(g, number);
  Space space(txn);
  space.keep_back(realtime_tree_room(g), [&] { return realtime_tree_room_left(txn.volume()); });
  // Reverse mappings of the only block of a fork, at its start, look like those of blocks without
  // a place in one.
  XFSX_TRY(FsBlock const at, space.allocate(near, RunOwner{number.raw(), true, false}));
  Daddr const daddr = g.daddr(at);
  XFSX_TRY(Bytes const leaf, txn.create(attr_leaf_kind, daddr, g.sectors(BlockCount(1)), number));
  AttrLeafHeader& header = edit_as<AttrLeafHeader>(leaf);
  header.magic = disk::attr_leaf_magic;
  header.bno = daddr;
  header.uuid = g.meta_uuid();
  header.owner = number;
  XFSX_TRYV(lay_out_leaf(list, leaf, g.locate(daddr)));

  disk::Dinode& core = edit_as<disk::Dinode>(copy);
  core.nblocks = core.nblocks.value() + 1;
  Mapping const mapping{FileBlock(0), at, BlockCount(1)};
  XFSX_TRYV(change_fork(txn, space, {number, copy, ForkKind::attr}, {}, {&mapping, 1}));
  return space.finish();
}

}  // namespace xfsx::inline v0
