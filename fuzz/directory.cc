// Directories of all four forms with changed headers, entries, indexes and free space: listed, and
// searched for every name that they had.
// Covers disk::DirShortHeader, disk::DirShortEntry and what support/structures.cc lays over blocks.

#include "fuzz/support/promises.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

#include <map>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr Form forms[] = {Form::inode,     Form::dir_block, Form::dir_data, Form::dir_leaf1,
                          Form::dir_leafn, Form::dir_free,  Form::da_node};

/// Runs `use` on the directory `ino` of `disk` if it can be opened.
template <class Use>
void with_directory(OverlayDisk& disk, InodeNumber ino, Use use) {
  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  must(volume.has_value());
  Result<Inode> inode = load_inode(*volume.value(), ino);
  if (!inode) return;
  Result<Directory> directory = Directory::open(*volume.value(), std::move(inode).value());
  if (directory) use(directory.value());
}

/// The names of an unchanged directory; listed once for each.
std::vector<std::string> const& known_names(World const& world, InodeNumber ino) {
  static std::map<std::pair<World const*, u64>, std::vector<std::string>> known;
  auto const [slot, is_new] = known.try_emplace({&world, ino.raw()});
  if (is_new) {
    OverlayDisk disk = world.disk();
    with_directory(disk, ino, [&](Directory& d) { slot->second = names_of(d); });
  }
  return slot->second;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  Form const form = forms[input.byte() % std::size(forms)];
  Site const site = world.pick(form, input.byte());
  if (site.length == 0) return 0;

  OverlayDisk disk = world.disk();
  std::vector<std::string> names = known_names(world, site.owner);
  change_structure(input, world, disk, form, site);
  ConstBytes const last = input.rest();
  names.emplace_back(text_of(last.first(std::min<std::size_t>(last.size(), 300))));
  names.emplace_back("..");
  with_directory(disk, site.owner, [&](Directory& directory) {
    std::vector<std::string> const listed = names_of(directory);
    names.insert(names.end(), listed.begin(), listed.end());
    check_lookups(directory, names);
  });
  return 0;
}
