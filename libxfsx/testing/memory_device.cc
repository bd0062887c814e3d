#include "testing/memory_device.h"

#include "base/assert.h"
#include "base/checked.h"
#include "device/guard.h"
#include "device/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

bool all_zero(ConstBytes bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

Result<void> check_range(u64 offset, u64 length, u64 size) {
  if (range_inside(offset, length, size)) return success();
  return device_error(Errc::truncated, 0, "request past the end of the device", offset);
}

}  // namespace

MemoryDevice::MemoryDevice(u64 size, u32 logical_sector)
    : size_(size), logical_sector_(logical_sector), chunks_(div_round_up(size, chunk_size)) {}

std::unique_ptr<MemoryDevice> MemoryDevice::snapshot() const {
  std::unique_ptr<MemoryDevice> copy = std::make_unique<MemoryDevice>(0, logical_sector_);
  copy->size_ = size_;
  copy->chunks_ = chunks_;
  return copy;
}

DeviceInfo MemoryDevice::info() const {
  DeviceInfo info;
  info.size = size_;
  info.logical_sector = logical_sector_;
  info.backend = "memory";
  return info;
}

template <class Visit>
void MemoryDevice::for_each_piece(u64 offset, u64 length, Visit&& visit) const {
  for (u64 done = 0; done < length;) {
    u64 const at = offset + done;
    u64 const inside = at % chunk_size;
    u64 const count = std::min(length - done, chunk_size - inside);
    visit(at / chunk_size, inside, done, count);
    done += count;
  }
}

Result<void> MemoryDevice::read(std::span<ReadRequest const> batch) {
  for (ReadRequest const& request : batch) {
    XFSX_TRYV(check_range(request.offset, request.into.size(), size_));
    for_each_piece(request.offset, request.into.size(),
                   [&](u64 index, u64 inside, u64 done, u64 count) {
                     Bytes const into = request.into.subspan(done, count);
                     std::shared_ptr<Chunk> const& chunk = chunks_[index];
                     if (chunk) {
                       std::ranges::copy(ConstBytes(*chunk).subspan(inside, count), into.begin());
                     } else {
                       std::ranges::fill(into, std::byte{0});
                     }
                   });
    stats_.reads += 1;
    stats_.read_bytes += request.into.size();
  }
  return success();
}

Result<void> MemoryDevice::write(std::span<WriteRequest const> batch) {
  for (WriteRequest const& request : batch) {
    u64 const length = request.from.size();
    XFSX_TRYV(check_range(request.offset, length, size_));
    if (request.offset % logical_sector_ != 0 || length % logical_sector_ != 0) {
      return device_error(Errc::refused, EINVAL, "write of parts of sectors", request.offset);
    }
  }
  return guarded([&]() -> Result<void> {
    for (WriteRequest const& request : batch) {
      poke(request.offset, request.from);
      stats_.writes += 1;
      stats_.write_bytes += request.from.size();
    }
    return success();
  });
}

void MemoryDevice::poke(u64 offset, ConstBytes from) {
  XFSX_ASSERT(range_inside<u64>(offset, from.size(), size_));
  for_each_piece(offset, from.size(), [&](u64 index, u64 inside, u64 done, u64 count) {
    std::shared_ptr<Chunk>& chunk = chunks_[index];
    ConstBytes const piece = from.subspan(done, count);
    if (!chunk && all_zero(piece)) return;
    if (!chunk) {
      chunk = std::make_shared<Chunk>();
    } else if (chunk.use_count() > 1) {
      chunk = std::make_shared<Chunk>(*chunk);
    }
    std::ranges::copy(piece, Bytes(*chunk).subspan(inside, count).begin());
  });
}

ConstBytes MemoryDevice::piece_at(u64 offset) const {
  static constexpr Chunk zeros{};
  XFSX_ASSERT(offset < size_);
  std::shared_ptr<Chunk> const& chunk = chunks_[offset / chunk_size];
  u64 const inside = offset % chunk_size;
  u64 const length = std::min(chunk_size - inside, size_ - offset);
  return ConstBytes(chunk ? *chunk : zeros).subspan(inside, length);
}

Result<void> MemoryDevice::flush() {
  stats_.flushes += 1;
  return success();
}

u64 MemoryDevice::bytes_in_memory() const {
  return chunk_size * static_cast<u64>(std::ranges::count_if(
                          chunks_, [](std::shared_ptr<Chunk> const& chunk) { return !!chunk; }));
}

Result<void> MemoryDevice::store(std::string const& path) const {
  UniqueFd const fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!fd) return make_error(Errc::io, errno, "the image file cannot be made");
  if (::ftruncate(fd.get(), static_cast<off_t>(size_)) != 0) {
    return make_error(Errc::io, errno, "the image file cannot be sized");
  }
  for (u64 index = 0; index < chunks_.size(); ++index) {
    if (!chunks_[index]) continue;
    u64 const offset = index * chunk_size;
    u64 const length = std::min(chunk_size, size_ - offset);
    ConstBytes left(chunks_[index]->data(), length);
    while (!left.empty()) {
      off_t const at = static_cast<off_t>(offset + length - left.size());
      s64 const done = ::pwrite(fd.get(), left.data(), left.size(), at);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return make_error(Errc::io, errno, "the image file cannot be written");
      left = left.subspan(static_cast<std::size_t>(done));
    }
  }
  return success();
}

Result<std::unique_ptr<MemoryDevice>> load_gz_image(std::string const& path, u32 logical_sector) {
  return guarded([&]() -> Result<std::unique_ptr<MemoryDevice>> {
    struct Close {
      void operator()(gzFile file) const { ::gzclose(file); }
    };
    std::unique_ptr<gzFile_s, Close> const file(::gzopen(path.c_str(), "rb"));
    if (!file) return make_error(Errc::missing, errno, "the compressed image cannot be opened");
    ::gzbuffer(file.get(), 1U << 17U);
    // The size is known at the end only: pieces that are not zeros are kept until then.
    std::vector<std::pair<u64, std::vector<std::byte>>> kept;
    std::vector<std::byte> piece(u64{1} << 16);
    u64 size = 0;
    for (;;) {
      int const count = ::gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()));
      if (count < 0) return make_error(Errc::io, EIO, "the compressed image is damaged");
      if (count == 0) {
        int error = Z_OK;
        ::gzerror(file.get(), &error);
        if (error != Z_OK) return make_error(Errc::io, EIO, "the compressed image ends early");
        break;
      }
      std::size_t const length = static_cast<std::size_t>(count);
      if (!all_zero(ConstBytes(piece).first(length))) {
        kept.emplace_back(size, std::vector<std::byte>(piece.begin(), piece.begin() + count));
      }
      size += length;
    }
    std::unique_ptr<MemoryDevice> device = std::make_unique<MemoryDevice>(size, logical_sector);
    for (auto const& [offset, bytes] : kept) device->poke(offset, bytes);
    return device;
  });
}

}  // namespace xfsx::inline v0
