// What the oracle tests of the log do to an image.

#include "cache/buffer_cache.h"
#include "log/find_head.h"
#include "tests/log/test_device.h"

#include <cstdio>
#include <string_view>

#include <fmt/format.h>

namespace {

using namespace xfsx;


int fail(Error const& e) {
  fmt::print(stderr, "{}\n", describe(e));
  return 1;
}

Result<LogGeometry> log_of(BlockDevice& device) {
  AlignedBytes sector(4096);
  ReadRequest const request{0, sector.bytes()};
  XFSX_TRYV(device.read({&request, 1}));
  XFSX_TRY(Geometry const geometry, Geometry::from_superblock(sector.bytes(), {}));
  return LogGeometry::of(geometry);
}

int print_state(BlockDevice& device) {
  Result<LogGeometry> const log = log_of(device);
  if (!log) return fail(log.error());
  Result<LogState> const found = find_log_head(device, log.value());
  if (!found) return fail(found.error());
  LogState const& s = found.value();
  fmt::print(
      "{{\"clean\": {}, \"torn\": {}, \"empty\": {}, \"head\": [{}, {}], \"tail\": [{}, {}], "
      "\"last\": {}, \"record_size\": {}, \"blocks\": {}, \"unit\": {}}}\n",
      s.clean, s.torn, s.empty, s.head.cycle(), s.head.block().raw(), s.tail.cycle(),
      s.tail.block().raw(), s.last_record.raw(), s.record_size, log.value().blocks,
      log.value().unit);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: log_tool state IMAGE\n");
    return 64;
  }
  std::string_view const verb = argv[1];
  test::PlainFile device(argv[2], verb != "state");
  if (!device.is_open()) {
    std::perror(argv[2]);
    return 1;
  }
  if (verb == "state") return print_state(device);
  return 64;
}
