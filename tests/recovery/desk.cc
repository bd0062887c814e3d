#include "recovery/desk.h"

#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "support/host.h"
#include "support/patch.h"
#include "support/skip.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <regex>

namespace xfsx::test {

namespace {

/// What xfs_repair -n says of a filesystem without faults.
bool is_usual(std::string const& line) {
  static std::regex const usual(
      "^$|^Phase [1-7]|^ {8}- |^No modify flag set|^Cannot get host filesystem geometry|"
      "^Repair may fail if there is a sector size mismatch|^the image and the host filesystem");
  return std::regex_search(line, usual);
}

/// Lines of its output that are not usual; its exit status if that is not 0.
std::string complaints(std::string const& command) {
  std::string found, line;
  std::FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 512> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) {
    line = buffer.data();
    if (line.ends_with('\n')) line.pop_back();
    if (!is_usual(line)) found += line + "\n";
  }
  int const status = ::pclose(pipe);
  if (status != 0) found += "status " + std::to_string(status);
  return found;
}

}  // namespace

Desk::Desk(std::string const& image, std::function<void(MemoryDevice&)> const& prepare)
    : image_(image), disk_(test::image(image)), realtime_(realtime_device(image)) {
  if (prepare) prepare(*disk_);
  blocks_ = std::make_unique<ReplayedBlocks>(*disk_);
  FurtherDevices further;
  further.realtime = realtime_.get();
  bench_ = Workbench::open(*blocks_, further).value();
}

Result<void> Desk::finish(std::vector<Intent> const& intents) {
  return finish_intents(*bench_, intents, Timestamp{1'800'000'000, 0});
}

Inode Desk::inode(std::string const& path) {
  return load_inode(volume(), ino_of(image_, path)).value();
}

std::vector<Mapping> Desk::mappings(std::string const& path, ForkKind kind) {
  return collect_mappings(volume(), inode(path), kind).value();
}

u64 Desk::free_blocks() {
  SectorCount const sector(geometry().sector_size() / basic_block_size);
  BufferRef const block = volume().cache().load(superblock_kind, Daddr(0), sector).value();
  return view_as<disk::Superblock>(block->bytes()).fdblocks.value();
}

std::unique_ptr<MemoryDevice> Desk::result() {
  std::unique_ptr<MemoryDevice> disk = disk_->snapshot();
  for (auto const& [address, block] : blocks_->blocks()) {
    disk->poke(block.daddr.raw() * basic_block_size, block.data.bytes());
  }
  return disk;
}

void Desk::judge(std::function<void(MemoryDevice&)> const& change) {
  std::unique_ptr<MemoryDevice> const disk = result();
  if (change) change(*disk);
  judge_by_repair(*disk, realtime_.get());
}

void judge_by_repair(MemoryDevice const& disk, MemoryDevice const* realtime) {
  tests::Scratch const scratch;
  REQUIRE(disk.store(scratch / "image").has_value());
  std::string devices = scratch / "image";
  if (realtime != nullptr) {
    REQUIRE(realtime->store(scratch / "realtime").has_value());
    devices = "-r " + (scratch / "realtime") + " " + devices;
  }
  for (std::string const version : {"6.13", "7.2"}) {
    // Realtime devices in groups came later.
    if (realtime != nullptr && version == "6.13") continue;
    std::string const program = "/opt/xfsprogs/bin/xfs_repair-" + version;
    if (::access(program.c_str(), X_OK) != 0) {
      tests::report_skip("xfsprogs " + version + " or later is not here");
      continue;
    }
    CAPTURE(version);
    CHECK(complaints(program + " -n " + devices) == "");
  }
}

Intent efi(std::vector<FreeIntent::Extent> extents) {
  Intent intent;
  intent.type = disk::LogItemType::efi;
  intent.name = "EFI";
  intent.work = FreeIntent{std::move(extents)};
  return intent;
}

Intent rui(std::vector<MapChange> changes) {
  Intent intent;
  intent.type = disk::LogItemType::rui;
  intent.name = "RUI";
  intent.work = RmapIntent{std::move(changes)};
  return intent;
}

Intent cui(std::vector<RefcountIntent::Change> changes) {
  Intent intent;
  intent.type = disk::LogItemType::cui;
  intent.name = "CUI";
  intent.work = RefcountIntent{std::move(changes)};
  return intent;
}

Intent bui(u32 what, InodeNumber inode, Mapping const& mapping) {
  Intent intent;
  intent.type = disk::LogItemType::bui;
  intent.name = "BUI";
  u32 const state = mapping.unwritten ? disk::map_intent::unwritten : 0;
  intent.work = BmapIntent{{inode.raw(), mapping.start, mapping.offset,
                            static_cast<u32>(mapping.length.raw()), what | state}};
  return intent;
}

Intent of_realtime(Intent intent) {
  intent.realtime = true;
  if (auto* const work = std::get_if<BmapIntent>(&intent.work)) {
    work->change.flags |= disk::map_intent::realtime;
    intent.realtime = false;  // one type of item for both
  }
  return intent;
}

std::vector<std::byte> contents(BlockDevice& disk, std::string const& path) {
  std::unique_ptr<Filesystem> const fs = Filesystem::open(disk).value();
  InodeNumber const file = fs->resolve(path).value();
  std::vector<std::byte> bytes(fs->stat(file).value().size);
  REQUIRE(fs->read(file, 0, bytes).value() == bytes.size());
  return bytes;
}

}  // namespace xfsx::test
