// libblkid reads a file descriptor; what is looked at here may be anything, a compressed image too.
// So the few places where tables can be are copied to a file in memory that has the size of the
// disk: both ends, and the chain of boot records that lead from one logical partition of an MBR to
// the next. libblkid decides what they mean.

#include "device/partitions.h"

#include "base/checked.h"
#include "base/view.h"
#include "device/guard.h"
#include "device/libblkid.h"
#include "device/slice.h"
#include "device/unique_fd.h"
#include "disk/superblock.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

namespace xfsx::inline v0 {

namespace {

constexpr u64 table_bytes = u64{1} << 20;  // of each end; a GPT usually takes 17 KiB
constexpr u64 unit = 512;                  // of libblkid's numbers, whatever the disk's sectors
constexpr u32 longest_chain = 128;         // logical partitions
constexpr u64 least_bytes = 4096;          // smaller ones have no table
constexpr u64 most_bytes = u64{1} << 60;   // larger ones do not fit a file in memory
constexpr u32 largest_sector = 4096;

/// The tables of a disk in a file in memory.
class Tables {
 public:
  static Result<Tables> copy(BlockDevice& disk, u32 sector) {
    Tables tables;
    u64 const size = disk.info().size;
    tables.fd_ = UniqueFd(::memfd_create("xfsx-partitions", MFD_CLOEXEC));
    if (!tables.fd_ || ::ftruncate(tables.fd_.get(), static_cast<off_t>(size)) != 0) {
      return make_error(Errc::io, errno, "no memory file for the partition table");
    }
    XFSX_TRYV(tables.take(disk, 0, std::min(size, table_bytes)));
    if (size > table_bytes) {
      u64 const rest = std::min(size - table_bytes, table_bytes);
      XFSX_TRYV(tables.take(disk, size - rest, rest));
    }
    XFSX_TRYV(tables.take_chain(disk, sector));
    return tables;
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Result<void> take(BlockDevice& disk, u64 offset, u64 length) {
    bytes_.resize(length);
    ReadRequest const request{offset, bytes_};
    XFSX_TRYV(disk.read({&request, 1}));
    for (u64 done = 0; done < length;) {
      ssize_t const n = ::pwrite(fd_.get(), bytes_.data() + done, length - done,
                                 static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return make_error(Errc::io, errno, "the partition table cannot be copied");
      done += static_cast<u64>(n);
    }
    return success();
  }

  /// First sector of the extended partition that the boot record in `bytes_` names; 0 for none.
  [[nodiscard]] u32 extended() const {
    constexpr std::size_t first = 446, entry = 16, type = 4, start = 8, entries = 4;
    if (bytes_.size() < unit || bytes_[510] != std::byte{0x55} || bytes_[511] != std::byte{0xaa}) {
      return 0;
    }
    for (std::size_t i = 0; i < entries; ++i) {
      ConstBytes const row = ConstBytes(bytes_).subspan(first + i * entry, entry);
      int const kind = std::to_integer<int>(row[type]);
      if (kind == 0x05 || kind == 0x0f || kind == 0x85) return view_as<le32>(row, start).value();
    }
    return 0;
  }

  /// Boot records of logical partitions: each names the next, counted from the first.
  Result<void> take_chain(BlockDevice& disk, u32 sector) {
    u64 const size = disk.info().size;
    XFSX_TRYV(take(disk, 0, largest_sector));
    u64 const base = extended();
    u64 at = base;
    for (u32 i = 0; i < longest_chain && at != 0; ++i) {
      if (!range_inside<u64>(at * sector, sector, size)) return success();
      XFSX_TRYV(take(disk, at * sector, sector));
      u64 const next = extended();
      at = next == 0 ? 0 : base + next;
    }
    return success();
  }

  UniqueFd fd_;
  std::vector<std::byte> bytes_;
};

Result<std::vector<Partition>> probe(Libblkid const& lib, Tables const& tables, u32 sector) {
  std::vector<Partition> found;
  std::unique_ptr<blkid_struct_probe, decltype(lib.free_probe)> const prober(lib.new_probe(),
                                                                             lib.free_probe);
  if (!prober) return make_error(Errc::no_memory, ENOMEM, "out of memory");
  std::string gpt = "gpt", mbr = "dos";
  char* kinds[] = {gpt.data(), mbr.data(), nullptr};
  bool const ready = lib.set_device(prober.get(), tables.fd(), 0, 0) == 0 &&
                     lib.set_sectorsize(prober.get(), sector) == 0 &&
                     lib.enable_superblocks(prober.get(), 0) == 0 &&
                     lib.enable_partitions(prober.get(), 1) == 0 &&
                     lib.filter_partitions(prober.get(), BLKID_FLTR_ONLYIN, kinds) == 0;
  if (!ready) return make_error(Errc::io, EIO, "libblkid cannot look at the partition table");
  blkid_partlist const list = lib.get_partitions(prober.get());
  int const count = list == nullptr ? 0 : lib.count(list);
  for (int i = 0; i < count; ++i) {
    blkid_partition const part = lib.partition(list, i);
    if (part == nullptr || lib.is_extended(part) != 0) continue;
    std::optional<u64> const offset = checked_mul(static_cast<u64>(lib.start(part)), unit);
    std::optional<u64> const size = checked_mul(static_cast<u64>(lib.size(part)), unit);
    int const number = lib.number(part);
    if (number > 0 && offset && size) found.push_back({static_cast<u32>(number), *offset, *size});
  }
  return found;
}

bool begins_like_xfs(BlockDevice& disk, u64 offset) {
  DeviceInfo const info = disk.info();
  u64 const length = std::max<u64>(info.logical_sector, unit);
  if (!range_inside<u64>(offset, length, info.size)) return false;
  std::vector<std::byte> bytes(length);
  ReadRequest const request{offset, bytes};
  // What cannot be read is no candidate.
  return disk.read({&request, 1}).has_value() &&
         view_as<be32>(bytes).value() == disk::superblock_magic;
}

std::string numbers(std::span<Partition const> partitions) {
  std::string text;
  for (Partition const& p : partitions) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", p.number);
  }
  return text;
}

Result<std::unique_ptr<BlockDevice>> slice(std::unique_ptr<BlockDevice> disk, Partition const& p) {
  DeviceInfo const info = disk->info();
  if (!range_inside(p.offset, p.size, info.size) || p.size == 0) {
    return with_note(device_error(Errc::truncated, EUCLEAN,
                                  "the partition does not lie wholly on the disk", p.offset),
                     fmt::format("partition {}", p.number));
  }
  return SliceDevice::make(std::move(disk), p.offset, p.size, p.number);
}

}  // namespace

Result<Libblkid> Libblkid::load() {
  Libblkid lib;
  lib.library_ = load_library("libblkid.so.1");
  HostLibrary const& from = lib.library_;
  bool const all = from && find_call(from, "blkid_new_probe", lib.new_probe) &&
                   find_call(from, "blkid_free_probe", lib.free_probe) &&
                   find_call(from, "blkid_probe_set_device", lib.set_device) &&
                   find_call(from, "blkid_probe_set_sectorsize", lib.set_sectorsize) &&
                   find_call(from, "blkid_probe_enable_superblocks", lib.enable_superblocks) &&
                   find_call(from, "blkid_probe_enable_partitions", lib.enable_partitions) &&
                   find_call(from, "blkid_probe_filter_partitions_type", lib.filter_partitions) &&
                   find_call(from, "blkid_probe_get_partitions", lib.get_partitions) &&
                   find_call(from, "blkid_partlist_numof_partitions", lib.count) &&
                   find_call(from, "blkid_partlist_get_partition", lib.partition) &&
                   find_call(from, "blkid_partition_get_partno", lib.number) &&
                   find_call(from, "blkid_partition_get_start", lib.start) &&
                   find_call(from, "blkid_partition_get_size", lib.size) &&
                   find_call(from, "blkid_partition_is_extended", lib.is_extended);
  if (!all)
    return make_error(Errc::missing, ENOENT, "libblkid, which finds partitions, is missing");
  return lib;
}

Result<std::vector<Partition>> read_partitions(BlockDevice& disk) {
  return guarded([&]() -> Result<std::vector<Partition>> {
    u64 const size = disk.info().size;
    if (size < least_bytes || size > most_bytes) return std::vector<Partition>{};
    XFSX_TRY(Libblkid const lib, Libblkid::load());
    u32 const sector = std::max<u32>(disk.info().logical_sector, unit);
    XFSX_TRY(Tables const tables, Tables::copy(disk, sector));
    XFSX_TRY(std::vector<Partition> found, probe(lib, tables, sector));
    // An image may be that of a disk whose sectors were larger than those of a file.
    if (!found.empty() || sector >= largest_sector) return found;
    XFSX_TRY(Tables const larger, Tables::copy(disk, largest_sector));
    return probe(lib, larger, largest_sector);
  });
}

Result<std::unique_ptr<BlockDevice>> open_partition(std::unique_ptr<BlockDevice> disk, u32 number) {
  return guarded([&]() -> Result<std::unique_ptr<BlockDevice>> {
    XFSX_TRY(std::vector<Partition> const all, read_partitions(*disk));
    if (all.empty()) return refuse(ENXIO, "there is no partition table");
    auto const found = std::ranges::find(all, number, &Partition::number);
    if (found != all.end()) return slice(std::move(disk), *found);
    return with_note(refuse(ENXIO, "there is no partition of this number; there are"),
                     numbers(all));
  });
}

Result<std::unique_ptr<BlockDevice>> find_xfs(std::unique_ptr<BlockDevice> disk) {
  return guarded([&]() -> Result<std::unique_ptr<BlockDevice>> {
    if (begins_like_xfs(*disk, 0)) return std::move(disk);
    Result<std::vector<Partition>> const all = read_partitions(*disk);
    if (!all && all.error().code == Errc::missing) return std::move(disk);
    if (!all) return all.error();
    std::vector<Partition> candidates;
    for (Partition const& p : all.value()) {
      if (begins_like_xfs(*disk, p.offset)) candidates.push_back(p);
    }
    if (candidates.empty()) return std::move(disk);
    if (candidates.size() == 1) return slice(std::move(disk), candidates.front());
    return with_note(refuse(EINVAL, "several partitions hold XFS; choose one (--partition)"),
                     numbers(candidates));
  });
}

}  // namespace xfsx::inline v0
