#include "exchange/metadata_checks.h"

#include "attr/list.h"
#include "dir/directory.h"

namespace xfsx::inline v0 {

namespace {

constexpr u8 type_of_directory = 2;  // in an entry

/// The parent of a directory whose entries need not follow it. Errors: EOPNOTSUPP if some do.
Result<InodeNumber> parent_of_files(Volume& volume, Inode const& inode) {
  XFSX_TRY(Directory directory, Directory::open(volume, inode));
  bool files = false;
  bool directories = false;
  XFSX_TRYV(directory.list([&](RawDirEntry const& entry) {
    files = true;
    directories = directories || entry.file_type == type_of_directory;
    return true;
  }));
  if (directories) {
    return refuse(EOPNOTSUPP, "has directories in it, whose parent would be another one");
  }
  if (files && volume.geometry().has(incompat::parent)) {
    return refuse(EOPNOTSUPP, "has files in it whose parent pointers name it");
  }
  XFSX_TRY(std::optional<RawDirEntry> const parent, directory.lookup(".."));
  return parent ? parent->inode : null_inode;
}

Result<void> check_directories(Volume& volume, Inode const& first, Inode const& second) {
  Result<InodeNumber> const parent1 = parent_of_files(volume, first);
  if (!parent1) return with_operand(parent1.error(), 1);
  Result<InodeNumber> const parent2 = parent_of_files(volume, second);
  if (!parent2) return with_operand(parent2.error(), 2);
  if (parent1.value() == parent2.value()) return success();
  return refuse(EINVAL, "the directories have different parents");
}

/// Whether what the attributes of an inode say may be said of the other one.
Result<void> check_attributes(Volume& volume, Inode const& inode, Inode const& other, u8 operand) {
  bool parents = false;
  bool users = false;
  XFSX_TRYV(for_each_attribute(volume, inode, [&](StoredAttribute const& a) -> Result<bool> {
    parents = parents || a.space == AttributeSpace::parent;
    users = users || a.space == AttributeSpace::user;
    return true;
  }));
  auto const no = [operand](int errno_class, std::string_view reason) {
    return with_operand(refuse(errno_class, reason), operand);
  };
  if (parents) return no(EOPNOTSUPP, "has parent pointers, which belong to its own names");
  if (users && !other.is_regular() && !other.is_directory()) {
    return no(EPERM, "has user attributes, which only files and directories may have");
  }
  return success();
}

}  // namespace

Result<void> check_metadata_forks(Volume& volume, Inode const& first, Inode const& second,
                                  ExchangeRequest const& request) {
  if (request.metadata_forks == MetadataForks::rebuilt) return success();
  if (request.fork == ForkKind::attr) {
    XFSX_TRYV(check_attributes(volume, first, second, 1));
    return check_attributes(volume, second, first, 2);
  }
  if (first.is_directory()) return check_directories(volume, first, second);
  return success();
}

}  // namespace xfsx::inline v0
