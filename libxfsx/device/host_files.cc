#include "device/host_files.h"

#include "device/unique_fd.h"

#include <dirent.h>
#include <fcntl.h>

#include <array>
#include <cerrno>
#include <memory>

namespace xfsx::inline v0 {

std::string host_text(std::string const& path) {
  std::string text;
  UniqueFd const fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> piece{};
  while (fd) {
    ssize_t const count = ::read(fd.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
  return text;
}

std::vector<std::string> host_names(std::string const& path) {
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  std::vector<std::string> names;
  std::unique_ptr<DIR, Close> const directory(::opendir(path.c_str()));
  while (directory) {
    dirent const* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  return names;
}

}  // namespace xfsx::inline v0
