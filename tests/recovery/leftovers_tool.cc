// Frees what unlinked files and copies on write left in an image, for the oracle test of that:
// unlinked inodes and staging are freed in memory and written into the image. The log must hold
// nothing that is not home, as in one that was frozen; it is made a clean one.

#include "ag/headers.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "log/log_writer.h"
#include "recovery/staging.h"
#include "recovery/unlinked.h"

#include <xfsx/device.h>

#include <fmt/format.h>

namespace {

using namespace xfsx;

Result<void> end_log(BlockDevice& device) {
  XFSX_TRY(std::unique_ptr<Volume> const volume, Volume::open(device));
  XFSX_TRY(LogState state, volume->log());
  if (state.clean) return success();
  state.clean = true;
  state.tail = state.head;
  XFSX_TRY(LogGeometry const geometry, LogGeometry::of(volume->geometry()));
  XFSX_TRY(std::unique_ptr<LogWriter> const writer,
           LogWriter::create(device, geometry, state, state.record_size));
  XFSX_TRYV(writer->write_unmount(state.head, 1));
  return success();
}

/// The superblock counts what the AGs count.
Result<void> recount(Workbench& bench) {
  Volume& volume = bench.volume();
  Geometry const& g = volume.geometry();
  u64 inodes = 0, free_inodes = 0, free_blocks = 0;
  for (u32 ag = 0; ag < g.ag_count(); ++ag) {
    XFSX_TRY(BufferRef const inode_header, load_agi(volume, AgNumber(ag)));
    XFSX_TRY(BufferRef const space_header, load_agf(volume, AgNumber(ag)));
    disk::Agi const& agi = view_as<disk::Agi>(inode_header->bytes());
    disk::Agf const& agf = view_as<disk::Agf>(space_header->bytes());
    inodes += agi.count.value();
    free_inodes += agi.freecount.value();
    free_blocks += u64{agf.freeblks.value()} + agf.flcount.value() + agf.btreeblks.value();
  }
  Transaction txn(volume);
  SectorCount const sector(g.sector_size() / basic_block_size);
  XFSX_TRY(BufferRef const block, txn.read(superblock_kind, Daddr(0), sector));
  XFSX_TRY(Bytes const copy, txn.edit(block));
  disk::Superblock& sb = edit_as<disk::Superblock>(copy);
  sb.icount = inodes;
  sb.ifree = free_inodes;
  sb.fdblocks = free_blocks;
  return bench.take(txn);
}

Result<void> run(BlockDevice& device, FurtherDevices const& further) {
  XFSX_TRYV(end_log(device));
  ReplayedBlocks blocks(device);
  XFSX_TRY(std::unique_ptr<Workbench> const bench, Workbench::open(blocks, further));
  XFSX_TRYV(recount(*bench));
  XFSX_TRY(std::vector<FreedInode> const freed, free_unlinked(*bench, {}));
  for (FreedInode const& inode : freed) {
    fmt::print("inode {}: {} blocks\n", inode.number.raw(), inode.blocks.raw());
  }
  XFSX_TRY(BlockCount const staged, free_staging(*bench));
  fmt::print("staging: {} blocks\n", staged.raw());
  for (auto const& [address, block] : blocks.blocks()) {
    WriteRequest const request{address * basic_block_size, block.data.bytes()};
    XFSX_TRYV(device.write({&request, 1}));
  }
  return device.flush();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    fmt::print(stderr, "usage: leftovers_tool IMAGE [REALTIME-DEVICE]\n");
    return 64;
  }
  OpenDeviceOptions how;
  how.writable = true;
  Result<std::unique_ptr<BlockDevice>> const device = open_device(argv[1], how);
  if (!device) {
    fmt::print(stderr, "{}\n", describe(device.error()));
    return 1;
  }
  FurtherDevices further;
  std::unique_ptr<BlockDevice> realtime;
  if (argc == 3) {
    how.role = DeviceRole::realtime;
    realtime = open_device(argv[2], how).value();
    further.realtime = realtime.get();
  }
  Result<void> const done = run(*device.value(), further);
  if (done) return 0;
  fmt::print(stderr, "{}\n", describe(done.error()));
  return 1;
}
