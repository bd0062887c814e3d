#include "written_file.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace xfsx::inline v0::cli {

namespace {

Error cannot_write(std::string const& path, int code) {
  return with_note(make_error(Errc::io, code, "cannot write"), path);
}

}  // namespace

Result<void> make_folder(std::string const& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) return cannot_write(path, failed.value());
  return success();
}

Result<void> write_file(std::string const& path, std::string_view text) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return cannot_write(path, errno == 0 ? EIO : errno);
  return success();
}

}  // namespace xfsx::inline v0::cli
