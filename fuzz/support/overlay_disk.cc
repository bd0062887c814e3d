#include "fuzz/support/overlay_disk.h"

#include "base/checked.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace xfsx::fuzz {

Result<std::shared_ptr<Seed const>> Seed::load(std::string const& path, u64 limit) {
  std::unique_ptr<gzFile_s, int (*)(gzFile)> const file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) return make_error(Errc::missing, ENOENT, "the image cannot be opened");
  std::shared_ptr<Seed> seed = std::make_shared<Seed>();
  seed->data_.reset(static_cast<std::byte*>(std::calloc(limit, 1)));
  if (!seed->data_) return make_error(Errc::no_memory, ENOMEM, "no memory for the image");
  constexpr unsigned step = 1 << 16;
  std::vector<std::byte> const zeros(step);
  std::vector<std::byte> piece(step);
  for (;;) {
    int const got = gzread(file.get(), piece.data(), step);
    if (got == 0) break;
    if (got < 0 || static_cast<u64>(got) > limit - seed->size_) {
      return make_error(Errc::io, EIO, "the image is damaged or larger than expected");
    }
    std::size_t const count = static_cast<std::size_t>(got);
    if (std::memcmp(piece.data(), zeros.data(), count) != 0) {
      std::memcpy(seed->data_.get() + seed->size_, piece.data(), count);
    }
    seed->size_ += count;
  }
  return std::shared_ptr<Seed const>(std::move(seed));
}

DeviceInfo OverlayDisk::info() const {
  DeviceInfo info;
  info.size = seed_->bytes().size();
  info.logical_sector = sector;
  info.backend = "memory";
  return info;
}

Result<void> OverlayDisk::check(u64 offset, std::size_t count) const {
  if (range_inside<u64>(offset, count, seed_->bytes().size())) return success();
  Error e = make_error(Errc::truncated, EIO, "request past the end of the device");
  e.address_kind = AddressKind::byte;
  e.address = offset;
  return e;
}

Result<void> OverlayDisk::read(std::span<ReadRequest const> batch) {
  for (ReadRequest const& request : batch) {
    u64 const end = request.offset + request.into.size();
    XFSX_TRYV(check(request.offset, request.into.size()));
    if (request.into.empty()) continue;
    std::memcpy(request.into.data(), seed_->bytes().data() + request.offset, request.into.size());
    u64 const first_sector = request.offset / sector * sector;
    for (auto at = changed_.lower_bound(first_sector); at != changed_.end() && at->first < end;
         ++at) {
      u64 const from = std::max(at->first, request.offset);
      u64 const to = std::min(at->first + sector, end);
      std::memcpy(request.into.data() + (from - request.offset),
                  at->second.data() + (from - at->first), to - from);
    }
  }
  return success();
}

Result<void> OverlayDisk::write(std::span<WriteRequest const> batch) {
  for (WriteRequest const& request : batch) {
    XFSX_TRYV(check(request.offset, request.from.size()));
    if (request.offset % sector != 0 || request.from.size() % sector != 0) {
      return make_error(Errc::io, EINVAL, "the request is not aligned to sectors");
    }
    for (std::size_t done = 0; done < request.from.size(); done += sector) {
      ConstBytes const piece = request.from.subspan(done, sector);
      changed_[request.offset + done].assign(piece.begin(), piece.end());
    }
  }
  return success();
}

}  // namespace xfsx::fuzz
