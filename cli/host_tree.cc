#include "host_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace xfsx::inline v0::cli {

namespace {

// Longer paths are walked in steps: PATH_MAX counts what one call is given.
constexpr std::size_t longest_step = 3000;

int open_beneath(int at, std::string const& path, u64 flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    long const fd = ::syscall(SYS_openat2, at, path.c_str(), &how, sizeof how);
    // A rename elsewhere makes the kernel unsure whether the path stayed beneath.
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);
  }
}

/// The first part of `path` that one step takes, and the rest behind a slash.
std::string_view cut_step(std::string_view& path) {
  std::size_t end = path.size();
  if (end > longest_step) end = path.rfind('/', longest_step);
  std::string_view const step = path.substr(0, end);
  path.remove_prefix(std::min(step.size() + 1, path.size()));
  return step;
}

Result<UniqueFd> open_below(int root, std::string_view below, u64 flags) {
  std::string_view rest = below;
  UniqueFd at;
  do {
    std::string const step(rest.empty() ? std::string_view(".") : cut_step(rest));
    u64 const how = rest.empty() ? flags : O_PATH | O_DIRECTORY;
    UniqueFd next(open_beneath(at ? at.get() : root, step, how));
    if (!next) return host_error(errno, "cannot open", below);
    at = std::move(next);
  } while (!rest.empty());
  return at;
}

}  // namespace

Error host_error(int errno_value, std::string_view what, std::string_view name,
                 std::source_location raised) {
  bool const full = errno_value == ENOSPC || errno_value == EDQUOT;
  Error e = make_error(full ? Errc::host_full : Errc::io, errno_value, what, raised);
  return with_note(e, name);
}

bool is_safe_name(std::string_view name) {
  bool const dots = name == "." || name == "..";
  return !name.empty() && !dots && name.find('/') == name.npos && name.find('\0') == name.npos;
}

Result<HostTree> HostTree::open(std::string const& path) {
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    Error e = host_error(errno, "cannot make the destination", path);
    if (errno == ENOENT || errno == ENOTDIR) e.code = Errc::missing;
    return e;
  }
  UniqueFd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return host_error(errno, "cannot open the destination", path);
  UniqueFd const probe(open_beneath(root.get(), ".", O_PATH));
  if (!probe) {
    return with_note(refuse(EOPNOTSUPP, "the host does not let files be opened beneath a folder"),
                     errno_name(errno));
  }
  return HostTree(std::move(root));
}

Result<UniqueFd> HostTree::folder(std::string_view below) const {
  return open_below(root_.get(), below, O_RDONLY | O_DIRECTORY);
}

Result<UniqueFd> HostTree::file(std::string_view below) const {
  return open_below(root_.get(), below, O_RDONLY | O_NONBLOCK);
}

Result<std::optional<struct stat>> look_at(int folder, std::string const& name) {
  struct stat found{};
  if (::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) {
    return std::optional<struct stat>(found);
  }
  if (errno == ENOENT) return std::optional<struct stat>();
  return host_error(errno, "cannot look at", name);
}

Result<void> make_folder(int folder, std::string const& name) {
  if (::mkdirat(folder, name.c_str(), 0700) == 0) return success();
  int const why = errno;
  if (why == EEXIST) {
    XFSX_TRY(std::optional<struct stat> const found, look_at(folder, name));
    if (found && S_ISDIR(found->st_mode)) return success();
  }
  return host_error(why, "cannot make the folder", name);
}

Result<void> remove_name(int folder, std::string const& name) {
  if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return success();
  return host_error(errno, "cannot remove", name);
}

Result<void> rename_over(int folder, std::string const& part, std::string const& name) {
  if (::renameat(folder, part.c_str(), folder, name.c_str()) == 0) return success();
  return host_error(errno, "cannot name", name);
}

}  // namespace xfsx::inline v0::cli
