#pragma once
// What tests borrow from the host: a directory, loop devices, mounts. Each is given back when the
// object goes.

#include <xfsx/device.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace xfsx::tests {

/// An empty directory of its own, removed with all that is in it.
class Scratch {
 public:
  Scratch();
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  ~Scratch();

  [[nodiscard]] std::string operator/(std::string const& name) const {
    return (path_ / name).string();
  }

  /// A sparse file of `size` bytes in it.
  [[nodiscard]] std::string sparse_file(std::string const& name, u64 size) const;
  /// A directory in it.
  [[nodiscard]] std::string directory(std::string const& name) const;

 private:
  std::filesystem::path path_;
};

struct LoopOptions {
  u32 sector = 512;
  bool read_only = false;
  bool scan_partitions = false;
};

/// A loop device over an image file; detached at the end.
class Loop {
 public:
  /// Nothing, and the reason reported as a skip, where the host has no loop devices.
  static std::optional<Loop> attach(std::string const& image, LoopOptions const& options = {});
  Loop(Loop&& other) noexcept;
  Loop& operator=(Loop&&) = delete;
  ~Loop();

  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  Loop(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
};

/// A mount; unmounted at the end.
class Mount {
 public:
  /// Nothing, and the reason reported as a skip, where the host refuses.
  static std::optional<Mount> make(std::string const& source, std::string const& target,
                                   std::string const& type, std::string const& options = "",
                                   bool read_only = false);
  Mount(Mount&& other) noexcept : target_(std::move(other.target_)) { other.target_.clear(); }
  Mount& operator=(Mount&&) = delete;
  ~Mount();

 private:
  explicit Mount(std::string target) : target_(std::move(target)) {}
  std::string target_;
};

/// Runs a command without its output; false, and a skip, when it fails or is not there.
bool run_or_skip(std::string const& command);

std::vector<std::byte> filled(std::size_t size, unsigned value);

/// Bytes that differ from sector to sector and from `salt` to `salt`.
std::vector<std::byte> patterned(std::size_t size, u64 salt);

/// Reads and writes that must succeed.
std::vector<std::byte> bytes_at(BlockDevice& device, u64 offset, std::size_t size);
void put(BlockDevice& device, u64 offset, std::vector<std::byte> const& bytes);

/// All bytes of a file of the host.
std::vector<std::byte> file_bytes(std::string const& path);

}  // namespace xfsx::tests
