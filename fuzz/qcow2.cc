// A small qcow2 image with a cluster of each kind, changed anywhere: reading it ends, stays inside
// the file, and gives back what was put in where nothing was changed.

#include "device/qcow2.h"

#include "base/view.h"
#include "fuzz/support/target.h"
#include "testing/memory_device.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr u32 clusters =
    6;  // stored, compressed, zero, of the backing file, stored, past the table
constexpr u64 compressed_flag = u64{1} << 62;

/// The image under the fuzzer's hands, and what its disk must read as.
struct Sample {
  u32 cluster_bits;
  u32 version;
  std::vector<std::byte> file, disk;

  [[nodiscard]] u64 cluster() const { return u64{1} << cluster_bits; }
  [[nodiscard]] Bytes file_cluster(u64 n) { return Bytes(file).subspan(n * cluster(), cluster()); }
  [[nodiscard]] Bytes disk_cluster(u64 n) { return Bytes(disk).subspan(n * cluster(), cluster()); }
};

template <class T>
void put(Bytes into, std::size_t at, u64 value) {
  T const number(static_cast<typename T::Value>(value));
  std::memcpy(into.data() + at, &number, sizeof number);
}

void fill(Bytes into, u8 seed) {
  for (std::size_t i = 0; i < into.size(); ++i) into[i] = static_cast<std::byte>(i / 7 + seed);
}

/// Raw deflate into `into`; the bytes that it took.
u64 deflate_into(ConstBytes from, Bytes into) {
  z_stream stream{};
  must(::deflateInit2(&stream, 9, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::vector<Bytef> plain(from.size()), packed(into.size());
  std::memcpy(plain.data(), from.data(), from.size());
  stream.next_in = plain.data();
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  must(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  ::deflateEnd(&stream);
  u64 const used = packed.size() - stream.avail_out;
  std::memcpy(into.data(), packed.data(), used);
  return used;
}

void write_header(Sample& s) {
  Bytes const header = s.file_cluster(0);
  put<be32>(header, 0, 0x514649fb);
  put<be32>(header, 4, s.version);
  put<be64>(header, 8, 120);  // name of the backing file
  put<be32>(header, 16, 4);
  put<be32>(header, 20, s.cluster_bits);
  put<be64>(header, 24, s.disk.size());
  put<be32>(header, 36, 1);
  put<be64>(header, 40, s.cluster());  // L1
  put<be32>(header, 96, 4);
  put<be32>(header, 100, 104);
  std::ranges::fill(header.subspan(120, 4), std::byte{'b'});
  put<be64>(s.file_cluster(1), 0, 2 * s.cluster());  // L2
}

Sample make_sample(u8 choice) {
  Sample s{9U + choice % 4U, 2U + choice / 4U % 2U, {}, {}};
  s.file.resize(6 * s.cluster());
  s.disk.resize(clusters * s.cluster());
  write_header(s);
  Bytes const table = s.file_cluster(2);
  put<be64>(table, 0, 3 * s.cluster());
  fill(s.file_cluster(3), 1);
  fill(s.disk_cluster(0), 1);
  fill(s.disk_cluster(1), 2);
  u64 const packed = deflate_into(s.disk_cluster(1), s.file_cluster(4));
  u32 const count_bit = 62 - (s.cluster_bits - 8);
  put<be64>(table, 8, compressed_flag | ((packed - 1) / 512) << count_bit | 4 * s.cluster());
  // Reads as zeros, whatever its own cluster and the backing file hold.
  if (s.version == 3) put<be64>(table, 16, 3 * s.cluster() | 1);
  fill(s.disk_cluster(3), 3);  // the backing file has them
  put<be64>(table, 32, 5 * s.cluster());
  fill(s.file_cluster(5), 4);
  fill(s.disk_cluster(4), 4);
  return s;
}

std::unique_ptr<MemoryDevice> backing_of(Sample& s) {
  auto device = std::make_unique<MemoryDevice>(s.disk.size());
  device->poke(3 * s.cluster(), s.disk_cluster(3));
  // Hidden by clusters of the image.
  for (u64 const n : {u64{0}, u64{1}, u64{4}}) device->poke(n * s.cluster(), s.disk_cluster(3));
  if (s.version == 3) device->poke(2 * s.cluster(), s.disk_cluster(3));
  return device;
}

/// Both ends of the disk, all of one that is small, and a place that the input chooses.
void read_disk(BlockDevice& disk, u64 place) {
  constexpr u64 most = u64{1} << 16;
  u64 const size = disk.info().size;
  std::vector<std::byte> bytes(std::min(size, most));
  u64 const rest = size - bytes.size();
  for (u64 const at : {u64{0}, rest, rest == 0 ? u64{0} : place % rest}) {
    ReadRequest const request{at, bytes};
    (void)disk.read({&request, 1});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  Sample sample = make_sample(input.byte());
  u64 const place = input.wide();
  std::vector<std::byte> const original = sample.file;
  mutate(input, Bytes(sample.file).first(std::min<u64>(3 * sample.cluster(), 4096)), {});
  if (!input.empty()) mutate(input, sample.file, {});

  auto file = std::make_unique<MemoryDevice>(sample.file.size());
  file->poke(0, sample.file);
  Result<std::unique_ptr<BlockDevice>> const disk =
      open_qcow2(std::move(file), [&](BackingFile const&) -> Result<std::unique_ptr<BlockDevice>> {
        return std::unique_ptr<BlockDevice>(backing_of(sample));
      });
  bool const same = sample.file == original;
  must(disk.has_value() || !same);
  if (!disk) return 0;
  if (same) {
    std::vector<std::byte> bytes(sample.disk.size());
    ReadRequest const request{0, bytes};
    must(disk.value()->read({&request, 1}).has_value() && bytes == sample.disk);
  }
  read_disk(*disk.value(), place);
  return 0;
}
