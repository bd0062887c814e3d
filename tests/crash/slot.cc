#include "crash/slot.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

namespace xfsx::test {

namespace {

using Piece = std::array<std::byte, Pieces::size>;

void check(bool good, std::string const& what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Pieces::Pieces(MemoryDevice const& before, Recording const& recording) {
  std::unique_ptr<MemoryDevice> const disk = before.snapshot();
  Piece bytes;
  u64 const end = disk->info().size;
  for (u64 at = 0; at < end; at += size) {
    Bytes const piece = Bytes(bytes).first(std::min<u64>(size, end - at));
    ReadRequest const request{at, piece};
    disk->read({&request, 1}).value();
    bool const zero = std::ranges::all_of(piece, [](std::byte b) { return b == std::byte{0}; });
    if (!zero) add(at, 1);
  }
  for (RecordedEvent const& event : recording.events) {
    if (event.kind == RecordedEvent::Kind::write) add(event.offset, event.bytes.size());
  }
}

void Pieces::add(u64 offset, u64 length) {
  for (u64 number = offset / size; number * size < offset + length; ++number) {
    numbers_.insert(number);
  }
}

Slot::Slot(std::string path, u64 size)
    : path_(std::move(path)),
      size_(size),
      file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
  check(file_.get() >= 0, path_);
  check(::ftruncate(file_.get(), static_cast<off_t>(size_)) == 0, path_);
}

/// Adds what the file holds now: a judge may have written where the disk has nothing.
void Slot::add_own(Pieces& pieces) const {
  off_t at = 0;
  while ((at = ::lseek(file_.get(), at, SEEK_DATA)) >= 0) {
    off_t const end = ::lseek(file_.get(), at, SEEK_HOLE);
    check(end >= 0, path_);
    pieces.add(static_cast<u64>(at), static_cast<u64>(end - at));
    at = end;
  }
  check(errno == ENXIO, path_);
}

void Slot::become(MemoryDevice& disk, Pieces const& pieces) {
  Pieces all = pieces;
  add_own(all);
  Piece wanted, found;
  for (u64 const number : all.numbers()) {
    u64 const at = number * Pieces::size;
    std::size_t const length = std::min<u64>(Pieces::size, size_ - at);
    Bytes const want = Bytes(wanted).first(length);
    Bytes const have = Bytes(found).first(length);
    ReadRequest const request{at, want};
    disk.read({&request, 1}).value();
    ssize_t const got = ::pread(file_.get(), have.data(), length, static_cast<off_t>(at));
    check(got == static_cast<ssize_t>(length), path_);
    if (std::ranges::equal(want, have)) continue;
    ssize_t const put = ::pwrite(file_.get(), want.data(), length, static_cast<off_t>(at));
    check(put == static_cast<ssize_t>(length), path_);
  }
}

}  // namespace xfsx::test
