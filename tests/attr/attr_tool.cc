// Removes attributes from files of an image, for the oracle test of removing: it reads lines of
// FILE, SPACE and NAME, with blanks between them, and commits after each. Those that a version
// cannot remove are printed, and stay.

#include "attr/remove.h"
#include "fs/impl.h"
#include "txn/commit.h"

#include <xfsx/filesystem.h>

#include <iostream>
#include <sstream>
#include <string>

#include <fmt/format.h>

namespace {

using namespace xfsx;

Result<bool> remove_one(Filesystem& filesystem, std::string const& path,
                        AttributeName const& which) {
  Volume& volume = *filesystem.impl().volume;
  XFSX_TRY(InodeNumber const number, filesystem.resolve(path));
  XFSX_TRY(Inode const inode, load_inode(volume, number));
  Transaction txn(volume);
  XFSX_TRY(Bytes const copy, txn.edit_inode(number, inode.place, inode.cluster));
  XFSX_TRY(bool const removed, remove_attribute(txn, inode, copy, which));
  if (!removed) return false;
  XFSX_TRY(PreparedCommit commit, PreparedCommit::prepare(txn, {}));
  XFSX_TRYV(commit.run());
  return true;
}

AttributeSpace space_of(std::string const& word) {
  if (word == "security") return AttributeSpace::security;
  return word == "trusted" ? AttributeSpace::trusted : AttributeSpace::user;
}

Result<void> remove_all(BlockDevice& device) {
  XFSX_TRY(std::unique_ptr<Filesystem> const filesystem, Filesystem::open(device));
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string path, space, name;
    words >> path >> space >> name;
    Result<bool> const removed = remove_one(*filesystem, path, {space_of(space), name});
    bool const refused = !removed && removed.error().errno_class == EOPNOTSUPP;
    if (refused) fmt::print("{}\n", line);
    if (refused || (removed && removed.value())) continue;
    if (!removed) return removed.error();
    return refuse(ENODATA, "there is no such attribute");
  }
  return success();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: attr_tool IMAGE <LINES\n");
    return 64;
  }
  OpenDeviceOptions how;
  how.writable = true;
  Result<std::unique_ptr<BlockDevice>> const device = open_device(argv[1], how);
  Result<void> const done = device ? remove_all(*device.value()) : Result<void>(device.error());
  if (done) return 0;
  fmt::print(stderr, "{}\n", describe(done.error()));
  return 1;
}
