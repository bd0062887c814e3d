#pragma once
// The shipped images as seeds: each target starts from structures that mkfs.xfs and Linux made, and
// an input says how they differ.

#include "fuzz/support/input.h"
#include "fuzz/support/overlay_disk.h"
#include "inode/bmap.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace xfsx::fuzz {

/// Kinds of structures that are found in an image by their magic.
enum class Form : u8 {
  bnobt,
  cntbt,
  inobt,
  finobt,
  rmapbt,
  refcountbt,
  bmbt,
  inode,
  dir_block,  ///< a directory of one block
  dir_data,
  dir_leaf1,
  dir_leafn,
  dir_free,
  da_node,
  symlink,
  attr_leaf,
  attr_remote,
  dquots,
  rtrmapbt,
  rtrefcountbt,
  rt_bitmap,
  rt_summary,
};
inline constexpr u8 form_count = static_cast<u8>(Form::rt_summary) + 1;

/// Where a structure lies in an image.
struct Site {
  u64 offset = 0;       ///< bytes
  u32 length = 0;       ///< bytes that its checksum covers
  InodeNumber owner{};  ///< of an inode its own number; of a block in a file that file
};

/// A mapping of a file of an image.
struct FileRun {
  InodeNumber inode{};
  ForkKind fork = ForkKind::data;
  Mapping mapping{};
  bool realtime = false;
};

/// An image in memory and the structures in it.
class World {
 public:
  /// Looks for structures; keeps up to `of_a_kind` that are alike.
  World(std::shared_ptr<Seed> seed, Geometry const& geometry, u32 of_a_kind);

  /// A disk that may be changed; the seed itself stays as it is.
  [[nodiscard]] OverlayDisk disk() const { return OverlayDisk(seed_); }
  [[nodiscard]] Geometry const& geometry() const { return geometry_; }
  /// A few structures of each kind, as different from each other as the image has them.
  [[nodiscard]] std::vector<Site> const& sites(Form form) const;
  /// One of them; a site of length 0 if there is none.
  [[nodiscard]] Site pick(Form form, u8 number) const;
  /// Every inode among the sites.
  [[nodiscard]] std::vector<InodeNumber> inodes() const;
  /// Some mappings of each of them, as they are on the disk, whatever its log says.
  [[nodiscard]] std::vector<FileRun> const& runs() const { return runs_; }
  [[nodiscard]] ConstBytes bytes() const { return seed_->bytes(); }

  /// The image that an input asks for, among those for structures or those for logs. Those for
  /// structures have a log of one record, which is found at once.
  static World const& of_structures(u8 number);
  static World const& of_logs(u8 number);
  /// Those whose logs are dirty and never went round; the shortest logs first. Then clean ones of
  /// which the superblock was logged again, so that there is something to recover.
  static World const& of_dirty_logs(u8 number);

 private:
  void find_sites();
  void find_in_files();
  void find_runs();
  void look_at_file(Volume& volume, Inode const& inode);
  void look_at_old(u64 offset, ConstBytes block, InodeNumber owner);
  void look_at(u64 offset, ConstBytes block);
  bool look_at_realtime(u64 offset, ConstBytes block);
  void look_at_inodes(u64 offset, ConstBytes block);
  void keep(Form form, u32 variety, Site const& site);

  std::shared_ptr<Seed const> seed_;
  Geometry geometry_;
  u32 of_a_kind_;
  std::map<Form, std::vector<Site>> sites_;
  std::map<std::pair<Form, u32>, u32> kept_;
  std::vector<FileRun> runs_;
};

/// Bytes of a disk; `count` of them, all inside.
std::vector<std::byte> read_at(BlockDevice& disk, u64 offset, std::size_t count);

/// Puts bytes back, whole sectors around them included.
void write_at(BlockDevice& disk, u64 offset, ConstBytes bytes);

}  // namespace xfsx::fuzz
