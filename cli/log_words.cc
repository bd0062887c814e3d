// Sentences about log items.

#include "log_items.h"

#include "base/view.h"
#include "text.h"

#include <fmt/format.h>

namespace xfsx::inline v0::cli {

namespace {

using disk::LogItemType;
using Role = LogItemPart::Role;

template <class T>
T const& structure(LogItemPart const& part) {
  return view_as<T>(part.bytes);
}

template <class T>
T const& format_of(DecodedLogItem const& item) {
  return structure<T>(item.parts.front());
}

std::string plural(u64 n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

std::string named(DecodedLogItem const& item) {
  return std::string(item.name);
}

std::string identified(DecodedLogItem const& item) {
  return fmt::format("{} {:#x}", named(item), intent_id(item));
}

std::string_view word_of(disk::BufferType type) {
  using enum disk::BufferType;
  switch (type) {
    case user_dquot:
      return "user quotas";
    case project_dquot:
      return "project quotas";
    case group_dquot:
      return "group quotas";
    case btree:
      return "btree block";
    case agf:
      return "AGF";
    case agfl:
      return "AGFL";
    case agi:
      return "AGI";
    case inode_cluster:
      return "inodes";
    case symlink:
      return "symlink";
    case dir_block:
    case dir_data:
      return "directory data";
    case dir_free:
      return "directory free index";
    case dir_leaf1:
    case dir_leafn:
      return "directory leaf";
    case da_node:
      return "node";
    case attr_leaf:
      return "attribute leaf";
    case attr_remote:
      return "attribute value";
    case superblock:
      return "superblock";
    case rt_bitmap:
      return "realtime bitmap";
    case rt_summary:
      return "realtime summary";
    case unknown:
      break;
  }
  return "unknown contents";
}

std::string buffer_words(DecodedLogItem const& item) {
  auto const& format = format_of<disk::BufferLogFormat>(item);
  u16 const flags = format.flags.value();
  std::string text = fmt::format("buffer at daddr {} of {}: ", format.blkno.raw(),
                                 plural(format.len.value(), "basic block", "basic blocks"));
  if ((flags & disk::buffer_item_flag::cancel) != 0) return text + "cancelled";
  std::size_t bytes = 0, runs = 0;
  for (LogItemPart const& part : item.parts) {
    if (part.role != Role::chunks) continue;
    bytes += part.bytes.size();
    ++runs;
  }
  auto const type = disk::BufferType(flags >> disk::buffer_item_flag::type_shift);
  text += fmt::format("{}, {} bytes in {}", word_of(type), bytes, plural(runs, "run", "runs"));
  if ((flags & disk::buffer_item_flag::inode_buf) != 0) text += ", links of unlinked inodes only";
  return text;
}

std::string fork_words(std::string_view fork, LogItemPart const& part, bool mappings, bool root) {
  if (mappings) {
    return fmt::format(", {} of the {}", plural(part.bytes.size() / 16, "mapping", "mappings"),
                       fork);
  }
  return fmt::format(", {} of the {} ({} bytes)", root ? "btree root" : "contents", fork,
                     part.bytes.size());
}

template <class Format>
std::string inode_words(Format const& format, DecodedLogItem const& item) {
  namespace field = disk::inode_item_field;
  u32 const fields = format.fields.value();
  auto const& core = structure<disk::LogDinodeV2>(*item.part(Role::core));
  std::string text =
      fmt::format("inode {}: mode {:06o}, size {}, {}", format.ino.raw(), core.mode.value(),
                  core.size.value(), plural(core.nlinkv2.value(), "link", "links"));
  if (LogItemPart const* data = item.part(Role::data_fork)) {
    text += fork_words("data fork", *data, (fields & field::data_extents) != 0,
                       (fields & field::data_broot) != 0);
  }
  if ((fields & field::dev) != 0) text += ", device number";
  if (LogItemPart const* attr = item.part(Role::attr_fork)) {
    text += fork_words("attribute fork", *attr, (fields & field::attr_extents) != 0,
                       (fields & field::attr_broot) != 0);
  }
  return text;
}

/// Calls `each` for the extents of an intent; at most a few are told in words.
template <class T, class F>
std::string listed(DecodedLogItem const& item, F each) {
  constexpr u32 told = 4;
  LogItemPart const* part = item.part(Role::extent);
  if (part == nullptr || part->count == 0) return ": nothing";
  std::string text = ":";
  std::span<T const> const extents = view_array<T>(part->bytes, 0, part->count);
  for (u32 i = 0; i < extents.size() && i < told; ++i) {
    text += (i == 0 ? " " : ", ") + each(extents[i]);
  }
  if (extents.size() > told) text += fmt::format(" and {} more", extents.size() - told);
  return text;
}

template <class T>
std::string free_words(DecodedLogItem const& item) {
  return listed<T>(item, [](T const& e) {
    return fmt::format("free {} from fsblock {}", plural(e.len.value(), "block", "blocks"),
                       e.start.raw());
  });
}

std::string efi_words(DecodedLogItem const& item) {
  LogItemPart const* part = item.part(Role::extent);
  bool const narrow =
      part != nullptr && part->structure == disk::Layout<disk::FreeExtentLog32>::name;
  return identified(item) +
         (narrow ? free_words<disk::FreeExtentLog32>(item) : free_words<disk::FreeExtentLog>(item));
}

std::string_view rmap_verb(u32 flags) {
  constexpr std::string_view verbs[] = {
      "?",        "map", "map shared", "unmap", "unmap shared", "convert", "convert shared",
      "allocate", "free"};
  u32 const verb = flags & 0xff;
  return verb < std::size(verbs) ? verbs[verb] : verbs[0];
}

std::string_view count_verb(u32 flags) {
  constexpr std::string_view verbs[] = {"?", "increase", "decrease", "begin copying",
                                        "end copying"};
  u32 const verb = flags & 0xff;
  return verb < std::size(verbs) ? verbs[verb] : verbs[0];
}

std::string mapping_words(DecodedLogItem const& item, bool of_file) {
  return identified(item) +
         listed<disk::MapExtentLog>(item, [of_file](disk::MapExtentLog const& e) {
           u32 const flags = e.flags.value();
           std::string_view const verb =
               of_file ? ((flags & 0xff) == 2 ? "unmap" : "map") : rmap_verb(flags);
           bool const attr = (flags & (1U << 31)) != 0;
           return fmt::format("{} {} from fsblock {} at offset {} of owner {}{}", verb,
                              plural(e.len.value(), "block", "blocks"), e.startblock.raw(),
                              e.startoff.raw(), static_cast<s64>(e.owner.value()),
                              attr ? " (attribute fork)" : "");
         });
}

std::string count_words(DecodedLogItem const& item) {
  return identified(item) + listed<disk::CountExtentLog>(item, [](disk::CountExtentLog const& e) {
           return fmt::format("{} {} from fsblock {}", count_verb(e.flags.value()),
                              plural(e.len.value(), "block", "blocks"), e.startblock.raw());
         });
}

std::string attri_words(DecodedLogItem const& item) {
  auto const& format = format_of<disk::AttriLogFormat>(item);
  constexpr std::string_view verbs[] = {"?",
                                        "set",
                                        "remove",
                                        "replace",
                                        "set parent pointer",
                                        "remove parent pointer",
                                        "replace parent pointer"};
  std::string const name = escape(text_of(item.part(Role::name)->bytes), true);
  return fmt::format("{}: {} \"{}\" of inode {}", identified(item), verbs[format.op_flags.value()],
                     name, format.ino.raw());
}

template <class T>
std::string exchange_words(DecodedLogItem const& item) {
  auto const& format = format_of<T>(item);
  return fmt::format("{}: exchange {} of inode {} from offset {} and inode {} from offset {}{}",
                     identified(item), plural(format.blockcount.value(), "block", "blocks"),
                     format.inode1.raw(), format.startoff1.raw(), format.inode2.raw(),
                     format.startoff2.raw(), (format.flags.value() & 2) != 0 ? ", and sizes" : "");
}

std::string icreate_words(DecodedLogItem const& item) {
  auto const& format = format_of<disk::IcreateLogFormat>(item);
  return fmt::format("{} made at AG {} agblock {}, {}",
                     plural(format.count.value(), "inode", "inodes"), format.ag.raw(),
                     format.agbno.raw(), plural(format.length.value(), "block", "blocks"));
}

std::string dquot_words(DecodedLogItem const& item) {
  auto const& dquot = structure<disk::Dquot>(*item.part(Role::dquot));
  u32 const type = dquot.type & 7U;
  return fmt::format("quota of {} {}: {}, {} in use",
                     type == 1   ? "user"
                     : type == 2 ? "project"
                                 : "group",
                     dquot.id.value(), plural(dquot.bcount.value(), "block", "blocks"),
                     plural(dquot.icount.value(), "inode", "inodes"));
}

}  // namespace

std::string lsn_words(Lsn lsn) {
  return fmt::format("{}:{}", lsn.cycle(), lsn.block().raw());
}

std::string log_item_words(DecodedLogItem const& item) {
  switch (item.type) {
    case LogItemType::buffer:
      return buffer_words(item);
    case LogItemType::inode:
      return item.parts.front().structure == disk::Layout<disk::InodeLogFormat>::name
                 ? inode_words(format_of<disk::InodeLogFormat>(item), item)
                 : inode_words(format_of<disk::InodeLogFormat32>(item), item);
    case LogItemType::efi:
    case LogItemType::efi_rt:
    case LogItemType::efd:
    case LogItemType::efd_rt:
      return efi_words(item);
    case LogItemType::rui:
    case LogItemType::rui_rt:
      return mapping_words(item, false);
    case LogItemType::bui:
      return mapping_words(item, true);
    case LogItemType::cui:
    case LogItemType::cui_rt:
      return count_words(item);
    case LogItemType::attri:
      return attri_words(item);
    case LogItemType::xmi:
      return item.parts.front().structure == disk::Layout<disk::SxiLogFormat>::name
                 ? exchange_words<disk::SxiLogFormat>(item)
                 : exchange_words<disk::XmiLogFormat>(item);
    case LogItemType::icreate:
      return icreate_words(item);
    case LogItemType::dquot:
      return dquot_words(item);
    case LogItemType::quotaoff:
      return fmt::format("quotas switched off: {:#x}",
                         format_of<disk::QuotaoffLogFormat>(item).flags.value());
    default:
      return identified(item) + ": done";
  }
}

}  // namespace xfsx::inline v0::cli
