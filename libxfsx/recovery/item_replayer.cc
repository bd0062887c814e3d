#include "recovery/item_replayer.h"

#include "base/checked.h"
#include "base/crc32c.h"
#include "base/view.h"
#include "btree/node.h"
#include "disk/inode.h"
#include "disk/log.h"
#include "disk/log_items.h"
#include "disk/superblock.h"
#include "format/checked_view.h"
#include "format/inode_view.h"
#include "format/verify_btree.h"
#include "log/assemble.h"
#include "log/log_reader.h"
#include "recovery/block_identity.h"
#include "recovery/replay_inode.h"
#include "txn/newer_block.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::BufferLogFormat;
using disk::BufferType;
using disk::Dinode;
namespace flag = disk::buffer_item_flag;

constexpr std::size_t unlinked_offset = offsetof(Dinode, next_unlinked);

BufferLogFormat const& buffer_format(DecodedLogItem const& item) {
  return view_as<BufferLogFormat>(item.parts.front().bytes);
}

BufferType type_of(BufferLogFormat const& format) {
  return BufferType(format.flags.value() >> flag::type_shift);
}

Error at_operation(Error e, ItemReplayer::Source const& source) {
  return with_operation(e, source.operation);
}

/// The kinds of quota whose dquots a type of buffers holds; 0 for other buffers.
u8 dquot_type_of(BufferType type) {
  if (type == BufferType::user_dquot) return disk::dquot_type::user;
  if (type == BufferType::group_dquot) return disk::dquot_type::group;
  return type == BufferType::project_dquot ? disk::dquot_type::project : 0;
}

}  // namespace

ItemReplayer::ItemReplayer(ReplayedBlocks& blocks, Geometry const& geometry,
                           CancelledBlocks* cancelled)
    : blocks_(blocks),
      geometry_(geometry),
      cancelled_(cancelled),
      device_sectors_(blocks.device().info().size / basic_block_size) {}

/// No image may lie behind the end of the device, or in the log that it comes from, or be longer
/// than the longest block of metadata.
Result<void> ItemReplayer::check_place(Daddr daddr, u64 length, std::string_view structure,
                                       Source const& source) const {
  constexpr u64 longest = u64{log_max_chunks} * log_chunk_size / basic_block_size;
  bool ok = length > 0 && length <= longest && range_inside(daddr.raw(), length, device_sectors_);
  if (ok && geometry_.has_internal_log()) {
    u64 const log = geometry_.daddr(geometry_.log_start()).raw();
    u64 const end = log + geometry_.sectors(BlockCount(geometry_.log_blocks())).raw();
    ok = daddr.raw() + length <= log || daddr.raw() >= end;
  }
  if (ok) return success();
  Error e = located(Errc::bad_value, structure, log_location(source.block));
  e.field = "blkno";
  e.relation = Relation::below;
  e.found.number = daddr.raw();
  e.expected.number = device_sectors_;
  return at_operation(e, source);
}

Result<void> ItemReplayer::replay(DecodedLogItem const& item, Source const& source) {
  switch (item.type) {
    case disk::LogItemType::buffer:
      return buffer(item, source);
    case disk::LogItemType::inode:
      return inode(item, source);
    case disk::LogItemType::icreate:
      return icreate(item, source);
    case disk::LogItemType::dquot:
      return dquot(item, source);
    default:
      return success();
  }
}

void ItemReplayer::add_extents(DecodedLogItem const& item, Wanted& wanted) const {
  BlockExtent extent{};
  if (item.type == disk::LogItemType::buffer) {
    BufferLogFormat const& format = buffer_format(item);
    if ((format.flags.value() & flag::cancel) != 0) return;
    extent = {format.blkno.value(), SectorCount(format.len.value())};
  } else if (item.type == disk::LogItemType::inode) {
    InodeItemHead const head = inode_item_head(item);
    extent = {head.cluster, SectorCount(head.length)};
  } else if (item.type == disk::LogItemType::icreate) {
    auto const& format = view_as<disk::IcreateLogFormat>(item.parts.front().bytes);
    if (!check_icreate(format, {})) return;
    for (Daddr const daddr : created_clusters(format)) wanted.created.insert(daddr.raw());
    return;
  } else {
    return;
  }
  if (wanted.created.contains(extent.daddr.raw())) return;
  if (is_cancelled(extent.daddr, extent.length.raw())) return;
  if (!check_place(extent.daddr, extent.length.raw(), {}, {})) return;
  wanted.extents.push_back(extent);
}

// Blocks

void ItemReplayer::copy_chunks(DecodedLogItem const& item, ReplayedBlock& block) const {
  for (LogItemPart const& part : item.parts) {
    if (part.role != LogItemPart::Role::chunks) continue;
    std::ranges::copy(part.bytes, block.data.bytes().subspan(part.offset).begin());
    block.dirty.set_range(part.offset, part.bytes.size());
  }
}

/// Of an inode cluster that is logged as a block, pointers to the next unlinked inode are meant.
Result<void> ItemReplayer::copy_unlinked(DecodedLogItem const& item, Source const& source,
                                         ReplayedBlock& block) const {
  Bytes const cluster = block.data.bytes();
  u32 const size = geometry_.inode_size();
  for (LogItemPart const& part : item.parts) {
    if (part.role != LogItemPart::Role::chunks) continue;
    for (std::size_t at = 0; at + size <= cluster.size(); at += size) {
      std::size_t const from = at + unlinked_offset;
      if (from < part.offset || from + 4 > part.offset + part.bytes.size()) continue;
      AgInode const next = view_as<be<AgInode>>(part.bytes, from - part.offset).value();
      if (next.raw() == 0) {
        Error e = located(Errc::bad_value, "log_buf", log_location(source.block));
        e.field = "next_unlinked";
        e.relation = Relation::not_equal;
        return at_operation(e, source);
      }
      Bytes const inode = cluster.subspan(at, size);
      auto& core = edit_as<Dinode>(inode);
      core.next_unlinked = next;
      if (geometry_.version().self_describing) {
        crc32c_stamp(inode, offsetof(Dinode, crc));
      }
      block.dirty.set_range(from, 4);
    }
  }
  return success();
}

/// Puts an image over what lies there, unless that is as new. The LSN stays what it is on the
/// device; a block that changes its kind has none.
Result<void> ItemReplayer::replay_image(DecodedLogItem const& item, Source const& source,
                                        ReplayedBlock& block) {
  Bytes const bytes = block.data.bytes();
  BlockKind const* const before = identify(geometry_, bytes);
  Lsn const lsn = before == nullptr ? Lsn(0) : lsn_of(*before, bytes);
  if (counts_as_lsn(lsn) && lsn >= source.lsn) {
    ++skipped_;
    return success();
  }
  copy_chunks(item, block);
  BlockKind const* const after = identify(geometry_, bytes);
  if (after == nullptr) return success();
  bool const same = before != nullptr && before->lsn == after->lsn;
  edit_as<be<Lsn>>(bytes, after->lsn) = same ? lsn : Lsn(0);
  block.dirty.set_range(after->lsn, sizeof(Lsn));
  return success();
}

/// Dquots are kept where the superblock says that they are counted: it has not been told otherwise.
Result<bool> ItemReplayer::keeps_quota(u8 type) {
  if ((quota_off_ & type) != 0) return false;
  SectorCount const sector(geometry_.sector_size() / basic_block_size);
  XFSX_TRY(ReplayedBlock* const block, blocks_.edit(Daddr(0), sector, BufferType::superblock));
  u16 const flags = view_as<disk::Superblock>(block->data.bytes()).qflags.value();
  return std::ranges::any_of(quota_forms, [&](QuotaForm const& form) {
    return form.type == type && (flags & form.accounted) != 0;
  });
}

void ItemReplayer::quota_off(u32 flags) {
  for (QuotaForm const& form : quota_forms) {
    if ((flags & form.accounted) != 0) quota_off_ |= form.type;
  }
}

Result<void> ItemReplayer::cancel(Daddr daddr, u64 length) {
  if (cancelled_ != nullptr) {
    cancelled_->pass(daddr, length);
    return success();
  }
  called_off_[daddr.raw()] = inodes_.size();
  if (blocks_.call_off(daddr, SectorCount(length))) return success();
  return refuse(EAGAIN, "what is called off cannot be told from what is not");
}

std::vector<u64> ItemReplayer::inodes(Which which) const {
  std::vector<u64> numbers;
  for (std::size_t i = 0; i < inodes_.size(); ++i) {
    if (which == Which::replayed && !inodes_[i].replayed) continue;
    auto const end = called_off_.find(inodes_[i].cluster);
    if (end == called_off_.end() || end->second <= i) numbers.push_back(inodes_[i].number);
  }
  std::ranges::sort(numbers);
  auto const [first, last] = std::ranges::unique(numbers);
  numbers.erase(first, last);
  return numbers;
}

Result<void> ItemReplayer::buffer(DecodedLogItem const& item, Source const& source) {
  BufferLogFormat const& format = buffer_format(item);
  Daddr const daddr = format.blkno.value();
  u64 const length = format.len.value();
  if ((format.flags.value() & flag::cancel) != 0) {
    return cancel(daddr, length);
  }
  BufferType const type = type_of(format);
  u8 const quota = dquot_type_of(type);
  bool wanted = !is_cancelled(daddr, length);
  if (wanted && quota != 0) {
    XFSX_TRY(wanted, keeps_quota(quota));
  }
  if (!wanted) {
    ++skipped_;
    return success();
  }
  XFSX_TRYV(check_place(daddr, length, disk::Layout<BufferLogFormat>::name, source));
  XFSX_TRY(ReplayedBlock* const block, blocks_.edit(daddr, SectorCount(length), type));
  if ((format.flags.value() & flag::inode_buf) != 0) return copy_unlinked(item, source, *block);
  return replay_image(item, source, *block);
}

// Inodes

Result<void> ItemReplayer::inode(DecodedLogItem const& item, Source const& source) {
  InodeItemHead const head = inode_item_head(item);
  if (is_cancelled(head.cluster, head.length)) {
    ++skipped_;
    return success();
  }
  XFSX_TRYV(check_place(head.cluster, head.length, item.parts.front().structure, source));
  u32 const size = geometry_.inode_size();
  if (head.offset % size != 0 ||
      !range_inside<u64>(head.offset, size, u64{head.length} * basic_block_size)) {
    Error e = located(Errc::bad_value, item.parts.front().structure, log_location(source.block));
    e.field = "boffset";
    e.relation = Relation::multiple_of;
    e.found.number = head.offset;
    e.expected.number = size;
    return at_operation(e, source);
  }
  XFSX_TRY(ReplayedBlock* const block,
           blocks_.edit(head.cluster, SectorCount(head.length), BufferType::inode_cluster));
  Location where = geometry_.locate(head.cluster);
  where.owner = head.number;
  Bytes const inode = block->data.bytes().subspan(head.offset, size);
  XFSX_TRY(bool const replayed, replay_inode(item, source.lsn, geometry_, where, inode));
  inodes_.push_back({head.number.raw(), head.cluster.raw(), replayed});
  if (replayed) {
    if (geometry_.version().self_describing) crc32c_stamp(inode, offsetof(Dinode, crc));
    block->dirty.set_range(head.offset, size);
  } else {
    ++skipped_;
  }
  if ((head.fields & (data_owner_changes | attr_owner_changes)) == 0) return success();
  owners_changed_ = true;
  // The change of owners belongs to the transaction even where the inode is newer.
  std::vector<std::byte> const now(inode.begin(), inode.end());
  return change_owners(item, now, where);
}

Result<void> ItemReplayer::change_owners(DecodedLogItem const& item, ConstBytes inode,
                                         Location const& where) {
  u32 const fields = inode_item_head(item).fields;
  InodeView const view(inode);
  if (view.mode() == 0 || !view.is_v3()) return success();
  // An inode that is newer than the item has passed no verifier.
  u32 const most = std::min<u32>(view.literal_size() / 8, 255);
  XFSX_TRYV(
      CheckedView<Dinode>(view.core(), where).at_most(view.core().forkoff, static_cast<u8>(most)));
  bool const data = disk::ForkFormat(view.core().format) == disk::ForkFormat::btree;
  if ((fields & data_owner_changes) != 0 && data) {
    XFSX_TRYV(change_tree(view.literal().first(view.data_fork_size()), where.owner));
  }
  bool const attr =
      view.has_attr_fork() && disk::ForkFormat(view.core().aformat) == disk::ForkFormat::btree;
  if ((fields & attr_owner_changes) == 0 || !attr) return success();
  return change_tree(view.literal().last(view.attr_fork_size()), where.owner);
}

/// Every block of a mapping btree, level by level: a block that two others name is met once.
Result<void> ItemReplayer::change_tree(ConstBytes fork, InodeNumber number) {
  if (!fits<disk::BmdrBlock>(fork)) return success();
  u32 level = view_as<disk::BmdrBlock>(fork).level.value();
  u32 const count = view_as<disk::BmdrBlock>(fork).numrecs.value();
  bool const possible =
      level < max_bmbt_height && count <= BtreeNode<Bmbt>::fork_root_max(fork.size());
  if (!possible || level == 0) return success();
  BtreeNode<Bmbt> const root = BtreeNode<Bmbt>::of_fork(fork);
  std::set<FsBlock> blocks;
  for (u32 i = 0; i < count; ++i) blocks.insert(root.pointer(i));
  while (level > 0) {
    --level;
    std::set<FsBlock> below;
    for (FsBlock const block : blocks) {
      XFSX_TRYV(change_owner(block, level, number, below));
    }
    blocks = std::move(below);
  }
  return success();
}

Result<void> ItemReplayer::change_owner(FsBlock at, u32 level, InodeNumber number,
                                        std::set<FsBlock>& below) {
  BlockCount const one(1);
  if (!geometry_.valid(at, one) || geometry_.overlaps_log(at, one)) return success();
  XFSX_TRY(ReplayedBlock* const block,
           blocks_.edit(geometry_.daddr(at), geometry_.sectors(one), BufferType::btree));
  Bytes const bytes = block->data.bytes();
  if (identify(geometry_, bytes) != &bmbt_kind) return success();
  auto& head = edit_as<disk::BtreeLongBlock>(bytes);
  if (head.level.value() != level) return success();
  head.owner = number;
  block->dirty.set_range(0, sizeof(disk::BtreeLongBlock));
  BtreeNode<Bmbt> const node = BtreeNode<Bmbt>::of_block(bytes, geometry_.version());
  u32 const most = Bmbt::shape.on(geometry_.version()).max_records(bytes.size(), level);
  if (level == 0 || node.count() > most) return success();
  for (u32 i = 0; i < node.count(); ++i) below.insert(node.pointer(i));
  return success();
}

void ItemReplayer::make_inode(Bytes inode, InodeNumber number, u32 generation) const {
  std::ranges::fill(inode, std::byte{0});
  auto& core = edit_as<Dinode>(inode);
  core.magic = disk::inode_magic;
  core.version = 3;
  core.gen = generation;
  core.next_unlinked = null_agino;
  core.inumber = number;
  core.uuid = geometry_.meta_uuid();
  crc32c_stamp(inode, offsetof(Dinode, crc));
}

/// A chunk of inodes, or the part of one that sparse chunks are made of. How many AGs there are may
/// be in the log too.
Result<void> ItemReplayer::check_icreate(disk::IcreateLogFormat const& format,
                                         Source const& source) const {
  CheckedView<disk::IcreateLogFormat> const view(format, log_location(source.block));
  XFSX_TRYV(view.equal(format.isize, geometry_.inode_size()));
  u32 const in_block = geometry_.inodes_per_block();
  u32 const length = format.length.value(), first = format.agbno.value().raw();
  XFSX_TRYV(view.at_least<u32>(format.length, 1));
  XFSX_TRYV(view.at_most(format.length, std::max(inodes_per_chunk / in_block, 1U)));
  u32 const step = std::min(geometry_.cluster_blocks(), length);
  XFSX_TRYV(view.require(length % step == 0, format.length, step, Relation::multiple_of));
  XFSX_TRYV(view.equal(format.count, length * in_block));
  u64 const ags = device_sectors_ / geometry_.sectors(BlockCount(geometry_.ag_blocks())).raw();
  XFSX_TRYV(view.require(format.ag.value().raw() <= ags, format.ag, ags, Relation::at_most));
  bool const inside = first != 0 && range_inside<u64>(first, length, geometry_.ag_blocks());
  XFSX_TRYV(view.require(inside, format.agbno, geometry_.ag_blocks(), Relation::below));
  SectorCount const cluster = geometry_.sectors(BlockCount(step));
  for (u32 at = 0; at < length; at += step) {
    XFSX_TRYV(check_place(geometry_.daddr(format.ag.value(), AgBlock(first + at)), cluster.raw(),
                          disk::Layout<disk::IcreateLogFormat>::name, source));
  }
  return success();
}

/// Blocks of a buffer of inodes.
u32 ItemReplayer::cluster_step(disk::IcreateLogFormat const& format) const {
  return std::min(geometry_.cluster_blocks(), format.length.value());
}

std::vector<Daddr> ItemReplayer::created_clusters(disk::IcreateLogFormat const& format) const {
  std::vector<Daddr> clusters;
  u32 const step = cluster_step(format);
  for (u32 at = 0; at < format.length.value(); at += step) {
    AgBlock const first(format.agbno.value().raw() + at);
    clusters.push_back(geometry_.daddr(format.ag.value(), first));
  }
  return clusters;
}

Result<void> ItemReplayer::icreate(DecodedLogItem const& item, Source const& source) {
  auto const& format = view_as<disk::IcreateLogFormat>(item.parts.front().bytes);
  Result<void> const meant = check_icreate(format, source);
  if (!meant) return at_operation(meant.error(), source);
  u32 const step = cluster_step(format);
  SectorCount const cluster = geometry_.sectors(BlockCount(step));
  std::vector<Daddr> const clusters = created_clusters(format);
  bool const called_off = std::ranges::any_of(
      clusters, [&](Daddr daddr) { return is_cancelled(daddr, cluster.raw()); });
  if (called_off) {
    ++skipped_;
    return success();
  }
  u32 const size = geometry_.inode_size();
  u32 agino = format.agbno.value().raw() * geometry_.inodes_per_block();
  for (Daddr const daddr : clusters) {
    XFSX_TRY(ReplayedBlock* const block, blocks_.create(daddr, cluster, BufferType::inode_cluster));
    Bytes const bytes = block->data.bytes();
    for (std::size_t i = 0; i + size <= bytes.size(); i += size, ++agino) {
      make_inode(bytes.subspan(i, size), geometry_.inode_number(format.ag.value(), AgInode(agino)),
                 format.gen.value());
    }
  }
  return success();
}

// Quota

Result<void> ItemReplayer::dquot(DecodedLogItem const& item, Source const& source) {
  auto const& format = view_as<disk::DquotLogFormat>(item.parts.front().bytes);
  ConstBytes const core = item.part(LogItemPart::Role::dquot)->bytes;
  u8 const kind = view_as<disk::Dquot>(core).type & disk::dquot_type::kinds;
  XFSX_TRY(bool const kept, keeps_quota(kind));
  if (!kept) {
    ++skipped_;
    return success();
  }
  u64 const length = geometry_.sectors(BlockCount(format.len.value())).raw();
  std::string_view const name = disk::Layout<disk::DquotLogFormat>::name;
  XFSX_TRYV(check_place(format.blkno.value(), length, name, source));
  std::size_t const offset = format.boffset.value();
  if (offset % sizeof(disk::DquotRecord) != 0 ||
      !range_inside<u64>(offset, sizeof(disk::DquotRecord), length * basic_block_size)) {
    Error e = located(Errc::bad_value, name, log_location(source.block));
    e.field = "boffset";
    e.relation = Relation::multiple_of;
    e.found.number = offset;
    e.expected.number = sizeof(disk::DquotRecord);
    return at_operation(e, source);
  }
  QuotaForm const* const form = std::ranges::find(quota_forms, kind, &QuotaForm::type);
  BufferType const type =
      form == std::ranges::end(quota_forms) ? BufferType::unknown : form->block->log_type;
  XFSX_TRY(ReplayedBlock* const block,
           blocks_.edit(format.blkno.value(), SectorCount(length), type));
  Bytes const record = block->data.bytes().subspan(offset, sizeof(disk::DquotRecord));
  auto& on_disk = edit_as<disk::DquotRecord>(record);
  Lsn const lsn = on_disk.lsn.value();
  bool const describes = geometry_.version().self_describing;
  if (describes && counts_as_lsn(lsn) && lsn >= source.lsn) {
    ++skipped_;
    return success();
  }
  std::ranges::copy(core, record.begin());
  if (describes) crc32c_stamp(record, offsetof(disk::DquotRecord, crc));
  block->dirty.set_range(offset, record.size());
  return success();
}

}  // namespace xfsx::inline v0
