#include "device/gzip_image.h"

#include "device/guard.h"

#include <fcntl.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <vector>

namespace xfsx::inline v0 {

namespace {

constexpr std::size_t piece_size = std::size_t{1} << 20;
constexpr std::size_t hole_size = 4096;  // zeros shorter than this are written

struct CloseGzip {
  void operator()(gzFile file) const { ::gzclose(file); }
};
using Gzip = std::unique_ptr<gzFile_s, CloseGzip>;

/// A file without a name.
Result<UniqueFd> temporary_file() {
  char const* const wanted = std::getenv("TMPDIR");
  char const* const folder = wanted != nullptr && *wanted != '\0' ? wanted : "/var/tmp";
  UniqueFd fd(::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd) {
    return with_note(make_error(Errc::io, errno, "no temporary file for the unpacked image"),
                     folder);
  }
  return fd;
}

Error temporary_failure(int error) {
  bool const full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return make_error(full ? Errc::host_full : Errc::io, error,
                    "the unpacked image does not fit the folder for temporary files");
}

/// Writes `bytes` at `offset`, leaving holes where whole blocks are zero.
Result<void> put_sparsely(int fd, u64 offset, ConstBytes bytes) {
  while (!bytes.empty()) {
    ConstBytes const block = bytes.first(std::min(hole_size, bytes.size()));
    bool const zero = std::ranges::all_of(block, [](std::byte b) { return b == std::byte{0}; });
    u64 done = zero ? block.size() : 0;
    while (done < block.size()) {
      ssize_t const n =
          ::pwrite(fd, block.data() + done, block.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return temporary_failure(n < 0 ? errno : ENOSPC);
      done += static_cast<u64>(n);
    }
    bytes = bytes.subspan(block.size());
    offset += block.size();
  }
  return success();
}

/// What stopped zlib, `at` bytes into the unpacked image.
Error damage(gzFile file, u64 at) {
  int code = Z_OK;
  ::gzerror(file, &code);
  if (code == Z_ERRNO) return device_error(Errc::io, errno, "read failed", at);
  if (code == Z_MEM_ERROR) return make_error(Errc::no_memory, ENOMEM, "out of memory");
  bool const early = code == Z_BUF_ERROR;
  Error e = device_error(
      early ? Errc::truncated : Errc::bad_value, EUCLEAN,
      early ? "the compressed image ends early" : "the compressed image is damaged", at);
  e.structure = "gzip";
  return e;
}

}  // namespace

bool is_gzip(int fd) {
  // Two bytes of magic, and the only method there is.
  constexpr std::array<unsigned char, 3> magic{0x1f, 0x8b, 8};
  std::array<unsigned char, 3> found{};
  return ::pread(fd, found.data(), found.size(), 0) == ssize_t{found.size()} && found == magic;
}

Result<UniqueFd> unpack_gzip(int fd) {
  XFSX_TRY(UniqueFd out, temporary_file());
  Gzip const file(::gzdopen(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "rb"));
  if (!file) return make_error(Errc::no_memory, ENOMEM, "out of memory");
  ::gzbuffer(file.get(), 1U << 17U);
  std::vector<std::byte> piece(piece_size);
  u64 size = 0;
  for (;;) {
    int const count = ::gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()));
    int code = Z_OK;
    ::gzerror(file.get(), &code);
    if (count < 0 || code != Z_OK) return damage(file.get(), size);
    if (count == 0) break;
    std::size_t const length = static_cast<std::size_t>(count);
    XFSX_TRYV(put_sparsely(out.get(), size, ConstBytes(piece).first(length)));
    size += length;
  }
  if (::ftruncate(out.get(), static_cast<off_t>(size)) != 0) return temporary_failure(errno);
  return out;
}

}  // namespace xfsx::inline v0
