#include "fuzz/support/structures.h"

#include "attr/block.h"
#include "base/crc32c.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "disk/inode.h"
#include "disk/parent.h"
#include "disk/quota.h"
#include "disk/realtime.h"
#include "disk/symlink.h"
#include "format/verify_btree.h"
#include "format/verify_dir.h"
#include "format/verify_quota.h"
#include "format/verify_realtime.h"

namespace xfsx::fuzz {

namespace {

/// Element `pick` of an array of T from `first` on.
template <class T>
Region element(std::size_t first, u32 pick) {
  return region<T>(first + pick * sizeof(T));
}

/// `T` where blocks describe themselves, `Old` where they do not.
template <class T, class Old>
Region head(FormatVersion const& version, std::size_t at = 0) {
  return version.self_describing ? region<T>(at) : region<Old>(at);
}

std::vector<Region> inode_regions(FormatVersion const& version, u32 pick) {
  std::size_t const fork = version.inode_core;
  return {head<disk::Dinode, disk::DinodeV2>(version),
          head<disk::Dinode, disk::DinodeV2>(version),
          region<disk::BmdrBlock>(fork),
          element<disk::BmbtRecord>(fork, pick % 128),
          region<disk::DirShortHeader>(fork),
          region<disk::DirShortEntry>(fork + sizeof(disk::DirShortHeader) + 4),
          region<disk::AttrShortHeader>(fork + pick % 256 * 8),
          region<disk::AttrShortEntry>(fork + pick % 256 * 8 + sizeof(disk::AttrShortHeader)),
          region<disk::ParentRecord>(fork + pick * 4 % 1024)};
}

std::vector<Region> entry_regions(FormatVersion const& version, std::size_t length, u32 pick) {
  std::size_t const first = version.dir_data;
  // Entries and unused regions begin at multiples of 8.
  std::size_t const at = first + pick * 8 % length;
  std::size_t const tail = length - sizeof(disk::DirBlockTail);
  return {head<disk::DirDataHeader, disk::DirDataHeaderV4>(version),
          element<disk::DirFreeRegion>(version.best_free, pick % 3),
          region<disk::DirDataEntry>(at),
          region<disk::DirDataUnused>(at),
          region<disk::DirBlockTail>(tail),
          region<disk::DirLeafEntry>(tail - (pick % 64 + 1) * sizeof(disk::DirLeafEntry))};
}

std::vector<Region> attr_leaf_regions(FormatVersion const& version, std::size_t length, u32 pick) {
  return {head<disk::AttrLeafHeader, disk::AttrLeafHeaderV4>(version),
          element<disk::AttrLeafEntry>(version.attr_leaf, pick % 32),
          region<disk::AttrLocalName>(length - pick * 4 % length),
          region<disk::AttrRemoteName>(length - pick * 4 % length)};
}

std::vector<Region> dquot_regions(std::size_t length, u32 pick) {
  std::size_t const at = pick % (length / sizeof(disk::DquotRecord)) * sizeof(disk::DquotRecord);
  return {region<disk::Dquot>(at), region<disk::DquotRecord>(at)};
}

}  // namespace

BlockKind const* kind_of(Form form) {
  switch (form) {
    case Form::bnobt:
      return &bnobt_kind;
    case Form::cntbt:
      return &cntbt_kind;
    case Form::inobt:
      return &inobt_kind;
    case Form::finobt:
      return &finobt_kind;
    case Form::rmapbt:
      return &rmapbt_kind;
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
    case Form::dquots:
      return &dquot_kind;
    case Form::rtrmapbt:
      return &rtrmapbt_kind;
    case Form::rtrefcountbt:
      return &rtrefcountbt_kind;
    case Form::rt_bitmap:
      return &rt_bitmap_kind;
    case Form::rt_summary:
      return &rt_summary_kind;
    case Form::inode:
      return nullptr;
  }
  return nullptr;
}

std::vector<Region> regions_of(FormatVersion const& version, Form form, std::size_t length,
                               u32 pick) {
  std::size_t const short_head = version.short_block;
  std::size_t const long_head = version.long_block;
  Region const short_block = head<disk::BtreeShortBlock, disk::BtreeShortBlockV4>(version);
  Region const long_block = head<disk::BtreeLongBlock, disk::BtreeLongBlockV4>(version);
  Region const info = head<disk::DaBlockInfo, disk::DaBlockInfoV4>(version);
  std::size_t const counts = version.index_info;
  switch (form) {
    case Form::bnobt:
    case Form::cntbt:
      return {short_block, element<disk::AllocRecord>(short_head, pick)};
    case Form::inobt:
    case Form::finobt:
      return {short_block, element<disk::InobtRecord>(short_head, pick),
              element<disk::InobtKey>(short_head, pick)};
    case Form::rmapbt:
      return {short_block, element<disk::RmapRecord>(short_head, pick),
              element<disk::RmapKey>(short_head, pick)};
    case Form::refcountbt:
      return {short_block, element<disk::RefcountRecord>(short_head, pick),
              element<disk::RefcountKey>(short_head, pick)};
    case Form::bmbt:
      return {long_block, element<disk::BmbtRecord>(long_head, pick),
              element<disk::BmbtKey>(long_head, pick)};
    case Form::rtrmapbt:
      return {long_block, element<disk::RmapRecord>(long_head, pick),
              element<disk::RmapKey>(long_head, pick)};
    case Form::rtrefcountbt:
      return {long_block, element<disk::RefcountRecord>(long_head, pick),
              element<disk::RefcountKey>(long_head, pick)};
    case Form::dquots:
      return dquot_regions(length, pick);
    case Form::rt_bitmap:
    case Form::rt_summary:
      return {region<disk::RtBufferHeader>()};
    case Form::inode:
      return inode_regions(version, pick);
    case Form::dir_block:
    case Form::dir_data:
      return entry_regions(version, length, pick);
    case Form::dir_leaf1:
    case Form::dir_leafn:
      return {info, head<disk::DirLeafHeader, disk::DirLeafHeaderV4>(version, counts),
              element<disk::DirLeafEntry>(version.index_header, pick),
              region<disk::DirLeafTail>(length - sizeof(disk::DirLeafTail))};
    case Form::da_node:
      return {info, head<disk::DaNodeHeader, disk::DaNodeHeaderV4>(version, counts),
              element<disk::DaNodeEntry>(version.index_header, pick % 32)};
    case Form::dir_free:
      return {head<disk::DirFreeHeader, disk::DirFreeHeaderV4>(version)};
    case Form::attr_leaf:
      return attr_leaf_regions(version, length, pick);
    case Form::symlink:
    case Form::attr_remote:
      break;
  }
  // Nothing but bytes in the old version.
  if (!version.self_describing) return {};
  if (form == Form::symlink) return {region<disk::SymlinkHeader>()};
  return {region<disk::AttrRemoteHeader>()};
}

void restamp(FormatVersion const& version, BlockKind const& kind, Bytes block) {
  if (!version.self_describing) return;
  stamp_block(kind, block, lsn_of(kind, block));
  if (&kind != &dquot_kind) return;
  constexpr std::size_t size = sizeof(disk::DquotRecord);
  for (std::size_t at = 0; at + size <= block.size(); at += size) {
    crc32c_stamp(block.subspan(at, size), offsetof(disk::DquotRecord, crc));
  }
}

void restamp_inode(FormatVersion const& version, Bytes inode) {
  if (version.self_describing) crc32c_stamp(inode, offsetof(disk::Dinode, crc));
}

void change_structure(Input& input, World const& world, OverlayDisk& disk, Form form,
                      Site const& site, unsigned limit) {
  if (site.length == 0) return;
  FormatVersion const& version = world.geometry().version();
  u8 const how = input.byte();
  std::vector<std::byte> bytes = read_at(disk, site.offset, site.length);
  std::vector<Region> const regions = regions_of(version, form, bytes.size(), input.byte());
  mutate(input, bytes, regions, 1 + how % limit);
  if ((how & 0x80) == 0) {
    if (BlockKind const* kind = kind_of(form); kind != nullptr) {
      restamp(version, *kind, bytes);
    } else {
      restamp_inode(version, bytes);
    }
  }
  write_at(disk, site.offset, bytes);
}

}  // namespace xfsx::fuzz
