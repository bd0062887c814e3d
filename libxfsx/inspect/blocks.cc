// Blocks that say by their magic what they are. The identity (checksum, uuid, own address, LSN) is
// checked by the rows of this table; what is inside is decoded as far as it fits.

#include "base/view.h"
#include "disk/ag.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "disk/dir.h"
#include "disk/inode.h"
#include "disk/symlink.h"
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

constexpr BlockKind bnobt_identity = identity<disk::BtreeShortBlock>("bnobt block");
constexpr BlockKind cntbt_identity = identity<disk::BtreeShortBlock>("cntbt block");
constexpr BlockKind inobt_identity = identity<disk::BtreeShortBlock>("inobt block");
constexpr BlockKind finobt_identity = identity<disk::BtreeShortBlock>("finobt block");
constexpr BlockKind rmapbt_identity = identity<disk::BtreeShortBlock>("rmapbt block");
constexpr BlockKind refcountbt_identity = identity<disk::BtreeShortBlock>("refcountbt block");
constexpr BlockKind bmbt_identity = identity<disk::BtreeLongBlock>("bmbt block");

constexpr BlockKind dir_data_identity = identity<disk::DirDataHeader>("directory block");
constexpr BlockKind dir_free_identity = identity<disk::DirFreeHeader>("directory free index");
constexpr BlockKind dir_leaf_identity = identity<disk::DaBlockInfo>("directory leaf");
constexpr BlockKind da_node_identity = identity<disk::DaBlockInfo>("index node");
constexpr BlockKind attr_leaf_identity = identity<disk::AttrLeafHeader>("attribute leaf");
constexpr BlockKind symlink_identity = identity<disk::SymlinkHeader>("symlink block");

template <class Header>
Value decode_header(ConstBytes block) {
  Value fields = Value::group({});
  decode_fields(fields, disk::Layout<Header>::fields, block);
  return fields;
}

template <class Header>
Value decode_only_header(ConstBytes block, Geometry const&) {
  return decode_header<Header>(block);
}

template <class Header>
Value decode_da_block(ConstBytes block, Geometry const&) {
  Value fields = Value::group({});
  decode_fields(fields.add(Value::group("info")), disk::Layout<disk::DaBlockInfo>::fields, block);
  decode_fields(fields, disk::Layout<Header>::fields, block.subspan(sizeof(disk::DaBlockInfo)));
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

/// As many of `wanted` elements of `size` bytes as lie in `bytes`.
u32 bounded(u32 wanted, ConstBytes bytes, std::size_t size) {
  return static_cast<u32>(std::min<std::size_t>(wanted, bytes.size() / size));
}

template <class Record>
Value decode_records(std::string_view name, ConstBytes bytes, u32 count) {
  Value list = Value::list(name, Value::Layout::table, 1);
  list.items.reserve(count);
  for (u32 i = 0; i < count; ++i) {
    decode_fields(list.add(Value::group({})), disk::Layout<Record>::fields,
                  bytes.subspan(i * sizeof(Record), sizeof(Record)));
  }
  return list;
}

/// Keys, and the pointers behind room for as many keys as fit.
template <class Key, class Pointer>
void decode_node(Value& fields, ConstBytes body, u32 wanted, disk::Show show) {
  auto const room = static_cast<u32>(body.size() / (sizeof(Key) + sizeof(Pointer)));
  u32 const count = std::min(wanted, room);
  fields.add(decode_records<Key>("keys", body, count));
  Value list = Value::list("ptrs", Value::Layout::row, 1);
  ConstBytes const tail = body.subspan(room * sizeof(Key));
  disk::Field const one{"ptr", 0, sizeof(Pointer), 1, disk::Order::big, show, {}};
  for (u32 i = 0; i < count; ++i) {
    list.add(decode_field(one, tail.subspan(i * sizeof(Pointer))));
  }
  fields.add(std::move(list));
}

/// Without sparse chunks the hole mask and the count are zero bytes above the free count.
void hide_sparse_fields(Value& records) {
  for (Value& record : records.items) {
    std::erase_if(record.items,
                  [](Value const& v) { return v.name == "holemask" || v.name == "count"; });
  }
}

Value decode_inobt(ConstBytes block, Geometry const& geometry) {
  Value fields = decode_header<disk::BtreeShortBlock>(block);
  disk::BtreeShortBlock const& header = view_as<disk::BtreeShortBlock>(block);
  ConstBytes const body = block.subspan(sizeof(disk::BtreeShortBlock));
  u32 const records = header.numrecs.value();
  if (header.level.value() == 0) {
    Value list = decode_records<disk::InobtRecord>(
        "recs", body, bounded(records, body, sizeof(disk::InobtRecord)));
    if (!geometry.has(incompat::spinodes)) hide_sparse_fields(list);
    fields.add(std::move(list));
  } else {
    decode_node<disk::InobtKey, be32>(fields, body, records, disk::Show::agblock);
  }
  return fields;
}

Value decode_bmbt(ConstBytes block, Geometry const&) {
  Value fields = decode_header<disk::BtreeLongBlock>(block);
  disk::BtreeLongBlock const& header = view_as<disk::BtreeLongBlock>(block);
  ConstBytes const body = block.subspan(sizeof(disk::BtreeLongBlock));
  u32 const records = header.numrecs.value();
  if (header.level.value() == 0) {
    fields.add(decode_mappings("recs", body, bounded(records, body, sizeof(disk::BmbtRecord)), 1));
  } else {
    decode_node<disk::BmbtKey, be64>(fields, body, records, disk::Show::fsblock);
  }
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
constexpr auto short_header = decode_only_header<disk::BtreeShortBlock>;

constexpr std::size_t da_size = sizeof(disk::DaBlockInfo) + sizeof(disk::DirLeafHeader);
constexpr BlockForm data_block{"directory block", &dir_data_identity,
                               decode_only_header<disk::DirDataHeader>, true};
constexpr BlockForm free_block{"directory free index", &dir_free_identity,
                               decode_only_header<disk::DirFreeHeader>, true};
constexpr BlockForm leaf_block{"directory leaf", &dir_leaf_identity,
                               decode_da_block<disk::DirLeafHeader>, true};
constexpr BlockForm node_block{"index node", &da_node_identity, decode_da_block<disk::DaNodeHeader>,
                               true};
constexpr BlockForm attr_block{"attribute leaf", &attr_leaf_identity,
                               decode_only_header<disk::AttrLeafHeader>};
constexpr BlockForm symlink_block{"symlink block", &symlink_identity, decode_symlink};

constexpr MagicRow magic_rows[] = {
    {0x41423342, 0, 4, short_size, {"bnobt block", &bnobt_identity, short_header}},
    {0x41423343, 0, 4, short_size, {"cntbt block", &cntbt_identity, short_header}},
    {0x49414233, 0, 4, short_size, {"inobt block", &inobt_identity, decode_inobt}},
    {0x46494233, 0, 4, short_size, {"finobt block", &finobt_identity, decode_inobt}},
    {0x524d4233, 0, 4, short_size, {"rmapbt block", &rmapbt_identity, short_header}},
    {0x52334643, 0, 4, short_size, {"refcountbt block", &refcountbt_identity, short_header}},
    {0x424d4133, 0, 4, long_size, {"bmbt block", &bmbt_identity, decode_bmbt}},
    {0x494e, 0, 2, sizeof(disk::Dinode), {"inodes", nullptr, decode_inode_block}},
    {disk::dir_block_magic, 0, 4, sizeof(disk::DirDataHeader), data_block},
    {disk::dir_data_magic, 0, 4, sizeof(disk::DirDataHeader), data_block},
    {disk::dir_free_magic, 0, 4, sizeof(disk::DirFreeHeader), free_block},
    {disk::dir_leaf1_magic, 8, 2, da_size, leaf_block},
    {disk::dir_leafn_magic, 8, 2, da_size, leaf_block},
    {disk::da_node_magic, 8, 2, da_size, node_block},
    {disk::attr_leaf_magic, 8, 2, sizeof(disk::AttrLeafHeader), attr_block},
    {disk::symlink_magic, 0, 4, sizeof(disk::SymlinkHeader), symlink_block},
};

}  // namespace

BlockForm const* form_of(ConstBytes block) {
  for (MagicRow const& row : magic_rows) {
    if (block.size() < row.header) continue;
    u32 const found = row.width == 4 ? view_as<be32>(block, row.offset).value()
                                     : view_as<be16>(block, row.offset).value();
    if (found == row.magic) return &row.form;
  }
  return nullptr;
}

}  // namespace xfsx::inline v0::inspect
