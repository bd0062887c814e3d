#include "exchange/freshness.h"

#include "base/crc32c.h"
#include "base/endian.h"
#include "base/view.h"

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/binary_from_base64.hpp>
#include <boost/archive/iterators/transform_width.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace xfsx::inline v0 {

namespace {

constexpr std::string_view prefix = "xfsx1:";

/// The token's bytes. Their number is a multiple of three, so base64 has nothing to pad.
struct TokenBytes {
  std::array<u8, 16> uuid;
  be<InodeNumber> inode;
  be64 mtime_sec, ctime_sec, change_count, size;
  be32 mtime_nsec, ctime_nsec, generation;
  le32 crc;  ///< tells a word with a slip from one of another file
};
static_assert(sizeof(TokenBytes) == 72);

constexpr std::size_t token_digits = sizeof(TokenBytes) / 3 * 4;

using Encoder = boost::archive::iterators::base64_from_binary<
    boost::archive::iterators::transform_width<char const*, 6, 8>>;
using Decoder = boost::archive::iterators::transform_width<
    boost::archive::iterators::binary_from_base64<char const*>, 8, 6>;

/// The seconds and nanoseconds of one time.
Timestamp time_of(be64 const& seconds, be32 const& nanoseconds) {
  return {static_cast<s64>(seconds.value()), nanoseconds.value()};
}

Error bad_token() {
  return refuse(EINVAL, "this is no token of a file's freshness");
}

Error has_changed(std::string_view reason,
                  std::source_location raised = std::source_location::current()) {
  return with_operand(make_error(Errc::changed, EBUSY, reason, raised), 2);
}

}  // namespace

std::string to_token(Freshness const& f) {
  TokenBytes token{};
  token.uuid = f.filesystem.b;
  token.inode = f.inode;
  token.mtime_sec = static_cast<u64>(f.modified.seconds);
  token.mtime_nsec = f.modified.nanoseconds;
  token.ctime_sec = static_cast<u64>(f.changed.seconds);
  token.ctime_nsec = f.changed.nanoseconds;
  token.generation = f.generation;
  token.change_count = f.change_count;
  token.size = f.size;
  token.crc = crc32c_without(bytes_of(token), offsetof(TokenBytes, crc));
  std::string_view const bytes = text_of(bytes_of(token));
  std::string word(prefix);
  word.append(Encoder(bytes.data()), Encoder(bytes.data() + bytes.size()));
  return word;
}

Result<Freshness> parse_token(std::string_view word) {
  if (!word.starts_with(prefix)) return bad_token();
  std::string_view const digits = word.substr(prefix.size());
  if (digits.size() != token_digits) return bad_token();
  std::string bytes;
  try {
    bytes.assign(Decoder(digits.data()), Decoder(digits.data() + digits.size()));
  } catch (boost::archive::iterators::dataflow_exception const&) {
    return bad_token();
  }
  TokenBytes const& token = view_as<TokenBytes>(bytes_of(bytes));
  if (!crc32c_matches(bytes_of(token), offsetof(TokenBytes, crc))) return bad_token();
  Freshness f;
  f.filesystem.b = token.uuid;
  f.inode = token.inode.value();
  f.modified = time_of(token.mtime_sec, token.mtime_nsec);
  f.changed = time_of(token.ctime_sec, token.ctime_nsec);
  f.generation = token.generation.value();
  f.change_count = token.change_count.value();
  f.size = token.size.value();
  // The decoder takes padding for zeros.
  return to_token(f) == word ? Result<Freshness>(f) : bad_token();
}

Freshness freshness_of(Volume& volume, Inode const& inode) {
  return {volume.geometry().uuid(), inode.number, inode.generation(), inode.mtime(), inode.ctime(),
          inode.change_count(),     inode.size()};
}

Result<void> check_fresh(Volume& volume, Inode const& target, Freshness const& was) {
  if (was.filesystem != volume.geometry().uuid()) {
    return has_changed("the token is of a file of another filesystem");
  }
  if (was.inode != target.number || was.generation != target.generation()) {
    return has_changed("the token is of another file");
  }
  if (freshness_of(volume, target) == was) return success();
  return has_changed("has changed since the token was made");
}

Result<void> check_fresh_times(Inode const& target, Freshness const& was) {
  if (target.mtime() == was.modified && target.ctime() == was.changed) return success();
  return has_changed("its times have changed since the token was made");
}

}  // namespace xfsx::inline v0
