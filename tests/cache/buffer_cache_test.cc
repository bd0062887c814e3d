#include "cache/buffer_cache.h"

#include "format/verify_ag.h"
#include "support/images.h"
#include "testing/memory_device.h"
#include "txn/volume.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace {

using namespace xfsx;

/// Keeps the extents of every batch of reads; a batch that touches `bad` fails.
class ListeningDevice final : public BlockDevice {
 public:
  explicit ListeningDevice(BlockDevice& below) : below_(below) {}

  [[nodiscard]] DeviceInfo info() const override { return below_.info(); }
  Result<void> read(std::span<ReadRequest const> batch) override {
    for (ReadRequest const& r : batch) {
      reads.emplace_back(r.offset, r.into.size());
      if (bad >= r.offset && bad < r.offset + r.into.size()) {
        return make_error(Errc::io, EIO, "read failed");
      }
    }
    return below_.read(batch);
  }
  Result<void> write(std::span<WriteRequest const> batch) override { return below_.write(batch); }
  Result<void> flush() override { return below_.flush(); }
  [[nodiscard]] DeviceStats stats() const override { return below_.stats(); }

  std::vector<std::pair<u64, u64>> reads;
  u64 bad = ~u64{0};

 private:
  BlockDevice& below_;
};

BlockExtent sector_of(u64 daddr) {
  return {Daddr(daddr), SectorCount(1)};
}

}  // namespace

TEST_SUITE("cache") {
  TEST_CASE("pieces of a pool are aligned, apart from each other, and outlive it") {
    std::vector<AlignedBytes> pieces;
    {
      AlignedPool pool;
      for (std::size_t const size : {512U, 4096U, 65536U, 1000U, 4U << 20U, 512U}) {
        pieces.push_back(pool.take(size));
        CHECK(pieces.back().size() == size);
        std::ranges::fill(pieces.back().bytes(), std::byte(pieces.size()));
      }
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      CHECK(std::ranges::all_of(pieces[i].bytes(),
                                [&](std::byte b) { return b == std::byte(i + 1); }));
      u64 address = 0;
      std::byte const* const start = pieces[i].bytes().data();
      std::memcpy(&address, &start, sizeof address);
      CHECK(address % AlignedBytes::alignment == 0);
    }
    CHECK(std::ranges::all_of(AlignedBytes(3 << 20).bytes(),
                              [](std::byte b) { return b == std::byte{0}; }));
  }

  TEST_CASE("prefetch reads across narrow gaps and leaves wide ones out") {
    std::unique_ptr<MemoryDevice> const disk = test::image("debian12");
    ListeningDevice device(*disk);
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    BufferCache cache(device, volume->geometry());
    u64 const far = 2048;
    BlockExtent const extents[] = {sector_of(1), sector_of(3), sector_of(far)};
    cache.prefetch(extents);
    std::vector<std::pair<u64, u64>> const wanted = {
        {512, 512}, {1024, 512}, {1536, 512}, {far * 512, 512}};
    CHECK(device.reads == wanted);
    // What was asked for is there, what was read along is not.
    CHECK(cache.load(agf_kind, Daddr(1), SectorCount(1)));
    CHECK(cache.load(agfl_kind, Daddr(3), SectorCount(1)));
    CHECK(device.reads == wanted);
    CHECK(cache.load(agi_kind, Daddr(2), SectorCount(1)));
    CHECK(device.reads.size() == wanted.size() + 1);
  }

  TEST_CASE("a sector that cannot be read between two blocks harms neither") {
    std::unique_ptr<MemoryDevice> const disk = test::image("debian12");
    ListeningDevice device(*disk);
    std::unique_ptr<Volume> const volume = Volume::open(*disk).value();
    BufferCache cache(device, volume->geometry());
    device.bad = 2 * 512;
    BlockExtent const extents[] = {sector_of(1), sector_of(3)};
    cache.prefetch(extents);
    CHECK(cache.load(agf_kind, Daddr(1), SectorCount(1)));
    CHECK(cache.load(agfl_kind, Daddr(3), SectorCount(1)));
    CHECK_FALSE(cache.load(agi_kind, Daddr(2), SectorCount(1)));
  }
}
