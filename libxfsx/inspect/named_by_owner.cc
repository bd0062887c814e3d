#include "inspect/named_by_owner.h"

#include "base/view.h"
#include "disk/realtime.h"
#include "format/inode_view.h"
#include "format/verify_realtime.h"
#include "inspect/decode.h"
#include "inspect/structures.h"
#include "inspect/walks.h"

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

using Kind = Target::Kind;

/// An inode and the block that it lies in.
struct FoundInode {
  std::vector<std::byte> block;
  std::size_t at = 0;
  Location where;

  [[nodiscard]] ConstBytes bytes(Geometry const& g) const {
    return ConstBytes(block).subspan(at, g.inode_size());
  }
};

Result<FoundInode> read_inode(Geometry const& g, ByteSource& source, InodeNumber ino) {
  if (ino.raw() == 0 || !g.valid(ino)) return refuse(ENOENT, "the filesystem has no such file");
  u32 const agino = g.agino_of(ino).raw();
  Daddr const at = g.daddr(g.ag_of(ino), AgBlock(agino / g.inodes_per_block()));
  FoundInode found;
  found.block.resize(g.block_size());
  found.at = std::size_t{agino % g.inodes_per_block()} * g.inode_size();
  found.where = g.locate(at);
  found.where.owner = ino;
  XFSX_TRYV(source.read(at, found.block));
  return found;
}

/// The inode called `name` in a directory that is small enough to lie in its inode, as the first
/// levels of the tree of metadata files always do; null if there is none.
Result<InodeNumber> look_up(Geometry const& g, ByteSource& source, InodeNumber directory,
                            std::string_view name) {
  XFSX_TRY(FoundInode const inode, read_inode(g, source, directory));
  Value const fields = decode_inode(inode.bytes(g), g);
  std::optional<Found> const list = find(fields, "u3.sfdir3.list");
  if (!list) return null_inode;
  for (Value const& entry : list->value->items) {
    Value const* const called = entry.member("name");
    Value const* const number = entry.member("inumber");
    if (called == nullptr || called->text != name || number == nullptr) continue;
    return InodeNumber(number->items.empty() ? number->number : number->items[0].number);
  }
  return null_inode;
}

Result<InodeNumber> quota_file(Geometry const& g, ByteSource& source, QuotaForm const& quota) {
  if (g.has(incompat::metadir)) {
    XFSX_TRY(InodeNumber const directory, look_up(g, source, g.metadata_root(), "quota"));
    return look_up(g, source, directory, quota.name);
  }
  std::vector<std::byte> sector(g.sector_size());
  XFSX_TRYV(source.read(Daddr(0), sector));
  return (view_as<disk::Superblock>(sector).*quota.file).value();
}

/// Where block `number` of a file lies.
Result<Daddr> block_of_file(Geometry const& g, ByteSource& source, InodeNumber file, u64 number) {
  XFSX_TRY(FoundInode const inode, read_inode(g, source, file));
  std::optional<Error> problem;
  XFSX_TRY(Value const mappings, walk_mappings(g, source, inode.bytes(g), inode.where, problem));
  for (Value const& row : mappings.items) {
    u64 const first = row.member("startoff")->number;
    u64 const count = row.member("blockcount")->number;
    FsBlock const start(row.member("startblock")->number);
    if (number < first || number - first >= count) continue;
    FsBlock const block = start + BlockCount(number - first);
    if (g.valid(block, BlockCount(1))) return g.daddr(block);
  }
  if (problem) return *problem;
  return with_note(refuse(ENOENT, "the file has no such block"), std::to_string(number));
}

Result<Inspection> read_block(Geometry const& g, ByteSource& source, Daddr at) {
  Inspection found;
  found.where = g.locate(at);
  found.bytes.resize(g.block_size());
  found.extents.push_back({at, g.block_size()});
  XFSX_TRYV(source.read(at, found.bytes));
  return found;
}

/// The checks of a record, and that it is the one that belongs there.
Result<void> verify_named(ConstBytes record, BlockContext const& context, QuotaForm const& quota,
                          u64 id) {
  XFSX_TRYV(verify_dquot(record, context));
  return verify_dquot_owner(record, context, quota.type, static_cast<u32>(id));
}

/// It has the label of the superblock, which no geometry keeps.
Result<void> verify_label(Geometry const& g, ByteSource& source, ConstBytes block,
                          Location const& where) {
  std::vector<std::byte> sector(g.sector_size());
  XFSX_TRYV(source.read(Daddr(0), sector));
  auto const& rt = view_as<disk::RtSuperblock>(block);
  if (rt.fname == view_as<disk::Superblock>(sector).fname) return success();
  Error e = located(Errc::bad_value, rt_superblock_kind.name, where);
  e.field = "fname";
  e.reason = "the superblock has another label";
  return e;
}

}  // namespace

Result<Inspection> inspect_dquot(Geometry const& g, ByteSource& source, QuotaKind kind, u64 id) {
  QuotaForm const& quota = quota_form(kind);
  if (id > ~u32{0}) return refuse(EINVAL, "ids have 32 bits");
  XFSX_TRY(InodeNumber const file, quota_file(g, source, quota));
  DquotPlace const place = dquot_place(g, static_cast<u32>(id));
  XFSX_TRY(Daddr const at, block_of_file(g, source, file, place.block.raw()));
  XFSX_TRY(Inspection found, read_block(g, source, at));
  constexpr u32 size = sizeof(disk::DquotRecord);
  ConstBytes const record = ConstBytes(found.bytes).subspan(place.offset, size);
  found.structure = "dquot";
  found.where.owner = file;
  found.fields = decode_dquot(record, g);
  Result<void> const verdict = verify_named(record, {g, found.where}, quota, id);
  if (!verdict) found.problem = verdict.error();
  if (g.version().self_describing) {
    found.checksums.push_back({place.offset, size, offsetof(disk::DquotRecord, crc)});
  }
  return found;
}

Result<Inspection> inspect_realtime_words(Geometry const& g, ByteSource& source, Kind which,
                                          u64 number) {
  if (g.realtime().groups) {
    return refuse(EINVAL, "blocks of realtime groups say what they are: name them by fsblock");
  }
  std::vector<std::byte> sector(g.sector_size());
  XFSX_TRYV(source.read(Daddr(0), sector));
  auto const& sb = view_as<disk::Superblock>(sector);
  bool const bitmap = which == Kind::rt_bitmap;
  InodeNumber const file = bitmap ? sb.rbmino.value() : sb.rsumino.value();
  XFSX_TRY(Daddr const at, block_of_file(g, source, file, number));
  XFSX_TRY(Inspection found, read_block(g, source, at));
  found.structure = bitmap ? rt_bitmap_kind.name : rt_summary_kind.name;
  found.where.owner = file;
  found.fields = bitmap ? decode_plain_bitmap(found.bytes) : decode_plain_summary(found.bytes);
  if (bitmap) return found;
  Result<void> const verdict = verify_plain_summary(found.bytes, {g, found.where});
  if (!verdict) found.problem = verdict.error();
  return found;
}

Result<Inspection> inspect_realtime_superblock(Geometry const& g, ByteSource& source) {
  if (!g.realtime().super) {
    return refuse(EINVAL, "the filesystem has no realtime section with a superblock");
  }
  Inspection found;
  found.structure = rt_superblock_kind.name;
  found.where.device = DeviceRole::realtime;
  found.where.kind = AddressKind::daddr;
  found.bytes.resize(g.block_size());
  XFSX_TRYV(source.read_realtime(Daddr(0), found.bytes));
  found.fields = decode_realtime_superblock(found.bytes, g);
  BlockContext const context{g, found.where};
  Result<void> verdict = verify_block(rt_superblock_kind, found.bytes, context, Lsn(0));
  if (verdict) verdict = verify_label(g, source, found.bytes, found.where);
  if (!verdict) found.problem = verdict.error();
  found.extents.push_back({Daddr(0), g.block_size()});
  found.checksums.push_back({0, g.block_size(), rt_superblock_kind.crc});
  return found;
}

}  // namespace xfsx::inline v0::inspect
