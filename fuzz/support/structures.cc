#include "fuzz/support/structures.h"

#include "attr/block.h"
#include "base/crc32c.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "disk/inode.h"
#include "disk/symlink.h"
#include "format/verify_btree.h"
#include "format/verify_dir.h"

namespace xfsx::fuzz {

namespace {

constexpr std::size_t index_start = sizeof(disk::DaBlockInfo) + sizeof(disk::DirLeafHeader);

/// Element `pick` of an array of T from `first` on.
template <class T>
Region element(std::size_t first, u32 pick) {
  return region<T>(first + pick * sizeof(T));
}

std::vector<Region> inode_regions(u32 pick) {
  constexpr std::size_t fork = sizeof(disk::Dinode);
  return {region<disk::Dinode>(),
          region<disk::Dinode>(),
          region<disk::BmdrBlock>(fork),
          element<disk::BmbtRecord>(fork, pick % 128),
          region<disk::DirShortHeader>(fork),
          region<disk::DirShortEntry>(fork + sizeof(disk::DirShortHeader) + 4),
          region<disk::AttrShortHeader>(fork + pick % 256 * 8),
          region<disk::AttrShortEntry>(fork + pick % 256 * 8 + sizeof(disk::AttrShortHeader))};
}

std::vector<Region> entry_regions(std::size_t length, u32 pick) {
  std::size_t const first = sizeof(disk::DirDataHeader);
  // Entries and unused regions begin at multiples of 8.
  std::size_t const at = first + pick * 8 % length;
  std::size_t const tail = length - sizeof(disk::DirBlockTail);
  return {region<disk::DirDataHeader>(),
          element<disk::DirFreeRegion>(offsetof(disk::DirDataHeader, bestfree), pick % 3),
          region<disk::DirDataEntry>(at),
          region<disk::DirDataUnused>(at),
          region<disk::DirBlockTail>(tail),
          region<disk::DirLeafEntry>(tail - (pick % 64 + 1) * sizeof(disk::DirLeafEntry))};
}

std::vector<Region> attr_leaf_regions(std::size_t length, u32 pick) {
  return {region<disk::AttrLeafHeader>(),
          element<disk::AttrLeafEntry>(sizeof(disk::AttrLeafHeader), pick % 32),
          region<disk::AttrLocalName>(length - pick * 4 % length),
          region<disk::AttrRemoteName>(length - pick * 4 % length)};
}

}  // namespace

BlockKind const* kind_of(Form form) {
  switch (form) {
    case Form::inobt:
      return &inobt_kind;
    case Form::refcountbt:
      return &refcountbt_kind;
    case Form::bmbt:
      return &bmbt_kind;
    case Form::dir_block:
      return &dir_block_kind;
    case Form::dir_data:
      return &dir_data_kind;
    case Form::dir_leaf1:
      return &dir_leaf1_kind;
    case Form::dir_leafn:
      return &dir_leafn_kind;
    case Form::dir_free:
      return &dir_free_kind;
    case Form::da_node:
      return &da_node_kind;
    case Form::symlink:
      return &symlink_kind;
    case Form::attr_leaf:
    case Form::attr_remote:
      return &attr_block_kind;
    case Form::inode:
      return nullptr;
  }
  return nullptr;
}

std::vector<Region> regions_of(Form form, std::size_t length, u32 pick) {
  constexpr std::size_t short_head = sizeof(disk::BtreeShortBlock);
  constexpr std::size_t long_head = sizeof(disk::BtreeLongBlock);
  switch (form) {
    case Form::inobt:
      return {region<disk::BtreeShortBlock>(), element<disk::InobtRecord>(short_head, pick),
              element<disk::InobtKey>(short_head, pick)};
    case Form::refcountbt:
      return {region<disk::BtreeShortBlock>(), element<disk::RefcountRecord>(short_head, pick),
              element<disk::RefcountKey>(short_head, pick)};
    case Form::bmbt:
      return {region<disk::BtreeLongBlock>(), element<disk::BmbtRecord>(long_head, pick),
              element<disk::BmbtKey>(long_head, pick)};
    case Form::inode:
      return inode_regions(pick);
    case Form::dir_block:
    case Form::dir_data:
      return entry_regions(length, pick);
    case Form::dir_leaf1:
    case Form::dir_leafn:
      return {region<disk::DaBlockInfo>(), region<disk::DirLeafHeader>(sizeof(disk::DaBlockInfo)),
              element<disk::DirLeafEntry>(index_start, pick),
              region<disk::DirLeafTail>(length - sizeof(disk::DirLeafTail))};
    case Form::da_node:
      return {region<disk::DaBlockInfo>(), region<disk::DaNodeHeader>(sizeof(disk::DaBlockInfo)),
              element<disk::DaNodeEntry>(index_start, pick % 32)};
    case Form::dir_free:
      return {region<disk::DirFreeHeader>()};
    case Form::symlink:
      return {region<disk::SymlinkHeader>()};
    case Form::attr_leaf:
      return attr_leaf_regions(length, pick);
    case Form::attr_remote:
      return {region<disk::AttrRemoteHeader>()};
  }
  return {};
}

void change_structure(Input& input, OverlayDisk& disk, Form form, Site const& site,
                      unsigned limit) {
  if (site.length == 0) return;
  u8 const how = input.byte();
  std::vector<std::byte> bytes = read_at(disk, site.offset, site.length);
  std::vector<Region> const regions = regions_of(form, bytes.size(), input.byte());
  mutate(input, bytes, regions, 1 + how % limit);
  if ((how & 0x80) == 0) {
    if (BlockKind const* kind = kind_of(form); kind != nullptr) {
      stamp_block(*kind, bytes, lsn_of(*kind, bytes));
    } else {
      crc32c_stamp(bytes, offsetof(disk::Dinode, crc));
    }
  }
  write_at(disk, site.offset, bytes);
}

}  // namespace xfsx::fuzz
