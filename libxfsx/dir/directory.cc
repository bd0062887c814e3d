#include "dir/directory.h"

#include "dir/name_hash.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::DirLeafEntry;

/// A name that no path can name, or that would be taken for another.
bool bad_name(std::string_view name) {
  return name.empty() || name.find('/') != name.npos || name.find('\0') != name.npos;
}

bool is_dots(std::string_view name) {
  return name == "." || name == "..";
}

}  // namespace

Directory::Directory(Volume& volume, Inode inode, std::vector<Mapping> mappings)
    : volume_(volume), inode_(std::move(inode)), mappings_(std::move(mappings)) {}

Result<Directory> Directory::open(Volume& volume, Inode inode) {
  if (!inode.is_directory()) return refuse(ENOTDIR, "not a directory");
  XFSX_TRY(std::vector<Mapping> mappings, collect_mappings(volume, inode, ForkKind::data));
  Directory directory(volume, std::move(inode), std::move(mappings));
  u32 const size = volume.geometry().dir_block_size();
  u64 const bytes = directory.inode_.size();
  if (directory.form() != Form::shortform && (bytes == 0 || bytes % size != 0)) {
    return directory.bad("inode", "size", bytes, size, Relation::multiple_of);
  }
  return directory;
}

FileBlock Directory::leaf_start() const {
  return FileBlock(disk::dir_leaf_start >> volume_.geometry().block_log());
}

FileBlock Directory::free_start() const {
  return FileBlock(disk::dir_free_start >> volume_.geometry().block_log());
}

Directory::Form Directory::form() const {
  if (fork_format(inode_, ForkKind::data) == disk::ForkFormat::local) return Form::shortform;
  BlockCount const block(volume_.geometry().dir_block_blocks());
  if (mappings_.empty()) return Form::block;
  FileBlock const end = mappings_.back().end();
  if (end == FileBlock(0) + block) return Form::block;
  return end == leaf_start() + block ? Form::leaf : Form::node;
}

Error Directory::bad(std::string_view structure, std::string_view field, u64 found, u64 expected,
                     Relation relation, std::source_location raised) const {
  Error e = located(Errc::bad_value, structure, inode_.location(volume_.geometry()), raised);
  e.field = field;
  e.found.number = found;
  e.expected.number = expected;
  e.relation = relation;
  return e;
}

Result<void> Directory::list(DirVisitor const& visit) {
  Error unusable;
  u64 before = 0;  // entries
  auto const refused = [&](std::string_view reason) {
    unusable = bad("dir entry", "name", 0, 0, Relation::none);
    unusable.reason = reason;
    return false;
  };
  auto const checked = [&](RawDirEntry const& entry) {
    // The two come first, in every form. Elsewhere they would lead what is extracted astray.
    u64 const place = before++;
    if (place == 0 && entry.name == ".") return true;
    if (place == 1 && entry.name == "..") return true;
    if (is_dots(entry.name)) return refused("one of the dots is the name of a file");
    if (bad_name(entry.name)) return refused("the name is empty or holds a slash or a zero");
    return visit(entry);
  };
  XFSX_TRYV(form() == Form::shortform ? walk_short(checked) : list_blocks(checked));
  if (!unusable.field.empty()) return unusable;
  return success();
}

Result<void> Directory::walk_short(DirVisitor const& visit) const {
  ConstBytes const fork = fork_bytes(inode_, ForkKind::data).first(inode_.size());
  if (!fits<disk::DirShortHeader>(fork)) {
    return bad("inode", "size", fork.size(), sizeof(disk::DirShortHeader) + 4, Relation::at_least);
  }
  auto const& header = view_as<disk::DirShortHeader>(fork);
  bool const wide = header.i8count != 0;
  std::size_t const width = wide ? sizeof(be64) : sizeof(be32);
  auto const number_at = [&](std::size_t at) {
    return wide ? InodeNumber(view_as<be64>(fork, at).value())
                : InodeNumber(view_as<be32>(fork, at).value());
  };
  std::size_t at = sizeof(disk::DirShortHeader);
  if (fork.size() < at + width) {
    return bad("inode", "size", fork.size(), at + width, Relation::at_least);
  }
  InodeNumber const parent = number_at(at);
  if (!volume_.geometry().valid(parent)) {
    return bad("dir_sf_hdr", "parent", parent.raw(), 0, Relation::none);
  }
  at += width;
  bool const types = volume_.geometry().has_file_types();
  if (!visit({".", inode_.number, 2}) || !visit({"..", parent, 2})) return success();
  for (u32 i = 0; i < header.count; ++i) {
    if (!fits<disk::DirShortEntry>(fork, at)) {
      return bad("dir_sf_hdr", "count", header.count, i, Relation::at_most);
    }
    u8 const length = view_as<disk::DirShortEntry>(fork, at).namelen;
    std::size_t const name_at = at + sizeof(disk::DirShortEntry);
    std::size_t const type_at = name_at + length;
    std::size_t const inode_at = type_at + (types ? 1 : 0);
    if (length == 0 || inode_at + width > fork.size()) {
      return bad("dir_sf_entry", "namelen", length, fork.size() - at, Relation::below);
    }
    RawDirEntry const entry{text_of(fork.subspan(name_at, length)), number_at(inode_at),
                            types ? static_cast<u8>(fork[type_at]) : u8{0}};
    if (!volume_.geometry().valid(entry.inode)) {
      return bad("dir_sf_entry", "inumber", entry.inode.raw(), 0, Relation::none);
    }
    if (!visit(entry)) return success();
    at = inode_at + width;
  }
  if (at == fork.size()) return success();
  return bad("inode", "size", fork.size(), at, Relation::equal);
}

Result<std::vector<FileBlock>> Directory::data_blocks() const {
  u64 const blocks = volume_.geometry().dir_block_blocks();
  std::vector<FileBlock> starts;
  for (Mapping const& m : mappings_) {
    if (m.offset >= leaf_start()) break;
    u64 const end = std::min(m.end(), leaf_start()).raw();
    u64 at = m.offset.raw() / blocks * blocks;
    if (!starts.empty() && starts.back().raw() == at) at += blocks;
    for (; at < end; at += blocks) starts.push_back(FileBlock(at));
  }
  u64 const expected = inode_.size() >> volume_.geometry().block_log();
  u64 const found = starts.empty() ? 0 : starts.back().raw() + blocks;
  if (found == expected) return starts;
  return bad("inode", "size", inode_.size(), found << volume_.geometry().block_log(),
             Relation::equal);
}

std::vector<BlockExtent> Directory::pieces_of(FileBlock at) const {
  Geometry const& g = volume_.geometry();
  FileBlock const end = at + BlockCount(g.dir_block_blocks());
  auto m = std::ranges::upper_bound(mappings_, at, {}, &Mapping::end);
  std::vector<BlockExtent> pieces;
  for (; at < end; ++m) {
    if (m == mappings_.end() || m->offset > at || m->unwritten) return {};
    BlockCount const count = std::min(end, m->end()) - at;
    Daddr const daddr = g.daddr(m->start + (at - m->offset));
    bool const joins = !pieces.empty() && pieces.back().daddr + pieces.back().length == daddr;
    if (joins) {
      pieces.back().length = pieces.back().length + g.sectors(count);
    } else {
      pieces.push_back({daddr, g.sectors(count)});
    }
    at = at + count;
  }
  return pieces;
}

std::vector<BlockExtent> Directory::extents_of(std::span<FileBlock const> blocks) const {
  std::vector<BlockExtent> extents;
  for (FileBlock const at : blocks) {
    std::vector<BlockExtent> const pieces = pieces_of(at);
    extents.insert(extents.end(), pieces.begin(), pieces.end());
  }
  return extents;
}

std::vector<BlockExtent> Directory::data_extents() const {
  if (form() == Form::shortform) return {};
  Result<std::vector<FileBlock>> const blocks = data_blocks();
  return blocks ? extents_of(blocks.value()) : std::vector<BlockExtent>();
}

Result<BufferRef> Directory::load(BlockKind const& kind, FileBlock at) {
  std::vector<BlockExtent> const pieces = pieces_of(at);
  if (pieces.empty()) {
    Error e = bad(kind.name, "bmx", at.raw(), 0, Relation::none);
    e.reason = "the directory block is not wholly mapped";
    return e;
  }
  Result<BufferRef> block =
      pieces.size() == 1
          ? volume_.cache().load(kind, pieces[0].daddr, pieces[0].length, inode_.number)
          : load_pieces(kind, pieces);
  if (!block) return with_owner(block.error(), inode_.number);
  return block;
}

Result<BufferRef> Directory::load_pieces(BlockKind const& kind,
                                         std::span<BlockExtent const> pieces) {
  auto whole = std::make_shared<Buffer>();
  whole->daddr = pieces[0].daddr;
  whole->length = SectorCount(volume_.geometry().dir_block_size() / basic_block_size);
  whole->kind = &kind;
  whole->data = AlignedBytes(volume_.geometry().dir_block_size());
  Bytes rest = whole->data.bytes();
  for (BlockExtent const& piece : pieces) {
    XFSX_TRY(BufferRef const part, volume_.cache().load(fragment_kind, piece.daddr, piece.length));
    std::ranges::copy(part->bytes(), rest.begin());
    rest = rest.subspan(part->bytes().size());
  }
  BlockContext const context{volume_.geometry(), volume_.geometry().locate(whole->daddr)};
  XFSX_TRYV(verify_block(kind, whole->bytes(), context, volume_.cache().log_head()));
  XFSX_TRYV(verify_owner(kind, whole->bytes(), context, inode_.number));
  return BufferRef(std::move(whole));
}

Result<BufferRef> Directory::load_any(FileBlock at) {
  if (at < leaf_start()) return load(form() == Form::block ? dir_block_kind : dir_data_kind, at);
  if (at >= free_start()) return load(dir_free_kind, at);
  if (form() == Form::leaf) return load(dir_leaf1_kind, at);
  Result<BufferRef> leaf = load(dir_leafn_kind, at);
  bool const other = leaf.has_error() && leaf.error().field == "magic";
  return other ? load(da_node_kind, at) : leaf;
}

Result<std::vector<BufferRef>> Directory::blocks() {
  std::vector<FileBlock> starts;
  u64 const each = volume_.geometry().dir_block_blocks();
  for (Mapping const& m : mappings_) {
    for (u64 at = m.offset.raw() / each * each; at < m.end().raw(); at += each) {
      if (starts.empty() || starts.back().raw() < at) starts.push_back(FileBlock(at));
    }
  }
  volume_.cache().prefetch(extents_of(starts));
  std::vector<BufferRef> all;
  for (FileBlock const at : starts) {
    if (pieces_of(at).size() > 1) {
      return refuse(EOPNOTSUPP, "a directory block lies in several pieces");
    }
    XFSX_TRY(BufferRef block, load_any(at));
    all.push_back(std::move(block));
  }
  return all;
}

Result<void> Directory::list_blocks(DirVisitor const& visit) {
  XFSX_TRY(std::vector<FileBlock> const blocks, data_blocks());
  volume_.cache().prefetch(extents_of(blocks));
  BlockKind const& kind = form() == Form::block ? dir_block_kind : dir_data_kind;
  for (FileBlock const at : blocks) {
    XFSX_TRY(BufferRef const block, load(kind, at));
    if (!for_each_dir_entry(volume_.geometry(), block->bytes(), visit)) return success();
  }
  return success();
}

Result<RawDirEntry> Directory::entry_at(u32 address, u32 hash) {
  Geometry const& g = volume_.geometry();
  u64 const byte = u64{address} * 8;
  u64 const block = byte / g.dir_block_size();
  if (byte >= inode_.size()) {
    return bad("dir leaf entry", "address", address, inode_.size() / 8, Relation::below);
  }
  BlockKind const& kind = form() == Form::block ? dir_block_kind : dir_data_kind;
  XFSX_TRY(kept_, load(kind, FileBlock(block * g.dir_block_blocks())));
  RawDirEntry entry;
  u32 const offset = static_cast<u32>(byte % g.dir_block_size());
  if (!dir_entry_at(g, kept_->bytes(), offset, entry)) {
    Error e = bad("dir leaf entry", "address", address, 0, Relation::none);
    e.reason = "no entry begins there";
    return e;
  }
  if (name_hash(entry.name) != hash) {
    return bad("dir leaf entry", "hashval", hash, name_hash(entry.name), Relation::equal);
  }
  return entry;
}

Result<std::optional<RawDirEntry>> Directory::search(std::span<DirLeafEntry const> index, u32 hash,
                                                     std::string_view name, bool& more) {
  auto const hash_of = [](DirLeafEntry const& e) { return e.hashval.value(); };
  auto at = std::ranges::lower_bound(index, hash, {}, hash_of);
  for (; at != index.end() && at->hashval.value() == hash; ++at) {
    if (at->address.value() == 0) continue;  // stale
    XFSX_TRY(RawDirEntry entry, entry_at(at->address.value(), hash));
    if (entry.name != name) continue;
    entry.name = name;
    return std::optional<RawDirEntry>(entry);
  }
  // Equal hashes may go on in the next leaf.
  more = at == index.end();
  return std::optional<RawDirEntry>();
}

Result<BufferRef> Directory::load_node_root() {
  Result<BufferRef> root = load(da_node_kind, leaf_start());
  bool const other = root.has_error() && root.error().field == "magic";
  if (!other) return root;
  // Right after a conversion the tree may be a single leaf.
  Result<BufferRef> leaf = load(dir_leafn_kind, leaf_start());
  return leaf ? leaf : root;
}

Result<BufferRef> Directory::find_leaf(u32 hash) {
  if (form() == Form::leaf) return load(dir_leaf1_kind, leaf_start());
  XFSX_TRY(BufferRef block, load_node_root());
  FormatVersion const& version = volume_.geometry().version();
  // Levels fall strictly, so the descent ends.
  while (block->kind == &da_node_kind) {
    u16 const level = da_node_level(version, block->bytes());
    std::span<disk::DaNodeEntry const> const index = da_node_index(version, block->bytes());
    auto const hash_of = [](disk::DaNodeEntry const& e) { return e.hashval.value(); };
    auto const child = std::ranges::lower_bound(index, hash, {}, hash_of);
    if (child == index.end()) return BufferRef();
    FileBlock const at(child->before.raw());
    if (at < leaf_start() || at >= free_start()) {
      return bad("da node", "before", at.raw(), leaf_start().raw(), Relation::at_least);
    }
    BlockKind const& kind = level == 1 ? dir_leafn_kind : da_node_kind;
    XFSX_TRY(BufferRef below, load(kind, at));
    if (level > 1) {
      u16 const next = da_node_level(version, below->bytes());
      if (next != level - 1) return bad("da node", "level", next, level - 1U, Relation::equal);
    }
    block = std::move(below);
  }
  return block;
}

Result<std::optional<RawDirEntry>> Directory::lookup(std::string_view name) {
  std::optional<RawDirEntry> found;
  if (form() == Form::shortform) {
    XFSX_TRYV(walk_short([&](RawDirEntry const& entry) {
      if (entry.name == name) found = RawDirEntry{name, entry.inode, entry.file_type};
      return !found;
    }));
    return found;
  }
  u32 const hash = name_hash(name);
  bool more = false;
  if (form() == Form::block) {
    XFSX_TRY(BufferRef const block, load(dir_block_kind, FileBlock(0)));
    return search(dir_block_index(block->bytes()), hash, name, more);
  }
  XFSX_TRY(BufferRef leaf, find_leaf(hash));
  FormatVersion const& version = volume_.geometry().version();
  // No chain of leaves is longer than the blocks that the directory has.
  for (u64 bound = inode_.nblocks(); leaf != nullptr; --bound) {
    if (bound == 0) {
      Error e = bad("dir leaf block", "forw", 0, 0, Relation::none);
      e.code = Errc::loop;
      e.reason = "the chain of leaves does not end";
      return e;
    }
    XFSX_TRY(found, search(dir_leaf_index(version, leaf->bytes()), hash, name, more));
    DaBlock const next = da_links(leaf->bytes()).forw.value();
    if (found || !more || next.raw() == 0) return found;
    XFSX_TRY(leaf, load(dir_leafn_kind, FileBlock(next.raw())));
  }
  return found;
}

}  // namespace xfsx::inline v0
