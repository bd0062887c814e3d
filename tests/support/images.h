#pragma once
// The images of the project as disks in memory, with what Linux said about them.

#include "testing/memory_device.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace xfsx::test {

/// Names of the images that Linux filled and that this release reads, without directory or suffix.
std::vector<std::string> readable_images();

/// The manifest that the kernel wrote beside image `name`.
nlohmann::json manifest_of(std::string const& name);

/// The image as a disk in memory, a copy that the caller may change.
std::unique_ptr<MemoryDevice> image(std::string const& name);

/// The realtime device of an image, likewise; null if it has none of its own.
std::unique_ptr<MemoryDevice> realtime_device(std::string const& name);

/// A byte range of a device. Throws if it cannot be read.
std::vector<std::byte> read_bytes(BlockDevice& device, u64 offset, u64 length);

/// Replaces bytes of a device, aligned or not.
void write_bytes(BlockDevice& device, u64 offset, ConstBytes bytes);

}  // namespace xfsx::test
