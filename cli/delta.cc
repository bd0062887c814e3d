#include "delta.h"
#include "base/parse.h"

#include "base/checked.h"
#include "json.h"
#include "text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace xfsx::inline v0::cli {

namespace {

using inspect::Patch;
using Json = nlohmann::json;

constexpr u64 largest_delta = u64{1} << 20;
constexpr std::string_view kind = "xfsx delta";

Error no_delta(std::string const& path, std::string_view member) {
  Error e = refuse(EINVAL, "this is no delta of xfsx fuzz");
  e.field = member;
  return with_note(e, path);
}

std::optional<std::string> text_in(Json const& object, char const* name) {
  auto const found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<u64> number_in(Json const& object, char const* name) {
  std::optional<std::string> const text = text_in(object, name);
  return text ? parse_digits(*text) : std::nullopt;
}

std::optional<std::vector<std::byte>> bytes_in(Json const& object, char const* name) {
  std::optional<std::string> const digits = text_in(object, name);
  if (!digits) return std::nullopt;
  std::optional<std::string> const bytes = parse_hex(*digits);
  if (!bytes) return std::nullopt;
  ConstBytes const view = bytes_of(std::string_view(*bytes));
  return std::vector<std::byte>(view.begin(), view.end());
}

std::optional<Patch> patch_of(Json const& row, u64 from) {
  if (!row.is_object()) return std::nullopt;
  std::optional<u64> const offset = number_in(row, "offset");
  std::optional<std::vector<std::byte>> before = bytes_in(row, "before");
  std::optional<std::vector<std::byte>> after = bytes_in(row, "after");
  if (!offset || !before || !after || before->empty() || before->size() != after->size()) {
    return std::nullopt;
  }
  if (*offset < from || *offset > ~u64{0} - before->size()) return std::nullopt;
  return Patch{*offset, std::move(*before), std::move(*after)};
}

Result<std::vector<Patch>> patches_of(Json const& object, std::string const& path) {
  auto const rows = object.find("bytes");
  if (rows == object.end() || !rows->is_array() || rows->empty()) return no_delta(path, "bytes");
  std::vector<Patch> patches;
  u64 end = 0;
  for (Json const& row : *rows) {
    std::optional<Patch> patch = patch_of(row, end);
    if (!patch) return no_delta(path, "bytes");
    end = patch->offset + patch->before.size();
    patches.push_back(std::move(*patch));
  }
  return patches;
}

Result<std::string> read_file(std::string const& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(largest_delta + 1, '\0');
  bool const open = file.is_open();
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!open || file.bad()) {
    int const code = errno == 0 ? EIO : errno;
    Errc const what = code == ENOENT ? Errc::missing : Errc::io;
    return with_note(make_error(what, code, "cannot read"), path);
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > largest_delta) {
    return with_note(refuse(EFBIG, "a delta has at most a megabyte"), path);
  }
  return text;
}

}  // namespace

Error cannot_write(std::string const& path, int code) {
  return with_note(make_error(Errc::io, code, "cannot write"), path);
}

std::string to_text(Delta const& delta) {
  Value document = Value::group({});
  document.add(Value::integer("schema", 1));
  document.add(Value::words("kind", kind));
  document.add(Value::words("structure", delta.structure));
  document.add(Value::words("field", delta.field));
  document.add(Value::words("mutation", delta.mutation));
  document.add(Value::wide_integer("seed", delta.seed));
  document.add(Value::words("checksum", delta.checksum));
  document.add(Value::words("before", delta.before));
  document.add(Value::words("after", delta.after));
  document.add(patches_value(delta.patches));
  return to_json(document) + "\n";
}

Result<Delta> read_delta(std::string const& path) {
  XFSX_TRY(std::string const text, read_file(path));
  Json const object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return no_delta(path, {});
  if (text_in(object, "kind") != kind) return no_delta(path, "kind");
  if (object.value("schema", Json()) != Json(1)) return no_delta(path, "schema");
  Delta delta;
  for (auto const& [name, into] : {std::pair{"structure", &delta.structure},
                                   {"field", &delta.field},
                                   {"mutation", &delta.mutation},
                                   {"checksum", &delta.checksum},
                                   {"before", &delta.before},
                                   {"after", &delta.after}}) {
    std::optional<std::string> value = text_in(object, name);
    if (!value) return no_delta(path, name);
    *into = std::move(*value);
  }
  std::optional<u64> const seed = number_in(object, "seed");
  if (!seed) return no_delta(path, "seed");
  delta.seed = *seed;
  XFSX_TRY(delta.patches, patches_of(object, path));
  return delta;
}

Result<void> write_whole(std::string const& path, std::string_view text) {
  std::string const part = path + ".part";
  errno = 0;
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return cannot_write(part, errno == 0 ? EIO : errno);
  std::error_code failed;
  std::filesystem::rename(part, path, failed);
  if (failed) return cannot_write(path, failed.value());
  return success();
}

}  // namespace xfsx::inline v0::cli
