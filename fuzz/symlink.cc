// Symbolic links whose target lies in blocks of their own.

#include "disk/symlink.h"

#include "format/verify_dir.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"
#include "symlink/symlink.h"

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr std::size_t longest_target = 1024;
static_assert(sizeof(disk::SymlinkHeader) == 56);

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  Form const form = (input.byte() & 1) != 0 ? Form::inode : Form::symlink;
  Site site = world.pick(form, input.byte());
  if (site.length == 0) return 0;
  OverlayDisk disk = world.disk();
  change_structure(input, world, disk, form, site);

  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  must(volume.has_value());
  Result<Inode> const inode = load_inode(*volume.value(), site.owner);
  if (!inode) return 0;
  Result<std::string> const target = read_symlink(*volume.value(), inode.value());
  if (target) must(target.value().size() == inode.value().size());
  if (target) must(target.value().size() <= longest_target);
  return 0;
}
