// Blocks that say by their magic what they are. The identity (checksum, uuid, own address, LSN) is
// checked by the rows of this table; what is inside is decoded as far as it fits.

#include "base/view.h"
#include "disk/ag.h"
#include "disk/btree.h"
#include "disk/inode.h"
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
    fields.add(
        decode_mappings("recs", body, bounded(records, body, sizeof(disk::BmbtRecord)), 1));
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

constexpr MagicRow magic_rows[] = {
    {0x41423342, 0, 4, short_size, {"bnobt block", &bnobt_identity, short_header}},
    {0x41423343, 0, 4, short_size, {"cntbt block", &cntbt_identity, short_header}},
    {0x49414233, 0, 4, short_size, {"inobt block", &inobt_identity, decode_inobt}},
    {0x46494233, 0, 4, short_size, {"finobt block", &finobt_identity, decode_inobt}},
    {0x524d4233, 0, 4, short_size, {"rmapbt block", &rmapbt_identity, short_header}},
    {0x52334643, 0, 4, short_size, {"refcountbt block", &refcountbt_identity, short_header}},
    {0x424d4133, 0, 4, long_size, {"bmbt block", &bmbt_identity, decode_bmbt}},
    {0x494e, 0, 2, sizeof(disk::Dinode), {"inodes", nullptr, decode_inode_block}},
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
