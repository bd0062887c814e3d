#include "dir/directory.h"
#include "fs/impl.h"
#include "symlink/symlink.h"

#include <algorithm>
#include <deque>

namespace xfsx::inline v0 {

namespace {

constexpr std::size_t name_max = 255;
constexpr u32 links_max = 40;

/// A part of a path that is still to be walked, and the component of the caller's path that it
/// comes from.
struct Component {
  std::string name;
  u8 number;
};

/// The components of `path`, in order. `number`: that of all of them, or 0 to count.
std::deque<Component> split(std::string_view path, u8 number) {
  std::deque<Component> parts;
  u32 count = 0;
  while (!path.empty()) {
    std::size_t const end = std::min(path.find('/'), path.size());
    if (end != 0) {
      ++count;
      u8 const mine = number != 0 ? number : static_cast<u8>(std::min(count, 255U));
      parts.push_back({std::string(path.substr(0, end)), mine});
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

Error refuse_component(Component const& c, int errno_class, std::string_view reason,
                       std::source_location raised = std::source_location::current()) {
  return with_note(with_operand(refuse(errno_class, reason, raised), c.number), c.name);
}

class PathWalk {
 public:
  explicit PathWalk(Volume& volume) : volume_(volume), at_(volume.geometry().root_inode()) {}

  Result<InodeNumber> run(std::string_view path) {
    to_do_ = split(path, 0);
    bool const must_be_directory = path.ends_with('/');
    Component last{"/", 0};
    while (!to_do_.empty()) {
      last = std::move(to_do_.front());
      to_do_.pop_front();
      Result<void> const step = walk_one(last, must_be_directory);
      if (!step) return with_operand(step.error(), last.number);
    }
    XFSX_TRY(Inode const inode, load_inode(volume_, at_));
    XFSX_TRYV(check_same_tree(volume_, inode, false));
    if (must_be_directory && !inode.is_directory()) {
      return refuse_component(last, ENOTDIR, "not a directory");
    }
    return at_;
  }

 private:
  Result<void> walk_one(Component const& c, bool follow_last) {
    if (c.name.size() > name_max) {
      return refuse_component(c, ENAMETOOLONG, "the name is too long");
    }
    XFSX_TRY(Inode inode, load_inode(volume_, at_));
    XFSX_TRYV(check_same_tree(volume_, inode, false));
    if (!inode.is_directory()) return refuse_component(c, ENOTDIR, "not a directory on the way to");
    XFSX_TRY(Directory directory, Directory::open(volume_, std::move(inode)));
    XFSX_TRY(std::optional<RawDirEntry> const entry, directory.lookup(c.name));
    if (!entry) return refuse_component(c, ENOENT, "no such file or directory");
    XFSX_TRY(Inode const found, load_inode(volume_, entry->inode));
    if (!found.is_symlink() || (to_do_.empty() && !follow_last)) {
      at_ = entry->inode;
      return success();
    }
    if (++links_ > links_max) return refuse_component(c, ELOOP, "too many symbolic links");
    XFSX_TRY(std::string const target, read_symlink(volume_, found));
    if (target.starts_with('/')) at_ = volume_.geometry().root_inode();
    std::deque<Component> parts = split(target, c.number);
    to_do_.insert(to_do_.begin(), parts.begin(), parts.end());
    return success();
  }

  Volume& volume_;
  InodeNumber at_;
  std::deque<Component> to_do_;
  u32 links_ = 0;
};

}  // namespace

Result<FileType> type_of(Volume& volume, RawDirEntry const& entry) {
  if (volume.geometry().has_file_types()) return static_cast<FileType>(entry.file_type);
  XFSX_TRY(Inode const inode, load_inode(volume, entry.inode));
  return type_of(inode.mode());
}

Result<void> check_same_tree(Volume& volume, Inode const& inode, bool metadata) {
  if (inode.is_metadata() == metadata) return success();
  Error e = located(Errc::bad_value, "inode", inode.location(volume.geometry()));
  e.field = "flags2";
  e.reason = metadata ? "a name of the metadata tree leads to a file of a user"
                      : "a name of a user leads to a file of the metadata tree";
  return e;
}

Result<InodeNumber> resolve_path(Volume& volume, std::string_view path) {
  if (!path.starts_with('/')) return refuse(EINVAL, "the path does not begin with a slash");
  return PathWalk(volume).run(path);
}

}  // namespace xfsx::inline v0
