#include "dir/metadata_file.h"

namespace xfsx::inline v0 {

namespace {

Result<std::optional<Inode>> look_up(Volume& volume, Inode parent, std::string_view name) {
  XFSX_TRY(Directory directory, Directory::open(volume, std::move(parent)));
  XFSX_TRY(std::optional<RawDirEntry> const entry, directory.lookup(name));
  if (!entry) return std::optional<Inode>();
  XFSX_TRY(Inode found, load_inode(volume, entry->inode));
  return std::optional<Inode>(std::move(found));
}

}  // namespace

Result<std::optional<Inode>> find_metadata_file(Volume& volume, std::string_view directory,
                                                std::string_view name, disk::MetaType type) {
  XFSX_TRY(Inode root, load_inode(volume, volume.geometry().metadata_root()));
  XFSX_TRY(std::optional<Inode> parent, look_up(volume, std::move(root), directory));
  if (!parent) return std::optional<Inode>();
  XFSX_TRY(std::optional<Inode> found, look_up(volume, std::move(*parent), name));
  if (!found) return std::optional<Inode>();
  u16 const wanted = static_cast<u16>(type);
  if (found->is_metadata() && found->core().metatype.value() == wanted) return found;
  Error e = located(Errc::bad_value, "inode", found->location(volume.geometry()));
  e.field = "metatype";
  e.relation = Relation::equal;
  e.found.number = found->core().metatype.value();
  e.expected.number = wanted;
  return e;
}

}  // namespace xfsx::inline v0
