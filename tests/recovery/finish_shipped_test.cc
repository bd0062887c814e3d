// Images that Linux left with open intents, recovered, and held against what Linux made of them.

#include "recovery/desk.h"
#include "recovery/recovery.h"
#include "support/sha256.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace {

using namespace xfsx;
using namespace xfsx::test;

/// Contents of all files are what the manifest says.
void check_contents(std::string const& name, MemoryDevice& disk, MemoryDevice* realtime) {
  OpenOptions options;
  options.devices.realtime = realtime;
  std::unique_ptr<Filesystem> const fs = Filesystem::open(disk, options).value();
  nlohmann::json const manifest = manifest_of(name);
  for (nlohmann::json const& entry : manifest["entries"]) {
    if (entry["type"] != "file") continue;
    std::string const path = entry["path"];
    CAPTURE(path);
    InodeNumber const file = fs->resolve(path).value();
    std::vector<std::byte> bytes(fs->stat(file).value().size);
    CHECK(bytes.size() == entry["size"].get<u64>());
    REQUIRE(fs->read(file, 0, bytes).has_value());
    Sha256 sum;
    sum.feed(bytes);
    CHECK(sum.hex() == entry["sha256"].get<std::string>());
  }
}

}  // namespace

TEST_SUITE("recovery") {
  TEST_CASE("intents of real logs are finished as Linux finishes them") {
    for (std::string const name : {"intents-free", "intents-exchange", "intents-exchange-step",
                                   "intents-clone", "intents-attribute", "intents-parents",
                                   "intents-realtime-clone", "intents-realtime-free"}) {
      CAPTURE(name);
      std::unique_ptr<MemoryDevice> const disk = test::image(name);
      std::unique_ptr<MemoryDevice> const realtime = realtime_device(name);
      RecoverRequest request;
      request.devices.realtime = realtime.get();
      Result<std::unique_ptr<Recovery>> recovery = Recovery::prepare(*disk, request);
      REQUIRE_MESSAGE(recovery.has_value(), (recovery ? "" : describe(recovery.error())));
      CHECK(!recovery.value()->report().intents.empty());
      REQUIRE(recovery.value()->judge().has_value());
      REQUIRE(recovery.value()->run({}).has_value());
      judge_by_repair(*disk, realtime.get());
      check_contents(name, *disk, realtime.get());
    }
  }
}
