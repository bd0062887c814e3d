#pragma once
// libblkid, loaded when a partition table is looked for: most images have none, and what is linked
// is loaded and relocated by every run.

#include <xfsx/result.h>

#include "device/host_library.h"

#include <blkid/blkid.h>

namespace xfsx::inline v0 {

class Libblkid {
 public:
  /// Errors: missing ENOENT if the host does not have it.
  static Result<Libblkid> load();

  /// The calls that are needed, under their names.
  decltype(&::blkid_new_probe) new_probe = nullptr;
  decltype(&::blkid_free_probe) free_probe = nullptr;
  decltype(&::blkid_probe_set_device) set_device = nullptr;
  decltype(&::blkid_probe_set_sectorsize) set_sectorsize = nullptr;
  decltype(&::blkid_probe_enable_superblocks) enable_superblocks = nullptr;
  decltype(&::blkid_probe_enable_partitions) enable_partitions = nullptr;
  decltype(&::blkid_probe_filter_partitions_type) filter_partitions = nullptr;
  decltype(&::blkid_probe_get_partitions) get_partitions = nullptr;
  decltype(&::blkid_partlist_numof_partitions) count = nullptr;
  decltype(&::blkid_partlist_get_partition) partition = nullptr;
  decltype(&::blkid_partition_get_partno) number = nullptr;
  decltype(&::blkid_partition_get_start) start = nullptr;
  decltype(&::blkid_partition_get_size) size = nullptr;
  decltype(&::blkid_partition_is_extended) is_extended = nullptr;

 private:
  HostLibrary library_;
};

}  // namespace xfsx::inline v0
