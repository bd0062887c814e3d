#include "quota/dquot_file.h"

#include "dir/metadata_file.h"
#include "format/verify_ag.h"
#include "inode/bmap.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// The file by its name where there is a tree of metadata files, else by the superblock.
Result<std::optional<Inode>> find_file(Volume& volume, QuotaForm const& form) {
  Geometry const& g = volume.geometry();
  if (g.has(incompat::metadir)) {
    return find_metadata_file(volume, "quota", form.name, form.metatype);
  }
  SectorCount const sector(g.sector_size() / basic_block_size);
  XFSX_TRY(BufferRef const block, volume.cache().load(superblock_kind, Daddr(0), sector));
  InodeNumber const number = (view_as<disk::Superblock>(block->bytes()).*form.file).value();
  if (number.raw() == 0 || number == null_inode) return std::optional<Inode>();
  XFSX_TRY(Inode inode, load_inode(volume, number));
  return std::optional<Inode>(std::move(inode));
}

/// The blocks of a quota file are metadata: they are on the data device.
Result<void> check_inode(Geometry const& geometry, Inode const& inode) {
  CheckedView const core(inode.core(), inode.location(geometry));
  XFSX_TRYV(core.require(inode.is_regular(), core->mode, 0, Relation::none));
  return core.require(!inode.is_realtime(), core->flags, 0, Relation::none);
}

}  // namespace

Result<std::optional<DquotFile>> DquotFile::open(Volume& volume, QuotaForm const& form) {
  XFSX_TRY(std::optional<Inode> const inode, find_file(volume, form));
  if (!inode) return std::nullopt;
  XFSX_TRYV(check_inode(volume.geometry(), *inode));
  XFSX_TRY(std::vector<Mapping> mappings, collect_mappings(volume, *inode, ForkKind::data));
  return DquotFile(form, inode->number, std::move(mappings));
}

Result<std::optional<Bytes>> DquotFile::edit(Transaction& txn, u32 id) const {
  Geometry const& g = txn.volume().geometry();
  DquotPlace const place = dquot_place(g, id);
  auto const mapping = std::ranges::upper_bound(mappings_, place.block, {}, &Mapping::end);
  if (mapping == mappings_.end() || place.block < mapping->offset) return std::nullopt;
  Daddr const at = g.daddr(mapping->start + (place.block - mapping->offset));
  XFSX_TRY(BufferRef const block,
           txn.volume().cache().load(*form_->block, at, g.sectors(BlockCount(1)), inode_));
  XFSX_TRY(Bytes const copy, txn.edit(block, inode_));
  Bytes const record = copy.subspan(place.offset, sizeof(disk::DquotRecord));
  Location where = g.locate(at);
  where.owner = inode_;
  XFSX_TRYV(verify_dquot_owner(record, {g, where}, form_->type, id));
  return record;
}

}  // namespace xfsx::inline v0
