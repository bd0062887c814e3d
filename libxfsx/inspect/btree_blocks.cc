// Blocks of btrees: records in leaves, keys and pointers in nodes and in roots inside forks.

#include "base/view.h"
#include "disk/btree.h"
#include "disk/inode.h"
#include "format/verify_btree.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

/// As many of `wanted` elements of `size` bytes as lie in `bytes`.
u32 bounded(u32 wanted, ConstBytes bytes, std::size_t size) {
  return static_cast<u32>(std::min<std::size_t>(wanted, bytes.size() / size));
}

/// Keys and pointers that fit `body`.
template <class Key, class Pointer>
u32 room_for(ConstBytes body) {
  return static_cast<u32>(body.size() / (sizeof(Key) + sizeof(Pointer)));
}

/// Keys, and the pointers behind `room` for keys.
template <class Key, class Pointer>
void decode_node(Value& fields, ConstBytes body, u32 wanted, u32 room) {
  u32 const count = std::min(wanted, room);
  fields.add(decode_records<Key>("keys", body, count));
  Value list = Value::list("ptrs", Value::Layout::row, 1);
  ConstBytes const tail = body.subspan(room * sizeof(Key));
  disk::Show const show = sizeof(Pointer) == 4 ? disk::Show::agblock : disk::Show::fsblock;
  disk::Field const one{"ptr", 0, sizeof(Pointer), 1, disk::Order::big, show, {}};
  for (u32 i = 0; i < count; ++i) {
    list.add(decode_field(one, tail.subspan(i * sizeof(Pointer))));
  }
  fields.add(std::move(list));
}

template <class Header, class Record, class Key>
Value decode_as(ConstBytes block) {
  Value fields = Value::group({});
  decode_fields(fields, disk::Layout<Header>::fields, block);
  Header const& header = view_as<Header>(block);
  ConstBytes const body = block.subspan(sizeof(Header));
  u32 const count = header.numrecs.value();
  if (header.level.value() == 0) {
    fields.add(decode_records<Record>("recs", body, bounded(count, body, sizeof(Record))));
  } else {
    using Pointer = decltype(header.leftsib);
    decode_node<Key, Pointer>(fields, body, count, room_for<Key, Pointer>(body));
  }
  return fields;
}

template <class Record, class Key>
Value decode_short(ConstBytes block, Geometry const& geometry) {
  return geometry.version().self_describing
             ? decode_as<disk::BtreeShortBlock, Record, Key>(block)
             : decode_as<disk::BtreeShortBlockV4, Record, Key>(block);
}

/// Without sparse chunks the hole mask and the count are zero bytes above the free count.
void hide_sparse_fields(Value& block) {
  for (Value& list : block.items) {
    if (list.name != "recs") continue;
    for (Value& record : list.items) {
      std::erase_if(record.items,
                    [](Value const& v) { return v.name == "holemask" || v.name == "count"; });
    }
  }
}

/// The root of a tree inside a fork, called `name`; at level 0 it holds records.
template <class Record, class Key>
Value decode_root(std::string_view name, ConstBytes fork, BtreeShape const& shape) {
  Value tree = Value::group(name);
  decode_fields(tree, disk::Layout<disk::BmdrBlock>::fields, fork);
  auto const& root = view_as<disk::BmdrBlock>(fork);
  ConstBytes const body = fork.subspan(sizeof(disk::BmdrBlock));
  u32 const count = root.numrecs.value();
  if (root.level.value() != 0) {
    decode_node<Key, be<FsBlock>>(tree, body, count, shape.root_max(body.size()));
  } else if (u32 const fit = bounded(count, body, sizeof(Record)); fit != 0) {
    tree.add(decode_records<Record>("recs", body, fit));
  }
  return tree;
}

}  // namespace

Value decode_alloc_btree(ConstBytes block, Geometry const& geometry) {
  return decode_short<disk::AllocRecord, disk::AllocRecord>(block, geometry);
}

Value decode_inode_btree(ConstBytes block, Geometry const& geometry) {
  Value fields = decode_short<disk::InobtRecord, disk::InobtKey>(block, geometry);
  if (!geometry.has(incompat::spinodes)) hide_sparse_fields(fields);
  return fields;
}

Value decode_rmap_btree(ConstBytes block, Geometry const& geometry) {
  return decode_short<disk::RmapRecord, disk::RmapKey>(block, geometry);
}

Value decode_refcount_btree(ConstBytes block, Geometry const& geometry) {
  return decode_short<disk::RefcountRecord, disk::RefcountKey>(block, geometry);
}

Value decode_mapping_btree(ConstBytes block, Geometry const& geometry) {
  return geometry.version().self_describing
             ? decode_as<disk::BtreeLongBlock, disk::BmbtRecord, disk::BmbtKey>(block)
             : decode_as<disk::BtreeLongBlockV4, disk::BmbtRecord, disk::BmbtKey>(block);
}

Value decode_mapping_root(ConstBytes fork) {
  Value tree = Value::group("bmbt");
  decode_fields(tree, disk::Layout<disk::BmdrBlock>::fields, fork);
  ConstBytes const body = fork.subspan(sizeof(disk::BmdrBlock));
  decode_node<disk::BmbtKey, be<FsBlock>>(
      tree, body, view_as<disk::BmdrBlock>(fork).numrecs.value(), bmbt_shape.root_max(body.size()));
  return tree;
}

Value decode_realtime_rmap(ConstBytes block, Geometry const&) {
  return decode_as<disk::BtreeLongBlock, disk::RmapRecord, disk::RmapKey>(block);
}

Value decode_realtime_refcount(ConstBytes block, Geometry const&) {
  return decode_as<disk::BtreeLongBlock, disk::RefcountRecord, disk::RefcountKey>(block);
}

void decode_realtime_root(Value& into, u16 metatype, ConstBytes fork) {
  if (!fits<disk::BmdrBlock>(fork)) return;
  switch (static_cast<disk::MetaType>(metatype)) {
    case disk::MetaType::rt_rmap:
      into.add(decode_root<disk::RmapRecord, disk::RmapKey>("rtrmapbt", fork, rtrmapbt_shape));
      break;
    case disk::MetaType::rt_refcount:
      into.add(decode_root<disk::RefcountRecord, disk::RefcountKey>("rtrefcbt", fork,
                                                                    rtrefcountbt_shape));
      break;
    default:
      break;
  }
}

}  // namespace xfsx::inline v0::inspect
