#include "support/host.h"

#include "support/skip.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

namespace xfsx::tests {

Scratch::Scratch() {
  std::string pattern = (std::filesystem::temp_directory_path() / "xfsx-test-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::sparse_file(std::string const& name, u64 size) const {
  std::string path = *this / name;
  std::ofstream{path};
  std::filesystem::resize_file(path, size);
  return path;
}

std::string Scratch::directory(std::string const& name) const {
  std::string path = *this / name;
  std::filesystem::create_directory(path);
  return path;
}

std::optional<Loop> Loop::attach(std::string const& image, LoopOptions const& options) {
  int const control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  int const flags = (options.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
  int const backing = ::open(image.c_str(), flags);
  std::optional<Loop> loop;
  // Somebody else may take the free one first.
  for (int attempt = 0; attempt < 20 && control >= 0 && !loop; ++attempt) {
    std::string const path = "/dev/loop" + std::to_string(::ioctl(control, LOOP_CTL_GET_FREE));
    int const fd = ::open(path.c_str(), flags);
    if (fd < 0) break;
    loop_config config{};
    config.fd = static_cast<u32>(backing);
    config.block_size = options.sector;
    if (options.read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
    if (options.scan_partitions) config.info.lo_flags |= LO_FLAGS_PARTSCAN;
    if (::ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
      loop.emplace(Loop(fd, path));
    } else {
      ::close(fd);
    }
  }
  if (backing >= 0) ::close(backing);
  if (control >= 0) ::close(control);
  if (!loop) report_skip("no loop device can be had");
  return loop;
}

Loop::Loop(Loop&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(other.path_) {}

Loop::~Loop() {
  if (fd_ < 0) return;
  ::ioctl(fd_, LOOP_CLR_FD, 0);
  ::close(fd_);
}

std::optional<Mount> Mount::make(std::string const& source, std::string const& target,
                                 std::string const& type, std::string const& options,
                                 bool read_only) {
  unsigned long const flags = read_only ? MS_RDONLY : 0;
  if (::mount(source.c_str(), target.c_str(), type.c_str(), flags, options.c_str()) != 0) {
    report_skip("cannot mount " + type + ": " + std::strerror(errno));
    return std::nullopt;
  }
  return Mount(target);
}

Mount::~Mount() {
  if (!target_.empty()) ::umount(target_.c_str());
}

bool run_or_skip(std::string const& command) {
  if (std::system((command + " >/dev/null 2>&1").c_str()) == 0) return true;
  report_skip("does not work here: " + command.substr(0, command.find(' ')));
  return false;
}

std::vector<std::byte> filled(std::size_t size, unsigned value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

std::vector<std::byte> patterned(std::size_t size, u64 salt) {
  std::vector<std::byte> bytes(size);
  u64 state = salt * 0x9e3779b97f4a7c15U + 1;
  for (std::byte& b : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    b = static_cast<std::byte>(state >> 56U);
  }
  return bytes;
}

std::vector<std::byte> bytes_at(BlockDevice& device, u64 offset, std::size_t size) {
  std::vector<std::byte> bytes = filled(size, 0xEE);
  ReadRequest const request{offset, bytes};
  REQUIRE(device.read({&request, 1}));
  return bytes;
}

void put(BlockDevice& device, u64 offset, std::vector<std::byte> const& bytes) {
  WriteRequest const request{offset, bytes};
  REQUIRE(device.write({&request, 1}));
}

std::vector<std::byte> file_bytes(std::string const& path) {
  std::vector<std::byte> bytes(std::filesystem::file_size(path));
  int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  for (std::size_t done = 0; done < bytes.size();) {
    ssize_t const count = ::read(fd, bytes.data() + done, bytes.size() - done);
    REQUIRE(count > 0);
    done += static_cast<std::size_t>(count);
  }
  ::close(fd);
  return bytes;
}

}  // namespace xfsx::tests
