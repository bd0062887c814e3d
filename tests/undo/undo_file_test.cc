#include "undo/undo_file.h"
#include "base/view.h"
#include "support/host.h"
#include "undo/undo_support.h"

#include <doctest/doctest.h>

#include <fstream>

namespace {

using namespace xfsx;
using namespace xfsx::test;

void store(std::string const& path, std::vector<std::byte> const& bytes, std::size_t count) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  std::string_view const text = text_of(ConstBytes(bytes).first(count));
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

Error failure(MemoryDevice& disk, std::string const& file) {
  Result<UndoReport> const done = undo(disk, {}, file);
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().structure == "undo file");
  CHECK(done.error().address_kind == AddressKind::byte);
  CHECK(disk.stats().writes == 0);
  return done.error();
}

}  // namespace

TEST_SUITE("undo") {
  TEST_CASE("an undo file that ends too early is told by where it ends") {
    Undoable const u(swap_scenario("debian12", "/swap/one-a", "/swap/one-b"));
    std::vector<std::byte> const whole = tests::file_bytes(u.file);
    std::unique_ptr<MemoryDevice> const disk = u.after->snapshot();
    u64 const writes = disk->stats().writes;
    CHECK(writes == 0);
    std::string const cut = u.scratch / "cut";
    for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{135}, std::size_t{136},
                             std::size_t{1500}, whole.size() - 1}) {
      CAPTURE(size);
      store(cut, whole, size);
      Error const e = failure(*disk, cut);
      CHECK(e.code == Errc::truncated);
      CHECK(e.address == size);
    }
    std::vector<std::byte> longer = whole;
    longer.push_back(std::byte{0});
    store(cut, longer, longer.size());
    CHECK(failure(*disk, cut).field == "size");
  }

  TEST_CASE("one byte of an undo file that is wrong is noticed, wherever it is") {
    Undoable const u(swap_scenario("debian12", "/swap/one-a", "/swap/one-b"));
    std::vector<std::byte> whole = tests::file_bytes(u.file);
    std::unique_ptr<MemoryDevice> const disk = u.after->snapshot();
    std::string const bad = u.scratch / "bad";
    for (std::size_t at = 0; at < whole.size(); at += at < 200 ? 1 : whole.size() / 50) {
      CAPTURE(at);
      whole[at] ^= std::byte{0x40};
      store(bad, whole, whole.size());
      whole[at] ^= std::byte{0x40};
      Error const e = failure(*disk, bad);
      Errc const expected = at < 12 ? Errc::bad_value : Errc::bad_crc;
      CHECK(e.code == expected);
    }
    store(bad, whole, whole.size());
    REQUIRE(undo(*disk, {}, bad));
    CHECK(same(*disk, *u.before));
  }

  TEST_CASE("what is no file is no undo file") {
    tests::Scratch const scratch;
    Result<UndoFile> none = UndoFile::open(scratch / "none");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == Errc::missing);
    none = UndoFile::open(scratch.directory("folder"));
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().errno_class == EINVAL);
    none = UndoFile::open(scratch.sparse_file("zeros", 4096));
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().reason == "this is no undo file");
  }
}
