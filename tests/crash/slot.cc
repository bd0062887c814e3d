#include "crash/slot.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

namespace xfsx::test {

namespace {

void check(bool good, std::string const& what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Pieces::Pieces(MemoryDevice const& before, Recording const& recording) {
  u64 const end = before.info().size;
  for (u64 at = 0; at < end; at += before.piece_at(at).size()) {
    ConstBytes const piece = before.piece_at(at);
    if (std::ranges::any_of(piece, [](std::byte b) { return b != std::byte{0}; })) {
      add(at, piece.size());
    }
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
  void* const at = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  check(at != MAP_FAILED, path_);
  mapped_ = static_cast<std::byte*>(at);
}

Slot::~Slot() {
  ::munmap(mapped_, size_);
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

void Slot::become(MemoryDevice const& disk, Pieces const& pieces) {
  Pieces all = pieces;
  add_own(all);
  for (u64 const number : all.numbers()) {
    u64 const end = std::min((number + 1) * Pieces::size, size_);
    for (u64 at = number * Pieces::size; at < end;) {
      ConstBytes piece = disk.piece_at(at);
      piece = piece.first(std::min<std::size_t>(piece.size(), end - at));
      std::byte* const here = mapped_ + at;
      if (std::memcmp(here, piece.data(), piece.size()) != 0) {
        std::memcpy(here, piece.data(), piece.size());
      }
      at += piece.size();
    }
  }
}

}  // namespace xfsx::test
