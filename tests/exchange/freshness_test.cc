#include <xfsx/freshness.h>

#include <doctest/doctest.h>

#include <limits>

namespace {

using namespace xfsx;

Freshness some_file() {
  Freshness f;
  for (std::size_t i = 0; i < f.filesystem.b.size(); ++i) {
    f.filesystem.b[i] = static_cast<u8>(0xf0 + i);
  }
  f.inode = InodeNumber(0x1234'5678'9abc);
  f.generation = 0xfedcba98;
  f.modified = {-1, 999'999'999};
  f.changed = {std::numeric_limits<s64>::max(), 1};
  f.change_count = ~u64{0};
  f.size = 4097;
  return f;
}

}  // namespace

TEST_SUITE("exchange") {
  TEST_CASE("a token says what was put into it") {
    std::string const token = to_token(some_file());
    CHECK(token.starts_with("xfsx1:"));
    CHECK(token.find('=') == std::string::npos);
    CHECK(parse_token(token).value() == some_file());
    CHECK(parse_token(to_token(Freshness{})).value() == Freshness{});
  }

  TEST_CASE("a token with a slip, too short, too long or of another kind is none") {
    std::string const token = to_token(some_file());
    for (std::size_t at = 0; at < token.size(); ++at) {
      CAPTURE(at);
      for (char const slip : {'A', 'b', '/', '=', '-', '\0', '\xff'}) {
        std::string wrong = token;
        if (wrong[at] == slip) continue;
        wrong[at] = slip;
        CHECK(parse_token(wrong).has_error());
      }
      CHECK(parse_token(token.substr(0, at)).has_error());
    }
    CHECK(parse_token(token + "A").has_error());
    CHECK(parse_token(token + "AAAA").has_error());
    CHECK(parse_token("xfsx2" + token.substr(5)).error().errno_class == EINVAL);
  }
}
