#pragma once
// Requests of a device that fail in the middle of an exchange, and what it says of the image then.

#include "crash/operation.h"
#include "testing/faulty_device.h"

#include <functional>
#include <optional>

namespace xfsx::test {

/// An exchange that met a fault.
struct FaultedExchange {
  std::string id;  ///< names it: "write:3:torn1:dead"
  Fault fault;
  bool fired = false;
  std::optional<Error> error;          ///< empty: it passed all the same
  std::unique_ptr<MemoryDevice> disk;  ///< what is left
};

/// Exchanges on a copy of `before` with the fault in the way.
FaultedExchange exchange_with_fault(MemoryDevice const& before, Scenario const& scenario,
                                    Fault const& fault);

/// The 1st, 2nd, 3rd … call of `call` fails, and of failing writes parts arrive, and the device
/// goes on working or is dead, until the exchange passes without meeting the fault.
void for_each_fault(MemoryDevice const& before, Scenario const& scenario, DeviceCall call,
                    std::function<void(FaultedExchange const&)> const& visit);

}  // namespace xfsx::test
