#include "file_copy.h"

#include "base/checked.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>

namespace xfsx::inline v0::cli {

namespace {

// A hole that is read along, as zeros, costs less than one batch more.
constexpr u64 widest_gap = u64{1} << 20;

Result<void> write_all(int fd, ConstBytes bytes, u64 at) {
  while (!bytes.empty()) {
    ssize_t const n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return host_error(n < 0 ? errno : EIO, "cannot write", {});
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    at += static_cast<u64>(n);
  }
  return success();
}

/// Where a mapping lies: its first block, and the top bit for the realtime section, whose numbers
/// are those of other blocks too.
u64 place_of(FileMapping const& m) {
  return m.start.raw() | (m.realtime ? u64{1} << 63 : 0);
}

}  // namespace

Result<void> FileCopy::copy(FileStatus const& status, int fd,
                            std::function<Result<void>()> const& going) {
  fresh_.clear();
  waiting_.clear();
  fresh_size_ = status.size;
  if (!range_inside<u64>(status.size, 0, u64{1} << 63) ||
      ::ftruncate(fd, static_cast<off_t>(status.size)) != 0) {
    return host_error(errno, "cannot set the size", {});
  }
  Result<void> outcome = success();
  XFSX_TRYV(filesystem_.mappings(status.inode, ForkKind::data, [&](FileMapping const& m) {
    outcome = copy_mapping(status, fd, m);
    if (outcome) outcome = going();
    return outcome.has_value();
  }));
  return outcome ? flush(status, fd) : outcome;
}

Result<void> FileCopy::copy_mapping(FileStatus const& status, int fd, FileMapping const& m) {
  u64 const first = m.offset.raw();
  if (m.unwritten || first > status.size / block_size_) return success();
  u64 const from = first * block_size_;
  // A mapping has less than 2^21 blocks: its end fits, since its start is inside the file.
  u64 const to = std::min(status.size, from + m.length.raw() * block_size_);
  if (from >= to) return success();
  if (!m.shared) return copy_range(status, fd, {from, to});
  fresh_.push_back(m);
  for (u64 at = from; at < to;) {
    u64 const start = place_of(m) + (at - from) / block_size_;
    u64 const shared = clone(fd, start, at, to);
    if (shared == 0) {
      u64 const end = next_shared(start, at, to);
      XFSX_TRYV(copy_range(status, fd, {at, end}));
      at = end;
    }
    at += shared;
  }
  return success();
}

u64 FileCopy::next_shared(u64 start, u64 at, u64 to) const {
  auto const next = copied_.upper_bound(start);
  if (!can_clone_ || next == copied_.end()) return to;
  return std::min(to, at + std::min(next->first - start, to) * block_size_);
}

Result<void> FileCopy::copy_range(FileStatus const& status, int fd, Range range) {
  while (range.from < range.to) {
    u64 const window = waiting_.empty() ? range.from : waiting_.front().from;
    bool const far = !waiting_.empty() && range.from - waiting_.back().to > widest_gap;
    if (far || range.from - window >= buffer_size) {
      XFSX_TRYV(flush(status, fd));
      continue;
    }
    u64 const to = std::min(range.to, window + buffer_size);
    waiting_.push_back({range.from, to});
    range.from = to;
  }
  return success();
}

Result<void> FileCopy::flush(FileStatus const& status, int fd) {
  if (waiting_.empty()) return success();
  u64 const window = waiting_.front().from;
  Bytes const bytes = buffer_.bytes().first(waiting_.back().to - window);
  XFSX_TRY(u64 const got, filesystem_.read(status.inode, window, bytes));
  for (Range const& range : waiting_) {
    u64 const to = std::min(range.to, window + got);
    if (to <= range.from) break;
    XFSX_TRYV(write_all(fd, bytes.subspan(range.from - window, to - range.from), range.from));
    written_ += to - range.from;
  }
  waiting_.clear();
  return success();
}

u64 FileCopy::clone(int fd, u64 start, u64 at, u64 to) {
  if (!can_clone_) return 0;
  auto source = copied_.upper_bound(start);
  if (source == copied_.begin()) return 0;
  --source;
  Copied const& run = source->second;
  u64 const skip = start - source->first;
  if (skip >= run.length) return 0;
  u64 const from = (run.offset + skip) * block_size_;
  if (from >= run.size) return 0;
  u64 length = std::min({(run.length - skip) * block_size_, to - at, run.size - from});
  // Only where both files end may a part of a block be shared.
  bool const both_end = from + length == run.size && at + length == fresh_size_;
  if (!both_end) length = length / block_size_ * block_size_;
  if (length == 0 || !clone_range(fd, run, from, length, at)) return 0;
  cloned_ += length;
  return length;
}

bool FileCopy::clone_range(int fd, Copied const& source, u64 from, u64 length, u64 at) {
  if (open_path_ != source.below) {
    Result<UniqueFd> file = tree_.file(*source.below);
    if (!file) return false;
    open_ = std::move(file.value());
    open_path_ = source.below;
  }
  file_clone_range range{};
  range.src_fd = open_.get();
  range.src_offset = from;
  range.src_length = length;
  range.dest_offset = at;
  if (::ioctl(fd, FICLONERANGE, &range) == 0) return true;
  can_clone_ = errno != EOPNOTSUPP && errno != ENOTTY && errno != EXDEV && errno != EINVAL;
  return false;
}

void FileCopy::keep(std::string const& below) {
  auto const path = std::make_shared<std::string const>(below);
  for (FileMapping const& m : fresh_) {
    copied_.try_emplace(place_of(m), Copied{m.length.raw(), path, m.offset.raw(), fresh_size_});
  }
  fresh_.clear();
}

Result<void> FileCopy::learn(FileStatus const& status, std::string const& below) {
  fresh_.clear();
  fresh_size_ = status.size;
  XFSX_TRYV(filesystem_.mappings(status.inode, ForkKind::data, [&](FileMapping const& m) {
    if (m.shared && !m.unwritten) fresh_.push_back(m);
    return true;
  }));
  keep(below);
  return success();
}

}  // namespace xfsx::inline v0::cli
