// Both back ends against a model: the same requests on a vector of bytes.

#include "base/view.h"
#include "device/block_file.h"
#include "support/host.h"
#include "support/skip.h"
#include "testing/failing_new.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <random>

namespace {

using namespace xfsx;
using namespace xfsx::tests;

constexpr IoBackend back_ends[] = {IoBackend::uring, IoBackend::threads};

/// The device, or null and a skip where the host has no io_uring.
std::unique_ptr<BlockDevice> open_with(std::string const& path, IoBackend backend, bool direct,
                                       bool writable = true) {
  Result<std::unique_ptr<BlockDevice>> device =
      open_device(path, {.writable = writable, .backend = backend, .direct = direct});
  if (!device && backend == IoBackend::uring && device.error().errno_class == EOPNOTSUPP) {
    report_skip("no io_uring: " + std::string(device.error().note.view()));
    return nullptr;
  }
  REQUIRE(device);
  return std::move(device).value();
}

struct Batch {
  std::vector<std::vector<std::byte>> memory;
  std::vector<u64> offsets;
};

u64 below(std::mt19937_64& random, u64 limit) {
  return random() % limit;
}

/// Disjoint writes of whole sectors, many of them neighbours, from odd addresses half of the time.
void random_writes(BlockDevice& device, std::vector<std::byte>& model, std::mt19937_64& random) {
  u64 const sector = device.info().logical_sector;
  u64 const slots = model.size() / sector;
  u64 const count = 1 + below(random, 200);
  std::vector<std::vector<std::byte>> memory;
  std::vector<WriteRequest> requests;
  u64 slot = below(random, slots);
  for (u64 i = 0; i < count && slot < slots; ++i) {
    u64 const length = std::min(1 + below(random, 9), slots - slot) * sector;
    u64 const skew = below(random, 2) * 3;
    memory.push_back(patterned(length + skew, random()));
    ConstBytes const from = ConstBytes(memory.back()).subspan(skew);
    requests.push_back({slot * sector, from});
    std::ranges::copy(from, model.begin() + static_cast<std::ptrdiff_t>(slot * sector));
    slot += length / sector + (below(random, 3) == 0 ? below(random, slots / 100) : 0);
  }
  std::shuffle(requests.begin(), requests.end(), random);
  bool const durable = below(random, 4) == 0;
  REQUIRE((durable ? device.write_durable(requests) : device.write(requests)));
}

void random_reads(BlockDevice& device, std::vector<std::byte> const& model,
                  std::mt19937_64& random) {
  u64 const count = 1 + below(random, 200);
  std::vector<std::vector<std::byte>> memory(count);
  std::vector<ReadRequest> requests;
  for (std::vector<std::byte>& into : memory) {
    u64 const offset = below(random, model.size());
    into.resize(std::min(below(random, 20000), model.size() - offset));
    requests.push_back({offset, into});
  }
  REQUIRE(device.read(requests));
  for (ReadRequest const& request : requests) {
    ConstBytes const expected = ConstBytes(model).subspan(request.offset, request.into.size());
    REQUIRE(std::ranges::equal(request.into, expected));
  }
}

void compare_with_model(std::string const& path, u64 size, IoBackend backend, bool direct) {
  CAPTURE(static_cast<int>(backend));
  CAPTURE(direct);
  std::unique_ptr<BlockDevice> device = open_with(path, backend, direct);
  if (!device) return;
  REQUIRE(device->info().size == size);
  std::mt19937_64 random(7);
  std::vector<std::byte> model = patterned(size, 1);
  put(*device, 0, model);
  for (int round = 0; round < 12; ++round) {
    random_writes(*device, model, random);
    random_reads(*device, model, random);
  }
  REQUIRE(device->flush());
  device = open_with(path, backend, direct, false);
  CHECK(bytes_at(*device, 0, size) == model);
}

}  // namespace

TEST_SUITE("device") {
  TEST_CASE("both back ends agree with a model on an image file") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 3 << 20);
    for (IoBackend const backend : back_ends) {
      for (bool const direct : {true, false}) compare_with_model(image, 3 << 20, backend, direct);
    }
  }

  TEST_CASE("both back ends agree with a model on a disk with sectors of 512 and 4096 bytes") {
    if (!have_root()) return;
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 3 << 20);
    for (u32 const sector : {512U, 4096U}) {
      std::optional<Loop> const loop = Loop::attach(image, {.sector = sector});
      if (!loop) return;
      for (IoBackend const backend : back_ends) {
        std::unique_ptr<BlockDevice> device = open_with(loop->path(), backend, true);
        if (!device) continue;
        CHECK(device->info().logical_sector == sector);
        CHECK(device->info().is_block_device);
        device.reset();
        compare_with_model(loop->path(), 3 << 20, backend, true);
      }
    }
  }

  TEST_CASE("a disk with sectors of 4096 bytes takes no part of one") {
    if (!have_root()) return;
    Scratch const scratch;
    std::optional<Loop> const loop =
        Loop::attach(scratch.sparse_file("image", 1 << 20), {.sector = 4096});
    if (!loop) return;
    std::unique_ptr<BlockDevice> const device =
        open_device(loop->path(), {.writable = true}).value();
    std::vector<std::byte> const bytes = filled(512, 1);
    WriteRequest const part{4096, bytes};
    CHECK(device->write({&part, 1}).error().errno_class == EINVAL);
    CHECK(bytes_at(*device, 4096 + 512, 100) == filled(100, 0));
  }

  TEST_CASE("the name of the back end is the one that was asked for") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 1 << 20);
    CHECK(open_with(image, IoBackend::threads, true)->info().backend == "threads");
    std::unique_ptr<BlockDevice> const ring = open_with(image, IoBackend::uring, true);
    if (ring) CHECK(ring->info().backend == "uring");
  }

  TEST_CASE("neighbours become one request, strangers stay apart") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 4 << 20);
    for (IoBackend const backend : back_ends) {
      std::unique_ptr<BlockDevice> const device = open_with(image, backend, true);
      if (!device) continue;
      std::vector<std::byte> const block = patterned(4096, 3);
      std::vector<WriteRequest> requests;
      for (u64 i = 64; i-- > 0;) requests.push_back({i * 4096, block});
      requests.push_back({2 << 20, block});
      REQUIRE(device->write(requests));
      CHECK(device->stats().writes == 2);
      CHECK(device->stats().write_bytes == 65 * 4096);
      std::vector<std::byte> first(4096), second(8192);
      ReadRequest const reads[] = {{4096, second}, {0, first}};
      DeviceStats const opened = device->stats();
      REQUIRE(device->read(reads));
      CHECK(device->stats().reads == opened.reads + 1);
      CHECK(device->stats().read_bytes == opened.read_bytes + 3 * 4096);
    }
  }

  TEST_CASE("one run with nothing pending is durable without a flush, all else flushes") {
    Scratch const scratch;
    std::unique_ptr<BlockDevice> const device =
        open_device(scratch.sparse_file("image", 1 << 20), {.writable = true}).value();
    std::vector<std::byte> const block = patterned(4096, 3);
    WriteRequest const run[] = {{4096, block}, {8192, block}};
    WriteRequest const apart[] = {{0, block}, {65536, block}};
    REQUIRE(device->write_durable(run));
    CHECK(device->stats().flushes == 0);
    REQUIRE(device->write_durable(apart));
    CHECK(device->stats().flushes == 1);
    REQUIRE(device->write(run));
    REQUIRE(device->write_durable(run));
    CHECK(device->stats().flushes == 2);
    REQUIRE(device->write_durable(run));
    CHECK(device->stats().flushes == 2);
  }

  TEST_CASE("the odd end of an image file can be read and nothing beyond") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 5000);
    for (IoBackend const backend : back_ends) {
      std::unique_ptr<BlockDevice> const device = open_with(image, backend, true);
      if (!device) continue;
      CHECK(bytes_at(*device, 4990, 10) == filled(10, 0));
      std::vector<std::byte> bytes(512);
      ReadRequest const past{4600, bytes};
      Result<void> const result = device->read({&past, 1});
      REQUIRE_FALSE(result);
      CHECK(result.error().code == Errc::truncated);
      CHECK(result.error().address == 4600);
    }
  }

  TEST_CASE("an image that shrinks under us is an error with its place") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 1 << 20);
    for (IoBackend const backend : back_ends) {
      std::filesystem::resize_file(image, 1 << 20);
      std::unique_ptr<BlockDevice> const device = open_with(image, backend, true, false);
      if (!device) continue;
      std::filesystem::resize_file(image, 100 * 4096);
      std::vector<std::byte> bytes(200 * 512);
      std::vector<ReadRequest> requests;
      for (u64 i = 0; i < 200; ++i)
        requests.push_back({i * 4096, Bytes(bytes).subspan(i * 512, 512)});
      Result<void> const result = device->read(requests);
      REQUIRE_FALSE(result);
      CHECK(result.error().code == Errc::truncated);
      CHECK(result.error().address >= 100 * 4096);
      CHECK(device->read(std::span(requests).first(100)));
    }
  }

  TEST_CASE("a flush that failed is final") {
    // A pipe has nothing to sync and says so.
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    UniqueFd const reading(ends[0]);
    BlockFile::Parts parts;
    parts.fd = UniqueFd(ends[1]);
    parts.info.size = parts.limits.size = 1 << 20;
    parts.engine = make_thread_engine(ends[1]).value();
    BlockFile device(std::move(parts));
    CHECK(device.flush().error().code == Errc::io);
    std::vector<std::byte> const block = filled(512, 1);
    WriteRequest const request{0, block};
    CHECK(device.write({&request, 1}).error().reason == "flush failed");
    CHECK(device.write_durable({&request, 1}).error().reason == "flush failed");
    CHECK(device.flush().error().reason == "flush failed");
    CHECK(device.stats().flushes == 1);
  }

  TEST_CASE("a host that refuses io_uring gets threads, or an error that names it") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 1 << 20);
    ::pid_t const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      sock_filter rules[] = {
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      };
      sock_fprog const program{std::size(rules), rules};
      if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
          ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        ::_exit(77);
      }
      Result<std::unique_ptr<BlockDevice>> const any = open_device(image, {});
      Result<std::unique_ptr<BlockDevice>> const ring =
          open_device(image, {.backend = IoBackend::uring});
      bool const good = any && any.value()->info().backend == "threads" && !ring &&
                        ring.error().code == Errc::refused &&
                        ring.error().errno_class == EOPNOTSUPP &&
                        ring.error().note.view() == "EPERM";
      ::_exit(good ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
      report_skip("no seccomp");
    } else {
      CHECK(WEXITSTATUS(status) == 0);
    }
  }

  TEST_CASE("an allocation that fails is an error or is got around, and does no harm") {
    Scratch const scratch;
    std::string const image = scratch.sparse_file("image", 4 << 20);
    std::vector<std::byte> const block = patterned(4099, 5);
    std::vector<WriteRequest> requests;
    for (u64 i = 0; i < 200; ++i) requests.push_back({i * 8192, ConstBytes(block).subspan(3)});
    for (IoBackend const backend : back_ends) {
      if (!open_with(image, backend, true)) continue;
      bool passed_untouched = false;
      u64 nth = 1;
      for (; nth < 500 && !passed_untouched; ++nth) {
        FailingNew const failing(nth);
        Result<std::unique_ptr<BlockDevice>> device =
            open_device(image, {.writable = true, .backend = backend});
        Result<void> written = success();
        if (device) written = device.value()->write(requests);
        if (!device) CHECK(device.error().code == Errc::no_memory);
        if (!written) CHECK(written.error().code == Errc::no_memory);
        if (device) device.value().reset();
        passed_untouched = !failing.fired();
      }
      CHECK(passed_untouched);
      CHECK(nth > 3);
    }
  }
}
