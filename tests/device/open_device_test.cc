// Who may open what: kinds of files, locks, mounts, loop devices, and room on the host.

#include "device/host_files.h"
#include "device/unique_fd.h"
#include "support/host.h"
#include "support/skip.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace {

using namespace xfsx;
using namespace xfsx::tests;

Error refusal(std::string const& path, OpenDeviceOptions const& options = {.writable = true}) {
  Result<std::unique_ptr<BlockDevice>> const device = open_device(path, options);
  REQUIRE_FALSE(device);
  return device.error();
}

struct flock byte_lock(short type, off_t byte) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

u64 allocated(std::string const& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return static_cast<u64>(status.st_blocks) * 512;
}

}  // namespace

TEST_SUITE("device") {
  TEST_CASE("what is missing or is no disk is refused by its kind") {
    Scratch const scratch;
    CHECK(refusal(scratch / "nothing").code == Errc::missing);
    CHECK(refusal(scratch / "nothing").errno_class == ENOENT);
    CHECK(refusal(scratch / "").code == Errc::refused);
    CHECK(refusal(scratch / "").errno_class == EINVAL);
    CHECK(refusal("/dev/null", {}).code == Errc::refused);
    CHECK(refusal("/dev/null", {}).errno_class == EINVAL);
    std::string const pipe = scratch / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(refusal(pipe).errno_class == EINVAL);
  }

  TEST_CASE("without the right to read, the image counts as missing") {
    if (::geteuid() == 0) {
      report_skip("root may read everything");
      return;
    }
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 1 << 20);
    REQUIRE(::chmod(image.c_str(), 0) == 0);
    CHECK(refusal(image).code == Errc::missing);
    CHECK(refusal(image).errno_class == EACCES);
  }

  TEST_CASE("a device opened for reading takes no writes") {
    Scratch const scratch;
    std::unique_ptr<BlockDevice> const device =
        open_device(scratch.sparse_file("image", 1 << 20), {}).value();
    CHECK(device->info().write_protected);
    std::vector<std::byte> const bytes = filled(512, 1);
    WriteRequest const request{0, bytes};
    CHECK(device->write({&request, 1}).error().errno_class == EROFS);
    CHECK(device->write_durable({&request, 1}).error().errno_class == EROFS);
    CHECK(device->flush().error().errno_class == EROFS);
  }

  TEST_CASE("a writer shares an image with nobody, readers with everybody") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 1 << 20);
    std::unique_ptr<BlockDevice> writer = open_device(image, {.writable = true}).value();
    Error const busy = refusal(image);
    CHECK(busy.code == Errc::busy);
    CHECK(busy.errno_class == EBUSY);
    CHECK(busy.note.view() == "process " + std::to_string(::getpid()));
    std::unique_ptr<BlockDevice> reader = open_device(image, {}).value();
    CHECK(bytes_at(*reader, 0, 512) == filled(512, 0));
    writer.reset();
    reader.reset();
    reader = open_device(image, {}).value();
    CHECK(refusal(image).code == Errc::busy);
    CHECK(open_device(image, {}));
    reader.reset();
    CHECK(open_device(image, {.writable = true}));
  }

  TEST_CASE("a running qemu is found by its locks, and finds us by ours") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 1 << 20);
    UniqueFd const other(::open(image.c_str(), O_RDWR | O_CLOEXEC));
    // What qemu locks for a guest that writes, and for one that only reads.
    for (std::vector<off_t> const& bytes : {std::vector<off_t>{100, 101, 201, 203}, {100, 201}}) {
      for (off_t const byte : bytes) {
        struct flock lock = byte_lock(F_RDLCK, byte);
        REQUIRE(::fcntl(other.get(), F_OFD_SETLK, &lock) == 0);
      }
      CHECK(refusal(image).code == Errc::busy);
      CHECK(refusal(image).note.view().find("as qemu takes") != std::string_view::npos);
      CHECK(open_device(image, {}));
      for (off_t const byte : bytes) {
        struct flock lock = byte_lock(F_UNLCK, byte);
        REQUIRE(::fcntl(other.get(), F_OFD_SETLK, &lock) == 0);
      }
    }
    std::unique_ptr<BlockDevice> const writer = open_device(image, {.writable = true}).value();
    for (off_t const byte : {101, 201, 203}) {
      struct flock lock = byte_lock(F_WRLCK, byte);
      REQUIRE(::fcntl(other.get(), F_OFD_GETLK, &lock) == 0);
      CHECK(lock.l_type == F_RDLCK);
    }
  }

  TEST_CASE("a filesystem inside an image starts at its offset") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 1 << 20);
    {
      std::unique_ptr<BlockDevice> const part =
          open_device(image, {.writable = true, .offset = 1024}).value();
      CHECK(part->info().size == (1 << 20) - 1024);
      put(*part, 512, patterned(1024, 9));
      std::vector<std::byte> const bytes = patterned(512, 4);
      WriteRequest const request{0, bytes};
      CHECK(part->reserve(request.offset, request.from.size()));
      CHECK(part->write_durable({&request, 1}));
      WriteRequest const past{(1 << 20) - 1024, bytes};
      Error const error = part->write({&past, 1}).error();
      CHECK(error.code == Errc::truncated);
      CHECK(error.address == (1 << 20) - 1024);
    }
    CHECK(refusal(image, {.writable = true, .offset = 100}).errno_class == EINVAL);
    std::unique_ptr<BlockDevice> const whole = open_device(image, {}).value();
    CHECK(bytes_at(*whole, 1024 + 512, 1024) == patterned(1024, 9));
    CHECK(bytes_at(*whole, 1024, 512) == patterned(512, 4));
    CHECK(refusal(image, {.offset = 1 << 20}).errno_class == EINVAL);
    std::unique_ptr<BlockDevice> const odd = open_device(image, {.offset = 1100}).value();
    CHECK(bytes_at(*odd, 0, 100) == bytes_at(*whole, 1100, 100));
  }

  TEST_CASE("an image that gzip compressed is read like itself, and takes no writes") {
    Scratch const scratch;
    std::string const path = scratch / "image.gz";
    std::vector<std::byte> bytes(3 << 20);
    std::ranges::copy(filled(70000, 5), bytes.begin() + 1000000);
    std::ranges::copy(filled(300, 6), bytes.end() - 300);
    gzFile const file = ::gzopen(path.c_str(), "wb");
    REQUIRE(::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) > 0);
    REQUIRE(::gzclose(file) == Z_OK);

    std::unique_ptr<BlockDevice> const device = open_device(path, {}).value();
    CHECK(device->info().size == bytes.size());
    CHECK(device->info().write_protected);
    std::vector<std::byte> found(bytes.size());
    ReadRequest const whole{0, found};
    REQUIRE(device->read({&whole, 1}));
    CHECK(found == bytes);
    Error const refused = refusal(path);
    CHECK(refused.code == Errc::refused);
    CHECK(refused.errno_class == EOPNOTSUPP);

    REQUIRE(::truncate(path.c_str(), 500) == 0);
    CHECK(refusal(path, {}).code == Errc::truncated);
  }

  TEST_CASE("a gzip file whose bytes were changed is damaged") {
    Scratch const scratch;
    std::string const path = scratch / "image.gz";
    gzFile const file = ::gzopen(path.c_str(), "wb");
    std::vector<std::byte> const bytes = filled(100000, 5);
    REQUIRE(::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) > 0);
    REQUIRE(::gzclose(file) == Z_OK);
    UniqueFd const fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(::pwrite(fd.get(), "\xff\xff\xff\xff\xff\xff", 6, 20) == 6);
    Error const damaged = refusal(path, {});
    CHECK(damaged.code == Errc::bad_value);
    CHECK(damaged.structure == "gzip");
  }

  TEST_CASE("a loop device over the image keeps writers out and is named") {
    if (!have_root()) return;
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 1 << 20);
    std::string const link = scratch / "link";
    REQUIRE(::link(image.c_str(), link.c_str()) == 0);
    std::optional<Loop> const loop = Loop::attach(image);
    if (!loop) return;
    for (std::string const& name : {image, link}) {
      CHECK(refusal(name).code == Errc::busy);
      CHECK(refusal(name).errno_class == EBUSY);
      CHECK(refusal(name).note.view() == loop->path());
      CHECK(open_device(name, {}));
    }
  }

  TEST_CASE("a mounted disk keeps writers out and its mount point is named") {
    if (!have_root()) return;
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 320 << 20);
    if (!run_or_skip("mkfs.xfs -q " + image)) return;
    std::optional<Loop> const loop = Loop::attach(image);
    if (!loop) return;
    std::string const target = scratch.directory("mounted");
    {
      std::optional<Mount> const mount = Mount::make(loop->path(), target, "xfs");
      if (!mount) return;
      CHECK(refusal(loop->path()).code == Errc::busy);
      CHECK(refusal(loop->path()).note.view() == target);
      CHECK(refusal(image).note.view() == loop->path() + " on " + target);
      std::unique_ptr<BlockDevice> const reader = open_device(loop->path(), {}).value();
      CHECK(bytes_at(*reader, 0, 4)[0] == std::byte{'X'});
    }
    CHECK(open_device(loop->path(), {.writable = true}));
  }

  TEST_CASE("a disk whose partition is mounted is in use") {
    if (!have_root()) return;
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 330 << 20);
    std::optional<Loop> const loop = Loop::attach(image, {.scan_partitions = true});
    if (!loop) return;
    // Told by hand: not every kernel reads partition tables, nor every host makes device nodes.
    if (!run_or_skip("addpart " + loop->path() + " 1 2048 653312")) return;
    std::string const name = loop->path().substr(5) + "p1";
    std::string const numbers = host_text("/sys/class/block/" + name + "/dev");
    unsigned major_number = 0;
    unsigned minor_number = 0;
    REQUIRE(std::sscanf(numbers.c_str(), "%u:%u", &major_number, &minor_number) == 2);
    std::string const part = scratch / "part";
    REQUIRE(::mknod(part.c_str(), S_IFBLK | 0600, ::makedev(major_number, minor_number)) == 0);
    if (!run_or_skip("mkfs.xfs -q " + part)) return;
    std::string const target = scratch.directory("mounted");
    std::optional<Mount> const mount = Mount::make(part, target, "xfs");
    if (!mount) return;
    CHECK(refusal(loop->path()).code == Errc::busy);
    CHECK(refusal(loop->path()).note.view() == target);
  }

  TEST_CASE("an exclusive opener is waited for, but not for long") {
    if (!have_root()) return;
    Scratch const scratch;
    std::optional<Loop> const loop = Loop::attach(scratch.sparse_file("image", 1 << 20));
    if (!loop) return;
    UniqueFd other(::open(loop->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
    REQUIRE(other);
    CHECK(refusal(loop->path()).code == Errc::busy);
    CHECK(refusal(loop->path()).errno_class == EBUSY);
    CHECK(open_device(loop->path(), {}));
    std::thread leaving([&other] {
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      other = UniqueFd();
    });
    CHECK(open_device(loop->path(), {.writable = true}));
    leaving.join();
  }

  TEST_CASE("a write-protected disk is refused to writers and open to readers") {
    if (!have_root()) return;
    Scratch const scratch;
    std::optional<Loop> const loop =
        Loop::attach(scratch.sparse_file("image", 1 << 20), {.read_only = true});
    if (!loop) return;
    CHECK(refusal(loop->path()).code == Errc::refused);
    CHECK(refusal(loop->path()).errno_class == EROFS);
    CHECK(open_device(loop->path(), {}));
  }

  TEST_CASE("an image on a write-protected filesystem is refused to writers") {
    if (!have_root()) return;
    Scratch const scratch;
    std::string const target = scratch.directory("mounted");
    std::optional<Mount> const mount = Mount::make("none", target, "tmpfs", "size=4m");
    if (!mount) return;
    std::string const image = scratch.sparse_file("mounted/image", 1 << 20);
    REQUIRE(run_or_skip("mount -o remount,ro " + target));
    CHECK(refusal(image).code == Errc::refused);
    CHECK(refusal(image).errno_class == EROFS);
    CHECK(open_device(image, {}));
  }

  TEST_CASE("reserving takes room from the host and changes neither bytes nor size") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 1 << 20);
    std::unique_ptr<BlockDevice> const device = open_device(image, {.writable = true}).value();
    put(*device, 65536, patterned(4096, 1));
    std::vector<std::byte> const before = file_bytes(image);
    REQUIRE(device->reserve(0, 262144));
    REQUIRE(device->reserve(262144, 262144));
    CHECK(file_bytes(image) == before);
    CHECK(allocated(image) >= 2 * 262144);
    CHECK(device->stats().writes == 1);
  }

  TEST_CASE("a full host disk refuses before the first byte") {
    if (!have_root()) return;
    Scratch const scratch;
    std::optional<Mount> const mount =
        Mount::make("none", scratch.directory("mounted"), "tmpfs", "size=4m");
    if (!mount) return;
    std::string const image = scratch.sparse_file("mounted/image", 64 << 20);
    std::vector<std::byte> const before = file_bytes(image);
    for (IoBackend const backend : {IoBackend::automatic, IoBackend::threads}) {
      std::unique_ptr<BlockDevice> const device =
          open_device(image, {.writable = true, .backend = backend}).value();
      std::vector<std::byte> const bytes = filled(8 << 20, 9);
      WriteRequest const small{1 << 20, ConstBytes(bytes).first(1 << 20)};
      WriteRequest const large{16 << 20, bytes};
      CHECK(device->reserve(small.offset, small.from.size()));
      Result<void> const refused = device->reserve(large.offset, large.from.size());
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == Errc::host_full);
      CHECK(refused.error().errno_class == ENOSPC);
      CHECK(file_bytes(image) == before);
      // Who does not reserve learns it from the write.
      Result<void> const failed = device->write({&large, 1});
      REQUIRE_FALSE(failed);
      CHECK(failed.error().code == Errc::io);
      CHECK(failed.error().errno_class == ENOSPC);
      CHECK(failed.error().address >= 16 << 20);
      CHECK(failed.error().address < 24 << 20);
      std::filesystem::resize_file(image, 0);
      std::filesystem::resize_file(image, 64 << 20);
    }
  }

  TEST_CASE("a host without fallocate gets its holes filled, and only those") {
    if (!have_root()) return;
    Scratch const scratch;
    std::string const disk = scratch.sparse_file("disk", 16 << 20);
    if (!run_or_skip("mkfs.ext4 -q -O ^extent,^64bit,^has_journal " + disk)) return;
    std::optional<Loop> const loop = Loop::attach(disk);
    if (!loop) return;
    std::optional<Mount> const mount =
        Mount::make(loop->path(), scratch.directory("mounted"), "ext4");
    if (!mount) return;
    std::string const image = scratch.sparse_file("mounted/image", 64 << 20);
    std::unique_ptr<BlockDevice> const device = open_device(image, {.writable = true}).value();
    put(*device, 65536, patterned(8192, 1));
    std::vector<std::byte> const before = file_bytes(image);
    std::vector<std::byte> const bytes = filled(32 << 20, 9);
    WriteRequest const small{0, ConstBytes(bytes).first(262144)};
    REQUIRE(device->reserve(small.offset, small.from.size()));
    CHECK(allocated(image) >= 262144);
    CHECK(file_bytes(image) == before);
    WriteRequest const large{0, bytes};
    Result<void> const refused = device->reserve(large.offset, large.from.size());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::host_full);
    CHECK(refused.error().errno_class == ENOSPC);
    CHECK(file_bytes(image) == before);
  }
}
