// The command line in this process, with streams and a clock of the test's own.

#include "cli/app.h"
#include "cli/json.h"
#include "cli/text.h"
#include "support/sinks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace xfsx::cli {

namespace {

struct World {
  explicit World(bool terminal = false) : out(terminal), err(terminal) {}

  int run(std::vector<std::string> const& words) {
    Environment environment{out, err, attention, [] { return Timestamp{}; }, [] { return 0.0; }};
    return cli::run(words, environment);
  }

  test::StringSink out, err;
  Attention attention;
};

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("help and version go to stdout") {
    World help;
    CHECK(help.run({"swap", "--help"}) == 0);
    CHECK(help.out.text.find("--dry-run") != std::string::npos);
    CHECK(help.err.text.empty());
    World version;
    CHECK(version.run({"--version"}) == 0);
    CHECK(version.out.text.starts_with("xfsx "));
  }

  TEST_CASE("an unknown verb is named, in JSON too") {
    World plain;
    CHECK(plain.run({"frobnicate", "image"}) == 16);
    CHECK(plain.err.text == "xfsx: unknown verb 'frobnicate'; see --help [EINVAL]\n");
    World json;
    CHECK(json.run({"--json", "frobnicate"}) == 16);
    CHECK(json.err.text.starts_with(R"({"kind":"error","code":"usage")"));
  }

  TEST_CASE("a stdout that fails is an error of 8") {
    World full;
    full.out.failure = ENOSPC;
    CHECK(full.run({"--version"}) == 8);
  }

  TEST_CASE("the name of an image cannot steer a terminal or break the line") {
    World world(true);
    CHECK(world.run({"info", "/nowhere/\033[2J\nimage"}) == 8);
    CHECK(world.err.text.find('\033') == std::string::npos);
    CHECK(std::ranges::count(world.err.text, '\n') == 1);
  }

  TEST_CASE("UTF-8 is told from what only looks like it") {
    CHECK(is_utf8("gr\xc3\xbc\xc3\x9f"));
    for (std::string_view const bad : {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
      CHECK_FALSE(is_utf8(bad));
    }
    CHECK(replace_invalid("a\xff"
                          "b") ==
          "a\xef\xbf\xbd"
          "b");
    CHECK(utf8_incomplete("\xe2\x82"));
    CHECK_FALSE(utf8_incomplete("\xe2\x82\xac"));
  }

  TEST_CASE("base64 pads") {
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
  }

  TEST_CASE("escapes show control characters, C1 ones too") {
    CHECK(escape("a\033b\\", true) == "a\\033b\\134");
    CHECK(escape("\xc2\x9b", false) == "\\302\\233");
    CHECK(escape("\xc3\xbc", true) == "\xc3\xbc");
  }

  TEST_CASE("hexadecimal paths come in pairs") {
    CHECK(from_hex("2f61").value() == "/a");
    CHECK(from_hex("2f6").has_error());
    CHECK(from_hex("zz").has_error());
  }

  TEST_CASE("wide numbers are strings in JSON whatever their value") {
    inspect::Value v = inspect::Value::group({});
    v.add(inspect::Value::wide_integer("wide", 1));
    v.add(inspect::Value::integer("number", 1));
    v.add(inspect::Value::words("name", "a\xff"));
    CHECK(to_json(v) == R"({"wide":"1","number":1,"name":"a)"
                        "\xef\xbf\xbd"
                        R"(","name_bytes":"Yf8="})");
  }
}

}  // namespace xfsx::cli
