#include "fuzz/support/overlay_disk.h"

#include "base/checked.h"
#include "base/endian.h"
#include "base/view.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace xfsx::fuzz {

namespace {

using GzFile = std::unique_ptr<gzFile_s, int (*)(gzFile)>;

/// A request in a recording; the bytes follow. The first record has the size of the disk as its
/// offset and no bytes.
struct Record {
  be64 offset;
  be32 length;
};

Error damaged() {
  return make_error(Errc::io, EIO, "the image is damaged or larger than expected");
}

/// Bytes read; fewer than asked for at the end of the file. Errors: io.
Result<std::size_t> read_some(GzFile const& file, Bytes into) {
  int const got = gzread(file.get(), into.data(), static_cast<unsigned>(into.size()));
  if (got < 0) return damaged();
  return static_cast<std::size_t>(got);
}

Result<GzFile> open_gz(std::string const& path) {
  GzFile file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) return make_error(Errc::missing, ENOENT, "the image cannot be opened");
  return file;
}

void add_record(std::FILE* file, u64 offset, ConstBytes bytes) {
  Record record{};
  record.offset = offset;
  record.length = static_cast<u32>(bytes.size());
  ConstBytes const head = bytes_of(record);
  (void)std::fwrite(head.data(), 1, head.size(), file);
  (void)std::fwrite(bytes.data(), 1, bytes.size(), file);
  // Whatever is looked for may end the process.
  std::fflush(file);
}

}  // namespace

std::FILE* OverlayDisk::recorder = nullptr;

Result<std::shared_ptr<Seed>> Seed::make(u64 size) {
  std::shared_ptr<Seed> seed = std::make_shared<Seed>();
  seed->data_.reset(static_cast<std::byte*>(std::calloc(size, 1)));
  if (!seed->data_) return make_error(Errc::no_memory, ENOMEM, "no memory for the image");
  seed->size_ = size;
  return seed;
}

Result<std::shared_ptr<Seed>> Seed::load(std::string const& path, u64 limit) {
  XFSX_TRY(GzFile const file, open_gz(path));
  XFSX_TRY(std::shared_ptr<Seed> const seed, make(limit));
  std::vector<std::byte> const zeros(step);
  std::vector<std::byte> piece(step);
  seed->size_ = 0;
  for (;;) {
    XFSX_TRY(std::size_t const count, read_some(file, piece));
    if (count == 0) break;
    if (count > limit - seed->size_) return damaged();
    bool const filled = std::memcmp(piece.data(), zeros.data(), count) != 0;
    if (filled) std::memcpy(seed->data_.get() + seed->size_, piece.data(), count);
    seed->filled_.push_back(filled);
    seed->size_ += count;
  }
  return seed;
}

Result<std::shared_ptr<Seed>> Seed::thaw(std::string const& path, u64 limit) {
  XFSX_TRY(GzFile const file, open_gz(path));
  std::shared_ptr<Seed> seed;
  std::vector<std::byte> head(sizeof(Record));
  for (;;) {
    XFSX_TRY(std::size_t const count, read_some(file, head));
    if (count == 0) break;
    if (count < head.size()) return damaged();
    Record const& record = view_as<Record>(head);
    if (!seed) {
      if (record.offset.value() > limit) return damaged();
      XFSX_TRY(seed, make(record.offset.value()));
      continue;
    }
    u32 const length = record.length.value();
    if (!range_inside<u64>(record.offset.value(), length, seed->size_)) return damaged();
    Bytes const bytes = seed->bytes().subspan(record.offset.value(), length);
    XFSX_TRY(std::size_t const got, read_some(file, bytes));
    if (got < length) return damaged();
  }
  if (!seed) return damaged();
  return seed;
}

OverlayDisk::OverlayDisk(std::shared_ptr<Seed const> seed) : seed_(std::move(seed)) {
  if (recorder == nullptr) return;
  add_record(recorder, seed_->bytes().size(), {});
  // Targets know the geometry without reading it.
  add_record(recorder, 0,
             seed_->bytes().first(std::min<u64>(seed_->bytes().size(), WrittenPages::page_size)));
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
    XFSX_TRYV(check(request.offset, request.into.size()));
    if (request.into.empty()) continue;
    std::memcpy(request.into.data(), seed_->bytes().data() + request.offset, request.into.size());
    if (!pages_.empty()) pages_.lay_over(request.offset, request.into);
    ++stats_.reads;
    stats_.read_bytes += request.into.size();
    if (recorder != nullptr) add_record(recorder, request.offset, request.into);
  }
  return success();
}

/// What lies below of a page; behind the end of the disk, zeros.
Result<void> OverlayDisk::read_seed(u64 offset, Bytes into) const {
  ConstBytes const old = seed_->bytes().subspan(offset);
  std::size_t const count = std::min(old.size(), into.size());
  std::memcpy(into.data(), old.data(), count);
  std::memset(into.data() + count, 0, into.size() - count);
  return success();
}

Result<void> OverlayDisk::write(std::span<WriteRequest const> batch) {
  for (WriteRequest const& request : batch) {
    XFSX_TRYV(check(request.offset, request.from.size()));
    if (request.offset % sector != 0 || request.from.size() % sector != 0) {
      return make_error(Errc::io, EINVAL, "the request is not aligned to sectors");
    }
    XFSX_TRYV(pages_.write(request.offset, request.from,
                           [this](u64 offset, Bytes into) { return read_seed(offset, into); }));
    ++stats_.writes;
    stats_.write_bytes += request.from.size();
    if (recorder != nullptr) add_record(recorder, request.offset, request.from);
  }
  return success();
}

void OverlayDisk::write_into(Seed& seed) const {
  pages_.for_each([&](u64 offset, ConstBytes page) {
    Bytes const place = seed.bytes().subspan(offset);
    std::memcpy(place.data(), page.data(), std::min(place.size(), page.size()));
  });
}

}  // namespace xfsx::fuzz
