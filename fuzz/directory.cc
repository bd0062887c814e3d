// Directories of all four forms with changed headers, entries, indexes and free space: listed, and
// searched for every name that they had.
// Covers disk::DirShortHeader, disk::DirShortEntry and what support/structures.cc lays over blocks.

#include "dir/directory.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr Form forms[] = {Form::inode,     Form::dir_block, Form::dir_data, Form::dir_leaf1,
                          Form::dir_leafn, Form::dir_free,  Form::da_node};
constexpr std::size_t searched = 16;

/// The names of a directory, spread over all of it, as far as it can be listed.
std::vector<std::string> names_of(Directory& directory) {
  std::vector<std::string> all;
  (void)directory.list([&](RawDirEntry const& entry) {
    must(!entry.name.empty() && entry.name.size() <= 255);
    must(entry.name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos);
    all.emplace_back(entry.name);
    return true;
  });
  std::vector<std::string> some;
  for (std::size_t i = 0; i < std::min(searched, all.size()); ++i) {
    some.push_back(all[i * all.size() / std::min(searched, all.size())]);
  }
  return some;
}

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  Form const form = forms[input.byte() % std::size(forms)];
  Site const site = world.pick(form, input.byte());
  if (site.length == 0) return 0;

  OverlayDisk disk = world.disk();
  std::vector<std::string> names;
  with_directory(disk, site.owner, [&](Directory& d) { names = names_of(d); });
  change_structure(input, disk, form, site);
  ConstBytes const last = input.rest();
  names.emplace_back(text_of(last.first(std::min<std::size_t>(last.size(), 300))));
  names.emplace_back("..");
  with_directory(disk, site.owner, [&](Directory& directory) {
    std::vector<std::string> const listed = names_of(directory);
    names.insert(names.end(), listed.begin(), listed.end());
    for (std::string const& name : names) {
      Result<std::optional<RawDirEntry>> const found = directory.lookup(name);
      if (found && found.value()) must(found.value()->name == name);
    }
  });
  return 0;
}
