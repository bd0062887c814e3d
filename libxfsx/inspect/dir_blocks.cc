// Blocks of directories and of their index. Entries follow one another, each as long as it says;
// decoding ends with the first that does not fit. Names of fields are those of xfs_db, which has a
// letter for each form: b for the block form, d for data, l for leaves, n for nodes, f for the free
// index.

#include "base/view.h"
#include "disk/dir.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

constexpr std::size_t tag_size = sizeof(be16);

/// Where a region begins, in its last two bytes.
Value decode_tag(ConstBytes bytes, std::size_t size) {
  Value v = decode_bits_of("tag", bytes.subspan(size - tag_size, tag_size));
  return spell_hex(v);
}

/// As many of `wanted` elements of `size` bytes as lie behind `at`.
u32 bounded(u32 wanted, ConstBytes block, std::size_t at, std::size_t size) {
  if (at >= block.size()) return 0;
  return static_cast<u32>(std::min<std::size_t>(wanted, (block.size() - at) / size));
}

/// Identity under `hdr`, the rest beside it; version 4 has no identity but the magic.
template <class Header>
Value decode_data_header(std::string_view name, ConstBytes block) {
  Value header = Value::group(name);
  Value identity = Value::group("hdr");
  std::vector<Value> rest;
  for (disk::Field const& field : disk::Layout<Header>::fields) {
    if (field.show == disk::Show::padding || field.name == "bestfree") continue;
    bool first = false;
    if constexpr (requires(Header h) { h.owner; }) first = field.offset <= offsetof(Header, owner);
    if (first) identity.add(decode_field(field, block));
    if (!first) rest.push_back(decode_field(field, block));
  }
  if (!identity.items.empty()) header.add(std::move(identity));
  for (Value& value : rest) header.add(std::move(value));
  return header;
}

Value decode_best_free(ConstBytes block, FormatVersion const& version) {
  Value list = Value::list("bestfree");
  for (disk::DirFreeRegion const& region :
       view_array<disk::DirFreeRegion>(block, version.best_free, 3)) {
    decode_fields(list.add(Value::group({})), disk::Layout<disk::DirFreeRegion>::fields,
                  bytes_of(region));
  }
  return list;
}

/// The header of a block with entries.
Value decode_entries_header(std::string_view name, ConstBytes block, FormatVersion const& version) {
  Value header = version.self_describing ? decode_data_header<disk::DirDataHeader>(name, block)
                                         : decode_data_header<disk::DirDataHeaderV4>(name, block);
  header.add(decode_best_free(block, version));
  return header;
}

/// An unused region; its length, or 0 if it does not fit.
std::size_t decode_unused(Value& into, ConstBytes bytes) {
  std::size_t const size = view_as<disk::DirDataUnused>(bytes).length.value();
  if (size < 8 || size > bytes.size()) return 0;
  decode_fields(into, disk::Layout<disk::DirDataUnused>::fields, bytes);
  into.add(decode_tag(bytes, size));
  return size;
}

/// An entry in use; its length, or 0 if it does not fit.
std::size_t decode_entry(Value& into, ConstBytes bytes, bool types) {
  if (!fits<disk::DirDataEntry>(bytes)) return 0;
  std::size_t const name = view_as<disk::DirDataEntry>(bytes).namelen;
  std::size_t const type_at = sizeof(disk::DirDataEntry) + name;
  std::size_t const size = (type_at + (types ? 1 : 0) + tag_size + 7) / 8 * 8;
  if (name == 0 || size > bytes.size()) return 0;
  decode_fields(into, disk::Layout<disk::DirDataEntry>::fields, bytes);
  into.add(quoted_text("name", text_of(bytes.subspan(sizeof(disk::DirDataEntry), name))));
  if (types) into.add(decode_bits_of("filetype", bytes.subspan(type_at, 1)));
  into.add(decode_tag(bytes, size));
  return size;
}

Value decode_entries(std::string_view name, ConstBytes block, std::size_t end,
                     Geometry const& geometry) {
  Value list = Value::list(name);
  bool const types = geometry.has_file_types();
  std::size_t at = geometry.version().dir_data;
  while (at + sizeof(disk::DirDataUnused) <= end) {
    ConstBytes const rest = block.subspan(at, end - at);
    bool const unused = view_as<disk::DirDataUnused>(rest).freetag.value() == disk::dir_unused_tag;
    Value entry = Value::group({});
    std::size_t const size = unused ? decode_unused(entry, rest) : decode_entry(entry, rest, types);
    if (size == 0) break;
    list.add(std::move(entry));
    at += size;
  }
  return list;
}

template <class Entry>
Value decode_each(std::string_view name, ConstBytes bytes, u32 count) {
  Value list = decode_records<Entry>(name, bytes, count, 0);
  list.layout = Value::Layout::each;
  return list;
}

/// Lengths of the largest free regions of the data blocks.
Value decode_bests(std::string_view name, ConstBytes bytes, u32 count) {
  disk::Field const one{"best", 0, sizeof(be16), 1, disk::Order::big, disk::Show::hex, {}};
  Value list = Value::list(name, Value::Layout::row);
  for (u32 i = 0; i < count; ++i) {
    list.add(decode_field(one, bytes.subspan(i * sizeof(be16), sizeof(be16))));
  }
  return list;
}

/// `Header` and `HeaderV4` count what a leaf or a node holds.
template <class Header, class HeaderV4>
Value decode_index_header(std::string_view name, ConstBytes block, FormatVersion const& version) {
  Value header = Value::group(name);
  header.add(decode_da_info(block, version));
  ConstBytes const counts = block.subspan(version.index_info);
  if (version.self_describing) {
    decode_fields(header, disk::Layout<Header>::fields, counts);
  } else {
    decode_fields(header, disk::Layout<HeaderV4>::fields, counts);
  }
  return header;
}

/// How many entries of `size` bytes a leaf or a node holds.
u32 count_entries(ConstBytes block, FormatVersion const& version, std::size_t size) {
  u16 const wanted = view_as<be16>(block, version.index_info).value();
  return bounded(wanted, block, version.index_header, size);
}

}  // namespace

Value decode_da_info(ConstBytes block, FormatVersion const& version) {
  Value info = Value::group("info");
  if (!version.self_describing) {
    decode_fields(info, disk::Layout<disk::DaBlockInfoV4>::fields, block);
    return info;
  }
  Value links = Value::group("hdr");
  std::vector<Value> identity;
  for (disk::Field const& field : disk::Layout<disk::DaBlockInfo>::fields) {
    if (field.show == disk::Show::padding) continue;
    bool const link = field.offset <= offsetof(disk::DaBlockInfo, magic);
    if (link) links.add(decode_field(field, block));
    if (!link) identity.push_back(decode_field(field, block));
  }
  info.add(std::move(links));
  for (Value& value : identity) info.add(std::move(value));
  return info;
}

Value decode_dir_block(ConstBytes block, Geometry const& geometry) {
  Value fields = Value::group({});
  fields.add(decode_entries_header("bhdr", block, geometry.version()));
  // A piece of a block ends somewhere: the index is at the end of the whole.
  bool const whole = block.size() >= geometry.dir_block_size();
  std::size_t const tail = block.size() - sizeof(disk::DirBlockTail);
  if (!whole) {
    fields.add(decode_entries("bu", block, block.size(), geometry));
    return fields;
  }
  u32 const count = std::min<u32>(
      view_as<disk::DirBlockTail>(block, tail).count.value(),
      static_cast<u32>((tail - geometry.version().dir_data) / sizeof(disk::DirLeafEntry)));
  std::size_t const index = tail - count * sizeof(disk::DirLeafEntry);
  fields.add(decode_entries("bu", block, index, geometry));
  fields.add(decode_each<disk::DirLeafEntry>("bleaf", block.subspan(index), count));
  decode_fields(fields.add(Value::group("btail")), disk::Layout<disk::DirBlockTail>::fields,
                block.subspan(tail));
  return fields;
}

Value decode_dir_data(ConstBytes block, Geometry const& geometry) {
  Value fields = Value::group({});
  fields.add(decode_entries_header("dhdr", block, geometry.version()));
  fields.add(decode_entries("du", block, block.size(), geometry));
  return fields;
}

Value decode_dir_leaf(ConstBytes block, Geometry const& geometry) {
  Value fields = Value::group({});
  FormatVersion const& version = geometry.version();
  std::size_t const index_start = version.index_header;
  fields.add(
      decode_index_header<disk::DirLeafHeader, disk::DirLeafHeaderV4>("lhdr", block, version));
  u32 const count = count_entries(block, version, sizeof(disk::DirLeafEntry));
  u16 const magic = view_as<disk::DaBlockInfoV4>(block).magic.value();
  bool const last = magic == version.dir_leaf1_magic && block.size() >= geometry.dir_block_size();
  std::size_t const tail = block.size() - sizeof(disk::DirLeafTail);
  if (last) {
    std::size_t const room = tail - index_start;
    u32 const bests = static_cast<u32>(std::min<std::size_t>(
        view_as<disk::DirLeafTail>(block, tail).bestcount.value(), room / sizeof(be16)));
    fields.add(decode_bests("lbests", block.subspan(tail - bests * sizeof(be16)), bests));
  }
  fields.add(decode_each<disk::DirLeafEntry>("lents", block.subspan(index_start), count));
  if (last) {
    decode_fields(fields.add(Value::group("ltail")), disk::Layout<disk::DirLeafTail>::fields,
                  block.subspan(tail));
  }
  return fields;
}

Value decode_da_node(ConstBytes block, Geometry const& geometry) {
  FormatVersion const& version = geometry.version();
  Value fields = Value::group({});
  fields.add(decode_index_header<disk::DaNodeHeader, disk::DaNodeHeaderV4>("nhdr", block, version));
  u32 const count = count_entries(block, version, sizeof(disk::DaNodeEntry));
  ConstBytes const entries = block.subspan(version.index_header);
  fields.add(decode_records<disk::DaNodeEntry>("nbtree", entries, count, 0));
  return fields;
}

Value decode_dir_free(ConstBytes block, Geometry const& geometry) {
  FormatVersion const& version = geometry.version();
  Value fields = Value::group({});
  bool const old = !version.self_describing;
  fields.add(old ? decode_data_header<disk::DirFreeHeaderV4>("fhdr", block)
                 : decode_data_header<disk::DirFreeHeader>("fhdr", block));
  u32 const wanted = old ? view_as<disk::DirFreeHeaderV4>(block).nvalid.value()
                         : view_as<disk::DirFreeHeader>(block).nvalid.value();
  u32 const count = bounded(wanted, block, version.dir_free, sizeof(be16));
  fields.add(decode_bests("fbests", block.subspan(version.dir_free), count));
  return fields;
}

}  // namespace xfsx::inline v0::inspect
