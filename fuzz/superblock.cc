// A changed superblock: what is accepted makes a geometry whose conversions hold everywhere.

#include "base/crc32c.h"
#include "fuzz/support/target.h"
#include "log/log_geometry.h"

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr std::size_t crc_offset = 224;
static_assert(offsetof(disk::Superblock, crc) == crc_offset);

void check_conversions(Geometry const& g) {
  u32 const last = g.ag_count() - 1;
  for (u32 const number : {0U, last / 2, last}) {
    AgNumber const ag(number);
    u32 const blocks = g.blocks_of(ag);
    must(blocks > 0);
    AgBlock const block(blocks - 1);
    must(g.valid(ag, block) && !g.valid(ag, AgBlock(blocks)) && !g.valid(ag, AgBlock(0)));
    FsBlock const fsblock = g.fsblock(ag, block);
    must(g.ag_of(fsblock) == ag && g.agblock_of(fsblock) == block);
    must(g.valid(fsblock, BlockCount(1)) && !g.valid(fsblock, BlockCount(2)));
    Location const where = g.locate(g.daddr(fsblock));
    must(where.ag == ag && where.agblock == block);
    must((g.daddr(fsblock).raw() + g.sectors(BlockCount(1)).raw()) * 512 <=
         g.data_blocks() * g.block_size());
    AgInode const agino(block.raw() * g.inodes_per_block());
    InodeNumber const ino = g.inode_number(ag, agino);
    must(g.valid(ino) && g.ag_of(ino) == ag && g.agino_of(ino) == agino);
    InodePlace const place = g.place(ino, agino);
    must(place.offset + g.inode_size() <= place.cluster_length.raw() * 512);
  }
  must(!g.valid(InodeNumber(~u64{0})) && !g.valid(FsBlock(~u64{0}), BlockCount(1)));
  must(!g.valid(FsBlock(0), BlockCount(~u64{0})));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  u8 const flags = input.byte();
  OverlayDisk disk = world.disk();
  std::vector<std::byte> sector = read_at(disk, 0, 32768);

  Region const regions[] = {region<disk::Superblock>()};
  mutate(input, Bytes(sector).first(sizeof(disk::Superblock)), regions);
  if ((flags & flag::keep_checksum) == 0) {
    u32 const length = view_as<disk::Superblock>(sector).sectsize.value();
    crc32c_stamp(Bytes(sector).first(std::clamp<std::size_t>(length, 512, sector.size())),
                 crc_offset);
  }

  write_at(disk, 0, sector);
  SuperblockLimits const limits{(flags & 1) != 0 ? disk.info().size : 0, 512};
  Result<Geometry> const geometry = Geometry::from_superblock(sector, limits);
  if (!geometry) return 0;
  check_conversions(geometry.value());
  (void)check_writable(geometry.value());
  if (Result<LogGeometry> const log = LogGeometry::of(geometry.value()); log) {
    u64 const end = log.value().byte_of(LogBlock(log.value().blocks - 1)) + 512;
    must(end <= geometry.value().data_blocks() * geometry.value().block_size());
  }
  return 0;
}
