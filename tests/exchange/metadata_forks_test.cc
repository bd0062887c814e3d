// Attribute forks, directories and links that change places, and what forbids it. That Linux
// agrees, tests/exchange/forks_oracle.py says.

#include "exchange/metadata_forks.h"

#include "base/view.h"
#include "support/images.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace {

using namespace xfsx;

/// What can change places, of one file.
struct Holds {
  std::map<std::string, std::string> attributes;
  std::map<std::string, u64> entries;
  std::string target;

  friend bool operator==(Holds const&, Holds const&) = default;
};

Holds holds(Filesystem& fs, std::string const& path) {
  Holds found;
  InodeNumber const inode = fs.resolve(path).value();
  fs.attributes(inode, [&](Attribute const& a) {
      found.attributes[a.name] = std::string(text_of(a.value));
      return true;
    }).value();
  if (Result<std::string> target = fs.read_link(inode)) found.target = target.value();
  if (fs.stat(inode).value().type != FileType::directory) return found;
  fs.list(inode, [&](DirectoryEntry const& entry) {
      found.entries[std::string(entry.name)] = entry.inode.raw();
      return true;
    }).value();
  return found;
}

struct Pair {
  std::string image, first, second;
  ForkKind fork = ForkKind::attr;
  MetadataForks rule = MetadataForks::consistent;
  std::optional<ExchangeRange> range = {};
};

Result<ExchangeReport> exchange(BlockDevice& disk, Pair const& pair) {
  std::unique_ptr<Filesystem> const fs = Filesystem::open(disk).value();
  ExchangeRequest request;
  request.file1 = fs->resolve(pair.first).value();
  request.file2 = fs->resolve(pair.second).value();
  request.fork = pair.fork;
  request.metadata_forks = pair.rule;
  request.range = pair.range;
  return fs->exchange(request);
}

/// Exchanges there and back.
void check_exchange(Pair const& pair) {
  CAPTURE(pair.first);
  CAPTURE(pair.second);
  std::unique_ptr<MemoryDevice> const disk = test::image(pair.image);
  std::unique_ptr<Filesystem> fs = Filesystem::open(*disk).value();
  Holds const first = holds(*fs, pair.first);
  Holds const second = holds(*fs, pair.second);
  CHECK(first != second);
  for (int round = 0; round < 2; ++round) {
    CHECK(exchange(*disk, pair));
    fs = Filesystem::open(*disk).value();
    CHECK(holds(*fs, pair.first) == (round == 0 ? second : first));
    CHECK(holds(*fs, pair.second) == (round == 0 ? first : second));
  }
}

void check_refused(Pair const& pair, int errno_class, std::string_view reason) {
  CAPTURE(pair.first);
  std::unique_ptr<MemoryDevice> const disk = test::image(pair.image);
  Result<ExchangeReport> const done = exchange(*disk, pair);
  REQUIRE(done.has_error());
  CHECK(done.error().errno_class == errno_class);
  CHECK(done.error().reason.find(reason) != std::string_view::npos);
  CHECK(disk->stats().writes == 0);
}

constexpr auto data = ForkKind::data;
constexpr auto attr = ForkKind::attr;

}  // namespace

TEST_SUITE("exchange") {
  TEST_CASE("attributes of all forms change places, whatever kinds of files have them") {
    for (Pair const& pair : {
             Pair{"debian12", "/shapes/attr-local", "/shapes/attr-leaf"},
             Pair{"debian12", "/shapes/attr-leaf", "/shapes/attr-node"},
             Pair{"debian12", "/shapes/attr-remote", "/shapes/attr-dir"},
             Pair{"debian12", "/swap/many-a", "/shapes/attr-node"},
             Pair{"rare", "/rare/attributes-a", "/rare/holes"},
         }) {
      check_exchange(pair);
    }
  }

  TEST_CASE("directories and links change places") {
    check_exchange({"debian12", "/dirs/block", "/dirs/short", data});
    check_exchange({"debian12", "/dirs/node", "/dirs/leaf", data});
    check_exchange({"block1k", "/shapes/symlink-local", "/shapes/symlink-remote", data});
  }

  TEST_CASE("what would leave links or names wrong is refused") {
    std::string const image = "debian12";
    check_refused({image, "/dirs/empty", "/dirs/short", data}, EOPNOTSUPP, "directories in it");
    check_refused({image, "/names", "/dirs/short", data}, EINVAL, "different parents");
    check_refused({image, "/dirs/short", "/swap/one-a", data}, EINVAL, "different kinds");
    check_refused({image, "/swap/one-a", "/dirs/block", data}, EINVAL, "different kinds");
    check_refused({image, "/shapes/symlink-remote", "/dirs/block", data}, EINVAL,
                  "different kinds");
    check_refused({image, "/shapes/attr-leaf", "/shapes/fifo", attr}, EPERM, "user attributes");
    check_refused({image, "/shapes/fifo", "/shapes/null", data}, EINVAL, "not a regular file");
    check_refused({image, "/dirs/node", "/dirs/leaf", data, MetadataForks::refused}, EISDIR,
                  "is a directory");
    check_refused({image, "/swap/one-a", "/swap/one-a", attr}, EINVAL, "the same file");
    ExchangeRange const blocks{0, 4096, 4096};
    check_refused({image, "/dirs/node", "/dirs/node", data, MetadataForks::consistent, blocks},
                  EINVAL, "the same file");
    check_refused({image, "/dirs/node", "/dirs/leaf", data, MetadataForks::consistent, blocks},
                  EINVAL, "whole");
  }

  TEST_CASE("who rebuilt a directory sees to its links") {
    std::unique_ptr<MemoryDevice> const disk = test::image("debian12");
    Pair const pair{"", "/names", "/dirs/leaf", data, MetadataForks::rebuilt};
    std::unique_ptr<Filesystem> fs = Filesystem::open(*disk).value();
    InodeNumber const leaf = fs->resolve("/dirs/leaf").value();
    Holds const names = holds(*fs, "/names");
    CHECK(exchange(*disk, pair));
    fs = Filesystem::open(*disk).value();
    CHECK(holds(*fs, "/dirs/leaf") == names);
    CHECK(fs->resolve("/dirs/leaf/.").value() == leaf);
  }
}
