// What the oracle tests of the log do to an image.

#include "base/crc32c.h"
#include "cache/buffer_cache.h"
#include "disk/inode.h"
#include "disk/superblock.h"
#include "log/compose.h"

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace xfsx;

/// A label in the superblock, and as many whole blocks before it as a test wants.
class LabelSource final : public ItemSource {
 public:
  LabelSource(BufferItem const& label, BufferItem const& filler, u64 fillers)
      : label_(label), filler_(filler), fillers_(fillers) {}

  [[nodiscard]] LogSizes sizes() const override {
    LogSizes const one = buffer_item_sizes(filler_);
    LogSizes all = buffer_item_sizes(label_);
    all += LogSizes{one.regions * fillers_, one.bytes * fillers_};
    return all;
  }
  Result<bool> next(LogItem& item) override {
    if (made_ > fillers_) return false;
    make_buffer_item(item, made_ < fillers_ ? filler_ : label_);
    ++made_;
    return true;
  }

 private:
  BufferItem const& label_;
  BufferItem const& filler_;
  u64 fillers_;
  u64 made_ = 0;
};

struct Options {
  std::string label = "hello";
  u32 record = 0;      // bytes
  u64 fillers = 0;     // whole superblocks, or blocks at `block`, logged before the label
  u64 leave = 0;       // fill the log but for so many blocks; 0: do not
  Daddr block{};       // of the filler
  u32 block_size = 0;  // 0: the superblock is the filler
  u32 target = 0;      // log block
  u64 inode = 0;
};

class Tool {
 public:
  Tool(BlockDevice& device, Options const& options) : device_(device), options_(options) {}

  Result<void> open();
  Result<void> state();
  Result<void> label(bool finish);
  Result<void> seek();
  Result<void> unmount();
  Result<void> inode();

 private:
  Result<std::unique_ptr<LogWriter>> writer(LogSizes const& sizes);
  void report(CheckpointResult const& r) const;

  BlockDevice& device_;
  Options options_;
  LogGeometry log_{};
  std::optional<Geometry> geometry_;
  AlignedBytes super_, filler_block_;
  BufferItem label_{}, filler_{};
};

Result<void> Tool::open() {
  AlignedBytes probe(4096);
  ReadRequest const request{0, probe.bytes()};
  XFSX_TRYV(device_.read({&request, 1}));
  XFSX_TRY(Geometry const geometry, Geometry::from_superblock(probe.bytes(), {}));
  XFSX_TRY(log_, LogGeometry::of(geometry));
  geometry_ = geometry;

  super_ = AlignedBytes(geometry.sector_size());
  std::ranges::copy(probe.bytes().first(super_.size()), super_.bytes().begin());
  auto& super = edit_as<disk::Superblock>(super_.bytes());
  super.fname.fill(0);
  std::ranges::copy(options_.label.substr(0, super.fname.size()), super.fname.begin());
  label_.type = filler_.type = disk::BufferType::superblock;
  label_.image = filler_.image = super_.bytes();
  label_.dirty.set_range(offsetof(disk::Superblock, fname), super.fname.size());
  if (options_.block_size != 0) {
    filler_block_ = AlignedBytes(options_.block_size);
    ReadRequest const block{options_.block.raw() * basic_block_size, filler_block_.bytes()};
    XFSX_TRYV(device_.read({&block, 1}));
    filler_.type = disk::BufferType::btree;
    filler_.address = options_.block;
    filler_.image = filler_block_.bytes();
  }
  filler_.dirty.set_all(filler_.image.size());
  return success();
}

Result<void> Tool::state() {
  XFSX_TRY(LogState const s, find_log_head(device_, log_));
  fmt::print(
      "{{\"clean\": {}, \"torn\": {}, \"empty\": {}, \"head\": [{}, {}], \"tail\": [{}, {}], "
      "\"last\": {}, \"record_size\": {}, \"blocks\": {}, \"unit\": {}, \"start\": {}}}\n",
      s.clean, s.torn, s.empty, s.head.cycle(), s.head.block().raw(), s.tail.cycle(),
      s.tail.block().raw(), s.last_record.raw(), s.record_size, log_.blocks, log_.unit,
      log_.start.raw());
  return success();
}

Result<std::unique_ptr<LogWriter>> Tool::writer(LogSizes const& sizes) {
  XFSX_TRY(LogState const state, find_log_head(device_, log_));
  u32 const size = options_.record != 0 ? options_.record : LogWriter::record_size_for(log_, sizes);
  return LogWriter::create(device_, log_, state, size);
}

void Tool::report(CheckpointResult const& r) const {
  fmt::print(
      "{{\"start\": [{}, {}], \"commit\": [{}, {}], \"head\": [{}, {}], \"bytes\": {}, "
      "\"records\": {}, \"flushes\": {}}}\n",
      r.start.cycle(), r.start.block().raw(), r.commit.cycle(), r.commit.block().raw(),
      r.head.cycle(), r.head.block().raw(), r.bytes, r.records, r.flushes);
}

/// Logs the label; `finish`: writes it home as well and leaves the log clean.
Result<void> Tool::label(bool finish) {
  u64 fillers = options_.fillers;
  if (options_.leave != 0) {
    XFSX_TRY(std::unique_ptr<LogWriter> const probe, writer({1, LogWriter::batch_bytes + 1}));
    u64 const room = probe->free_blocks() - (options_.leave == 1 ? 0 : options_.leave);
    u64 low = 0, high = room;
    while (low < high) {
      u64 const middle = (low + high + 1) / 2;
      bool const fits =
          probe->checkpoint_blocks(LabelSource(label_, filler_, middle).sizes()) <= room;
      (fits ? low : high) = fits ? middle : middle - 1;
    }
    fillers = low;
  }
  LabelSource source(label_, filler_, fillers);
  XFSX_TRY(std::unique_ptr<LogWriter> const log, writer(source.sizes()));
  XFSX_TRYV(log->clear_stale());
  u64 const most = log->checkpoint_blocks(source.sizes());
  Lsn const tail = log->state().tail;
  XFSX_TRY(CheckpointResult const result, log->write_checkpoint(source, tail, 0x1234abcd));
  if (result.bytes > most * basic_block_size) return make_error(Errc::bad_value, 0, "bound");
  report(result);
  if (!finish) return success();
  crc32c_stamp(super_.bytes(), offsetof(disk::Superblock, crc));
  WriteRequest const home{0, super_.bytes()};
  XFSX_TRYV(device_.write_durable({&home, 1}));
  XFSX_TRYV(log->write_unmount(result.start, 0xfeed0001));
  return success();
}

Result<void> Tool::unmount() {
  XFSX_TRY(std::unique_ptr<LogWriter> const log, writer({}));
  XFSX_TRYV(log->clear_stale());
  XFSX_TRYV(log->write_unmount(log->state().tail, 7));
  return success();
}

/// Moves the head of a clean log to a block, for tests of what happens there.
Result<void> Tool::seek() {
  XFSX_TRY(std::unique_ptr<LogWriter> const log, writer({}));
  XFSX_TRYV(log->clear_stale());
  u32 const unit = log_.unit / basic_block_size;
  for (u32 round = 0; round < 400000; ++round) {
    u32 const head = log->state().head.block().raw();
    u32 const left = (options_.target + log_.blocks - head) % log_.blocks;
    if (left == 0) return success();
    u64 fillers = 0;
    bool checkpoint = unit == 1 && left % 2 == 1 && left >= 5;
    if (checkpoint) fillers = filler_.image.size() > 512 ? 0 : 1;
    if (left > 600 + 4 * unit) {
      checkpoint = true;
      u64 const bytes = u64{std::min<u64>(left / 2, log->free_blocks() / 2)} * 512;
      fillers = bytes / (filler_.image.size() + 100);
    }
    if (checkpoint) {
      LabelSource source(label_, filler_, fillers);
      XFSX_TRYV(log->write_checkpoint(source, log->state().tail, 99 + round));
    }
    XFSX_TRYV(log->write_unmount(log->state().tail, 5));
  }
  return make_error(Errc::bad_value, 0, "the target was not hit");
}

/// Logs an inode with all its forks and another owner, and empties the forks in its home: what is
/// there after replay came out of the log. The chunk must be aligned to 64 inodes.
Result<void> Tool::inode() {
  InodeNumber const number(options_.inode);
  u32 const chunk = geometry_->agino_of(number).raw() / 64 * 64;
  InodePlace const place = geometry_->place(number, AgInode(chunk));
  AlignedBytes cluster(place.cluster_length.raw() * basic_block_size);
  u64 const offset = place.cluster.raw() * basic_block_size;
  ReadRequest const request{offset, cluster.bytes()};
  XFSX_TRYV(device_.read({&request, 1}));
  Bytes const home = cluster.bytes().subspan(place.offset, geometry_->inode_size());
  std::vector<std::byte> copy(home.begin(), home.end());
  edit_as<disk::Dinode>(copy).uid = 4242;

  std::array<LogItem, 1> items;
  XFSX_TRYV(make_inode_item(items[0], {number, place, copy, true, true}));
  XFSX_TRY(CheckpointResult const result, compose_checkpoint(device_, log_, items, {}));
  report(result);
  std::ranges::fill(home.subspan(sizeof(disk::Dinode)), std::byte{0});
  crc32c_stamp(home, offsetof(disk::Dinode, crc));
  WriteRequest const back{offset, cluster.bytes()};
  return device_.write_durable({&back, 1});
}

bool number(std::string_view text, auto& value) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(std::vector<std::string_view> const& words, Options& o) {
  u64 block = 0;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    std::string_view const name = words[i], value = words[i + 1];
    bool ok = false;
    if (name == "--label") o.label = value, ok = true;
    if (name == "--record") ok = number(value, o.record);
    if (name == "--fillers") ok = number(value, o.fillers);
    if (name == "--leave") ok = number(value, o.leave);
    if (name == "--block") ok = number(value, block);
    if (name == "--block-size") ok = number(value, o.block_size);
    if (name == "--target") ok = number(value, o.target);
    if (name == "--inode") ok = number(value, o.inode);
    if (!ok) return false;
  }
  o.block = Daddr(block);
  return words.size() % 2 == 0;
}

Result<void> act(std::string_view verb, Tool& tool) {
  XFSX_TRYV(tool.open());
  if (verb == "state") return tool.state();
  if (verb == "label") return tool.label(false);
  if (verb == "commit") return tool.label(true);
  if (verb == "unmount") return tool.unmount();
  if (verb == "seek") return tool.seek();
  if (verb == "inode") return tool.inode();
  return refuse(EINVAL, "unknown verb");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> const words(argv + 1, argv + argc);
  Options options;
  if (words.size() < 2 || !parse({words.begin() + 2, words.end()}, options)) {
    fmt::print(
        stderr,
        "usage: log_tool state|label|commit|unmount|seek|inode IMAGE [--label L] [--record N] "
        "[--fillers N] [--leave BB] [--block DADDR --block-size N] [--target BB] "
        "[--inode N]\n");
    return 64;
  }
  OpenDeviceOptions how;
  how.writable = words[0] != "state";
  Result<std::unique_ptr<BlockDevice>> const device = open_device(argv[2], how);
  if (!device) {
    fmt::print(stderr, "{}\n", describe(device.error()));
    return 1;
  }
  Tool tool(*device.value(), options);
  Result<void> const done = act(words[0], tool);
  if (done) return 0;
  fmt::print(stderr, "{}\n", describe(done.error()));
  return 1;
}
