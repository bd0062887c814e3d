#include "quota/move.h"

#include "base/crc32c.h"
#include "disk/inode.h"
#include "format/verify_ag.h"
#include "quota/dquot_file.h"

#include <map>

namespace xfsx::inline v0 {

namespace {

u32 owner_of(QuotaOwners const& owners, QuotaKind kind) {
  switch (kind) {
    case QuotaKind::user:
      return owners.user;
    case QuotaKind::group:
      return owners.group;
    case QuotaKind::project:
      break;
  }
  return owners.project;
}

/// What an owner gains or loses in all.
struct Sum {
  QuotaDelta delta;
  u8 operand = 0;  ///< the first change of those that gain
};

/// By owner; without those for whom nothing changes.
std::map<u32, Sum> sums_of(std::span<QuotaChange const> changes, QuotaKind kind) {
  std::map<u32, Sum> sums;
  u8 operand = 0;
  for (QuotaChange const& change : changes) {
    ++operand;
    Sum& sum = sums[owner_of(change.owners, kind)];
    sum.delta.blocks += change.delta.blocks;
    sum.delta.rt_blocks += change.delta.rt_blocks;
    sum.delta.inodes += change.delta.inodes;
    bool const gains =
        change.delta.blocks > 0 || change.delta.rt_blocks > 0 || change.delta.inodes > 0;
    if (gains && sum.operand == 0) sum.operand = operand;
  }
  std::erase_if(sums, [](auto const& entry) { return entry.second.delta == QuotaDelta{}; });
  return sums;
}

/// A record in a private copy, and what is to become of it.
struct Change {
  Bytes record;
  Sum sum;

  [[nodiscard]] disk::Dquot& dquot() const { return edit_as<disk::Dquot>(record); }
};

/// The records of all owners; nothing if one of them has none, or a count that cannot be right.
Result<std::optional<std::vector<Change>>> find_records(Transaction& txn, DquotFile const& file,
                                                        std::map<u32, Sum> const& sums) {
  std::vector<Change> changes;
  for (auto const& [id, sum] : sums) {
    XFSX_TRY(std::optional<Bytes> const record, file.edit(txn, id));
    if (!record) return std::nullopt;
    changes.push_back({*record, sum});
    if (!can_change(changes.back().dquot(), sum.delta)) return std::nullopt;
  }
  return changes;
}

/// Moves the counts of a kind. False, with nothing changed, if they cannot be kept right.
Result<bool> move_kind(Transaction& txn, QuotaForm const& form, std::map<u32, Sum> const& sums,
                       bool enforced, s64 now) {
  XFSX_TRY(std::optional<DquotFile> const file, DquotFile::open(txn.volume(), form));
  if (!file) return false;
  XFSX_TRY(std::optional<std::vector<Change>> const changes, find_records(txn, *file, sums));
  if (!changes) return false;
  XFSX_TRY(std::optional<Bytes> const zero, file->edit(txn, 0));
  QuotaGrants const grants = zero ? grants_of(view_as<disk::Dquot>(*zero)) : QuotaGrants{};
  for (Change const& change : *changes) {
    if (!enforced) break;
    Result<void> const allowed = check_limits(change.dquot(), change.sum.delta, grants, now);
    if (!allowed) return with_operand(allowed.error(), change.sum.operand);
  }
  for (Change const& change : *changes) {
    change_counts(change.dquot(), change.sum.delta, grants, now);
    crc32c_stamp(change.record, offsetof(disk::DquotRecord, crc));
  }
  return true;
}

/// The superblock in a private copy.
Result<Bytes> edit_superblock(Transaction& txn) {
  Volume& volume = txn.volume();
  SectorCount const sector(volume.geometry().sector_size() / basic_block_size);
  XFSX_TRY(BufferRef const block, volume.cache().load(superblock_kind, Daddr(0), sector));
  return txn.edit(block);
}

}  // namespace

QuotaOwners quota_owners(disk::Dinode const& core) {
  u32 const project = u32{core.projid_hi.value()} << 16 | core.projid_lo.value();
  return {core.uid.value(), core.gid.value(), project};
}

QuotaChange quota_change(disk::Dinode const& before, disk::Dinode const& after, s64 rt_blocks) {
  s64 const all = static_cast<s64>(after.nblocks.value() - before.nblocks.value());
  return {quota_owners(before), {.blocks = all - rt_blocks, .rt_blocks = rt_blocks}};
}

QuotaChange quota_without(disk::Dinode const& inode, BlockCount rt_blocks) {
  s64 const all = static_cast<s64>(inode.nblocks.value());
  s64 const realtime = static_cast<s64>(rt_blocks.raw());
  return {quota_owners(inode), {.blocks = realtime - all, .rt_blocks = -realtime, .inodes = -1}};
}

Result<bool> move_quota(Transaction& txn, std::span<QuotaChange const> changes, Timestamp now,
                        QuotaLimits limits) {
  XFSX_TRY(Bytes const superblock, edit_superblock(txn));
  be16& qflags = edit_as<disk::Superblock>(superblock).qflags;
  bool forgot = false;
  for (QuotaForm const& form : quota_forms) {
    u16 const flags = qflags.value();
    if ((flags & form.accounted) == 0 || (flags & form.checked) == 0) continue;
    std::map<u32, Sum> const sums = sums_of(changes, form.kind);
    if (sums.empty()) continue;
    bool const enforced = limits == QuotaLimits::judged && (flags & form.enforced) != 0;
    XFSX_TRY(bool const moved, move_kind(txn, form, sums, enforced, now.seconds));
    if (moved) continue;
    qflags = static_cast<u16>(flags & ~form.checked);
    forgot = true;
  }
  return forgot;
}

Result<void> forget_quota_counts(Transaction& txn) {
  XFSX_TRY(Bytes const superblock, edit_superblock(txn));
  be16& qflags = edit_as<disk::Superblock>(superblock).qflags;
  for (QuotaForm const& form : quota_forms) {
    u16 const flags = qflags.value();
    if ((flags & form.accounted) != 0) qflags = static_cast<u16>(flags & ~form.checked);
  }
  if (!txn.volume().geometry().version().self_describing) {
    qflags = static_cast<u16>(qflags.value() & ~quota_flag::other_checked);
  }
  return success();
}

}  // namespace xfsx::inline v0
