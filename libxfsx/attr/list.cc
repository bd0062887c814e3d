#include "attr/list.h"

#include "attr/block.h"
#include "attr/fork_map.h"
#include "base/checked.h"
#include "base/view.h"
#include "disk/attr.h"
#include "format/verify_dir.h"
#include "inode/fork.h"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace xfsx::inline v0 {

namespace {

constexpr u32 largest_value = 65536;

AttributeSpace space_of(u8 flags) {
  if ((flags & disk::attr_flag::parent) != 0) return AttributeSpace::parent;
  if ((flags & disk::attr_flag::secure) != 0) return AttributeSpace::security;
  return (flags & disk::attr_flag::root) != 0 ? AttributeSpace::trusted : AttributeSpace::user;
}

Error at_most(std::string_view structure, Location const& where, std::string_view field, u64 found,
              u64 limit) {
  Error e = located(Errc::bad_value, structure, where);
  e.field = field;
  e.relation = Relation::at_most;
  e.found.number = found;
  e.expected.number = limit;
  return e;
}

/// Name and value of a leaf entry.
Result<StoredAttribute> leaf_attribute(ConstBytes block, Location const& where,
                                       disk::AttrLeafEntry const& entry) {
  bool const local = (entry.flags & disk::attr_flag::local) != 0;
  std::size_t const header = local ? sizeof(disk::AttrLocalName) : sizeof(disk::AttrRemoteName);
  std::size_t const at = entry.nameidx.value();
  if (at + header > block.size()) {
    return at_most("attr leaf", where, "nameidx", at, block.size() - header);
  }
  StoredAttribute found;
  found.space = space_of(entry.flags);
  found.incomplete = (entry.flags & disk::attr_flag::incomplete) != 0;
  std::size_t name_size = 0;
  if (local) {
    auto const& name = view_as<disk::AttrLocalName>(block, at);
    name_size = name.namelen;
    found.value_size = name.valuelen.value();
  } else {
    auto const& name = view_as<disk::AttrRemoteName>(block, at);
    name_size = name.namelen;
    found.value_size = name.valuelen.value();
    found.value_block = name.valueblk.value();
    found.remote = true;
  }
  std::size_t const room = block.size() - at - header;
  if (name_size > room) return at_most("attr leaf", where, "namelen", name_size, room);
  found.name = text_of(block.subspan(at + header, name_size));
  if (!local) {
    if (found.value_size <= largest_value) return found;
    return at_most("attr leaf", where, "valuelen", found.value_size, largest_value);
  }
  if (found.value_size > room - name_size) {
    return at_most("attr leaf", where, "valuelen", found.value_size, room - name_size);
  }
  found.value = block.subspan(at + header + name_size, found.value_size);
  return found;
}

/// Bytes of a leaf: first, end.
using LeafBytes = std::pair<u32, u32>;

/// No two of `taken` have a byte in common, and none has any before `first`.
Result<void> check_apart(std::vector<LeafBytes>& taken, u32 first, Location const& where) {
  std::ranges::sort(taken);
  for (LeafBytes const& bytes : taken) {
    if (bytes.first < first) {
      Error e = at_most("attr leaf", where, "nameidx", bytes.first, first);
      e.relation = Relation::at_least;
      return e;
    }
    first = bytes.second;
  }
  return success();
}

void prefetch(Volume& volume, std::span<Mapping const> mappings) {
  Geometry const& g = volume.geometry();
  std::vector<BlockExtent> extents;
  for (Mapping const& m : mappings) {
    for (u64 i = 0; i < m.length.raw(); ++i) {
      extents.push_back({g.daddr(m.start + BlockCount(i)), g.sectors(BlockCount(1))});
    }
  }
  std::ranges::sort(extents, {}, &BlockExtent::daddr);
  volume.cache().prefetch(extents);
}

/// The piece of a value that a block holds, which must start at byte `at` of the value.
Result<ConstBytes> piece_of_value(ConstBytes block, Location const& where, u32 at, u32 rest) {
  CheckedView const header(view_as<disk::AttrRemoteHeader>(block), where);
  XFSX_TRYV(header.equal(header->magic, disk::attr_remote_magic));
  XFSX_TRYV(header.equal(header->offset, at));
  u32 const room = static_cast<u32>(block.size() - sizeof(disk::AttrRemoteHeader));
  XFSX_TRYV(header.equal(header->bytes, std::min(room, rest)));
  return block.subspan(sizeof(disk::AttrRemoteHeader), header->bytes.value());
}

/// What of a value is wanted: from a byte on, so many.
struct WantedPiece {
  u32 at;
  u32 rest;
};

/// The attribute fork of an inode.
class AttributeFork {
 public:
  static Result<AttributeFork> open(Volume& volume, Inode const& inode) {
    XFSX_TRY(ForkMap map, ForkMap::read(volume, inode));
    return AttributeFork(volume, inode, std::move(map));
  }

  Result<void> walk(AttributeVisitor const& visit) {
    if (!inode_.has_attr_fork()) return success();
    if (fork_format(inode_, ForkKind::attr) == disk::ForkFormat::local) {
      Location const where = inode_.location(geometry_);
      XFSX_TRYV(visit_short_form(fork_bytes(inode_, ForkKind::attr), where, visit));
      return success();
    }
    if (map_.mappings().empty()) return success();
    return geometry_.version().self_describing ? walk_blocks(visit) : walk_chain(visit);
  }

  Result<std::vector<std::byte>> value(StoredAttribute const& attribute) {
    std::vector<std::byte> value(attribute.value.begin(), attribute.value.end());
    if (!attribute.remote) return value;
    for (u32 offset = attribute.value_block; value.size() < attribute.value_size; ++offset) {
      XFSX_TRY(FsBlock const at, map_.at(offset));
      u32 const done = static_cast<u32>(value.size());
      // The piece lies in the block, which must outlive it.
      BufferRef block;
      XFSX_TRY(ConstBytes const piece, load_piece(at, {done, attribute.value_size - done}, block));
      value.insert(value.end(), piece.begin(), piece.end());
    }
    return value;
  }

 private:
  AttributeFork(Volume& volume, Inode const& inode, ForkMap map)
      : volume_(volume), geometry_(volume.geometry()), inode_(inode), map_(std::move(map)) {}

  /// The piece of a value in the block at `at`, which `block` keeps alive.
  Result<ConstBytes> load_piece(FsBlock at, WantedPiece const& wanted, BufferRef& block) {
    if (geometry_.version().self_describing) {
      XFSX_TRY(block, load_attr_block(volume_, inode_, at));
      return piece_of_value(block->bytes(), map_.located_at(at), wanted.at, wanted.rest);
    }
    XFSX_TRY(block, volume_.cache().load(plain_value_kind, geometry_.daddr(at),
                                         geometry_.sectors(BlockCount(1))));
    return block->bytes().first(std::min<std::size_t>(block->bytes().size(), wanted.rest));
  }

  /// Every block of the fork says what it is: the leaves are visited wherever they hang.
  Result<void> walk_blocks(AttributeVisitor const& visit) {
    prefetch(volume_, map_.mappings());
    for (Mapping const& m : map_.mappings()) {
      for (u64 i = 0; i < m.length.raw(); ++i) {
        FsBlock const at = m.start + BlockCount(i);
        XFSX_TRY(BufferRef const block, load_attr_block(volume_, inode_, at));
        if (attr_block_role(geometry_.version(), block->bytes()) != AttrBlockRole::leaf) continue;
        XFSX_TRY(bool const more, visit_leaf(block->bytes(), at, visit));
        if (!more) return success();
      }
    }
    return success();
  }

  /// What a block of version 4 holds may be a value that looks like a leaf: the way goes down the
  /// left edge of the tree, and on from leaf to leaf.
  Result<void> walk_chain(AttributeVisitor const& visit) {
    FormatVersion const& version = geometry_.version();
    std::unordered_set<u32> seen;
    u32 level = disk::da_max_depth + 1;
    u32 offset = 0;
    while (seen.insert(offset).second) {
      XFSX_TRY(FsBlock const at, map_.at(offset));
      XFSX_TRY(BufferRef const block, load_attr_block(volume_, inode_, at));
      if (attr_block_role(version, block->bytes()) == AttrBlockRole::node) {
        u32 const next = da_node_level(version, block->bytes());
        if (next >= level) return at_most("da node", map_.located_at(at), "level", next, level - 1);
        level = next;
        offset = da_node_index(version, block->bytes()).front().before.raw();
        continue;
      }
      level = 0;
      XFSX_TRY(bool const more, visit_leaf(block->bytes(), at, visit));
      offset = da_links(block->bytes()).forw.raw();
      if (!more || offset == 0) return success();
    }
    Error e = located(Errc::loop, "attr leaf", inode_.location(geometry_));
    e.field = "forw";
    e.reason = "the chain of leaves does not end";
    return with_note(e, std::to_string(offset));
  }

  Result<bool> visit_leaf(ConstBytes block, FsBlock at, AttributeVisitor const& visit) {
    Location const where = map_.located_at(at);
    auto const one = [&](StoredAttribute const& a) -> Result<bool> {
      XFSX_TRYV(take_blocks(a, where));
      return visit(a);
    };
    return visit_attr_leaf(geometry_.version(), block, where, one);
  }

  /// Values have blocks of their own: together they are no larger than the fork.
  Result<void> take_blocks(StoredAttribute const& a, Location const& where) {
    if (!a.remote || a.incomplete || a.value_size == 0) return success();
    u32 const room = geometry_.block_size() - geometry_.version().attr_value;
    u64 const end = u64{a.value_block} + div_round_up(a.value_size, room);
    auto const next = taken_.lower_bound(a.value_block);
    bool const meets_next = next != taken_.end() && next->first < end;
    bool const meets_last = next != taken_.begin() && std::prev(next)->second > a.value_block;
    if (!meets_next && !meets_last) {
      taken_.emplace_hint(next, a.value_block, end);
      return success();
    }
    Error e = located(Errc::bad_value, "attr leaf", where);
    e.field = "valueblk";
    e.reason = "two values lie in one block";
    return with_note(e, std::to_string(a.value_block));
  }

  Volume& volume_;
  Geometry const& geometry_;
  Inode const& inode_;
  ForkMap map_;
  std::map<u64, u64> taken_;  // blocks of values: first, end
};

}  // namespace

std::string_view to_string(AttributeSpace space) {
  switch (space) {
    case AttributeSpace::user:
      return "user";
    case AttributeSpace::trusted:
      return "trusted";
    case AttributeSpace::security:
      return "security";
    case AttributeSpace::parent:
      return "parent";
  }
  return "unknown";
}

Result<bool> visit_short_form(ConstBytes fork, Location const& where,
                              AttributeVisitor const& visit) {
  if (!fits<disk::AttrShortHeader>(fork)) return at_most("attr fork", where, "forkoff", 0, 0);
  disk::AttrShortHeader const& header = view_as<disk::AttrShortHeader>(fork);
  std::size_t const end = header.totsize.value();
  if (end > fork.size()) return at_most("attr fork", where, "totsize", end, fork.size());
  std::size_t at = sizeof(disk::AttrShortHeader);
  for (u32 i = 0; i < header.count; ++i) {
    if (at + sizeof(disk::AttrShortEntry) > end) {
      return at_most("attr fork", where, "count", header.count, i);
    }
    disk::AttrShortEntry const& entry = view_as<disk::AttrShortEntry>(fork, at);
    at += sizeof(disk::AttrShortEntry);
    std::size_t const size = std::size_t{entry.namelen} + entry.valuelen;
    if (size > end - at) return at_most("attr fork", where, "namelen", size, end - at);
    StoredAttribute found;
    found.space = space_of(entry.flags);
    found.incomplete = (entry.flags & disk::attr_flag::incomplete) != 0;
    found.name = text_of(fork.subspan(at, entry.namelen));
    found.value = fork.subspan(at + entry.namelen, entry.valuelen);
    found.value_size = entry.valuelen;
    XFSX_TRY(bool const more, visit(found));
    if (!more) return false;
    at += size;
  }
  return true;
}

u32 bytes_in_leaf(StoredAttribute const& a) {
  // What comes before a remote name counts as 11 bytes, though it has 9: Linux keeps it so.
  std::size_t const size =
      a.remote ? sizeof(disk::AttrRemoteName) + 2 : sizeof(disk::AttrLocalName) + a.value.size();
  return round_up(static_cast<u32>(size + a.name.size()), 4U);
}

Result<bool> visit_attr_leaf(FormatVersion const& version, ConstBytes block, Location const& where,
                             AttributeVisitor const& visit) {
  u16 const count = view_as<be16>(block, version.attr_count).value();
  std::size_t const room = (block.size() - version.attr_leaf) / sizeof(disk::AttrLeafEntry);
  if (count > room) return at_most("attr leaf", where, "count", count, room);
  // What names and values take is counted behind the number of entries.
  u32 const usedbytes = view_as<be16>(block, version.attr_count + sizeof(be16)).value();
  u32 used = 0;
  std::vector<LeafBytes> taken;
  for (disk::AttrLeafEntry const& entry :
       view_array<disk::AttrLeafEntry>(block, version.attr_leaf, count)) {
    XFSX_TRY(StoredAttribute const found, leaf_attribute(block, where, entry));
    u32 const size = bytes_in_leaf(found);
    taken.emplace_back(entry.nameidx.value(), entry.nameidx.value() + size);
    used += size;
    if (used > usedbytes) {
      return at_most("attr leaf", where, "usedbytes", used, usedbytes);
    }
    XFSX_TRY(bool const more, visit(found));
    if (!more) return false;
  }
  u32 const entries_end = version.attr_leaf + count * u32{sizeof(disk::AttrLeafEntry)};
  XFSX_TRYV(check_apart(taken, entries_end, where));
  if (used == usedbytes) return true;
  Error e = at_most("attr leaf", where, "usedbytes", usedbytes, used);
  e.relation = Relation::equal;
  return e;
}

Result<void> for_each_attribute(Volume& volume, Inode const& inode, AttributeVisitor const& visit) {
  XFSX_TRY(AttributeFork fork, AttributeFork::open(volume, inode));
  return fork.walk(visit);
}

Result<void> for_each_value(Volume& volume, Inode const& inode, ValueVisitor const& visit) {
  XFSX_TRY(AttributeFork fork, AttributeFork::open(volume, inode));
  return fork.walk([&](StoredAttribute const& a) -> Result<bool> {
    if (a.incomplete) return true;
    XFSX_TRY(std::vector<std::byte> value, fork.value(a));
    return visit(a, std::move(value));
  });
}

}  // namespace xfsx::inline v0
