#pragma once
// An image on which recovery's workbench stands, and what xfs_repair says about it afterwards.

#include "inode/bmap.h"
#include "recovery/finish_intents.h"
#include "support/images.h"

#include <functional>
#include <string>
#include <vector>

namespace xfsx::test {

class Desk {
 public:
  /// `prepare` changes the image before it is opened.
  explicit Desk(std::string const& image, std::function<void(MemoryDevice&)> const& prepare = {});

  [[nodiscard]] Volume& volume() { return bench_->volume(); }
  [[nodiscard]] Workbench& bench() { return *bench_; }
  [[nodiscard]] Geometry const& geometry() { return volume().geometry(); }

  Result<void> finish(std::vector<Intent> const& intents);

  /// The inode as the workbench has it.
  Inode inode(std::string const& path);
  std::vector<Mapping> mappings(std::string const& path, ForkKind kind = ForkKind::data);
  u64 free_blocks();

  /// The image with everything that the workbench has taken.
  std::unique_ptr<MemoryDevice> result();
  /// xfs_repair -n has nothing to say about it, once `change` has changed it.
  void judge(std::function<void(MemoryDevice&)> const& change = {});

 private:
  std::string image_;
  std::unique_ptr<MemoryDevice> disk_, realtime_;
  std::unique_ptr<ReplayedBlocks> blocks_;
  std::unique_ptr<Workbench> bench_;
};

/// xfs_repair -n has nothing to say about these devices; `realtime` may be null.
void judge_by_repair(MemoryDevice const& disk, MemoryDevice const* realtime);

/// Intents made by hand.
Intent efi(std::vector<FreeIntent::Extent> extents);
Intent rui(std::vector<MapChange> changes);
Intent cui(std::vector<RefcountIntent::Change> changes);
Intent bui(u32 what, InodeNumber inode, Mapping const& mapping);
/// The same of the realtime section.
Intent of_realtime(Intent intent);

/// The contents of a file of a clean image.
std::vector<std::byte> contents(BlockDevice& disk, std::string const& path);

}  // namespace xfsx::test
