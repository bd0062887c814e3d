#include "fuzz/support/world.h"

#include "ag/tree_root.h"
#include "base/checked.h"
#include "base/view.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "disk/dir.h"
#include "disk/inode.h"
#include "disk/quota.h"
#include "disk/realtime.h"
#include "disk/symlink.h"
#include "inode/bmap.h"
#include "log/compose.h"
#include "log/log_writer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace xfsx::fuzz {

namespace {

constexpr std::string_view structure_images[] = {
    "plain-v5",   "block1k",  "dir4k-block1k", "dir8k",    "inode2k",
    "nrext64",    "sector4k", "meta-uuid",     "trees",    "v4",
    "v4-block1k", "v4-old",   "quota",         "realtime", "rtgroups"};
constexpr std::string_view log_images[] = {
    "plain-v5",      "log-su32k", "log-su256k",     "wrapped",  "wrapped-sector4k",
    "wrapped-small", "dirty-log", "wrapped-su256k", "v4-dirty", "v4-dirty-old"};

constexpr std::string_view dirty_images[] = {
    "intents-attribute", "intents-parents",       "dirty-log",
    "v4-dirty",          "v4-unlinked",           "unlinked",
    "intents-clone",     "intents-exchange-step", "intents-free",
    "v4-dirty-old",      "intents-exchange",      "intents-realtime-free",
    "staging",           "intents-realtime-clone"};

constexpr std::string_view soiled_images[] = {"rmapbt", "quota",         "rtgroups", "realtime",
                                              "trees",  "dir4k-block1k", "sector4k", "nrext64",
                                              "v4",     "half-features"};

constexpr u32 sites_of_a_kind = 4;
constexpr std::size_t runs_of_a_fork = 4;
constexpr u64 image_limit = 160 << 20;

[[noreturn]] void give_up(std::string const& what) {
  std::fprintf(stderr, "fuzz: %s\n", what.c_str());
  std::exit(2);
}

template <class T>
T need(Result<T> result, std::string const& what) {
  if (!result) give_up(what + ": " + describe(result.error()));
  return std::move(result).value();
}

Geometry geometry_of(Seed const& seed, std::string const& path) {
  return need(Geometry::from_superblock(seed.bytes().first(4096), {seed.bytes().size(), 512}),
              path);
}

/// An unmount record is all that is left in the log, of a later cycle than any block carries: a
/// search for the head reads two blocks instead of two megabytes.
void shorten_log(std::shared_ptr<Seed> const& seed, Geometry const& geometry,
                 std::string const& path) {
  constexpr u32 late_cycle = 0x1000;
  LogGeometry const log = need(LogGeometry::of(geometry), path);
  std::size_t const length = log.blocks * std::size_t{basic_block_size};
  std::ranges::fill(seed->bytes().subspan(log.byte_of(LogBlock(0)), length), std::byte{0});
  LogState state;
  state.clean = true;
  state.head = state.tail = Lsn(late_cycle, LogBlock(0));
  OverlayDisk disk(seed);
  u32 const size = LogWriter::record_size_for(log, {});
  std::unique_ptr<LogWriter> const writer = need(LogWriter::create(disk, log, state, size), path);
  need(writer->write_unmount(state.tail, 1), path);
  disk.write_into(*seed);
}

/// A transaction behind the unmount record: the superblock as it is.
void soil_log(std::shared_ptr<Seed> const& seed, Geometry const& geometry,
              std::string const& path) {
  shorten_log(seed, geometry, path);
  OverlayDisk disk(seed);
  BufferItem super;
  super.type = disk::BufferType::superblock;
  super.image = seed->bytes().first(geometry.sector_size());
  super.dirty.set(0);
  ComposedItem const item = compose_buffer(super);
  LogGeometry const log = need(LogGeometry::of(geometry), path);
  need(compose_checkpoint(disk, log, std::span(&item, 1), {}), path);
  disk.write_into(*seed);
}

/// What becomes of the log of an image.
enum class Log : u8 { as_it_is, shortened, soiled };

World const& world(std::span<std::string_view const> names, u8 number, Log log) {
  static std::map<std::pair<std::string_view, Log>, std::unique_ptr<World>> worlds;
  std::string_view const name = names[number % names.size()];
  std::unique_ptr<World>& slot = worlds[{name, log}];
  if (!slot) {
    char const* folder = std::getenv("XFSX_FUZZ_IMAGES");
    std::string const from = folder != nullptr ? folder : XFSX_FUZZ_IMAGES;
    std::string const path = from + "/" + std::string(name) + ".img.gz";
    std::shared_ptr<Seed> const seed = need(Seed::load(path, image_limit), path);
    Geometry const geometry = geometry_of(*seed, path);
    if (log == Log::shortened) shorten_log(seed, geometry, path);
    if (log == Log::soiled) soil_log(seed, geometry, path);
    slot = std::make_unique<World>(seed, geometry, sites_of_a_kind);
  }
  return *slot;
}

}  // namespace

std::vector<std::byte> read_at(BlockDevice& disk, u64 offset, std::size_t count) {
  std::vector<std::byte> bytes(count);
  ReadRequest const request{offset, bytes};
  if (Result<void> const read = disk.read({&request, 1}); !read) give_up(describe(read.error()));
  return bytes;
}

void write_at(BlockDevice& disk, u64 offset, ConstBytes bytes) {
  u64 const sector = disk.info().logical_sector;
  u64 const first = offset / sector * sector;
  u64 const end = round_up<u64>(offset + bytes.size(), sector);
  std::vector<std::byte> whole = read_at(disk, first, static_cast<std::size_t>(end - first));
  if (!bytes.empty()) std::memcpy(whole.data() + (offset - first), bytes.data(), bytes.size());
  WriteRequest const request{first, whole};
  if (Result<void> const done = disk.write({&request, 1}); !done) give_up(describe(done.error()));
}

World::World(std::shared_ptr<Seed> seed, Geometry const& geometry, u32 of_a_kind)
    : seed_(std::move(seed)), geometry_(geometry), of_a_kind_(of_a_kind) {
  find_sites();
  find_runs();
}

/// Whatever cannot be read has no mappings.
void World::find_runs() {
  OverlayDisk disk(seed_);
  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  if (!volume) return;
  for (InodeNumber const number : inodes()) {
    Result<Inode> const inode = load_inode(*volume.value(), number);
    if (!inode) continue;
    for (ForkKind const fork : {ForkKind::data, ForkKind::attr}) {
      bool const realtime = fork == ForkKind::data && inode.value().is_realtime();
      Result<std::vector<Mapping>> const all =
          collect_mappings(*volume.value(), inode.value(), fork);
      if (!all) continue;
      for (std::size_t i = 0; i < std::min(all.value().size(), runs_of_a_fork); ++i) {
        runs_.push_back({number, fork, all.value()[i], realtime});
      }
    }
  }
}

/// A block of version 4 does not say whose it is, and one with nothing but a target or a piece of a
/// value not even what it is: what hangs in files is found through them.
void World::find_in_files() {
  OverlayDisk disk(seed_);
  std::unique_ptr<Volume> const volume = need(Volume::open(disk), "an image of version 4");
  for (u32 ag = 0; ag < geometry_.ag_count(); ++ag) {
    AgTreeRoot const root = need(find_tree_root(*volume, AgNumber(ag), AgTree::inobt), "inobt");
    BtreeReader<Inobt> tree(*volume, root);
    Result<void> const walked = tree.visit_all([&](Inobt::Record const& chunk) {
      for (u32 i = 0; i < inodes_per_chunk; ++i) {
        if ((chunk.free >> i & 1) != 0) continue;
        AgInode const agino(chunk.start.raw() + i);
        Result<Inode> const inode =
            load_inode(*volume, geometry_.inode_number(AgNumber(ag), agino));
        if (inode) look_at_file(*volume, inode.value());
      }
      return true;
    });
    if (!walked) give_up(describe(walked.error()));
  }
}

void World::look_at_file(Volume& volume, Inode const& inode) {
  disk::Dinode const& core = inode.core();
  u32 const variety = u32{inode.mode()} >> 12 << 16 | u32{core.format} << 8 |
                      u32{core.aformat} << 1 | (core.forkoff != 0 ? 1U : 0U);
  keep(
      Form::inode, variety,
      {inode.place.cluster.raw() * 512 + inode.place.offset, geometry_.inode_size(), inode.number});
  u32 const size = geometry_.block_size();
  for (ForkKind const kind : {ForkKind::data, ForkKind::attr}) {
    for (BufferRef const& block : need(bmbt_blocks(volume, inode, kind), "bmbt")) {
      u16 const level = view_as<disk::BtreeLongBlockV4>(block->bytes()).level.value();
      keep(Form::bmbt, level, {block->daddr.raw() * 512, size, inode.number});
    }
    bool const metadata = kind == ForkKind::attr || inode.is_directory() || inode.is_symlink();
    if (!metadata) continue;
    for (Mapping const& m : need(collect_mappings(volume, inode, kind), "mappings")) {
      for (u64 i = 0; i < m.length.raw(); ++i) {
        u64 const at = geometry_.daddr(m.start + BlockCount(i)).raw() * 512;
        ConstBytes const block = seed_->bytes().subspan(static_cast<std::size_t>(at), size);
        if (kind == ForkKind::data && inode.is_symlink()) {
          keep(Form::symlink, 0, {at, size, inode.number});
        } else {
          look_at_old(at, block, inode.number);
        }
      }
    }
  }
}

/// A block of a directory or an attribute fork.
void World::look_at_old(u64 offset, ConstBytes block, InodeNumber owner) {
  u32 const size = geometry_.block_size();
  u32 const dir_size = geometry_.dir_block_size();
  switch (view_as<be32>(block).value()) {
    case disk::dir_block_magic_v4:
      return keep(Form::dir_block, 0, {offset, dir_size, owner});
    case disk::dir_data_magic_v4:
      return keep(Form::dir_data, 0, {offset, dir_size, owner});
    case disk::dir_free_magic_v4:
      return keep(Form::dir_free, 0, {offset, dir_size, owner});
    default:
      break;
  }
  switch (view_as<disk::DaBlockInfoV4>(block).magic.value()) {
    case disk::dir_leaf1_magic_v4:
      return keep(Form::dir_leaf1, 0, {offset, dir_size, owner});
    case disk::dir_leafn_magic_v4:
      return keep(Form::dir_leafn, 0, {offset, dir_size, owner});
    case disk::da_node_magic_v4:
      return keep(Form::da_node, 0, {offset, dir_size, owner});
    case disk::attr_leaf_magic_v4:
      return keep(Form::attr_leaf, 0, {offset, size, owner});
    default:
      return keep(Form::attr_remote, 0, {offset, size, owner});
  }
}

void World::find_sites() {
  if (!geometry_.version().self_describing) find_in_files();
  u64 const log_first = geometry_.daddr(geometry_.log_start()).raw() * 512;
  u64 const log_end = log_first + u64{geometry_.log_blocks()} * geometry_.block_size();
  u32 const block = geometry_.block_size();
  for (u64 at = 0; at < geometry_.data_blocks() * block; at += block) {
    // Copies of blocks in the log are not blocks.
    if (at >= log_first && at < log_end) continue;
    if (!seed_->is_filled(at)) continue;
    look_at(at, seed_->bytes().subspan(static_cast<std::size_t>(at), block));
  }
}

void World::look_at(u64 offset, ConstBytes block) {
  u32 const block_size = geometry_.block_size();
  u32 const dir_size = geometry_.dir_block_size();
  auto const owner_at = [&](std::size_t at) {
    return InodeNumber(view_as<be64>(block, at).value());
  };
  u32 const magic = view_as<be32>(block).value();
  bool const inodes = magic >> 16 == disk::inode_magic;
  if (inodes && !geometry_.version().self_describing) return;
  // Where the block is one of a btree; both forms have it in one place.
  u16 const level = view_as<disk::BtreeShortBlock>(block).level.value();
  constexpr std::size_t in_data = offsetof(disk::DirDataHeader, owner);
  constexpr std::size_t in_free = offsetof(disk::DirFreeHeader, owner);
  constexpr std::size_t in_link = offsetof(disk::SymlinkHeader, owner);
  constexpr std::size_t in_value = offsetof(disk::AttrRemoteHeader, owner);
  switch (magic) {
    case disk::bnobt_magic:
    case disk::bnobt_magic_v4:
      return keep(Form::bnobt, level, {offset, block_size, {}});
    case disk::cntbt_magic:
    case disk::cntbt_magic_v4:
      return keep(Form::cntbt, level, {offset, block_size, {}});
    case disk::inobt_magic:
    case disk::inobt_magic_v4:
      return keep(Form::inobt, level, {offset, block_size, {}});
    case disk::finobt_magic:
      return keep(Form::finobt, level, {offset, block_size, {}});
    case disk::rmapbt_magic:
      return keep(Form::rmapbt, level, {offset, block_size, {}});
    case disk::refcountbt_magic:
      return keep(Form::refcountbt, level, {offset, block_size, {}});
    case disk::bmbt_magic:
      return keep(Form::bmbt, level,
                  {offset, block_size, owner_at(offsetof(disk::BtreeLongBlock, owner))});
    case disk::dir_block_magic:
      return keep(Form::dir_block, 0, {offset, dir_size, owner_at(in_data)});
    case disk::dir_data_magic:
      return keep(Form::dir_data, 0, {offset, dir_size, owner_at(in_data)});
    case disk::dir_free_magic:
      return keep(Form::dir_free, 0, {offset, dir_size, owner_at(in_free)});
    case disk::symlink_magic:
      return keep(Form::symlink, 0, {offset, block_size, owner_at(in_link)});
    case disk::attr_remote_magic:
      return keep(Form::attr_remote, 0, {offset, block_size, owner_at(in_value)});
    default:
      break;
  }
  if (look_at_realtime(offset, block)) return;
  // What starts with the links of a directory or attribute index.
  InodeNumber const owner = owner_at(offsetof(disk::DaBlockInfo, owner));
  switch (view_as<be16>(block, offsetof(disk::DaBlockInfo, magic)).value()) {
    case disk::dir_leaf1_magic:
      return keep(Form::dir_leaf1, 0, {offset, dir_size, owner});
    case disk::dir_leafn_magic:
      return keep(Form::dir_leafn, 0, {offset, dir_size, owner});
    case disk::da_node_magic:
      return keep(Form::da_node, 0, {offset, dir_size, owner});
    case disk::attr_leaf_magic:
      return keep(Form::attr_leaf, 0, {offset, block_size, owner});
    default:
      break;
  }
  if (inodes) look_at_inodes(offset, block);
}

/// Blocks of quota files and of the files of realtime groups; false if it is none.
bool World::look_at_realtime(u64 offset, ConstBytes block) {
  Site site{offset, geometry_.block_size(), {}};
  u32 const magic = view_as<be32>(block).value();
  if (magic >> 16 == disk::dquot_magic) {
    keep(Form::dquots, view_as<disk::Dquot>(block).type & disk::dquot_type::kinds, site);
    return true;
  }
  if (magic == disk::rt_bitmap_magic || magic == disk::rt_summary_magic) {
    site.owner = view_as<disk::RtBufferHeader>(block).owner.value();
    keep(magic == disk::rt_bitmap_magic ? Form::rt_bitmap : Form::rt_summary, 0, site);
    return true;
  }
  if (magic != disk::rtrmapbt_magic && magic != disk::rtrefcountbt_magic) return false;
  auto const& head = view_as<disk::BtreeLongBlock>(block);
  site.owner = head.owner.value();
  Form const form = magic == disk::rtrmapbt_magic ? Form::rtrmapbt : Form::rtrefcountbt;
  keep(form, head.level.value(), site);
  return true;
}

void World::look_at_inodes(u64 offset, ConstBytes block) {
  u32 const size = geometry_.inode_size();
  for (u32 at = 0; at + size <= block.size(); at += size) {
    disk::Dinode const& inode = view_as<disk::Dinode>(block, at);
    if (inode.magic.value() != disk::inode_magic || inode.mode.value() == 0) continue;
    u32 const variety = u32{inode.mode.value()} >> 12 << 16 | u32{inode.format} << 8 |
                        u32{inode.aformat} << 1 | (inode.forkoff != 0 ? 1U : 0U);
    keep(Form::inode, variety, {offset + at, size, inode.inumber.value()});
  }
}

void World::keep(Form form, u32 variety, Site const& site) {
  if (site.offset + site.length > geometry_.data_blocks() * geometry_.block_size()) return;
  if (kept_[{form, variety}]++ < of_a_kind_) sites_[form].push_back(site);
}

std::vector<Site> const& World::sites(Form form) const {
  static std::vector<Site> const none;
  std::map<Form, std::vector<Site>>::const_iterator const found = sites_.find(form);
  return found == sites_.end() ? none : found->second;
}

Site World::pick(Form form, u8 number) const {
  std::vector<Site> const& all = sites(form);
  return all.empty() ? Site{} : all[number % all.size()];
}

std::vector<InodeNumber> World::inodes() const {
  std::vector<InodeNumber> numbers;
  for (Site const& site : sites(Form::inode)) numbers.push_back(site.owner);
  return numbers;
}

World const& World::of_structures(u8 number) {
  return world(structure_images, number, Log::shortened);
}

World const& World::of_logs(u8 number) {
  return world(log_images, number, Log::as_it_is);
}

World const& World::of_dirty_logs(u8 number) {
  std::size_t const dirty = std::size(dirty_images), all = dirty + std::size(soiled_images);
  std::size_t const which = number % all;
  if (which < dirty) return world(dirty_images, static_cast<u8>(which), Log::as_it_is);
  return world(soiled_images, static_cast<u8>(which - dirty), Log::soiled);
}

}  // namespace xfsx::fuzz
