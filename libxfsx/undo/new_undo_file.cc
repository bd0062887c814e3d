#include "base/checked.h"
#include "base/crc32c.h"
#include "base/view.h"
#include "undo/layout.h"
#include "undo/undo_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>

namespace xfsx::inline v0 {

namespace {

constexpr u64 request_bytes = u64{1} << 20;
constexpr u64 batch_bytes = 8 * request_bytes;
constexpr mode_t owner_only = 0600;

Error cannot_write(std::string const& path, int code) {
  if (code == EEXIST) return with_note(refuse(EEXIST, "the undo file exists already"), path);
  bool const full = code == ENOSPC || code == EDQUOT;
  return with_note(
      make_error(full ? Errc::host_full : Errc::io, code, "cannot write the undo file"), path);
}

/// The file at its end, with a running checksum.
class Output {
 public:
  Output(int fd, std::string const& path) : fd_(fd), path_(path) {}

  Result<void> add(ConstBytes bytes) {
    crc_.feed(bytes);
    return put(bytes);
  }
  Result<void> end() {
    undo_layout::Checksum const sum{crc_.value()};
    return put(bytes_of(sum));
  }

 private:
  Result<void> put(ConstBytes bytes) {
    while (!bytes.empty()) {
      ssize_t const n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return cannot_write(path_, n == 0 ? EIO : errno);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return success();
  }

  int fd_;
  std::string const& path_;
  Crc32c crc_;
};

undo_layout::LogState log_state(UndoLogState const& state) {
  undo_layout::LogState s{};
  s.head = state.head.raw();
  s.tail = state.tail.raw();
  s.known = state.known ? 1 : 0;
  s.clean = state.clean ? 1 : 0;
  return s;
}

undo_layout::Header header_of(UndoContents const& contents) {
  undo_layout::Header h{};
  h.magic = undo_layout::magic;
  h.version = undo_layout::version;
  h.sector = undo_sector;
  u64 size = sizeof(h) + sizeof(undo_layout::Checksum);
  size += (contents.ranges.size() + contents.writes.size()) * sizeof(undo_layout::Run);
  size += contents.checksums.size() * sizeof(undo_layout::Checksum);
  for (UndoRange const& range : contents.ranges) size += range.length;
  h.size = size;
  h.uuid = contents.summary.uuid;
  for (std::size_t i = 0; i < h.device_sizes.size(); ++i) {
    h.device_sizes[i] = contents.device_sizes[i];
  }
  h.superblock_before = contents.summary.superblock_before;
  h.superblock_after = contents.summary.superblock_after;
  h.log_before = log_state(contents.summary.log_before);
  h.log_after = log_state(contents.summary.log_after);
  h.range_count = static_cast<u32>(contents.ranges.size());
  h.write_count = static_cast<u32>(contents.writes.size());
  h.pad = 0;
  h.crc = u32{0};
  h.crc = crc32c_without(bytes_of(h), offsetof(undo_layout::Header, crc));
  return h;
}

std::vector<undo_layout::Run> runs_of(std::vector<UndoRange> const& ranges) {
  std::vector<undo_layout::Run> runs;
  runs.reserve(ranges.size());
  for (UndoRange const& range : ranges) {
    undo_layout::Run run{};
    run.offset = range.offset;
    run.length = range.length;
    run.role = static_cast<u8>(range.role);
    runs.push_back(run);
  }
  return runs;
}

template <class T>
Result<void> add_all(Output& out, std::vector<T> const& rows) {
  return out.add(std::as_bytes(std::span(rows)));
}

Result<void> copy_range(Output& out, UndoRange const& range, BlockDevice& device,
                        AlignedBytes& buffer) {
  for (u64 at = range.offset; at < range.end();) {
    u64 const count = std::min(range.end() - at, batch_bytes);
    Bytes const bytes = buffer.bytes().first(count);
    std::array<ReadRequest, batch_bytes / request_bytes> requests;
    std::size_t used = 0;
    for (u64 done = 0; done < count; done += request_bytes) {
      requests[used++] = {at + done, bytes.subspan(done, std::min(count - done, request_bytes))};
    }
    XFSX_TRYV(device.read(std::span(requests).first(used)));
    XFSX_TRYV(out.add(bytes));
    at += count;
  }
  return success();
}

Result<void> flush_folder(std::string const& path) {
  std::size_t const slash = path.rfind('/');
  std::string const folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd const fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return cannot_write(path, errno);
  return success();
}

}  // namespace

Result<NewUndoFile> NewUndoFile::create(std::string const& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, owner_only));
  if (fd) return NewUndoFile(std::move(fd), path);
  int const code = errno;
  Error e = cannot_write(path, code);
  if (e.code == Errc::io) e.code = Errc::missing;  // what became of an image is no question yet
  return e;
}

NewUndoFile::NewUndoFile(NewUndoFile&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::move(other.path_)) {
  other.path_.clear();
}

NewUndoFile::~NewUndoFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> NewUndoFile::write(UndoContents const& contents, DevicesByRole const& devices) {
  Output out(fd_.get(), path_);
  undo_layout::Header const header = header_of(contents);
  XFSX_TRYV(out.add(bytes_of(header)));
  XFSX_TRYV(add_all(out, runs_of(contents.ranges)));
  XFSX_TRYV(add_all(out, runs_of(contents.writes)));
  std::vector<undo_layout::Checksum> sums;
  sums.reserve(contents.checksums.size());
  for (u32 const crc : contents.checksums) sums.push_back({crc});
  XFSX_TRYV(add_all(out, sums));
  AlignedBytes buffer = AlignedBytes::uninitialized(batch_bytes);
  for (UndoRange const& range : contents.ranges) {
    XFSX_TRYV(copy_range(out, range, *devices[index_of(range.role)], buffer));
  }
  XFSX_TRYV(out.end());
  if (::fsync(fd_.get()) != 0) return cannot_write(path_, errno);
  return flush_folder(path_);
}

}  // namespace xfsx::inline v0
