#include "undo/undo_file.h"

#include "base/checked.h"
#include "base/crc32c.h"
#include "base/view.h"
#include "undo/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace xfsx::inline v0 {

namespace {

using undo_layout::Checksum;
using undo_layout::Header;
using undo_layout::Run;

constexpr std::string_view structure = "undo file";
constexpr u64 chunk_bytes = u64{1} << 20;

Error in_file(Errc code, u64 at, std::string_view field) {
  Error e = make_error(code, EUCLEAN, {});
  e.structure = structure;
  e.address_kind = AddressKind::byte;
  e.address = at;
  e.field = field;
  return e;
}

/// The value of a field at byte `at` of the file is not as it should be.
Error wrong(u64 at, std::string_view field, u64 found, Relation relation, u64 expected) {
  Error e = in_file(Errc::bad_value, at, field);
  e.relation = relation;
  e.found.number = found;
  e.expected.number = expected;
  return e;
}

Error wrong_crc(u64 at, u32 found, u32 expected) {
  Error e = in_file(Errc::bad_crc, at, "crc");
  e.relation = Relation::equal;
  e.found = {found, {}, false, true};
  e.expected = {expected, {}, false, true};
  return e;
}

Error too_short(u64 size) {
  Error e = in_file(Errc::truncated, size, {});
  e.reason = "the file ends here, before its contents do";
  return e;
}

Result<void> read_at(int fd, u64 at, Bytes into) {
  while (!into.empty()) {
    ssize_t const n = ::pread(fd, into.data(), into.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return with_structure(make_error(Errc::io, errno, "cannot be read"), structure);
    if (n == 0) return too_short(at);
    at += static_cast<u64>(n);
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return success();
}

/// Reads one thing after another and checks that the file has it.
class Input {
 public:
  Input(int fd, u64 size) : fd_(fd), size_(size) {}

  [[nodiscard]] u64 position() const { return at_; }
  [[nodiscard]] u64 left() const { return size_ - at_; }

  template <class T>
  Result<std::vector<T>> rows(u64 count) {
    if (count > left() / sizeof(T)) return too_short(size_);
    std::vector<T> rows(count);
    XFSX_TRYV(read_at(fd_, at_, std::as_writable_bytes(std::span(rows))));
    at_ += count * sizeof(T);
    return rows;
  }

 private:
  int fd_;
  u64 size_;
  u64 at_ = 0;
};

Result<void> check_header(Header const& h, u64 size) {
  if (h.magic != undo_layout::magic) {
    Error e = in_file(Errc::bad_value, 0, "magic");
    e.reason = "this is no undo file";
    return e;
  }
  // What has another version may have another header, whose checksum lies elsewhere.
  if (h.version.value() != undo_layout::version) {
    return wrong(offsetof(Header, version), "version", h.version.value(), Relation::equal,
                 undo_layout::version);
  }
  if (!crc32c_matches(bytes_of(h), offsetof(Header, crc))) {
    return wrong_crc(offsetof(Header, crc), h.crc.value(),
                     crc32c_without(bytes_of(h), offsetof(Header, crc)));
  }
  if (h.sector.value() != undo_sector) {
    return wrong(offsetof(Header, sector), "sector", h.sector.value(), Relation::equal,
                 undo_sector);
  }
  if (size < h.size.value()) return too_short(size);
  if (size == h.size.value()) return success();
  return wrong(offsetof(Header, size), "size", h.size.value(), Relation::equal, size);
}

/// The checksum at the end is that of all before it.
Result<void> check_whole(int fd, u64 size) {
  Crc32c sum;
  std::vector<std::byte> chunk(static_cast<std::size_t>(std::min(size, chunk_bytes)));
  u64 const end = size - sizeof(Checksum);
  for (u64 at = 0; at < end;) {
    Bytes const piece = Bytes(chunk).first(std::min<u64>(chunk.size(), end - at));
    XFSX_TRYV(read_at(fd, at, piece));
    sum.feed(piece);
    at += piece.size();
  }
  Checksum stored;
  XFSX_TRYV(read_at(fd, end, std::as_writable_bytes(std::span(&stored, 1))));
  if (stored.crc.value() == sum.value()) return success();
  return wrong_crc(end, stored.crc.value(), sum.value());
}

UndoLogState log_state(undo_layout::LogState const& s) {
  if (s.known == 0) return {};
  return {true, s.clean != 0, Lsn(s.head.value()), Lsn(s.tail.value())};
}

/// A run of whole sectors inside of its device. `at`: where it lies in the file.
Result<UndoRange> checked_range(Run const& run, u64 at, std::array<u64, 3> const& sizes) {
  if (run.role >= sizes.size()) {
    return wrong(at + offsetof(Run, role), "role", run.role, Relation::below, sizes.size());
  }
  u64 const offset = run.offset.value();
  u64 const length = run.length.value();
  if (offset % undo_sector != 0) {
    return wrong(at, "offset", offset, Relation::multiple_of, undo_sector);
  }
  u64 const at_length = at + offsetof(Run, length);
  if (length == 0 || length % undo_sector != 0) {
    return wrong(at_length, "length", length, Relation::multiple_of, undo_sector);
  }
  u64 const size = sizes[run.role];
  if (!range_inside(offset, length, size)) {
    return wrong(at_length, "length", length, Relation::at_most, offset < size ? size - offset : 0);
  }
  return UndoRange{static_cast<DeviceRole>(run.role), offset, length};
}

Result<std::vector<UndoRange>> read_runs(Input& in, u64 count, std::array<u64, 3> const& sizes) {
  u64 at = in.position();
  XFSX_TRY(std::vector<Run> const rows, in.rows<Run>(count));
  std::vector<UndoRange> ranges;
  ranges.reserve(rows.size());
  for (Run const& row : rows) {
    XFSX_TRY(UndoRange const range, checked_range(row, at, sizes));
    ranges.push_back(range);
    at += sizeof(Run);
  }
  return ranges;
}

/// Ranges are in order and apart, and the first holds the superblock.
Result<void> check_order(std::vector<UndoRange> const& ranges, u64 at) {
  bool const first_is_superblock =
      !ranges.empty() && ranges.front().role == DeviceRole::data && ranges.front().offset == 0;
  if (!first_is_superblock) {
    Error e = in_file(Errc::bad_value, at, "offset");
    e.reason = "the first range does not hold the superblock";
    return e;
  }
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    UndoRange const& before = ranges[i - 1];
    UndoRange const& range = ranges[i];
    bool const apart = before.role != range.role || before.end() <= range.offset;
    if (before.role <= range.role && apart) continue;
    return wrong(at + i * sizeof(Run), "offset", range.offset, Relation::at_least, before.end());
  }
  return success();
}

u64 total_length(std::vector<UndoRange> const& ranges) {
  u64 total = 0;
  for (UndoRange const& range : ranges) total += range.length;
  return total;
}

Result<UndoContents> read_contents(Input& in) {
  XFSX_TRY(std::vector<Header> const headers, in.rows<Header>(1));
  Header const& h = headers.front();
  UndoContents c;
  c.summary.uuid = h.uuid;
  c.summary.superblock_before = h.superblock_before.value();
  c.summary.superblock_after = h.superblock_after.value();
  c.summary.log_before = log_state(h.log_before);
  c.summary.log_after = log_state(h.log_after);
  for (std::size_t i = 0; i < c.device_sizes.size(); ++i) {
    c.device_sizes[i] = h.device_sizes[i].value();
  }
  u64 const at_ranges = in.position();
  XFSX_TRY(c.ranges, read_runs(in, h.range_count.value(), c.device_sizes));
  XFSX_TRYV(check_order(c.ranges, at_ranges));
  XFSX_TRY(c.writes, read_runs(in, h.write_count.value(), c.device_sizes));
  // Each length is inside of a device, but their sum could wrap.
  u64 sums = 0;
  for (UndoRange const& write : c.writes) {
    sums += write.length / undo_sector;
    if (sums > in.left() / sizeof(Checksum)) return too_short(in.position() + in.left());
  }
  XFSX_TRY(std::vector<Checksum> const rows, in.rows<Checksum>(sums));
  c.checksums.reserve(rows.size());
  for (Checksum const& row : rows) c.checksums.push_back(row.crc.value());
  c.summary.ranges = c.ranges.size();
  c.summary.bytes = total_length(c.ranges);
  return c;
}

}  // namespace

Result<UndoFile> UndoFile::open(std::string const& path) {
  // A pipe must not make us wait for its other end.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return with_note(make_error(Errc::missing, errno, "cannot open the undo file"), path);
  }
  if (!S_ISREG(status.st_mode)) {
    return with_note(refuse(EINVAL, "the undo file is no regular file"), path);
  }
  u64 const size = static_cast<u64>(status.st_size);
  Input in(fd.get(), size);
  Header header{};
  if (size < sizeof(header) + sizeof(Checksum)) return too_short(size);
  XFSX_TRYV(read_at(fd.get(), 0, std::as_writable_bytes(std::span(&header, 1))));
  XFSX_TRYV(check_header(header, size));
  XFSX_TRYV(check_whole(fd.get(), size));
  UndoFile file(std::move(fd));
  XFSX_TRY(file.contents_, read_contents(in));
  u64 at = in.position();
  for (UndoRange const& range : file.contents_.ranges) {
    if (range.length > size - at) return too_short(size);
    file.positions_.push_back(at);
    at += range.length;
  }
  if (size - at == sizeof(Checksum)) return file;
  return wrong(at, "size", size - at, Relation::equal, sizeof(Checksum));
}

Result<void> UndoFile::read(std::size_t range, u64 from, Bytes into) const {
  return read_at(fd_.get(), positions_[range] + from, into);
}

}  // namespace xfsx::inline v0
