// Nothing that is extracted leaves the destination, also where somebody changes it meanwhile.

#include "cli/host_tree.h"

#include "support/host.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

namespace {

using namespace xfsx;

/// Of what the host said of an open that must not work.
int refusal(Result<UniqueFd> const& opened) {
  REQUIRE_FALSE(opened);
  return opened.error().errno_class;
}

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("folders are opened beneath the destination, whatever stands on the way") {
    tests::Scratch const scratch;
    std::string const top = scratch / "top";
    std::filesystem::create_directories(top + "/dest/a/b");
    std::filesystem::create_directories(top + "/outside/b");
    std::filesystem::create_directory_symlink("../outside", top + "/dest/link");
    std::filesystem::create_directory_symlink("a", top + "/dest/inner");
    std::filesystem::create_directory_symlink("/proc/self/cwd", top + "/dest/magic");
    cli::HostTree const tree = cli::HostTree::open(top + "/dest").value();

    CHECK(tree.folder(""));
    CHECK(tree.folder("a/b"));
    for (std::string const path : {"link", "link/b", "inner", "inner/b", "magic/a"}) {
      CAPTURE(path);
      int const why = refusal(tree.folder(path));
      CHECK((why == ELOOP || why == ENOTDIR || why == EXDEV));
      REQUIRE_FALSE(tree.file(path));
    }
    CHECK(refusal(tree.folder("..")) == EXDEV);
    CHECK(refusal(tree.folder("a/../../outside")) == EXDEV);
    CHECK(refusal(tree.folder(top + "/outside")) == EXDEV);
  }

  TEST_CASE("paths longer than one call takes are walked in steps, by the same rules") {
    tests::Scratch const scratch;
    std::string const top = scratch / "top";
    std::string const name(200, 'n');
    std::filesystem::create_directories(top);
    cli::HostTree const tree = cli::HostTree::open(top).value();
    std::string below;
    for (int depth = 0; depth < 30; ++depth) {
      UniqueFd const parent = tree.folder(below).value();
      REQUIRE(cli::make_folder(parent.get(), name));
      below += (below.empty() ? "" : "/") + name;
    }
    CHECK(below.size() > 4096);
    CHECK(tree.folder(below));
    CHECK(refusal(tree.folder(below + "/none")) == ENOENT);
  }
}
