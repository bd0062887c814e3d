#include "log/relog.h"

#include "log/test_device.h"
#include "support/images.h"
#include "testing/memory_device.h"

#include <doctest/doctest.h>

using namespace xfsx;

namespace {

LogGeometry log_of(BlockDevice& device) {
  std::vector<std::byte> const super = test::read_bytes(device, 0, 4096);
  return LogGeometry::of(Geometry::from_superblock(super, {}).value()).value();
}

std::vector<ComposedTransaction> transactions(BlockDevice& device) {
  LogGeometry const log = log_of(device);
  return pending_transactions(device, log, find_log_head(device, log).value()).value();
}

void check_equal(std::vector<ComposedTransaction> const& one,
                 std::vector<ComposedTransaction> const& two) {
  REQUIRE(one.size() == two.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].tid == two[i].tid);
    CHECK(one[i].commit == two[i].commit);
    REQUIRE(one[i].items.size() == two[i].items.size());
    for (std::size_t k = 0; k < one[i].items.size(); ++k) {
      CHECK(one[i].items[k].regions() == two[i].items[k].regions());
    }
  }
}

}  // namespace

TEST_SUITE("log") {
  TEST_CASE("a log written anew holds the same transactions") {
    for (char const* const name :
         {"dirty-log", "intents-exchange", "intents-parents", "v4-dirty"}) {
      CAPTURE(name);
      std::unique_ptr<MemoryDevice> const disk = test::image(name);
      std::vector<ComposedTransaction> const before = transactions(*disk);
      REQUIRE(!before.empty());
      LogState const old = find_log_head(*disk, log_of(*disk)).value();
      RelogOptions options;
      options.format = disk::log_format_irix_be;
      options.record_size = 262144;
      REQUIRE(relog(*disk, log_of(*disk), options));
      LogState const state = find_log_head(*disk, log_of(*disk)).value();
      CHECK(state.record_size == 262144);
      CHECK(state.tail > old.head);
      check_equal(before, transactions(*disk));
      // And back.
      options = {};
      options.record_size = 32768;
      REQUIRE(relog(*disk, log_of(*disk), options));
      check_equal(before, transactions(*disk));
    }
  }

  TEST_CASE("transactions can be changed on the way, a clean log is refused") {
    std::unique_ptr<MemoryDevice> const disk = test::image("intents-exchange");
    RelogOptions options;
    u64 changed = 0;
    options.change = [&](ComposedTransaction& transaction) -> Result<void> {
      for (ComposedItem& item : transaction.items) {
        if (!item.has("log_xmi")) continue;
        ++changed;
        XFSX_TRY(item, as_sxi(item));
      }
      return success();
    };
    REQUIRE(relog(*disk, log_of(*disk), options));
    CHECK(changed > 0);
    u64 found = 0;
    for (ComposedTransaction const& transaction : transactions(*disk)) {
      for (ComposedItem const& item : transaction.items) found += item.has("log_sxi") ? 1 : 0;
    }
    CHECK(found == changed);

    std::unique_ptr<MemoryDevice> const clean = test::image("plain-v5");
    auto const refused = relog(*clean, log_of(*clean), {});
    REQUIRE(refused.has_error());
    CHECK(refused.error().errno_class == EINVAL);
  }
}
