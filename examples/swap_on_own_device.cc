// Lists the root of an XFS image and exchanges two of its files, through a device of our own.
#include <xfsx/filesystem.h>

#include <ctime>
#include <fstream>
#include <iostream>

class StreamDevice final : public xfsx::BlockDevice {
 public:
  explicit StreamDevice(char const* path) : file_(path, std::ios::in | std::ios::out) {
    size_ = static_cast<xfsx::u64>(file_.seekg(0, std::ios::end).tellg());
  }
  xfsx::DeviceInfo info() const override {
    xfsx::DeviceInfo info;
    info.size = size_;
    return info;
  }
  xfsx::Result<void> read(std::span<xfsx::ReadRequest const> batch) override {
    for (xfsx::ReadRequest const& r : batch) {
      file_.seekg(static_cast<std::streamoff>(r.offset));
      file_.read(static_cast<char*>(static_cast<void*>(r.into.data())), length(r.into.size()));
    }
    return verdict();
  }
  xfsx::Result<void> write(std::span<xfsx::WriteRequest const> batch) override {
    for (xfsx::WriteRequest const& w : batch) {
      file_.seekp(static_cast<std::streamoff>(w.offset));
      void const* const bytes = w.from.data();
      file_.write(static_cast<char const*>(bytes), length(w.from.size()));
    }
    return verdict();
  }
  // A real device makes its writes durable here; a stream only hands them to the system.
  xfsx::Result<void> flush() override { return file_.flush(), verdict(); }

 private:
  static std::streamsize length(std::size_t n) { return static_cast<std::streamsize>(n); }
  xfsx::Result<void> verdict() const {
    if (file_) return xfsx::success();
    return xfsx::make_error(xfsx::Errc::io, EIO, "the stream failed");
  }
  std::fstream file_;
  xfsx::u64 size_ = 0;
};

int main(int argc, char** argv) try {
  if (argc != 4) return 16;
  StreamDevice device(argv[1]);
  auto const fs = xfsx::Filesystem::open(device).value();
  fs->list(fs->resolve("/").value(), [](xfsx::DirectoryEntry const& entry) {
      std::cout << entry.name << '\n';
      return true;
    }).value();
  xfsx::ExchangeRequest request;
  request.file1 = fs->resolve(argv[2]).value();
  request.file2 = fs->resolve(argv[3]).value();
  request.now = {std::time(nullptr), 0};
  std::cout << "exchanged, lsn " << fs->exchange(request).value().commit.lsn.raw() << '\n';
} catch (xfsx::Exception const& e) {
  std::cerr << xfsx::describe(e.error()) << '\n';
  return 1;
}
