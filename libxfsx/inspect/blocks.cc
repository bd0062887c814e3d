// Blocks that say by their magic what they are. The identity (checksum, uuid, own address, LSN) is
// checked by the rows of this table; what is inside is decoded as far as it fits.

#include "base/view.h"
#include "disk/ag.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "disk/dir.h"
#include "disk/inode.h"
#include "disk/quota.h"
#include "disk/realtime.h"
#include "disk/symlink.h"
#include "format/verify_btree.h"
#include "format/verify_dir.h"
#include "format/verify_quota.h"
#include "format/verify_realtime.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

template <class Header>
constexpr BlockKind identity(std::string_view name) {
  BlockKind kind{.name = name,
                 .log_type = disk::BufferType::btree,
                 .crc = offsetof(Header, crc),
                 .lsn = offsetof(Header, lsn),
                 .uuid = offsetof(Header, uuid),
                 .address = offsetof(Header, bno),
                 .owner = offsetof(Header, owner),
                 .verify = nullptr};
  kind.owner_is_ag = sizeof(Header::owner) == sizeof(be32);
  return kind;
}

constexpr BlockKind attr_leaf_identity = identity<disk::AttrLeafHeader>("attribute leaf");
constexpr BlockKind attr_value_identity = identity<disk::AttrRemoteHeader>("attribute value");

template <class Header>
Value decode_header(ConstBytes block) {
  Value fields = Value::group({});
  decode_fields(fields, disk::Layout<Header>::fields, block);
  return fields;
}

Value decode_symlink(ConstBytes block, Geometry const&) {
  Value fields = decode_header<disk::SymlinkHeader>(block);
  ConstBytes const body = block.subspan(sizeof(disk::SymlinkHeader));
  std::size_t const size =
      std::min<std::size_t>(view_as<disk::SymlinkHeader>(block).bytes.value(), body.size());
  fields.add(quoted_text("target", text_of(body.first(size))));
  return fields;
}

/// All inodes of a block, in the order in which they lie there.
Value decode_inode_block(ConstBytes block, Geometry const& geometry) {
  Value fields = Value::group({});
  Value inodes = Value::list("inodes");
  std::size_t const size = geometry.inode_size();
  for (std::size_t at = 0; at + size <= block.size(); at += size) {
    inodes.add(decode_inode(block.subspan(at, size), geometry));
  }
  fields.add(std::move(inodes));
  return fields;
}

struct MagicRow {
  u32 magic;
  u16 offset;  ///< bytes from the start of the block
  u16 width;   ///< bytes of the magic
  std::size_t header;
  BlockForm form;
};

constexpr std::size_t short_size = sizeof(disk::BtreeShortBlock);
constexpr std::size_t long_size = sizeof(disk::BtreeLongBlock);

constexpr std::size_t da_size = sizeof(disk::DaBlockInfo) + sizeof(disk::DirLeafHeader);
constexpr BlockForm dir_block{"directory block", &dir_block_kind, decode_dir_block, true};
constexpr BlockForm data_block{"directory block", &dir_data_kind, decode_dir_data, true};
constexpr BlockForm free_block{"directory free index", &dir_free_kind, decode_dir_free, true};
constexpr BlockForm last_leaf_block{"directory leaf", &dir_leaf1_kind, decode_dir_leaf, true};
constexpr BlockForm leaf_block{"directory leaf", &dir_leafn_kind, decode_dir_leaf, true};
constexpr BlockForm node_block{"index node", &da_node_kind, decode_da_node, true};
constexpr BlockForm attr_block{"attribute leaf", &attr_leaf_identity, decode_attr_leaf};
constexpr BlockForm value_block{"attribute value", &attr_value_identity, decode_attr_value};
constexpr BlockForm symlink_block{"symlink block", &symlink_kind, decode_symlink};
constexpr BlockForm dquot_block{"dquot block", &dquot_kind, decode_dquot_block};
constexpr std::size_t rt_size = sizeof(disk::RtBufferHeader);

constexpr MagicRow magic_rows_v4[] = {
    {disk::bnobt_magic_v4,
     0,
     4,
     format_v4.short_block,
     {"bnobt block", &bnobt_kind, decode_alloc_btree}},
    {disk::cntbt_magic_v4,
     0,
     4,
     format_v4.short_block,
     {"cntbt block", &cntbt_kind, decode_alloc_btree}},
    {disk::inobt_magic_v4,
     0,
     4,
     format_v4.short_block,
     {"inobt block", &inobt_kind, decode_inode_btree}},
    {disk::bmbt_magic_v4,
     0,
     4,
     format_v4.long_block,
     {"bmbt block", &bmbt_kind, decode_mapping_btree}},
    {0x494e, 0, 2, sizeof(disk::Dinode), {"inodes", nullptr, decode_inode_block}},
    {disk::dir_block_magic_v4, 0, 4, format_v4.dir_data, dir_block},
    {disk::dir_data_magic_v4, 0, 4, format_v4.dir_data, data_block},
    {disk::dir_free_magic_v4, 0, 4, format_v4.dir_free, free_block},
    {disk::dir_leaf1_magic_v4, 8, 2, format_v4.index_header, last_leaf_block},
    {disk::dir_leafn_magic_v4, 8, 2, format_v4.index_header, leaf_block},
    {disk::da_node_magic_v4, 8, 2, format_v4.index_header, node_block},
    {disk::attr_leaf_magic_v4, 8, 2, format_v4.attr_leaf, attr_block},
    {disk::dquot_magic, 0, 2, sizeof(disk::DquotRecord), dquot_block},
};

constexpr MagicRow magic_rows[] = {
    {disk::bnobt_magic, 0, 4, short_size, {"bnobt block", &bnobt_kind, decode_alloc_btree}},
    {disk::cntbt_magic, 0, 4, short_size, {"cntbt block", &cntbt_kind, decode_alloc_btree}},
    {disk::inobt_magic, 0, 4, short_size, {"inobt block", &inobt_kind, decode_inode_btree}},
    {disk::finobt_magic, 0, 4, short_size, {"finobt block", &finobt_kind, decode_inode_btree}},
    {disk::rmapbt_magic, 0, 4, short_size, {"rmapbt block", &rmapbt_kind, decode_rmap_btree}},
    {disk::refcountbt_magic,
     0,
     4,
     short_size,
     {"refcountbt block", &refcountbt_kind, decode_refcount_btree}},
    {disk::bmbt_magic, 0, 4, long_size, {"bmbt block", &bmbt_kind, decode_mapping_btree}},
    {0x494e, 0, 2, sizeof(disk::Dinode), {"inodes", nullptr, decode_inode_block}},
    {disk::dir_block_magic, 0, 4, sizeof(disk::DirDataHeader), dir_block},
    {disk::dir_data_magic, 0, 4, sizeof(disk::DirDataHeader), data_block},
    {disk::dir_free_magic, 0, 4, sizeof(disk::DirFreeHeader), free_block},
    {disk::dir_leaf1_magic, 8, 2, da_size, last_leaf_block},
    {disk::dir_leafn_magic, 8, 2, da_size, leaf_block},
    {disk::da_node_magic, 8, 2, da_size, node_block},
    {disk::attr_leaf_magic, 8, 2, sizeof(disk::AttrLeafHeader), attr_block},
    {disk::attr_remote_magic, 0, 4, sizeof(disk::AttrRemoteHeader), value_block},
    {disk::symlink_magic, 0, 4, sizeof(disk::SymlinkHeader), symlink_block},
    {disk::dquot_magic, 0, 2, sizeof(disk::DquotRecord), dquot_block},
    {disk::rtrmapbt_magic,
     0,
     4,
     long_size,
     {"rtrmapbt block", &rtrmapbt_kind, decode_realtime_rmap}},
    {disk::rtrefcountbt_magic,
     0,
     4,
     long_size,
     {"rtrefcountbt block", &rtrefcountbt_kind, decode_realtime_refcount}},
    {disk::rt_bitmap_magic,
     0,
     4,
     rt_size,
     {"rtbitmap block", &rt_bitmap_kind, decode_realtime_bitmap}},
    {disk::rt_summary_magic,
     0,
     4,
     rt_size,
     {"rtsummary block", &rt_summary_kind, decode_realtime_summary}},
};

}  // namespace

BlockForm const* form_of(ConstBytes block, FormatVersion const& version) {
  for (MagicRow const& row : version.self_describing ? std::span<MagicRow const>(magic_rows)
                                                     : std::span<MagicRow const>(magic_rows_v4)) {
    if (block.size() < row.header) continue;
    u32 const found = row.width == 4 ? view_as<be32>(block, row.offset).value()
                                     : view_as<be16>(block, row.offset).value();
    if (found == row.magic) return &row.form;
  }
  return nullptr;
}

}  // namespace xfsx::inline v0::inspect
