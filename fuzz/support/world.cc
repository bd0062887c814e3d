#include "fuzz/support/world.h"

#include "base/checked.h"
#include "base/view.h"
#include "disk/attr.h"
#include "disk/btree.h"
#include "disk/dir.h"
#include "disk/inode.h"
#include "disk/symlink.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace xfsx::fuzz {

namespace {

constexpr std::string_view structure_images[] = {
    "plain-v5", "block1k", "dir4k-block1k", "dir8k", "inode2k", "nrext64", "sector4k", "meta-uuid"};
constexpr std::string_view log_images[] = {"plain-v5",  "log-su32k",        "log-su256k",
                                           "wrapped",   "wrapped-sector4k", "wrapped-small",
                                           "dirty-log", "wrapped-su256k"};

constexpr u32 sites_of_a_kind = 4;
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

World const& world(std::span<std::string_view const> names, u8 number) {
  static std::map<std::string_view, std::unique_ptr<World>> worlds;
  std::string_view const name = names[number % names.size()];
  std::unique_ptr<World>& slot = worlds[name];
  if (!slot) {
    char const* folder = std::getenv("XFSX_FUZZ_IMAGES");
    std::string const from = folder != nullptr ? folder : XFSX_FUZZ_IMAGES;
    slot = std::make_unique<World>(from + "/" + std::string(name) + ".img.gz");
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
  std::ranges::copy(bytes, whole.begin() + static_cast<std::ptrdiff_t>(offset - first));
  WriteRequest const request{first, whole};
  if (Result<void> const done = disk.write({&request, 1}); !done) give_up(describe(done.error()));
}

World::World(std::string const& path)
    : seed_(need(Seed::load(path, image_limit), path)), geometry_(geometry_of(*seed_, path)) {
  find_sites();
}

void World::find_sites() {
  u64 const log_first = geometry_.daddr(geometry_.log_start()).raw() * 512;
  u64 const log_end = log_first + u64{geometry_.log_blocks()} * geometry_.block_size();
  u32 const block = geometry_.block_size();
  for (u64 at = 0; at < geometry_.data_blocks() * block; at += block) {
    // Copies of blocks in the log are not blocks.
    if (at >= log_first && at < log_end) continue;
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
  constexpr std::size_t in_data = offsetof(disk::DirDataHeader, owner);
  constexpr std::size_t in_free = offsetof(disk::DirFreeHeader, owner);
  constexpr std::size_t in_link = offsetof(disk::SymlinkHeader, owner);
  constexpr std::size_t in_value = offsetof(disk::AttrRemoteHeader, owner);
  switch (magic) {
    case disk::inobt_magic:
      return keep(Form::inobt, 0, {offset, block_size, {}});
    case disk::refcountbt_magic:
      return keep(Form::refcountbt, 0, {offset, block_size, {}});
    case disk::bmbt_magic: {
      u16 const level = view_as<disk::BtreeLongBlock>(block).level.value();
      return keep(Form::bmbt, level,
                  {offset, block_size, owner_at(offsetof(disk::BtreeLongBlock, owner))});
    }
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
  if (magic >> 16 == disk::inode_magic) look_at_inodes(offset, block);
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
  if (kept_[{form, variety}]++ < sites_of_a_kind) sites_[form].push_back(site);
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
  return world(structure_images, number);
}

World const& World::of_logs(u8 number) {
  return world(log_images, number);
}

}  // namespace xfsx::fuzz
