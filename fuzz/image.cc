// A whole filesystem with changed structures of any kind, used as a person would: info, what the
// log holds, a walk from the root, and of each file its status, mappings, link and first bytes;
// then two of its files exchange their contents, and others their attributes or entries. Where the
// log is dirty, what recovery would make of it is looked at. Every step has a bound.

#include "fuzz/support/promises.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

#include "disk/ag.h"
#include "format/verify_ag.h"
#include "log/assemble.h"
#include "log/compose.h"
#include "log/decode_item.h"

#include <xfsx/filesystem.h>

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr u8 first_dirty = 0xe0;  // of the numbers of images
constexpr unsigned most_directories = 8;
constexpr unsigned most_files = 16;
constexpr std::size_t most_bytes = 8 << 10;

/// The last record of the log, which begins it where the log was shortened.
void change_log(Input& input, OverlayDisk& disk, LogGeometry const& log) {
  u32 const offset = input.half() % basic_block_size;
  ConstBytes const bytes = input.take(1 + input.byte() % 4U);
  Checksum const checksum = input.byte() < 0xe0 ? Checksum::made_right : Checksum::as_it_was;
  (void)damage_record(disk, log, LogBlock(0), offset, bytes, checksum);
}

/// What a transaction holds, as the verb log tells it.
class Items final : public LogSink {
 public:
  Result<void> unmounted(LogRecord const&) override { return success(); }
  Result<void> committed(LogTransaction& transaction) override { return look_at(transaction); }
  Result<void> abandoned(LogTransaction& transaction) override { return look_at(transaction); }

 private:
  static Result<void> look_at(LogTransaction& transaction) {
    for (LogItemRegions& item : transaction.items) (void)decode_log_item(transaction, item);
    return success();
  }
};

void look_at_log(OverlayDisk& disk, LogGeometry const& log, LogWalk::From from) {
  Result<LogState> const state = find_log_head(disk, log);
  if (!state) return;
  LogWalk walk(disk, log, state.value(), from);
  Items items;
  LogAssembler assembler(items);
  for (u32 i = 0; i < log.blocks; ++i) {
    Result<std::optional<LogRecord>> const record = walk.next();
    if (!record || !record.value() || !assembler.feed(*record.value())) break;
  }
  (void)assembler.finish();
}

/// One structure, an AG header included.
void change_something(Input& input, OverlayDisk& disk, World const& world) {
  Geometry const& g = world.geometry();
  u8 const choice = input.byte();
  if (choice % 16 == 15) {
    u8 const which = input.byte();
    Daddr const at = g.ag_header(AgNumber(which / 2U % g.ag_count()), 1U + which % 2U);
    std::vector<std::byte> sector = read_at(disk, at.raw() * 512, g.sector_size());
    BlockKind const& kind = which % 2 == 0 ? agf_kind : agi_kind;
    Region const table = which % 2 == 0 ? region<disk::Agf>() : region<disk::Agi>();
    mutate(input, sector, {&table, 1}, 2);
    restamp(g.version(), kind, sector);
    write_at(disk, at.raw() * 512, sector);
    return;
  }
  Form const form = static_cast<Form>(choice % form_count);
  change_structure(input, world, disk, form, world.pick(form, input.byte()), 3);
}

void use_file(Filesystem& fs, InodeNumber ino) {
  Result<FileStatus> const status = fs.stat(ino);
  if (!status) return;
  for (ForkKind const fork : {ForkKind::data, ForkKind::attr}) {
    (void)fs.mappings(ino, fork, [](FileMapping const&) { return true; });
  }
  if (status.value().type == FileType::symlink) (void)fs.read_link(ino);
  if (status.value().type != FileType::regular) return;
  std::vector<std::byte> bytes(most_bytes);
  for (u64 const offset : {u64{0}, status.value().size / 2}) {
    Result<u64> const got = fs.read(ino, offset, bytes);
    if (got) must(got.value() <= std::min<u64>(bytes.size(), status.value().size - offset));
  }
}

/// The files that the walk and the image's own list name, in this order: what is reached through
/// changed directories comes first.
std::vector<InodeNumber> walk(Filesystem& fs, std::vector<InodeNumber> const& more) {
  std::vector<InodeNumber> files;
  Result<InodeNumber> const root = fs.resolve("/");
  if (!root) return more;
  unsigned directories = 0;
  (void)fs.walk(root.value(), [&](WalkedDirectory const& directory) {
    must(std::ranges::is_sorted(directory.entries, {}, &DirectoryEntry::name));
    for (std::size_t i = 0; i < std::min<std::size_t>(directory.entries.size(), 2); ++i) {
      files.push_back(directory.entries[i].inode);
      (void)fs.resolve("/" + directory.path + "/" + directory.entries[i].name);
    }
    return ++directories < most_directories;
  });
  files.insert(files.end(), more.begin(), more.end());
  return files;
}

std::vector<InodeNumber> regular_among(Filesystem& fs, std::vector<InodeNumber> files) {
  std::ranges::sort(files);
  files.erase(std::ranges::unique(files).begin(), files.end());
  std::vector<InodeNumber> regular;
  for (InodeNumber const ino : files) {
    Result<FileStatus> const status = fs.stat(ino);
    if (status && status.value().type == FileType::regular) regular.push_back(ino);
  }
  return regular;
}

/// Attribute forks of two files, or what two directories or two links hold.
void exchange_forks(Input& input, Filesystem& fs, OverlayDisk& disk,
                    std::vector<InodeNumber> const& files) {
  ExchangeRequest request;
  request.file1 = files[input.byte() % files.size()];
  request.file2 = files[input.byte() % files.size()];
  u8 const how = input.byte();
  if (how % 2 == 0) request.fork = ForkKind::attr;
  request.metadata_forks = how % 4 < 2 ? MetadataForks::consistent : MetadataForks::rebuilt;
  check_exchange(fs, disk, request);
}

/// Two regular files, or two ranges of them, change places.
void exchange(Input& input, Filesystem& fs, OverlayDisk& disk,
              std::vector<InodeNumber> const& files) {
  if (files.empty()) return;
  ExchangeRequest request;
  request.file1 = files[input.byte() % files.size()];
  request.file2 = files[input.byte() % files.size()];
  u8 const how = input.byte();
  request.written_only = (how & 4) != 0;
  if (how % 2 == 1) {
    u64 const unit = (how & 2) != 0 ? 1 : 4096;
    request.range = ExchangeRange{input.byte() * unit, input.byte() * unit, input.half() * unit};
  }
  check_exchange(fs, disk, request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  u8 const image = input.byte();
  World const& world =
      image < first_dirty ? World::of_structures(image) : World::of_dirty_logs(image);
  OverlayDisk disk = world.disk();
  u8 const how = input.byte();
  for (unsigned i = how % 7U; i > 0; --i) change_something(input, disk, world);
  Result<LogGeometry> const log = LogGeometry::of(world.geometry());
  must(log.has_value());
  if (how >= 0xc0) change_log(input, disk, log.value());
  bool const whole_log = how >= 0xf0 && (input.byte() & 1) != 0;
  look_at_log(disk, log.value(), whole_log ? LogWalk::From::oldest : LogWalk::From::tail);
  OpenOptions options;
  options.see_recovered = true;
  Result<std::unique_ptr<Filesystem>> const opened = Filesystem::open(disk, options);
  must(opened.has_value());  // the superblock is whole
  Filesystem& fs = *opened.value();
  (void)fs.info();
  (void)fs.warnings();
  std::vector<InodeNumber> const files = walk(fs, world.inodes());
  std::size_t const used = std::min<std::size_t>(files.size(), most_files);
  for (std::size_t i = 0; i < used; ++i) use_file(fs, files[i]);
  exchange(input, fs, disk, regular_among(fs, files));
  if (!files.empty() && input.byte() % 2 == 1) exchange_forks(input, fs, disk, files);
  return 0;
}
