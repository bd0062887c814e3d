#include "txn/commit.h"

#include "base/view.h"
#include "disk/btree.h"
#include "format/verify_btree.h"
#include "inode/bmap.h"
#include "support/host.h"
#include "support/patch.h"
#include "support/skip.h"
#include "testing/failing_new.h"

#include <doctest/doctest.h>

#include <optional>

namespace {

using namespace xfsx;

constexpr std::string_view image_name = "block1k";
// More than one call of a device takes, and no two of them neighbours.
constexpr std::size_t block_count = steady_batch + 100;
constexpr u32 first_agblock = 100;
constexpr AgNumber last_ag(3);

Daddr place_of(Geometry const& geometry, std::size_t n) {
  u32 const agblock = first_agblock + 2 * static_cast<u32>(n);
  return geometry.daddr(last_ag, AgBlock(agblock));
}

SectorCount block_length(Geometry const& geometry) {
  return geometry.sectors(BlockCount(1));
}

/// An image file with many btree blocks in the last AG: copies of one, each at home where it lies.
std::string many_blocks(tests::Scratch const& scratch) {
  std::unique_ptr<MemoryDevice> const disk = test::image(std::string(image_name));
  std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
  Inode const inode =
      load_inode(*volume, test::ino_of(std::string(image_name), "/swap/many-a")).value();
  BufferRef const leaf = bmbt_blocks(*volume, inode, ForkKind::data).value().back();
  AlignedPool pool;
  std::shared_ptr<Buffer> const copy = copy_of(*leaf, pool);
  Lsn const lsn = lsn_of(bmbt_kind, leaf->bytes());
  for (std::size_t n = 0; n < block_count; ++n) {
    Daddr const place = place_of(volume->geometry(), n);
    edit_as<disk::BtreeLongBlock>(copy->data.bytes()).bno = place;
    stamp_block(bmbt_kind, copy->data.bytes(), lsn);
    disk->poke(place.raw() * basic_block_size, copy->bytes());
  }
  std::string path = scratch / "image";
  disk->store(path).value();
  return path;
}

/// Sets the end of each block to `end` in one commit, in which allocation `nth` from the first
/// write to the log on fails. True if it has failed.
bool change_all(Volume& volume, std::byte end, u64 nth) {
  Transaction txn(volume);
  for (std::size_t n = 0; n < block_count; ++n) {
    Daddr const place = place_of(volume.geometry(), n);
    BufferRef const block =
        volume.cache().load(bmbt_kind, place, block_length(volume.geometry())).value();
    txn.edit(block).value().back() = end;
  }
  std::optional<FailingNew> failing;
  CommitOptions options;
  options.on_stage = [&](CommitStage stage) {
    if (stage == CommitStage::log_write) failing.emplace(nth);
  };
  PreparedCommit commit = PreparedCommit::prepare(txn, options).value();
  Result<CommitReport> const done = commit.run();
  bool const fired = failing && failing->fired();
  failing.reset();
  REQUIRE_MESSAGE(done.has_value(), describe(done.error()));
  CHECK(done.value().home_writes == block_count);
  return fired;
}

}  // namespace

TEST_SUITE("txn") {
  TEST_CASE("from the first write to the log on a commit needs no memory") {
    tests::Scratch const scratch;
    std::string const path = many_blocks(scratch);
    u8 end = 0;
    for (IoBackend const backend : {IoBackend::uring, IoBackend::threads}) {
      Result<std::unique_ptr<BlockDevice>> const device =
          open_device(path, {.writable = true, .backend = backend});
      if (!device && backend == IoBackend::uring && device.error().errno_class == EOPNOTSUPP) {
        tests::report_skip("no io_uring: " + std::string(device.error().note.view()));
        continue;
      }
      REQUIRE(device);
      std::unique_ptr<Volume> const volume = Volume::open(*device.value()).value();
      // What a back end can do without may fail, so there may be several before none is left.
      for (u64 nth = 1; change_all(*volume, std::byte{++end}, nth); ++nth) REQUIRE(nth < 100);
      volume->cache().clear();
      for (std::size_t n = 0; n < block_count; n += 100) {
        BufferRef const block =
            volume->cache()
                .load(bmbt_kind, place_of(volume->geometry(), n), block_length(volume->geometry()))
                .value();
        CHECK(block->bytes().back() == std::byte{end});
      }
    }
  }
}
