#include "inspect/registry.h"

#include "disk/ag.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "disk/dir.h"
#include "disk/inode.h"
#include "disk/log.h"
#include "disk/log_items.h"
#include "disk/parent.h"
#include "disk/quota.h"
#include "disk/realtime.h"
#include "disk/superblock.h"
#include "disk/symlink.h"

#include <fmt/format.h>

namespace xfsx::inline v0::inspect {

namespace {

template <class T>
constexpr Structure row() {
  Structure structure{
      disk::Layout<T>::name, disk::Layout<T>::doc, sizeof(T), disk::Layout<T>::fields, {}};
  if constexpr (requires { disk::Layout<T>::bits; }) structure.bits = disk::Layout<T>::bits;
  return structure;
}

constexpr Structure superblock[] = {row<disk::Superblock>()};

constexpr Structure ag_headers[] = {row<disk::Agf>(), row<disk::Agi>(), row<disk::Agfl>()};

constexpr Structure btrees[] = {
    row<disk::BtreeShortBlock>(),   row<disk::BtreeLongBlock>(),   row<disk::BmdrBlock>(),
    row<disk::AllocRecord>(),       row<disk::InobtRecord>(),      row<disk::InobtKey>(),
    row<disk::RmapRecord>(),        row<disk::RmapKey>(),          row<disk::RefcountRecord>(),
    row<disk::RefcountKey>(),       row<disk::BmbtRecord>(),       row<disk::BmbtKey>(),
    row<disk::BtreeShortBlockV4>(), row<disk::BtreeLongBlockV4>(),
};

constexpr Structure inodes[] = {row<disk::Dinode>(), row<disk::DinodeV2>()};

constexpr Structure directories[] = {
    row<disk::DirShortHeader>(),  row<disk::DirShortEntry>(),   row<disk::DirDataHeader>(),
    row<disk::DirFreeRegion>(),   row<disk::DirDataEntry>(),    row<disk::DirDataUnused>(),
    row<disk::DirLeafEntry>(),    row<disk::DirBlockTail>(),    row<disk::DaBlockInfo>(),
    row<disk::DirLeafHeader>(),   row<disk::DirLeafTail>(),     row<disk::DaNodeHeader>(),
    row<disk::DaNodeEntry>(),     row<disk::DirFreeHeader>(),   row<disk::DirDataHeaderV4>(),
    row<disk::DaBlockInfoV4>(),   row<disk::DirLeafHeaderV4>(), row<disk::DaNodeHeaderV4>(),
    row<disk::DirFreeHeaderV4>(),
};

constexpr Structure attributes[] = {
    row<disk::AttrShortHeader>(),  row<disk::AttrShortEntry>(),   row<disk::AttrLeafHeader>(),
    row<disk::AttrLeafEntry>(),    row<disk::AttrLocalName>(),    row<disk::AttrRemoteName>(),
    row<disk::AttrRemoteHeader>(), row<disk::AttrLeafHeaderV4>(), row<disk::ParentRecord>(),
};

constexpr Structure symlinks[] = {row<disk::SymlinkHeader>()};

constexpr Structure quota[] = {row<disk::Dquot>(), row<disk::DquotRecord>()};

constexpr Structure realtime[] = {row<disk::RtSuperblock>(), row<disk::RtBufferHeader>()};

constexpr Structure log[] = {
    row<disk::LogRecordHeader>(),   row<disk::LogRecordExtended>(), row<disk::LogOpHeader>(),
    row<disk::TransactionHeader>(), row<disk::UnmountRecord>(),     row<disk::BufferLogFormat>(),
    row<disk::InodeLogFormat>(),
};

constexpr Structure log_items[] = {
    row<disk::InodeLogFormat32>(), row<disk::LogDinodeV2>(),    row<disk::LogDinode>(),
    row<disk::IntentLogFormat>(),  row<disk::DoneLogFormat>(),  row<disk::FreeExtentLog>(),
    row<disk::FreeExtentLog32>(),  row<disk::MapExtentLog>(),   row<disk::CountExtentLog>(),
    row<disk::AttriLogFormat>(),   row<disk::XmiLogFormat>(),   row<disk::SxiLogFormat>(),
    row<disk::IcreateLogFormat>(), row<disk::DquotLogFormat>(), row<disk::QuotaoffLogFormat>(),
};

constexpr Family table[] = {
    {"superblock", "Superblock",
     "The first sector of every allocation group. The first one is in use, the others are copies.",
     superblock},
    {"ag-headers", "Headers of an allocation group", "Sectors 1, 2 and 3 of each group.",
     ag_headers},
    {"btrees", "Btrees",
     "A leaf holds records from the end of its header on. A node holds keys there; its pointers "
     "begin behind room for as many keys as fit.",
     btrees},
    {"inodes", "Inodes", "The core; the forks follow it.", inodes},
    {"directories", "Directories",
     "A small directory lies in its inode. Otherwise data blocks hold the entries, and an index by "
     "the hash of the name leads to them.",
     directories},
    {"attributes", "Extended attributes",
     "A few lie in the inode. Otherwise leaves hold names and small values; large values have "
     "blocks of their own.",
     attributes},
    {"symlinks", "Symbolic links", "A target that does not fit the inode.", symlinks},
    {"quota", "Quota",
     "Blocks of quota files are full of dquots by rising id. The log carries the first part alone.",
     quota},
    {"realtime", "Realtime section",
     "A bitmap of its free extents and a summary of that, each a file: without groups nothing but "
     "words of 32 bits in the byte order of the machine, with groups one of each to a group, a "
     "header before the words of each block, and these big-endian. Owners and sharing of realtime "
     "blocks are in btrees whose roots are inodes.",
     realtime},
    {"log", "Log",
     "What records are made of. Integers inside items are in the byte order of the machine that "
     "wrote them.",
     log},
    {"log-items", "Log items",
     "What a transaction changes besides buffers: inodes, dquots, and intents with what they are "
     "about, each answered by a done item.",
     log_items},
};

std::string_view shown(disk::Show show) {
  switch (show) {
    case disk::Show::hex:
      return "hexadecimal";
    case disk::Show::decimal:
      return "decimal";
    case disk::Show::text:
      return "text";
    case disk::Show::uuid:
      return "UUID";
    case disk::Show::crc:
      return "checksum";
    case disk::Show::lsn:
      return "LSN";
    case disk::Show::agnumber:
      return "AG";
    case disk::Show::agblock:
      return "agblock";
    case disk::Show::fsblock:
      return "fsblock";
    case disk::Show::daddr:
      return "daddr";
    case disk::Show::inode:
      return "inode";
    case disk::Show::agino:
      return "inode of the AG";
    case disk::Show::fileblock:
      return "file block";
    case disk::Show::owner:
      return "owner";
    case disk::Show::timestamp:
      return "time";
    case disk::Show::padding:
      return "padding";
  }
  return {};
}

std::string_view byte_order(disk::Order order) {
  switch (order) {
    case disk::Order::big:
      return "big";
    case disk::Order::little:
      return "little";
    case disk::Order::bytes:
      break;
  }
  return "bytes";
}

void write_fields(std::string& out, Structure const& s) {
  out += "| offset | bytes | order | field | shown as | meaning |\n|---|---|---|---|---|---|\n";
  for (disk::Field const& f : s.fields) {
    std::string const size =
        f.count == 1 ? fmt::format("{}", f.size) : fmt::format("{} x {}", f.count, f.size);
    out += fmt::format("| {} | {} | {} | `{}` | {} | {} |\n", f.offset, size, byte_order(f.order),
                       f.name, shown(f.show), f.doc);
  }
}

void write_bits(std::string& out, Structure const& s) {
  out += "\nIn bits, the most significant bit of the first byte being bit 0:\n\n";
  out += "| bit | width | field | shown as | meaning |\n|---|---|---|---|---|\n";
  for (disk::BitField const& f : s.bits) {
    out += fmt::format("| {} | {} | `{}` | {} | {} |\n", f.offset, f.width, f.name, shown(f.show),
                       f.doc);
  }
}

/// Words of `text`, in lines of at most `width` columns.
std::string wrapped(std::string_view text, std::size_t width = 100) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    std::size_t const end = std::min(text.find(' '), text.size());
    if (column != 0) {
      bool const fits = column + 1 + end <= width;
      out += fits ? ' ' : '\n';
      column = fits ? column + 1 : 0;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + "\n";
}

constexpr std::string_view origin =
    "<!-- Made by `xfsx document --out docs/format` from the field tables. -->\n\n";

}  // namespace

std::span<Family const> families() {
  return table;
}

std::string to_markdown(Family const& family) {
  std::string out(origin);
  out += fmt::format("# {}\n\n{}", family.title, wrapped(family.intro));
  for (Structure const& s : family.structures) {
    out +=
        fmt::format("\n## {}\n\n{}\n", s.name, wrapped(fmt::format("{} {} bytes.", s.doc, s.size)));
    write_fields(out, s);
    if (!s.bits.empty()) write_bits(out, s);
  }
  return out;
}

std::string markdown_index() {
  std::string out(origin);
  out += "# On-disk structures\n\n";
  out += wrapped(
      "What `xfsx inspect` shows, what error messages name and what the fuzzer changes, by the "
      "same "
      "tables. Offsets are bytes from the start of the structure.");
  out += "\n| page | structures |\n|---|---|\n";
  for (Family const& family : table) {
    std::string names;
    for (Structure const& s : family.structures) {
      names += fmt::format("{}`{}`", names.empty() ? "" : ", ", s.name);
    }
    out += fmt::format("| [{}]({}.md) | {} |\n", family.title, family.name, names);
  }
  out +=
      "\n[unchecked-fields](unchecked-fields.md): which fields a structure alone does not judge.\n";
  return out;
}

}  // namespace xfsx::inline v0::inspect
