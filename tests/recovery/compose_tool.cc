// What tests of recovery do to the log of an image: write it anew in another form, add transactions
// made by hand, damage a record.

#include "base/parse.h"
#include "cache/buffer_cache.h"
#include "inode/inode.h"
#include "log/relog.h"
#include "txn/volume.h"

#include <xfsx/device.h>

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace xfsx;
using Words = std::vector<std::string_view>;

constexpr char const* usage =
    "usage: compose_tool relog IMAGE [OPTION...] [SETTING...]\n"
    "       compose_tool compose IMAGE [OPTION...] (ITEM [SETTING...] [+HEX...])...\n"
    "       compose_tool damage IMAGE [OPTION...]\n"
    "relog writes what recovery would replay as a new log; a setting changes each item that has "
    "the\n"
    "field. compose adds a transaction; an item is a name, as EFI:2 with the number of extents,\n"
    "or inode@131, the core of that inode; +HEX adds a region. damage changes a byte of a record.\n"
    "setting: log_xmi.blockcount=0\n"
    "options: --other-order, --record-size=N (bytes), --sxi (each XMI in its older form),\n"
    "         --no-commit, --tid=N, --block=N --offset=N --byte=N --right (the checksum too)\n";

struct Options {
  u32 format = disk::log_format_linux_le;
  u32 record_size = 0;
  bool sxi = false, commit = true, right = false;
  u32 tid = ComposeOptions{}.tid;
  u32 block = 0, offset = 0;
  u8 byte = 0;
};

template <class T>
bool take_number(std::string_view word, std::string_view name, T& into) {
  if (!word.starts_with(name) || !word.substr(name.size()).starts_with('=')) return false;
  std::optional<u64> const number = parse_number(word.substr(name.size() + 1));
  if (!number || *number > T(~T{0})) return false;
  into = static_cast<T>(*number);
  return true;
}

bool take_option(std::string_view word, Options& o) {
  if (word == "--other-order") o.format = disk::log_format_irix_be;
  if (word == "--sxi") o.sxi = true;
  if (word == "--no-commit") o.commit = false;
  if (word == "--right") o.right = true;
  return word == "--other-order" || word == "--sxi" || word == "--no-commit" || word == "--right" ||
         take_number(word, "--record-size", o.record_size) || take_number(word, "--tid", o.tid) ||
         take_number(word, "--block", o.block) || take_number(word, "--offset", o.offset) ||
         take_number(word, "--byte", o.byte);
}

struct Setting {
  std::string_view path;
  u64 value = 0;
};

Result<Setting> parse_setting(std::string_view word) {
  std::size_t const equals = word.find('=');
  std::optional<u64> const value =
      equals == std::string_view::npos ? std::nullopt : parse_number(word.substr(equals + 1));
  if (!value) return refuse(EINVAL, "a setting is a field and a number, as log_xmi.flags=2");
  return Setting{word.substr(0, equals), *value};
}

Result<LogGeometry> log_of(BlockDevice& device) {
  AlignedBytes probe(4096);
  ReadRequest const request{0, probe.bytes()};
  XFSX_TRYV(device.read({&request, 1}));
  XFSX_TRY(Geometry const geometry, Geometry::from_superblock(probe.bytes(), {}));
  return LogGeometry::of(geometry);
}

void report(CheckpointResult const& r) {
  fmt::print("start {}:{} head {}:{} records {}\n", r.start.cycle(), r.start.block().raw(),
             r.head.cycle(), r.head.block().raw(), r.records);
}

Result<void> run_relog(BlockDevice& device, LogGeometry const& log, Options const& options,
                       Words const& words) {
  std::vector<Setting> settings;
  for (std::string_view const word : words) {
    XFSX_TRY(Setting const setting, parse_setting(word));
    settings.push_back(setting);
  }
  RelogOptions how{options.record_size, options.format, {}};
  how.change = [&](ComposedTransaction& transaction) -> Result<void> {
    for (ComposedItem& item : transaction.items) {
      for (Setting const& setting : settings) {
        if (item.get(setting.path)) {
          XFSX_TRYV(item.set(setting.path, setting.value));
        }
      }
      if (!options.sxi || !item.has(disk::Layout<disk::XmiLogFormat>::name)) continue;
      XFSX_TRY(item, as_sxi(item));
    }
    return success();
  };
  XFSX_TRY(CheckpointResult const done, relog(device, log, how));
  report(done);
  return success();
}

/// The core of an inode as it lies in the image.
Result<ComposedItem> core_of(BlockDevice& device, std::string_view number) {
  std::optional<u64> const inode = parse_digits(number);
  if (!inode) return refuse(EINVAL, "not a number of an inode");
  XFSX_TRY(std::unique_ptr<Volume> const volume, Volume::open(device));
  XFSX_TRY(Inode const found, load_inode(*volume, InodeNumber(*inode)));
  ConstBytes const bytes =
      found.cluster->bytes().subspan(found.place.offset, volume->geometry().inode_size());
  return compose_inode({found.number, found.place, bytes, false, false});
}

/// "EFI:2" is an EFI of two extents.
Result<ComposedItem> begin_item(BlockDevice& device, std::string_view word) {
  if (word.starts_with("inode@")) return core_of(device, word.substr(6));
  std::size_t const colon = word.find(':');
  if (colon == std::string_view::npos) return ComposedItem::named(word);
  std::optional<u32> const extents = parse_digits<u32>(word.substr(colon + 1));
  if (!extents) return refuse(EINVAL, "not a number of extents");
  return ComposedItem::named(word.substr(0, colon), *extents);
}

Result<void> run_compose(BlockDevice& device, LogGeometry const& log, Options const& options,
                         Words const& words) {
  std::vector<ComposedItem> items;
  for (std::string_view const word : words) {
    bool const goes_on = word.starts_with('+') || word.find('=') != std::string_view::npos;
    if (!goes_on) {
      XFSX_TRY(ComposedItem item, begin_item(device, word));
      items.push_back(std::move(item));
      continue;
    }
    if (items.empty()) return refuse(EINVAL, "a setting before the first item");
    if (word.starts_with('+')) {
      std::optional<std::string> const bytes = parse_hex(word.substr(1));
      if (!bytes) return refuse(EINVAL, "not pairs of hexadecimal digits");
      items.back().add_region(bytes_of(std::string_view(*bytes)));
      continue;
    }
    XFSX_TRY(Setting const setting, parse_setting(word));
    XFSX_TRYV(items.back().set(setting.path, setting.value));
  }
  ComposeOptions const how{options.record_size, options.tid, options.format, options.commit};
  XFSX_TRY(CheckpointResult const done,
           compose_checkpoint(device, log, std::span<ComposedItem const>(items), how));
  report(done);
  return success();
}

Result<void> act(std::string_view verb, BlockDevice& device, Options const& options,
                 Words const& words) {
  XFSX_TRY(LogGeometry const log, log_of(device));
  if (verb == "relog") return run_relog(device, log, options, words);
  if (verb == "compose") return run_compose(device, log, options, words);
  if (verb != "damage" || !words.empty()) return refuse(EINVAL, "unknown command");
  std::byte const byte{options.byte};
  return damage_record(device, log, LogBlock(options.block), options.offset, {&byte, 1},
                       options.right ? Checksum::made_right : Checksum::as_it_was);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  Words words;
  bool good = argc >= 3;
  for (int i = 3; good && i < argc; ++i) {
    std::string_view const word = argv[i];
    if (!word.starts_with("--")) {
      words.push_back(word);
    } else {
      good = take_option(word, options);
    }
  }
  if (!good) {
    fmt::print(stderr, "{}", usage);
    return 64;
  }
  OpenDeviceOptions how;
  how.writable = true;
  Result<std::unique_ptr<BlockDevice>> const device = open_device(argv[2], how);
  Result<void> const done =
      device ? act(argv[1], *device.value(), options, words) : Result<void>(device.error());
  if (done) return 0;
  fmt::print(stderr, "compose_tool: {}\n", describe(done.error()));
  return 1;
}
