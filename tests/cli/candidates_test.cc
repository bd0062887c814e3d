// What the last word of a command line may become.

#include "cli/candidates.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace xfsx::cli {

namespace {

struct Asked {
  std::vector<std::string> words;  // of the directory that was listed
  Candidates found;

  explicit Asked(std::vector<std::string> const& line) {
    static Usage const usage = describe_usage();
    found = find_candidates(usage, line, [this](std::vector<std::string> const& where) {
      words = where;
      return std::vector<std::string>{"bin/", "boot", "etc/"};
    });
  }

  [[nodiscard]] bool has(std::string_view word) const {
    return std::ranges::find(found.words, word, &Candidate::word) != found.words.end();
  }
};

}  // namespace

TEST_SUITE("completion") {
  TEST_CASE("verbs come first, with what they do") {
    Asked const all({""});
    CHECK(all.has("swap"));
    CHECK_FALSE(all.found.words.front().help.empty());
    Asked const begun({"--json", "x"});
    REQUIRE(begun.found.words.size() == 1);
    CHECK(begun.has("xattr"));
  }

  TEST_CASE("options are the verb's and those of all") {
    Asked const swap({"swap", "--"});
    CHECK(swap.has("--dry-run"));
    CHECK(swap.has("--json"));
    Asked const ls({"ls", "-"});
    CHECK(ls.has("-R"));
    CHECK_FALSE(ls.has("--dry-run"));
  }

  TEST_CASE("values follow their option, in one word or two") {
    CHECK(Asked({"ls", "--io", ""}).has("uring"));
    CHECK(Asked({"ls", "--io", "=", "u"}).has("uring"));
    CHECK(Asked({"ls", "--io=u"}).has("--io=uring"));
    CHECK(Asked({"ls", "--log-dev", ""}).found.host_files);
    CHECK(Asked({"ls", "--offset", ""}).found.words.empty());
  }

  TEST_CASE("the image is a file of the host, what follows lies in it") {
    CHECK(Asked({"ls", ""}).found.host_files);
    Asked const root({"ls", "-l", "disk.img", ""});
    CHECK(root.has("/"));
    CHECK(root.has("inode:"));
    Asked const path({"stat", "--partition", "2", "disk.img", "/usr/b"});
    CHECK(path.words == std::vector<std::string>{"--partition", "2", "--", "disk.img", "/usr/"});
    CHECK(path.has("/usr/bin/"));
    CHECK_FALSE(path.has("/usr/etc/"));
    CHECK(Asked({"swap", "disk.img", "/one", "/"}).has("/boot"));
  }

  TEST_CASE("what cannot be guessed has no candidates") {
    for (std::vector<std::string> const& line :
         {std::vector<std::string>{"ls", "disk.img", "/a", "/"}, {"xattr", "i", "/a", "us"}, {}}) {
      Asked const asked(line);
      CHECK_FALSE(asked.found.host_files);
      CHECK((line.empty() || asked.found.words.empty()));
    }
    CHECK(Asked({"cat", "--", "disk.img", "/"}).has("/etc/"));
  }

  TEST_CASE("pages, verbs and shells are known") {
    CHECK(Asked({"document", "bt"}).has("btrees"));
    CHECK(Asked({"manual", "sw"}).has("swap"));
    CHECK(Asked({"completion", ""}).has("fish"));
  }
}

}  // namespace xfsx::cli
