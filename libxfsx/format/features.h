#pragma once
// Feature bits of the superblock. Bits that this release does not know are refused by name:
// incompat for reading, ro_compat and log_incompat for writing.

#include <xfsx/types.h>

#include <string_view>

namespace xfsx::inline v0 {

/// Bits of `versionnum`.
namespace version_bit {
inline constexpr u16 number_mask = 0x000f;
inline constexpr u16 attr = 0x0010;
inline constexpr u16 nlink = 0x0020;
inline constexpr u16 quota = 0x0040;
inline constexpr u16 align = 0x0080;
inline constexpr u16 dalign = 0x0100;
inline constexpr u16 shared = 0x0200;
inline constexpr u16 logv2 = 0x0400;
inline constexpr u16 sector = 0x0800;
inline constexpr u16 extflg = 0x1000;
inline constexpr u16 dirv2 = 0x2000;
inline constexpr u16 borg = 0x4000;
inline constexpr u16 more_bits = 0x8000;
}  // namespace version_bit

/// Bits of `features2`, which has a meaning where `versionnum` has `more_bits`.
namespace feature2 {
inline constexpr u32 lazy_counters = 0x0002;
inline constexpr u32 attr2 = 0x0008;
inline constexpr u32 projid32 = 0x0080;
inline constexpr u32 crc = 0x0100;
inline constexpr u32 ftype = 0x0200;
/// Those that a version 4 filesystem may have.
inline constexpr u32 known_v4 = lazy_counters | attr2 | projid32 | ftype;
}  // namespace feature2

/// Bits of `features_ro_compat`.
namespace ro_compat {
inline constexpr u32 finobt = 1U << 0;
inline constexpr u32 rmapbt = 1U << 1;
inline constexpr u32 reflink = 1U << 2;
inline constexpr u32 inobtcnt = 1U << 3;
inline constexpr u32 known = finobt | rmapbt | reflink | inobtcnt;
/// No feature: an xfs_repair upgrade bug left it on filesystems.
inline constexpr u32 stray_repair_bit = 1U << 6;
}  // namespace ro_compat

/// Bits of `features_incompat`.
namespace incompat {
inline constexpr u32 ftype = 1U << 0;
inline constexpr u32 spinodes = 1U << 1;
inline constexpr u32 meta_uuid = 1U << 2;
inline constexpr u32 bigtime = 1U << 3;
inline constexpr u32 needs_repair = 1U << 4;
inline constexpr u32 nrext64 = 1U << 5;
inline constexpr u32 exchrange = 1U << 6;
inline constexpr u32 parent = 1U << 7;
inline constexpr u32 metadir = 1U << 8;
inline constexpr u32 zoned = 1U << 9;
inline constexpr u32 zone_gaps = 1U << 10;
inline constexpr u32 known = (1U << 11) - 1;
}  // namespace incompat

/// Bits of `features_log_incompat`.
namespace log_incompat {
inline constexpr u32 xattrs = 1U << 0;
inline constexpr u32 known = xattrs;
}  // namespace log_incompat

/// Bits of `qflags`.
namespace quota_flag {
inline constexpr u16 user_accounted = 0x0001;
inline constexpr u16 user_enforced = 0x0002;
inline constexpr u16 user_checked = 0x0004;
inline constexpr u16 project_accounted = 0x0008;
/// Before version 5, of groups or projects: whichever are accounted.
inline constexpr u16 other_checked = 0x0020;
inline constexpr u16 group_accounted = 0x0040;
inline constexpr u16 group_enforced = 0x0080;
inline constexpr u16 group_checked = 0x0100;
inline constexpr u16 project_enforced = 0x0200;
inline constexpr u16 project_checked = 0x0400;
inline constexpr u16 accounted = user_accounted | group_accounted | project_accounted;
}  // namespace quota_flag

/// The words of feature bits. Version 4 has the first two, version 5 implies what they say and has
/// the others.
struct Features {
  u16 version = 0;
  u32 features2 = 0;
  u32 compat = 0;
  u32 ro_compat = 0;
  u32 incompat = 0;
  u32 log_incompat = 0;

  [[nodiscard]] bool has_ro_compat(u32 bit) const { return (ro_compat & bit) != 0; }
  [[nodiscard]] bool has_incompat(u32 bit) const { return (incompat & bit) != 0; }
};

/// One named feature, for messages and `info`.
struct FeatureName {
  enum class Word : u8 { ro_compat, incompat, log_incompat, version, features2 } word;
  u32 bit;
  std::string_view name;
};

inline constexpr FeatureName feature_names[] = {
    {FeatureName::Word::ro_compat, ro_compat::finobt, "finobt"},
    {FeatureName::Word::ro_compat, ro_compat::rmapbt, "rmapbt"},
    {FeatureName::Word::ro_compat, ro_compat::reflink, "reflink"},
    {FeatureName::Word::ro_compat, ro_compat::inobtcnt, "inobtcount"},
    {FeatureName::Word::incompat, incompat::ftype, "ftype"},
    {FeatureName::Word::incompat, incompat::spinodes, "sparse"},
    {FeatureName::Word::incompat, incompat::meta_uuid, "meta_uuid"},
    {FeatureName::Word::incompat, incompat::bigtime, "bigtime"},
    {FeatureName::Word::incompat, incompat::needs_repair, "needsrepair"},
    {FeatureName::Word::incompat, incompat::nrext64, "nrext64"},
    {FeatureName::Word::incompat, incompat::exchrange, "exchange"},
    {FeatureName::Word::incompat, incompat::parent, "parent"},
    {FeatureName::Word::incompat, incompat::metadir, "metadir"},
    {FeatureName::Word::incompat, incompat::zoned, "zoned"},
    {FeatureName::Word::incompat, incompat::zone_gaps, "zone_gaps"},
    {FeatureName::Word::log_incompat, log_incompat::xattrs, "logged_xattrs"},
};

/// Those of version 4. Names that mkfs.xfs has for them, or the superblock's own.
inline constexpr FeatureName feature_names_v4[] = {
    {FeatureName::Word::version, version_bit::attr, "attr"},
    {FeatureName::Word::version, version_bit::nlink, "nlink"},
    {FeatureName::Word::version, version_bit::quota, "quota"},
    {FeatureName::Word::version, version_bit::align, "align"},
    {FeatureName::Word::version, version_bit::dalign, "dalign"},
    {FeatureName::Word::version, version_bit::logv2, "logv2"},
    {FeatureName::Word::version, version_bit::sector, "sector"},
    {FeatureName::Word::version, version_bit::extflg, "extflg"},
    {FeatureName::Word::version, version_bit::dirv2, "dirv2"},
    {FeatureName::Word::version, version_bit::borg, "ascii-ci"},
    {FeatureName::Word::features2, feature2::lazy_counters, "lazy-count"},
    {FeatureName::Word::features2, feature2::attr2, "attr2"},
    {FeatureName::Word::features2, feature2::projid32, "projid32bit"},
    {FeatureName::Word::features2, feature2::ftype, "ftype"},
};

}  // namespace xfsx::inline v0
