#pragma once
// The kinds of quota, one row each: where the superblock names their files, and what says in qflags
// that they are counted, that limits bind, and that the counts are right.

#include "disk/inode.h"
#include "disk/quota.h"
#include "disk/superblock.h"
#include "format/features.h"
#include "format/verify_quota.h"

namespace xfsx::inline v0 {

enum class QuotaKind : u8 { user, group, project };

struct QuotaForm {
  QuotaKind kind;
  std::string_view name;                         ///< of its file below the metadata directory too
  be<InodeNumber> disk::Superblock::* file;      ///< the file, where there is no such directory
  u8 type;                                       ///< of its dquots
  u16 accounted = 0, enforced = 0, checked = 0;  ///< its bits of qflags
  BlockKind const* block;                        ///< the blocks of its file
  disk::MetaType metatype;                       ///< of its file below the metadata directory
};

inline constexpr QuotaForm quota_forms[] = {
    {QuotaKind::user, "user", &disk::Superblock::uquotino, disk::dquot_type::user,
     quota_flag::user_accounted, quota_flag::user_enforced, quota_flag::user_checked,
     &user_dquot_kind, disk::MetaType::user_quota},
    {QuotaKind::group, "group", &disk::Superblock::gquotino, disk::dquot_type::group,
     quota_flag::group_accounted, quota_flag::group_enforced, quota_flag::group_checked,
     &group_dquot_kind, disk::MetaType::group_quota},
    {QuotaKind::project, "project", &disk::Superblock::pquotino, disk::dquot_type::project,
     quota_flag::project_accounted, quota_flag::project_enforced, quota_flag::project_checked,
     &project_dquot_kind, disk::MetaType::project_quota},
};

constexpr QuotaForm const& quota_form(QuotaKind kind) {
  return quota_forms[static_cast<std::size_t>(kind)];
}

/// Where the dquot of an id lies in the file of its kind.
struct DquotPlace {
  FileBlock block;
  u32 offset = 0;  ///< bytes from the start of the block
};

inline DquotPlace dquot_place(Geometry const& geometry, u32 id) {
  u32 const count = dquots_per_block(geometry);
  return {FileBlock(id / count), static_cast<u32>(id % count * sizeof(disk::DquotRecord))};
}

}  // namespace xfsx::inline v0
