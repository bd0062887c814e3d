#include "inspect/inspect.h"

#include "base/view.h"
#include "disk/ag.h"
#include "disk/log.h"
#include "format/verify_ag.h"
#include "format/verify_inode.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <algorithm>
#include <charconv>

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
    {"inode", Kind::inode, TargetName::Number::required},
    {"fsblock", Kind::fsblock, TargetName::Number::required},
    {"daddr", Kind::daddr, TargetName::Number::required},
    {"log", Kind::log, TargetName::Number::none},
};

std::optional<u64> parse_number(std::string_view text) {
  int const base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  u64 n = 0;
  auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), n, base);
  if (text.empty() || status != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return n;
}

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
      return decode_agi(sector);
    case Kind::agfl:
      return decode_agfl(sector);
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
  XFSX_TRY(std::vector<std::byte> const sector, read_bytes(source, at, g.sector_size()));
  Inspection found;
  found.structure = header.kind.name;
  found.where = g.locate(at);
  found.fields = decode_header(target.kind, sector, g);
  // The copies of the superblock are as old as the last growth or mkfs: only the first is in use.
  if (target.kind == Kind::superblock && target.number != 0) head = Lsn(0);
  verify(found, header.kind, sector, g, head);
  return found;
}

Result<Inspection> inspect_inode(Geometry const& g, ByteSource& source, u64 number) {
  InodeNumber const ino(number);
  if (!g.valid(ino)) return outside("inode", number);
  u32 const agino = g.agino_of(ino).raw();
  AgBlock const block(agino / g.inodes_per_block());
  Daddr const address = g.daddr(g.ag_of(ino), block);
  XFSX_TRY(std::vector<std::byte> const bytes, read_bytes(source, address, g.block_size()));
  std::size_t const at = std::size_t{agino % g.inodes_per_block()} * g.inode_size();
  ConstBytes const inode = ConstBytes(bytes).subspan(at, g.inode_size());
  Inspection found;
  found.structure = "inode";
  found.where = g.locate(address);
  found.where.owner = ino;
  found.fields = decode_inode(inode, g);
  Result<void> const verdict = verify_inode(inode, {g, found.where}, ino);
  if (!verdict) found.problem = verdict.error();
  return found;
}

/// Takes the verdict on the checksum back.
void mark_unchecked(Value& fields) {
  for (Value& v : fields.items) {
    if (v.kind == Value::Kind::group) mark_unchecked(v);
    if (v.name == "crc") spell_with(spell_hex(v), "not checked");
  }
}

Result<Inspection> inspect_block(Geometry const& g, ByteSource& source, Daddr at, Lsn head) {
  XFSX_TRY(std::vector<std::byte> bytes, read_bytes(source, at, g.block_size()));
  Inspection found;
  found.where = g.locate(at);
  BlockForm const* form = form_of(bytes);
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
    return found;
  }
  found.fields = form->decode(bytes, g);
  if (form->kind != nullptr) verify(found, *form->kind, bytes, g, head);
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
  if (name->number != TargetName::Number::none) {
    std::optional<u64> const number =
        next < words.size() ? parse_number(words[next]) : std::nullopt;
    if (!number && name->number == TargetName::Number::required) return std::nullopt;
    if (number) ++next;
    target.number = number.value_or(0);
  }
  if (next < words.size()) target.path = words[next++];
  if (next != words.size()) return std::nullopt;
  return target;
}

Result<Inspection> inspect(Geometry const& geometry, ByteSource& source, Target const& target,
                           Lsn head) {
  switch (target.kind) {
    case Kind::inode:
      return inspect_inode(geometry, source, target.number);
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

Result<Inspection> inspect_primary(ConstBytes sector, SuperblockLimits const& limits) {
  Inspection found;
  found.structure = "sb";
  found.where.kind = AddressKind::daddr;
  found.where.ag = AgNumber(0);
  found.where.agblock = AgBlock(0);
  if (!fits<disk::Superblock>(sector)) {
    return located(Errc::truncated, "sb", found.where);
  }
  Result<Geometry> const geometry = Geometry::from_superblock(sector, limits);
  if (!geometry && geometry.error().code == Errc::not_xfs) return geometry.error();
  // The checksum covers a sector, whose size the superblock itself says.
  u32 const size = view_as<disk::Superblock>(sector).sectsize.value();
  bool const sane = size >= sizeof(disk::Superblock) && size <= sector.size();
  found.fields = decode_superblock(sane ? sector.first(size) : sector);
  if (!geometry) found.problem = geometry.error();
  return found;
}

}  // namespace xfsx::inline v0::inspect
