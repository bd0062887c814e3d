#include "format/verify_dir.h"

#include "base/checked.h"
#include "disk/symlink.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::DaBlockInfoV4;
using disk::DaNodeEntry;
using disk::DaNodeHeaderV4;
using disk::DirBlockTail;
using disk::DirDataEntry;
using disk::DirDataUnused;
using disk::DirFreeHeader;
using disk::DirFreeHeaderV4;
using disk::DirLeafEntry;
using disk::DirLeafHeaderV4;
using disk::DirLeafTail;

// What nodes and leaves begin with in every version is looked at as version 4 has it.

Error bad(std::string_view structure, BlockContext const& context, std::string_view field,
          u64 found, u64 expected, Relation relation,
          std::source_location raised = std::source_location::current()) {
  Error e = located(Errc::bad_value, structure, context.where, raised);
  e.field = field;
  e.found.number = found;
  e.expected.number = expected;
  e.relation = relation;
  return e;
}

/// The lengths of the three largest free regions, largest first.
struct LargestRegions {
  std::array<u16, 3> lengths{};

  void add(u16 length) {
    for (u16& slot : lengths) {
      if (length > slot) std::swap(length, slot);
    }
  }
};

/// Looks at the unused region at `at`; returns its length.
Result<u32> check_unused(ConstBytes block, u32 at, u32 end, BlockContext const& context,
                         std::string_view name) {
  u32 const length = view_as<DirDataUnused>(block, at).length.value();
  if (length < 8 || length % 8 != 0) {
    return bad(name, context, "length", length, 8, Relation::multiple_of);
  }
  if (length > end - at) return bad(name, context, "length", length, end - at, Relation::at_most);
  u32 const tag = view_as<be16>(block, at + length - 2).value();
  if (tag != at) return bad(name, context, "tag", tag, at, Relation::equal);
  return length;
}

/// Looks at the entry at `at`; returns its length.
Result<u32> check_entry(ConstBytes block, u32 at, u32 end, BlockContext const& context,
                        std::string_view name) {
  bool const types = context.geometry.has_file_types();
  u32 const least = dir_entry_size(1, types);
  if (end - at < least) return bad(name, context, "length", end - at, least, Relation::at_least);
  auto const& entry = view_as<DirDataEntry>(block, at);
  if (entry.namelen == 0) return bad(name, context, "namelen", 0, 1, Relation::at_least);
  u32 const length = dir_entry_size(entry.namelen, types);
  if (length > end - at) {
    return bad(name, context, "namelen", entry.namelen, end - at, Relation::at_most);
  }
  u32 const tag = view_as<be16>(block, at + length - 2).value();
  if (tag != at) return bad(name, context, "tag", tag, at, Relation::equal);
  if (!context.geometry.valid(entry.inumber.value())) {
    return bad(name, context, "inumber", entry.inumber.raw(), context.geometry.ag_count(),
               Relation::none);
  }
  if (!types) return length;
  u8 const type = static_cast<u8>(block[at + sizeof(DirDataEntry) + entry.namelen]);
  if (type > disk::dir_file_type_max) {
    return bad(name, context, "filetype", type, disk::dir_file_type_max, Relation::at_most);
  }
  return length;
}

Result<void> check_entries(ConstBytes block, u32 end, BlockContext const& context,
                           std::string_view name) {
  LargestRegions largest;
  FormatVersion const& version = context.geometry.version();
  for (u32 at = version.dir_data; at < end;) {
    if (end - at < 8) return bad(name, context, "length", end - at, 8, Relation::at_least);
    if (view_as<DirDataUnused>(block, at).freetag.value() == disk::dir_unused_tag) {
      XFSX_TRY(u32 const length, check_unused(block, at, end, context, name));
      largest.add(static_cast<u16>(length));
      at += length;
    } else {
      XFSX_TRY(u32 const length, check_entry(block, at, end, context, name));
      at += length;
    }
  }
  std::span<disk::DirFreeRegion const> const best =
      view_array<disk::DirFreeRegion>(block, version.best_free, largest.lengths.size());
  for (std::size_t i = 0; i < largest.lengths.size(); ++i) {
    u16 const found = best[i].length.value();
    if (found != largest.lengths[i]) {
      return bad(name, context, "bestfree", found, largest.lengths[i], Relation::equal);
    }
  }
  return success();
}

template <class Entry>
Result<void> check_hashes(std::span<Entry const> entries, BlockContext const& context,
                          std::string_view name) {
  u32 least = 0;
  for (Entry const& e : entries) {
    u32 const hash = e.hashval.value();
    if (hash < least) return bad(name, context, "hashval", hash, least, Relation::at_least);
    least = hash;
  }
  return success();
}

template <class Entry>
Result<void> check_stale(std::span<Entry const> entries, u32 stale, BlockContext const& context,
                         std::string_view name) {
  u32 const found = static_cast<u32>(
      std::ranges::count_if(entries, [](Entry const& e) { return e.address.value() == 0; }));
  if (found == stale) return success();
  return bad(name, context, "stale", stale, found, Relation::equal);
}

Result<void> check_magic(ConstBytes block, u32 expected, BlockContext const& context,
                         std::string_view name) {
  u32 const found = view_as<be32>(block).value();
  if (found == expected) return success();
  Error e = bad(name, context, "magic", found, expected, Relation::equal);
  e.found.hex = e.expected.hex = true;
  return e;
}

Result<void> verify_data(ConstBytes block, BlockContext const& context) {
  static constexpr std::string_view name = "dir data block";
  XFSX_TRYV(check_magic(block, context.geometry.version().dir_data_magic, context, name));
  return check_entries(block, static_cast<u32>(block.size()), context, name);
}

Result<void> verify_block_form(ConstBytes block, BlockContext const& context) {
  static constexpr std::string_view name = "dir block";
  FormatVersion const& version = context.geometry.version();
  XFSX_TRYV(check_magic(block, version.dir_block_magic, context, name));
  u32 const tail_at = static_cast<u32>(block.size() - sizeof(DirBlockTail));
  CheckedView const tail(view_as<DirBlockTail>(block, tail_at), context.where, name);
  u32 const most = (tail_at - version.dir_data) / static_cast<u32>(sizeof(DirLeafEntry));
  XFSX_TRYV(tail.at_most<u32>(tail->count, most));
  std::span<DirLeafEntry const> const index = dir_block_index(block);
  XFSX_TRYV(check_hashes(index, context, name));
  XFSX_TRYV(check_stale(index, tail->stale.value(), context, name));
  return check_entries(block, dir_entries_end(context.geometry, block), context, name);
}

/// A neighbour lies in the index part of the address space; 0 stands for none.
Result<void> check_neighbour(CheckedView<DaBlockInfoV4> const& info, be<DaBlock> const& link,
                             BlockContext const& context) {
  if (link.raw() == 0) return success();
  u64 const first = disk::dir_leaf_start >> context.geometry.block_log();
  u64 const end = disk::dir_free_start >> context.geometry.block_log();
  XFSX_TRYV(info.require(link.raw() >= first, link, first, Relation::at_least));
  return info.require(link.raw() < end, link, end, Relation::below);
}

Result<void> verify_leaf1(ConstBytes block, BlockContext const& context) {
  static constexpr std::string_view name = "dir leaf block";
  FormatVersion const& version = context.geometry.version();
  CheckedView const info(da_links(block), context.where, name);
  XFSX_TRYV(info.equal(info->magic, version.dir_leaf1_magic));
  CheckedView const header(view_as<DirLeafHeaderV4>(block, version.index_info), context.where,
                           name);
  u32 const room = static_cast<u32>(block.size() - version.index_header - sizeof(DirLeafTail));
  CheckedView const tail(view_as<DirLeafTail>(block, block.size() - sizeof(DirLeafTail)),
                         context.where, name);
  XFSX_TRYV(tail.at_most<u32>(tail->bestcount, room / 2));
  u32 const most = (room - tail->bestcount.value() * 2) / static_cast<u32>(sizeof(DirLeafEntry));
  XFSX_TRYV(header.at_most<u16>(header->count, static_cast<u16>(most)));
  std::span<DirLeafEntry const> const index = dir_leaf_index(version, block);
  XFSX_TRYV(check_hashes(index, context, name));
  return check_stale(index, header->stale.value(), context, name);
}

Result<void> verify_leafn(ConstBytes block, BlockContext const& context) {
  static constexpr std::string_view name = "dir leaf block";
  FormatVersion const& version = context.geometry.version();
  CheckedView const info(da_links(block), context.where, name);
  XFSX_TRYV(info.equal(info->magic, version.dir_leafn_magic));
  XFSX_TRYV(check_neighbour(info, info->forw, context));
  XFSX_TRYV(check_neighbour(info, info->back, context));
  CheckedView const header(view_as<DirLeafHeaderV4>(block, version.index_info), context.where,
                           name);
  u32 const most = static_cast<u32>((block.size() - version.index_header) / sizeof(DirLeafEntry));
  XFSX_TRYV(header.at_most<u16>(header->count, static_cast<u16>(most)));
  std::span<DirLeafEntry const> const index = dir_leaf_index(version, block);
  XFSX_TRYV(check_hashes(index, context, name));
  return check_stale(index, header->stale.value(), context, name);
}

Result<void> verify_node(ConstBytes block, BlockContext const& context) {
  static constexpr std::string_view name = "da node";
  FormatVersion const& version = context.geometry.version();
  CheckedView const info(da_links(block), context.where, name);
  XFSX_TRYV(info.equal(info->magic, version.da_node_magic));
  CheckedView const header(view_as<DaNodeHeaderV4>(block, version.index_info), context.where, name);
  u32 const most = static_cast<u32>((block.size() - version.index_header) / sizeof(DaNodeEntry));
  XFSX_TRYV(header.at_least<u16>(header->count, 1));
  XFSX_TRYV(header.at_most<u16>(header->count, static_cast<u16>(most)));
  XFSX_TRYV(header.at_least<u16>(header->level, 1));
  XFSX_TRYV(header.at_most<u16>(header->level, disk::da_max_depth));
  return check_hashes(da_node_index(version, block), context, name);
}

/// `Header`: of the version.
template <class Header>
Result<void> verify_free_as(ConstBytes block, BlockContext const& context, u32 magic) {
  CheckedView const header(view_as<Header>(block), context.where, "dir free block");
  XFSX_TRYV(header.equal(header->magic, magic));
  u32 const most = static_cast<u32>((block.size() - sizeof(Header)) / 2);
  XFSX_TRYV(header.require(header->firstdb.value() % most == 0, header->firstdb, most,
                           Relation::multiple_of));
  XFSX_TRYV(header.template at_most<u32>(header->nvalid, most));
  std::span<be16 const> const bests =
      view_array<be16>(block, sizeof(Header), header->nvalid.value());
  u32 const used = static_cast<u32>(
      std::ranges::count_if(bests, [](be16 const& b) { return b.value() != disk::dir_no_block; }));
  return header.template equal<u32>(header->nused, used);
}

Result<void> verify_free(ConstBytes block, BlockContext const& context) {
  FormatVersion const& version = context.geometry.version();
  return version.self_describing
             ? verify_free_as<DirFreeHeader>(block, context, version.dir_free_magic)
             : verify_free_as<DirFreeHeaderV4>(block, context, version.dir_free_magic);
}

Result<void> verify_symlink(ConstBytes block, BlockContext const& context) {
  // Nothing but the target: the inode says how long that is.
  if (!context.geometry.version().self_describing) return success();
  CheckedView const header(view_as<disk::SymlinkHeader>(block), context.where, "symlink block");
  XFSX_TRYV(header.equal(header->magic, disk::symlink_magic));
  u32 const room = static_cast<u32>(block.size() - sizeof(disk::SymlinkHeader));
  XFSX_TRYV(header.at_least<u32>(header->bytes, 1));
  XFSX_TRYV(header.at_most<u32>(header->bytes, room));
  return header.below<u32>(header->offset, disk::symlink_max);
}

constexpr BlockKind data_kind(std::string_view name, disk::BufferType type,
                              Result<void> (*verify)(ConstBytes, BlockContext const&)) {
  return {.name = name,
          .log_type = type,
          .crc = 4,
          .lsn = 16,
          .uuid = 24,
          .address = 8,
          .owner = 40,
          .verify = verify};
}

constexpr BlockKind index_kind(std::string_view name, disk::BufferType type,
                               Result<void> (*verify)(ConstBytes, BlockContext const&)) {
  return {.name = name,
          .log_type = type,
          .crc = 12,
          .lsn = 24,
          .uuid = 32,
          .address = 16,
          .owner = 48,
          .verify = verify};
}

}  // namespace

u32 dir_entries_end(Geometry const& geometry, ConstBytes block) {
  u32 const size = static_cast<u32>(block.size());
  if (view_as<be32>(block).value() != geometry.version().dir_block_magic) return size;
  u32 const tail_at = size - static_cast<u32>(sizeof(DirBlockTail));
  u32 const count = view_as<DirBlockTail>(block, tail_at).count.value();
  return tail_at - count * static_cast<u32>(sizeof(DirLeafEntry));
}

bool dir_entry_at(Geometry const& geometry, ConstBytes block, u32 offset, RawDirEntry& out) {
  bool const types = geometry.has_file_types();
  u32 const end = dir_entries_end(geometry, block);
  u32 const first = geometry.version().dir_data;
  if (offset < first || offset % 8 != 0 || offset > end) return false;
  if (end - offset < dir_entry_size(1, types)) return false;
  if (view_as<DirDataUnused>(block, offset).freetag.value() == disk::dir_unused_tag) return false;
  auto const& entry = view_as<DirDataEntry>(block, offset);
  u32 const length = dir_entry_size(entry.namelen, types);
  if (entry.namelen == 0 || length > end - offset) return false;
  // The tag tells the start of an entry from bytes inside another one.
  if (view_as<be16>(block, offset + length - 2).value() != offset) return false;
  u32 const name_at = offset + static_cast<u32>(sizeof(DirDataEntry));
  out.name = text_of(block.subspan(name_at, entry.namelen));
  out.inode = entry.inumber.value();
  out.file_type = types ? static_cast<u8>(block[name_at + entry.namelen]) : u8{0};
  return true;
}

std::span<DirLeafEntry const> dir_block_index(ConstBytes block) {
  std::size_t const tail_at = block.size() - sizeof(DirBlockTail);
  u32 const count = view_as<DirBlockTail>(block, tail_at).count.value();
  return view_array<DirLeafEntry>(block, tail_at - count * sizeof(DirLeafEntry), count);
}

std::span<DirLeafEntry const> dir_leaf_index(FormatVersion const& version, ConstBytes leaf) {
  u16 const count = view_as<DirLeafHeaderV4>(leaf, version.index_info).count.value();
  return view_array<DirLeafEntry>(leaf, version.index_header, count);
}

u16 da_node_level(FormatVersion const& version, ConstBytes node) {
  return view_as<DaNodeHeaderV4>(node, version.index_info).level.value();
}

std::span<DaNodeEntry const> da_node_index(FormatVersion const& version, ConstBytes node) {
  u16 const count = view_as<DaNodeHeaderV4>(node, version.index_info).count.value();
  return view_array<DaNodeEntry>(node, version.index_header, count);
}

BlockKind const dir_block_kind =
    data_kind("dir block", disk::BufferType::dir_block, verify_block_form);
BlockKind const dir_data_kind =
    data_kind("dir data block", disk::BufferType::dir_data, verify_data);
BlockKind const dir_free_kind =
    data_kind("dir free block", disk::BufferType::dir_free, verify_free);
BlockKind const dir_leaf1_kind =
    index_kind("dir leaf block", disk::BufferType::dir_leaf1, verify_leaf1);
BlockKind const dir_leafn_kind =
    index_kind("dir leaf block", disk::BufferType::dir_leafn, verify_leafn);
BlockKind const da_node_kind = index_kind("da node", disk::BufferType::da_node, verify_node);
BlockKind const symlink_kind{.name = "symlink block",
                             .log_type = disk::BufferType::symlink,
                             .crc = 12,
                             .lsn = 48,
                             .uuid = 16,
                             .address = 40,
                             .owner = 32,
                             .verify = verify_symlink};
BlockKind const fragment_kind{.name = "dir block",
                              .log_type = disk::BufferType::unknown,
                              .crc = BlockKind::none,
                              .lsn = BlockKind::none,
                              .uuid = BlockKind::none,
                              .verify = nullptr};

}  // namespace xfsx::inline v0
