// Items of the log made from inodes and buffers that an input changed, and records sealed around
// any operations: every item says as many regions as it has, every sealed record is found again.

#include "base/view.h"
#include "disk/inode.h"
#include "disk/log.h"
#include "format/verify_inode.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"
#include "log/items.h"
#include "log/log_reader.h"
#include "log/record.h"

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

/// What all items promise: the first region tells their number, each is a multiple of 4 bytes.
void check_item(LogItem const& item, u16 told) {
  must(item.regions().size() == told);
  for (ConstBytes const bytes : item.regions()) must(!bytes.empty() && bytes.size() % 4 == 0);
}

void inode_item(Input& input, World const& world) {
  // Nobody logs inodes of the old version.
  if (!world.geometry().version().self_describing) return;
  Site const site = world.pick(Form::inode, input.byte());
  OverlayDisk disk = world.disk();
  change_structure(input, world, disk, Form::inode, site);
  std::vector<std::byte> const inode = read_at(disk, site.offset, site.length);
  Geometry const& g = world.geometry();
  u8 const forks = input.byte();
  InodePlace place;
  place.cluster = Daddr(site.offset / 512);
  place.cluster_length = g.sectors(BlockCount(g.cluster_blocks()));
  // What is logged has passed its verifier.
  BlockContext const context{g, g.locate(place.cluster)};
  if (!verify_inode(inode, context, site.owner)) return;
  LogItem item;
  if (!make_inode_item(item, {site.owner, place, inode, (forks & 1) != 0, (forks & 2) != 0}))
    return;
  disk::InodeLogFormat const& format = view_as<disk::InodeLogFormat>(item.regions()[0]);
  must(format.type.value() == static_cast<u16>(disk::LogItemType::inode));
  check_item(item, format.size.value());
}

void buffer_item(Input& input, World const& world) {
  std::vector<std::byte> block(world.geometry().block_size());
  BufferItem buffer;
  buffer.type = disk::BufferType::btree;
  buffer.address = Daddr(input.word());
  buffer.image = block;
  buffer.dirty.set(0);
  for (unsigned i = 0; i < 64 && !input.empty(); ++i) {
    u32 const first = input.half() % static_cast<u32>(block.size());
    u32 const most = static_cast<u32>(block.size()) - first;
    buffer.dirty.set_range(first, std::min<u32>(input.byte() + 1U, most));
  }
  LogItem item;
  make_buffer_item(item, buffer);
  disk::BufferLogFormat const& format = view_as<disk::BufferLogFormat>(item.regions()[0]);
  check_item(item, format.size.value());
  LogSizes const sizes = buffer_item_sizes(buffer);
  must(sizes.regions == item.sizes().regions && sizes.bytes == item.sizes().bytes);
}

/// A record of any bytes, put on the log and read back: its checksum holds.
void sealed_record(Input& input) {
  World const& world = World::of_logs(input.byte());
  Result<LogGeometry> const log = LogGeometry::of(world.geometry());
  must(log.has_value());
  RecordShape shape;
  shape.unit = log.value().unit;
  shape.size = std::max(max_log_record_size >> (input.byte() % 4U), min_log_record_size);
  shape.size = round_up(shape.size, shape.unit);
  RecordStamp stamp;
  u32 const blocks = log.value().blocks;
  stamp.used = 4 + input.half() % (shape.capacity() - 4) / 4 * 4;
  // Records begin at multiples of the stripe unit; some go round the end of the log.
  u32 const unit_blocks = shape.unit / 512;
  u32 const start = (blocks - input.half() % 600U % blocks) % blocks / unit_blocks * unit_blocks;
  stamp.lsn = stamp.tail = Lsn(input.byte() + 1U, LogBlock(start));
  std::vector<std::byte> record(shape.bytes_for(stamp.used));
  ConstBytes const bytes = input.take(stamp.used);
  std::copy(bytes.begin(), bytes.end(),
            record.begin() + static_cast<std::ptrdiff_t>(shape.header_bytes()));
  std::vector<std::byte> const plain = record;
  seal_record(log.value(), shape, stamp, record);

  disk::LogRecordHeader const& header = view_as<disk::LogRecordHeader>(record);
  OverlayDisk disk = world.disk();
  std::size_t const first =
      std::min<std::size_t>(record.size(), (blocks - start) * std::size_t{512});
  write_at(disk, log.value().byte_of(LogBlock(start)), ConstBytes(record).first(first));
  write_at(disk, log.value().byte_of(LogBlock(0)), ConstBytes(record).subspan(first));
  LogReader reader(disk, log.value());
  must(header.len.value() + shape.header_bytes() == record.size());
  must(check_log_header(header, start, shape.size).has_value());
  must(check_log_record_crc(reader, start, header, shape.header_blocks()).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  switch (input.byte() % 3) {
    case 0:
      inode_item(input, world);
      break;
    case 1:
      buffer_item(input, world);
      break;
    default:
      sealed_record(input);
      break;
  }
  return 0;
}
