#include "inspect/inspect.h"
#include "base/parse.h"

#include "base/checked.h"
#include "base/view.h"
#include "disk/ag.h"
#include "disk/log.h"
#include "disk/quota.h"
#include "disk/symlink.h"
#include "format/verify_ag.h"
#include "format/verify_btree.h"
#include "format/verify_dir.h"
#include "format/verify_inode.h"
#include "format/verify_quota.h"
#include "inspect/decode.h"
#include "inspect/named_by_owner.h"
#include "inspect/structures.h"
#include "inspect/walks.h"

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

using Kind = Target::Kind;

struct TargetName {
  std::string_view word;
  Kind kind;
  enum class Number : u8 { none, optional, required } number;
};

constexpr TargetName target_names[] = {
    {"sb", Kind::superblock, TargetName::Number::optional},
    {"agf", Kind::agf, TargetName::Number::optional},
    {"agi", Kind::agi, TargetName::Number::optional},
    {"agfl", Kind::agfl, TargetName::Number::optional},
    {"bnobt", Kind::bnobt, TargetName::Number::optional},
    {"cntbt", Kind::cntbt, TargetName::Number::optional},
    {"inobt", Kind::inobt, TargetName::Number::optional},
    {"finobt", Kind::finobt, TargetName::Number::optional},
    {"rmapbt", Kind::rmapbt, TargetName::Number::optional},
    {"refcntbt", Kind::refcountbt, TargetName::Number::optional},
    {"unlinked", Kind::unlinked, TargetName::Number::optional},
    {"inode", Kind::inode, TargetName::Number::required},
    {"fsblock", Kind::fsblock, TargetName::Number::required},
    {"daddr", Kind::daddr, TargetName::Number::required},
    {"log", Kind::log, TargetName::Number::none},
    {"dquot", Kind::dquot, TargetName::Number::required},
    {"rtbitmap", Kind::rt_bitmap, TargetName::Number::optional},
    {"rtsummary", Kind::rt_summary, TargetName::Number::optional},
    {"rtsb", Kind::rt_superblock, TargetName::Number::none},
};

std::vector<std::string> split_words(std::span<std::string const> arguments) {
  std::vector<std::string> words;
  for (std::string const& argument : arguments) {
    std::size_t at = 0;
    while (at < argument.size()) {
      std::size_t const end = std::min(argument.find(' ', at), argument.size());
      if (end > at) words.push_back(argument.substr(at, end - at));
      at = end + 1;
    }
  }
  return words;
}

Error outside(std::string_view what, u64 number) {
  Error e = refuse(EINVAL, "no such address in this filesystem");
  e.structure = what;
  e.relation = Relation::none;
  return with_note(e, std::to_string(number));
}

Result<std::vector<std::byte>> read_bytes(ByteSource& source, Daddr at, std::size_t size) {
  std::vector<std::byte> bytes(size);
  XFSX_TRYV(source.read(at, bytes));
  return bytes;
}

/// Hands over the bytes from `at` that were decoded. Their addresses stay.
void keep_bytes(Inspection& found, Daddr at, std::vector<std::byte>&& bytes) {
  found.extents.push_back({at, static_cast<u32>(bytes.size())});
  found.bytes = std::move(bytes);
}

/// The checksum of a kind covers the whole block. Version 4 has none.
void keep_checksum(Inspection& found, BlockKind const& kind, FormatVersion const& version) {
  if (kind.crc == BlockKind::none || !version.self_describing) return;
  found.checksums.push_back({0, static_cast<u32>(found.bytes.size()), kind.crc});
}

struct Header {
  u32 sector;
  BlockKind const& kind;
};

Header header_of(Kind kind) {
  switch (kind) {
    case Kind::agf:
      return {1, agf_kind};
    case Kind::agi:
      return {2, agi_kind};
    case Kind::agfl:
      return {3, agfl_kind};
    default:
      return {0, superblock_kind};
  }
}

Value decode_header(Kind kind, ConstBytes sector, Geometry const& geometry) {
  switch (kind) {
    case Kind::agf:
      return decode_agf(sector, geometry);
    case Kind::agi:
      return decode_agi(sector, geometry);
    case Kind::agfl:
      return decode_agfl(sector, geometry);
    default:
      return decode_superblock(sector);
  }
}

void verify(Inspection& found, BlockKind const& kind, ConstBytes block, Geometry const& geometry,
            Lsn head) {
  Result<void> const verdict = verify_block(kind, block, {geometry, found.where}, head);
  if (!verdict) found.problem = verdict.error();
}

Result<Inspection> inspect_header(Geometry const& g, ByteSource& source, Target const& target,
                                  Lsn head) {
  Header const header = header_of(target.kind);
  if (target.number >= g.ag_count()) return outside("AG", target.number);
  AgNumber const ag(static_cast<u32>(target.number));
  Daddr const at = g.ag_header(ag, header.sector);
  XFSX_TRY(std::vector<std::byte> sector, read_bytes(source, at, g.sector_size()));
  Inspection found;
  found.structure = header.kind.name;
  found.where = g.locate(at);
  found.fields = decode_header(target.kind, sector, g);
  // The copies of the superblock are as old as the last growth or mkfs: only the first is in use.
  if (target.kind == Kind::superblock && target.number != 0) head = Lsn(0);
  verify(found, header.kind, sector, g, head);
  keep_bytes(found, at, std::move(sector));
  keep_checksum(found, header.kind, g.version());
  return found;
}

Checksum inode_checksum(std::size_t at, Geometry const& g) {
  return {static_cast<u32>(at), g.inode_size(), offsetof(disk::Dinode, crc)};
}

/// `path` asks for one field, or for nothing in particular: what takes a walk is there if it is
/// asked for.
Result<Inspection> inspect_inode(Geometry const& g, ByteSource& source, u64 number,
                                 std::string_view path) {
  InodeNumber const ino(number);
  if (!g.valid(ino)) return outside("inode", number);
  u32 const agino = g.agino_of(ino).raw();
  AgBlock const block(agino / g.inodes_per_block());
  Daddr const address = g.daddr(g.ag_of(ino), block);
  XFSX_TRY(std::vector<std::byte> bytes, read_bytes(source, address, g.block_size()));
  std::size_t const at = std::size_t{agino % g.inodes_per_block()} * g.inode_size();
  ConstBytes const inode = ConstBytes(bytes).subspan(at, g.inode_size());
  Inspection found;
  found.structure = "inode";
  found.where = g.locate(address);
  found.where.owner = ino;
  found.fields = decode_inode(inode, g);
  Result<void> const verdict = verify_inode(inode, {g, found.where}, ino);
  if (!verdict) found.problem = verdict.error();
  if (path.starts_with("bmap")) {
    XFSX_TRY(Value mappings, walk_mappings(g, source, inode, found.where, found.problem));
    found.fields.add(std::move(mappings));
  }
  keep_bytes(found, address, std::move(bytes));
  if (g.version().self_describing) found.checksums.push_back(inode_checksum(at, g));
  return found;
}

Result<Inspection> inspect_unlinked(Geometry const& g, ByteSource& source, u64 number, Lsn head) {
  if (number >= g.ag_count()) return outside("AG", number);
  Header const header = header_of(Kind::agi);
  Daddr const at = g.ag_header(AgNumber(static_cast<u32>(number)), header.sector);
  XFSX_TRY(std::vector<std::byte> const sector, read_bytes(source, at, g.sector_size()));
  Inspection found;
  found.structure = "unlinked";
  found.where = g.locate(at);
  verify(found, header.kind, sector, g, head);
  XFSX_TRY(Value inodes, walk_unlinked(g, source, sector, found.where, found.problem));
  found.fields.add(std::move(inodes));
  return found;
}

/// Takes the verdict on the checksum back.
void mark_unchecked(Value& fields) {
  for (Value& v : fields.items) {
    if (v.kind == Value::Kind::group) mark_unchecked(v);
    if (v.name == "crc") spell_with(spell_hex(v), "not checked");
  }
}

/// Keeps the bytes of a block and what is known of its checksum.
void keep_block(Inspection& found, Geometry const& g, BlockForm const* form, Daddr at,
                std::vector<std::byte>&& bytes) {
  keep_bytes(found, at, std::move(bytes));
  if (form == nullptr || !g.version().self_describing) return;
  if (form->of_directory && g.dir_block_blocks() > 1) {
    found.checksum_elsewhere = true;
  } else if (form->kind == &dquot_kind) {
    constexpr u32 size = sizeof(disk::DquotRecord);
    for (u32 i = 0; i < dquots_per_block(g); ++i) {
      found.checksums.push_back({i * size, size, offsetof(disk::DquotRecord, crc)});
    }
  } else if (form->kind != nullptr) {
    keep_checksum(found, *form->kind, g.version());
  } else {
    for (std::size_t inode = 0; inode + g.inode_size() <= found.bytes.size();
         inode += g.inode_size()) {
      found.checksums.push_back(inode_checksum(inode, g));
    }
  }
}

/// A link target that is longer than a block lies in several under one header and checksum.
Result<std::vector<std::byte>> read_block(Geometry const& g, ByteSource& source, Daddr at) {
  XFSX_TRY(std::vector<std::byte> bytes, read_bytes(source, at, g.block_size()));
  BlockForm const* const form = form_of(bytes, g.version());
  if (form == nullptr || form->kind != &symlink_kind) return bytes;
  u32 const target = view_as<disk::SymlinkHeader>(bytes).bytes.value();
  if (target > disk::symlink_max) return bytes;
  u32 const size =
      round_up<u32>(sizeof(disk::SymlinkHeader) + target, static_cast<u32>(g.block_size()));
  u64 const end = g.data_blocks() << (g.block_log() - 9);
  if (size == bytes.size() || at.raw() + size / basic_block_size > end) return bytes;
  return read_bytes(source, at, size);
}

Result<Inspection> inspect_block(Geometry const& g, ByteSource& source, Daddr at, Lsn head) {
  XFSX_TRY(std::vector<std::byte> bytes, read_block(g, source, at));
  Inspection found;
  found.where = g.locate(at);
  BlockForm const* form = form_of(bytes, g.version());
  if (form == nullptr) {
    found.structure = "unknown";
    return found;
  }
  found.structure = form->name;
  if (form->of_directory && g.dir_block_blocks() > 1) {
    // Its pieces may lie anywhere: without the directory's mappings neither the checksum nor what
    // is not in the first piece can be told.
    found.fields = form->decode(bytes, g);
    mark_unchecked(found.fields);
  } else {
    found.fields = form->decode(bytes, g);
    if (form->kind != nullptr) verify(found, *form->kind, bytes, g, head);
  }
  keep_block(found, g, form, at, std::move(bytes));
  return found;
}

/// Where the root of a tree of an AG is named: the header sector and the field of it.
struct Root {
  Kind tree;
  BlockKind const& block;
  Kind header;
  std::size_t offset;
  u32 ro_feature;  ///< without it there is no such tree; 0 for always
};

Root const roots[] = {
    {Kind::bnobt, bnobt_kind, Kind::agf, offsetof(disk::Agf, bnoroot), 0},
    {Kind::cntbt, cntbt_kind, Kind::agf, offsetof(disk::Agf, cntroot), 0},
    {Kind::rmapbt, rmapbt_kind, Kind::agf, offsetof(disk::Agf, rmaproot), ro_compat::rmapbt},
    {Kind::refcountbt, refcountbt_kind, Kind::agf, offsetof(disk::Agf, refcntroot),
     ro_compat::reflink},
    {Kind::inobt, inobt_kind, Kind::agi, offsetof(disk::Agi, root), 0},
    {Kind::finobt, finobt_kind, Kind::agi, offsetof(disk::Agi, free_root), ro_compat::finobt},
};

/// The root block of a tree. A header that fails its verifier still says where that lies.
Result<Inspection> inspect_root(Geometry const& g, ByteSource& source, Root const& root, u64 number,
                                Lsn head) {
  if (number >= g.ag_count()) return outside("AG", number);
  if (root.ro_feature != 0 && !g.has_ro(root.ro_feature)) {
    return refuse(EINVAL, "the filesystem does not have this tree");
  }
  AgNumber const ag(static_cast<u32>(number));
  Header const header = header_of(root.header);
  Daddr const at = g.ag_header(ag, header.sector);
  XFSX_TRY(std::vector<std::byte> const sector, read_bytes(source, at, g.sector_size()));
  AgBlock const block = view_as<be<AgBlock>>(sector, root.offset).value();
  if (!g.valid(ag, block)) {
    Error e = located(Errc::bad_value, header.kind.name, g.locate(at));
    e.field = "root";
    e.relation = Relation::below;
    e.found.number = block.raw();
    e.expected.number = g.blocks_of(ag);
    return e;
  }
  XFSX_TRY(Inspection found, inspect_block(g, source, g.daddr(ag, block), head));
  if (found.structure == root.block.name) return found;
  Error e = located(Errc::bad_value, root.block.name, found.where);
  e.field = "magic";
  e.reason = "another structure lies where the root should be";
  found.problem = e;
  return found;
}

/// A daddr may name a header sector, a block, or an address inside a block.
Result<Inspection> inspect_daddr(Geometry const& g, ByteSource& source, u64 number, Lsn head) {
  if (number >= g.data_blocks() << (g.block_log() - 9)) return outside("daddr", number);
  Location const where = g.locate(Daddr(number));
  for (Kind const kind : {Kind::superblock, Kind::agf, Kind::agi, Kind::agfl}) {
    if (g.ag_header(where.ag, header_of(kind).sector) != Daddr(number)) continue;
    return inspect_header(g, source, {kind, where.ag.raw(), {}}, head);
  }
  u64 const last = (g.data_blocks() << (g.block_log() - 9)) - g.sectors(BlockCount(1)).raw();
  if (number > last) return outside("daddr", number);
  return inspect_block(g, source, Daddr(number), head);
}

}  // namespace

std::optional<Target> parse_target(std::span<std::string const> arguments) {
  std::vector<std::string> const words = split_words(arguments);
  if (words.empty()) return std::nullopt;
  TargetName const* name = std::ranges::find(target_names, words[0], &TargetName::word);
  if (name == std::ranges::end(target_names)) return std::nullopt;
  Target target{name->kind, 0, {}};
  std::size_t next = 1;
  if (target.kind == Kind::dquot) {
    if (next == words.size()) return std::nullopt;
    QuotaForm const* quota = std::ranges::find(quota_forms, words[next++], &QuotaForm::name);
    if (quota == std::ranges::end(quota_forms)) return std::nullopt;
    target.quota = quota->kind;
  }
  if (name->number != TargetName::Number::none) {
    std::optional<u64> const number =
        next < words.size() ? parse_number(words[next]) : std::nullopt;
    if (!number && name->number == TargetName::Number::required) return std::nullopt;
    if (number) ++next;
    target.number = number.value_or(0);
  }
  if (next < words.size()) target.path = words[next++];
  // The count of links has moved, and kept the name of its second place.
  if (target.kind == Kind::inode && target.path == "core.nlink") target.path = "core.nlinkv2";
  if (next != words.size()) return std::nullopt;
  return target;
}

Result<void> ByteSource::read_realtime(Daddr, Bytes) {
  return refuse(ENODEV, "this is on the realtime device, which was not given (--rt-dev)");
}

Result<Inspection> inspect(Geometry const& geometry, ByteSource& source, Target const& target,
                           Lsn head) {
  switch (target.kind) {
    case Kind::bnobt:
    case Kind::cntbt:
    case Kind::inobt:
    case Kind::finobt:
    case Kind::rmapbt:
    case Kind::refcountbt:
      return inspect_root(geometry, source, *std::ranges::find(roots, target.kind, &Root::tree),
                          target.number, head);
    case Kind::inode:
      return inspect_inode(geometry, source, target.number, target.path);
    case Kind::unlinked:
      return inspect_unlinked(geometry, source, target.number, head);
    case Kind::fsblock: {
      FsBlock const block(target.number);
      bool const inside =
          geometry.fsblock(geometry.ag_of(block), geometry.agblock_of(block)) == block &&
          geometry.agblock_of(block).raw() < geometry.blocks_of(geometry.ag_of(block));
      if (!inside) return outside("fsblock", target.number);
      return inspect_daddr(geometry, source, geometry.daddr(block).raw(), head);
    }
    case Kind::daddr:
      return inspect_daddr(geometry, source, target.number, head);
    case Kind::log:
      return refuse(EINVAL, "the log is inspected by its records");
    case Kind::dquot:
      return inspect_dquot(geometry, source, target.quota, target.number);
    case Kind::rt_bitmap:
    case Kind::rt_summary:
      return inspect_realtime_words(geometry, source, target.kind, target.number);
    case Kind::rt_superblock:
      return inspect_realtime_superblock(geometry, source);
    default:
      return inspect_header(geometry, source, target, head);
  }
}

Value decode_log_record(ConstBytes header) {
  Value fields = Value::group("record");
  if (!fits<disk::LogRecordHeader>(header)) return fields;
  decode_fields(fields, disk::Layout<disk::LogRecordHeader>::fields, header);
  // The checksum covers what follows the header too.
  mark_unchecked(fields);
  return fields;
}

namespace {

/// The checksum covers a sector, whose size the superblock itself says, in two ways.
std::size_t checksummed_size(ConstBytes sector) {
  auto const& sb = view_as<disk::Superblock>(sector);
  for (u64 const size : {u64{sb.sectsize.value()}, u64{1} << (sb.sectlog & 63U)}) {
    if (size >= 512 && size <= sector.size()) return static_cast<std::size_t>(size);
  }
  return std::min<std::size_t>(512, sector.size());
}

}  // namespace

Result<Inspection> inspect_primary(ConstBytes sector, SuperblockLimits const& limits,
                                   bool any_magic) {
  Inspection found;
  found.structure = "sb";
  found.where.kind = AddressKind::daddr;
  found.where.ag = AgNumber(0);
  found.where.agblock = AgBlock(0);
  if (!fits<disk::Superblock>(sector)) {
    return located(Errc::truncated, "sb", found.where);
  }
  Result<Geometry> const geometry = Geometry::from_superblock(sector, limits);
  if (!any_magic && !geometry && geometry.error().code == Errc::not_xfs) {
    return geometry.error();
  }
  ConstBytes const whole = sector.first(checksummed_size(sector));
  keep_bytes(found, Daddr(0), {whole.begin(), whole.end()});
  found.fields = decode_superblock(found.bytes);
  if (!geometry) found.problem = geometry.error();
  u32 const version =
      view_as<disk::Superblock>(sector).versionnum.value() & version_bit::number_mask;
  keep_checksum(found, superblock_kind, version > 4 ? format_v5 : format_v4);
  return found;
}

}  // namespace xfsx::inline v0::inspect
