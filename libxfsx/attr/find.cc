#include "attr/find.h"

#include "attr/block.h"
#include "base/view.h"
#include "disk/attr.h"
#include "inode/bmap.h"

namespace xfsx::inline v0 {

namespace {

u8 namespace_bits(AttrNamespace space) {
  switch (space) {
    case AttrNamespace::user:
      return 0;
    case AttrNamespace::trusted:
      return disk::attr_flag::root;
    case AttrNamespace::secure:
      return disk::attr_flag::secure;
  }
  return 0;
}

bool matches(u8 flags, ConstBytes found, AttrNamespace space, std::string_view name) {
  return (flags & disk::attr_flag::namespaces) == namespace_bits(space) && text_of(found) == name;
}

Error out_of_block(std::string_view structure, Location const& where, std::string_view field,
                   u64 found, u64 limit) {
  Error e = located(Errc::bad_value, structure, where);
  e.field = field;
  e.relation = Relation::at_most;
  e.found.number = found;
  e.expected.number = limit;
  return e;
}

/// The name of a leaf entry.
Result<ConstBytes> leaf_name(ConstBytes block, Location const& where,
                             disk::AttrLeafEntry const& entry) {
  bool const local = (entry.flags & disk::attr_flag::local) != 0;
  std::size_t const header = local ? sizeof(disk::AttrLocalName) : sizeof(disk::AttrRemoteName);
  std::size_t const at = entry.nameidx.value();
  if (at + header > block.size()) {
    return out_of_block("attr leaf", where, "nameidx", at, block.size() - header);
  }
  std::size_t const size = local ? view_as<disk::AttrLocalName>(block, at).namelen
                                 : view_as<disk::AttrRemoteName>(block, at).namelen;
  std::size_t const room = block.size() - at - header;
  if (size > room) return out_of_block("attr leaf", where, "namelen", size, room);
  return block.subspan(at + header, size);
}

Result<bool> blocks_have(Volume& volume, Inode const& inode, AttrNamespace space,
                         std::string_view name) {
  Geometry const& g = volume.geometry();
  XFSX_TRY(std::vector<Mapping> const mappings, collect_mappings(volume, inode, ForkKind::attr));
  for (Mapping const& m : mappings) {
    for (u64 i = 0; i < m.length.raw(); ++i) {
      Daddr const at = g.daddr(m.start + BlockCount(i));
      XFSX_TRY(BufferRef const block,
               volume.cache().load(attr_block_kind, at, g.sectors(BlockCount(1))));
      Location where = g.locate(at);
      where.owner = inode.number;
      if (attr_block_owner(block->bytes()) != inode.number) {
        Error e = located(Errc::bad_value, "attr block", where);
        e.field = "owner";
        e.relation = Relation::equal;
        e.found.number = attr_block_owner(block->bytes()).raw();
        e.expected.number = inode.number.raw();
        return e;
      }
      if (attr_block_role(block->bytes()) != AttrBlockRole::leaf) continue;
      XFSX_TRY(bool const found, leaf_has(block->bytes(), where, space, name));
      if (found) return true;
    }
  }
  return false;
}

}  // namespace

Result<bool> short_form_has(ConstBytes fork, Location const& where, AttrNamespace space,
                            std::string_view name) {
  if (!fits<disk::AttrShortHeader>(fork)) return out_of_block("attr fork", where, "forkoff", 0, 0);
  disk::AttrShortHeader const& header = view_as<disk::AttrShortHeader>(fork);
  std::size_t const end = header.totsize.value();
  if (end > fork.size()) return out_of_block("attr fork", where, "totsize", end, fork.size());
  std::size_t at = sizeof(disk::AttrShortHeader);
  for (u32 i = 0; i < header.count; ++i) {
    if (at + sizeof(disk::AttrShortEntry) > end) {
      return out_of_block("attr fork", where, "count", header.count, i);
    }
    disk::AttrShortEntry const& entry = view_as<disk::AttrShortEntry>(fork, at);
    at += sizeof(disk::AttrShortEntry);
    std::size_t const size = std::size_t{entry.namelen} + entry.valuelen;
    if (size > end - at) return out_of_block("attr fork", where, "namelen", size, end - at);
    if (matches(entry.flags, fork.subspan(at, entry.namelen), space, name)) return true;
    at += size;
  }
  return false;
}

Result<bool> leaf_has(ConstBytes block, Location const& where, AttrNamespace space,
                      std::string_view name) {
  disk::AttrLeafHeader const& header = view_as<disk::AttrLeafHeader>(block);
  std::size_t const room =
      (block.size() - sizeof(disk::AttrLeafHeader)) / sizeof(disk::AttrLeafEntry);
  if (header.count.value() > room) {
    return out_of_block("attr leaf", where, "count", header.count.value(), room);
  }
  for (disk::AttrLeafEntry const& entry :
       view_array<disk::AttrLeafEntry>(block, sizeof(disk::AttrLeafHeader), header.count.value())) {
    XFSX_TRY(ConstBytes const found, leaf_name(block, where, entry));
    if (matches(entry.flags, found, space, name)) return true;
  }
  return false;
}

Result<bool> has_attribute(Volume& volume, Inode const& inode, AttrNamespace space,
                           std::string_view name) {
  if (!inode.has_attr_fork()) return false;
  if (fork_format(inode, ForkKind::attr) == disk::ForkFormat::local) {
    return short_form_has(fork_bytes(inode, ForkKind::attr), inode.location(volume.geometry()),
                          space, name);
  }
  return blocks_have(volume, inode, space, name);
}

}  // namespace xfsx::inline v0
