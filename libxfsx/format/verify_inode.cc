#include "format/verify_inode.h"

#include "base/crc32c.h"
#include "disk/btree.h"
#include "format/verify_btree.h"

namespace xfsx::inline v0 {

namespace {

using disk::Dinode;
using disk::ForkFormat;
using Check = CheckedView<Dinode>;

/// One inode on its way through the checks.
struct Subject {
  InodeView inode;
  Check check;
  Geometry const& geometry;
};

// Counter limits of the format: without and with large extent counts.
constexpr u64 small_extents_max = (u64{1} << 31) - 1;
constexpr u64 large_extents_max = (u64{1} << 48) - 1;
constexpr u32 small_attr_extents_max = (1U << 15) - 1;

constexpr bool is(u8 format, ForkFormat want) {
  return format == static_cast<u8>(want);
}

/// What version 3 says of itself.
Result<void> check_own_identity(Subject const& s, BlockContext const& context, InodeNumber ino) {
  Check const& c = s.check;
  if (!crc32c_matches(s.inode.bytes(), offsetof(Dinode, crc))) {
    Error e = located(Errc::bad_crc, "inode", context.where);
    e.field = "crc";
    e.relation = Relation::equal;
    e.found = {c->crc.value(), {}, false, true};
    e.expected = {crc32c_without(s.inode.bytes(), offsetof(Dinode, crc)), {}, false, true};
    return e;
  }
  XFSX_TRYV(c.equal(c->inumber, ino));
  return c.equal(c->uuid, s.geometry.meta_uuid());
}

Result<void> check_identity(Subject const& s, BlockContext const& context, InodeNumber ino) {
  Check const& c = s.check;
  FormatVersion const& version = s.geometry.version();
  XFSX_TRYV(c.equal(c->magic, disk::inode_magic));
  XFSX_TRYV(c.require(c->version >= version.oldest_inode, c->version, version.oldest_inode,
                      Relation::at_least));
  XFSX_TRYV(c.at_most(c->version, version.newest_inode));
  if (version.self_describing) {
    XFSX_TRYV(check_own_identity(s, context, ino));
  }
  AgInode const next = c->next_unlinked.value();
  bool const exists = s.geometry.valid(s.geometry.inode_number(s.geometry.ag_of(ino), next));
  return c.require(next == null_agino || exists, c->next_unlinked, null_agino.raw(),
                   Relation::equal);
}

Result<void> check_flags(Subject const& s) {
  namespace flag = disk::inode_flag;
  namespace flag2 = disk::inode_flag2;
  Check const& c = s.check;
  // All other blocks of forks are of the data device.
  bool const data = s.inode.is_regular() && !s.inode.is_metadata();
  XFSX_TRYV(c.require(data || !s.inode.is_realtime(), c->flags, u16{0xFFFF} & ~flag::realtime,
                      Relation::one_of_bits));
  Geometry const& g = s.geometry;
  u64 allowed = flag2::dax | flag2::cowextsize;
  if (g.has_ro(ro_compat::reflink) && s.inode.is_regular()) allowed |= flag2::reflink;
  if (g.has(incompat::bigtime)) allowed |= flag2::bigtime;
  if (g.has(incompat::nrext64)) allowed |= flag2::nrext64;
  if (g.has(incompat::metadir)) allowed |= flag2::metadata;
  u64 const known = flag2::dax | flag2::cowextsize | flag2::reflink | flag2::bigtime |
                    flag2::nrext64 | flag2::metadata;
  // Bits that no release knows are carried along, as Linux does.
  XFSX_TRYV(c.require((s.inode.flags2() & known & ~allowed) == 0, c->flags2, allowed,
                      Relation::one_of_bits));
  bool const hint = (s.inode.flags() & (flag::extsize | flag::extszinherit)) != 0;
  if (!hint) return c.equal<u32>(c->extsize, 0);
  return c.at_least<u32>(c->extsize, 1);
}

/// Which tree a metadata file holds; unknown for those that hold none.
disk::MetaType tree_of(Subject const& s) {
  auto const type = static_cast<disk::MetaType>(s.check->metatype.value());
  bool const tree = type == disk::MetaType::rt_rmap || type == disk::MetaType::rt_refcount;
  return s.inode.is_metadata() && tree ? type : disk::MetaType::unknown;
}

/// Files of the filesystem itself are nobody's.
Result<void> check_metadata(Subject const& s) {
  namespace flag = disk::inode_flag;
  if (!s.inode.is_metadata()) return success();
  Check const& c = s.check;
  bool const directory = s.inode.is_directory();
  XFSX_TRYV(c.below<u16>(c->metatype, disk::meta_type_end));
  u16 const type = c->metatype.value();
  u16 const wanted = static_cast<u16>(disk::MetaType::directory);
  XFSX_TRYV(c.require(directory == (type == wanted), c->metatype, wanted,
                      directory ? Relation::equal : Relation::not_equal));
  u16 const mode = directory ? file_type::directory : file_type::regular;
  if (type >= static_cast<u16>(disk::MetaType::rt_bitmap)) {
    // The project is the number of the realtime group.
    u32 const groups = s.geometry.realtime().group_count;
    XFSX_TRYV(c.require(s.inode.project() < groups, c->projid_lo, groups, Relation::below));
  }
  XFSX_TRYV(c.equal<u16>(c->mode, mode));
  XFSX_TRYV(c.equal<u32>(c->uid, 0));
  XFSX_TRYV(c.equal<u32>(c->gid, 0));
  u16 const flags = directory ? flag::of_metadata_directory : flag::of_metadata;
  return c.require((s.inode.flags() & flags) == flags, c->flags, flags, Relation::one_of_bits);
}

/// The counters of both forks are inside what their width and the feature allow.
Result<void> check_counters(Subject const& s) {
  Check const& c = s.check;
  if (s.inode.is_nrext64()) {
    XFSX_TRYV(c.at_most<u64>(c->nrext64_nextents, large_extents_max));
    XFSX_TRYV(c.equal<u16>(c->naextents, 0));
  } else {
    XFSX_TRYV(c.require(!s.inode.is_v3() || c->nrext64_nextents.raw() == 0, c->nrext64_nextents, 0,
                        Relation::equal));
    XFSX_TRYV(c.at_most<u32>(c->nextents, static_cast<u32>(small_extents_max)));
    XFSX_TRYV(c.at_most<u16>(c->naextents, static_cast<u16>(small_attr_extents_max)));
  }
  u64 const mappings = s.inode.nextents() + s.inode.anextents();
  XFSX_TRYV(c.at_least<u64>(c->nblocks, mappings));
  // A file may hold one extent many times where it shares blocks with itself.
  if (!s.inode.is_realtime() && !s.inode.is_reflink()) {
    XFSX_TRYV(c.at_most<u64>(c->nblocks, s.geometry.data_blocks()));
  }
  if (mappings == 0 && !is(c->format, ForkFormat::meta_btree)) {
    return c.equal<u64>(c->nblocks, 0);
  }
  return success();
}

/// The number of mappings agrees with the format of the fork: those that fit are kept inside.
template <class Count>
Result<void> check_fork_count(Subject const& s, u8 format, Count const& count, u64 value,
                              u32 fork_size) {
  u64 const fit = fork_size / sizeof(disk::BmbtRecord);
  if (is(format, ForkFormat::extents)) {
    return s.check.require(value <= fit, count, fit, Relation::at_most);
  }
  if (is(format, ForkFormat::btree)) {
    return s.check.require(value > fit, count, fit + 1, Relation::at_least);
  }
  return s.check.require(value == 0, count, 0, Relation::equal);
}

Result<void> check_attr_fork(Subject const& s) {
  Check const& c = s.check;
  u32 const literal = s.geometry.literal_size();
  XFSX_TRYV(c.require(u32{c->forkoff} * 8 < literal, c->forkoff, literal / 8, Relation::below));
  u8 const format = c->aformat;
  if (!s.inode.has_attr_fork()) {
    XFSX_TRYV(c.require(is(format, ForkFormat::dev) || is(format, ForkFormat::extents), c->aformat,
                        static_cast<u8>(ForkFormat::extents), Relation::equal));
  } else {
    XFSX_TRYV(c.require(format >= static_cast<u8>(ForkFormat::local), c->aformat,
                        static_cast<u8>(ForkFormat::local), Relation::at_least));
    XFSX_TRYV(c.at_most(c->aformat, static_cast<u8>(ForkFormat::btree)));
  }
  if (s.inode.is_nrext64()) {
    return check_fork_count(s, format, c->nextents, s.inode.anextents(), s.inode.attr_fork_size());
  }
  return check_fork_count(s, format, c->naextents, s.inode.anextents(), s.inode.attr_fork_size());
}

/// The formats that each kind of file may have.
Result<void> check_data_format(Subject const& s) {
  Check const& c = s.check;
  u8 const format = c->format;
  bool const local = is(format, ForkFormat::local);
  bool const mapped = is(format, ForkFormat::extents) || is(format, ForkFormat::btree);
  constexpr u64 extents = static_cast<u64>(ForkFormat::extents);
  switch (s.inode.type()) {
    case file_type::regular: {
      bool const tree = tree_of(s) != disk::MetaType::unknown;
      u64 const wanted = tree ? static_cast<u64>(ForkFormat::meta_btree) : extents;
      return c.require(tree ? is(format, ForkFormat::meta_btree) : mapped, c->format, wanted,
                       Relation::equal);
    }
    case file_type::directory:
      return c.require(mapped || local, c->format, extents, Relation::equal);
    case file_type::symlink:
      return c.require(local || is(format, ForkFormat::extents), c->format, extents,
                       Relation::equal);
    case file_type::fifo:
    case file_type::character:
    case file_type::block:
    case file_type::socket: {
      XFSX_TRYV(c.equal(c->format, static_cast<u8>(ForkFormat::dev)));
      return c.at_most(c->forkoff, u8{1});
    }
    default:
      return c.require(false, c->mode, file_type::regular, Relation::equal);
  }
}

Result<void> check_data_fork(Subject const& s) {
  Check const& c = s.check;
  XFSX_TRYV(c.below<u64>(c->size, u64{1} << 63));
  XFSX_TRYV(check_data_format(s));
  u32 const fork = s.inode.data_fork_size();
  bool const local = is(c->format, ForkFormat::local);
  if (local) {
    XFSX_TRYV(c.at_most<u64>(c->size, fork));
  }
  if (s.inode.is_directory() && !local && s.inode.size() != 0) {
    // A directory that would fit must be inside.
    XFSX_TRYV(c.at_least<u64>(c->size, u64{fork} + 1));
  }
  if ((s.inode.is_directory() || s.inode.is_symlink()) && s.inode.size() == 0) {
    XFSX_TRYV(c.require(s.inode.links() == 0, c->size, 1, Relation::at_least));
  }
  if (s.inode.is_nrext64()) {
    return check_fork_count(s, c->format, c->nrext64_nextents, s.inode.nextents(), fork);
  }
  return check_fork_count(s, c->format, c->nextents, s.inode.nextents(), fork);
}

/// The root of a btree of a realtime group, where the inode has one.
Result<void> check_realtime_root(Subject const& s, BlockContext const& context) {
  disk::MetaType const type = tree_of(s);
  if (type == disk::MetaType::unknown) return success();
  ConstBytes const fork = s.inode.literal().first(s.inode.data_fork_size());
  XFSX_TRYV(s.check.require(fork.size() >= sizeof(disk::BmdrBlock), s.check->forkoff, 1,
                            Relation::at_least));
  return type == disk::MetaType::rt_rmap ? verify_rtrmapbt_root(fork, context)
                                         : verify_rtrefcountbt_root(fork, context);
}

}  // namespace

BlockKind const inode_cluster_kind{.name = "inode cluster",
                                   .log_type = disk::BufferType::inode_cluster,
                                   .crc = BlockKind::none,
                                   .lsn = BlockKind::none,
                                   .uuid = BlockKind::none,
                                   .verify = nullptr};

Result<void> verify_inode(ConstBytes slice, BlockContext const& context, InodeNumber ino) {
  XFSX_ASSERT(slice.size() == context.geometry.inode_size());
  BlockContext mine = context;
  mine.where.owner = ino;
  Subject const s{InodeView(slice), Check(view_as<Dinode>(slice), mine.where), context.geometry};
  XFSX_TRYV(check_identity(s, mine, ino));
  if (s.inode.mode() == 0) return success();
  // The flags say where the counters are.
  XFSX_TRYV(check_flags(s));
  XFSX_TRYV(check_metadata(s));
  XFSX_TRYV(check_attr_fork(s));
  XFSX_TRYV(check_counters(s));
  XFSX_TRYV(check_data_fork(s));
  return check_realtime_root(s, mine);
}

}  // namespace xfsx::inline v0
