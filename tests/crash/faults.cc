#include "crash/faults.h"

#include <fmt/format.h>

namespace xfsx::test {

namespace {

std::string_view name_of(DeviceCall call) {
  constexpr std::string_view names[] = {"read", "write", "flush", "reserve"};
  return names[static_cast<std::size_t>(call)];
}

// Nothing of the failing write arrives, its first sector, a part of its first block, more than a
// block.
constexpr u64 torn_sectors[] = {0, 1, 5, 67};

}  // namespace

FaultedExchange exchange_with_fault(MemoryDevice const& before, Scenario const& scenario,
                                    Fault const& fault) {
  FaultedExchange done;
  done.id = fmt::format("{}:{}:torn{}:{}", name_of(fault.call), fault.nth, fault.torn_sectors,
                        fault.dead ? "dead" : "alive");
  done.fault = fault;
  done.disk = before.snapshot();
  FaultyDevice device(*done.disk);
  device.arm(fault);
  Result<ExchangeReport> const result = exchange_files(device, scenario);
  done.fired = device.fired();
  if (!result) done.error = result.error();
  return done;
}

void for_each_fault(MemoryDevice const& before, Scenario const& scenario, DeviceCall call,
                    std::function<void(FaultedExchange const&)> const& visit) {
  std::span<u64 const> const torn =
      call == DeviceCall::write ? std::span(torn_sectors) : std::span(torn_sectors).first(1);
  for (u64 nth = 1;; ++nth) {
    for (u64 const sectors : torn) {
      for (bool const dead : {false, true}) {
        Fault fault;
        fault.call = call;
        fault.nth = nth;
        fault.torn_sectors = sectors;
        fault.dead = dead;
        FaultedExchange const done = exchange_with_fault(before, scenario, fault);
        if (!done.fired) return;
        visit(done);
      }
    }
  }
}

}  // namespace xfsx::test
