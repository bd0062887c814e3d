#include "cases.h"

#include "delta.h"
#include "inspect/survey.h"
#include "json.h"
#include "look.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <queue>

namespace xfsx::inline v0::cli {

namespace {

using inspect::Inspection;
using inspect::Mutation;

/// What the walks below have in common: what is lost on the way is warned of.
class Walk : public inspect::StructureSink {
 public:
  explicit Walk(Session& session) : session_(session) {}

  Result<void> lost(std::string const& words, Error const& why) override {
    session_.warn("lost_structure", words + " is left out: " + describe(why));
    return success();
  }

 protected:
  [[nodiscard]] Session& session() { return session_; }

 private:
  Session& session_;
};

/// Hands the structures that were asked for to `walk`, the log's last record among them.
Result<void> each_structure(Devices const& devices, Choice const& choice, Walk& walk) {
  if (choice.target) {
    XFSX_TRY(Inspection const found, look_at(devices, *choice.target, Strictness::numbers));
    return walk.structure(choice.words, found);
  }
  XFSX_TRY(Geometry const geometry, read_geometry(*devices.data, Strictness::numbers));
  DeviceSource source(devices);
  XFSX_TRYV(inspect::survey(geometry, source, walk));
  inspect::Target const log{inspect::Target::Kind::log, 0, {}};
  Result<Inspection> const record = look_at(devices, log, Strictness::numbers);
  if (!record) return walk.lost("log", record.error());
  return walk.structure("log", record.value());
}

/// The list, as it comes.
class Lister : public Walk, private inspect::FieldSink {
 public:
  using Walk::Walk;

  Result<void> structure(std::string const& words, Inspection const& found) override {
    XFSX_TRYV(session().check_cancelled());
    words_ = &words;
    found_ = &found;
    text_.clear();
    fields_ = Value::list("fields");
    XFSX_TRYV(inspect::for_each_field(found, *this));
    if (!session().options().json) return session().print(text_);
    Value row = Value::group({});
    row.add(Value::words("words", words));
    row.add(Value::words("structure", found.structure));
    row.add(std::move(fields_));
    std::string const comma = first_ ? "" : ",";
    first_ = false;
    return session().print(comma + to_json(row));
  }

 private:
  Result<void> field(std::string const& path, Value const& value) override {
    if (!session().options().json) {
      text_ += fmt::format("{} {}\n", *words_, path);
      return success();
    }
    std::optional<inspect::BitPlace> const at = inspect::place_on_device(*found_, value);
    Value& row = fields_.add(Value::group({}));
    row.add(Value::words("path", path));
    row.add(Value::wide_integer("offset", at ? at->byte : 0));
    row.add(Value::integer("bit", value.place.bit));
    row.add(Value::integer("bits", value.place.width));
    return success();
  }

  std::string const* words_ = nullptr;
  Inspection const* found_ = nullptr;
  std::string text_;
  Value fields_ = Value::list("fields");
  bool first_ = true;
};

/// A number that looks random and is the same for the same case and seed.
u64 draw(u64 seed, std::string_view text) {
  u64 n = 0xcbf29ce484222325U ^ seed;  // FNV-1a, and a finish that spreads its bits
  for (char const c : text) n = (n ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9U;
  n = (n ^ (n >> 27)) * 0x94d049bb133111ebU;
  return n ^ (n >> 31);
}

struct Counts {
  u64 cases = 0;      ///< those that change something
  u64 unchanged = 0;  ///< the verb leaves the bits as they are
  u64 refused = 0;    ///< the field does not know the verb
  u64 taken = 0;      ///< of the sample, or all
  u64 present = 0;    ///< of these, files that were there
};

/// Makes each case, and does with it what a pass is for.
class CaseWalk : public Walk, private inspect::FieldSink {
 public:
  CaseWalk(Session& session, Devices const& devices, CaseOptions const& options)
      : Walk(session), devices_(devices), options_(options) {}

  Result<void> structure(std::string const& words, Inspection const& found) override {
    XFSX_TRYV(session().check_cancelled());
    words_ = &words;
    found_ = &found;
    // The log of a filesystem that has it elsewhere is read and not written.
    if (words.starts_with("log") && devices_.log) return success();
    // So is a realtime device.
    if (found.where.device != DeviceRole::data) return success();
    return inspect::for_each_field(found, *this);
  }

  [[nodiscard]] Counts const& counts() const { return counts_; }

 protected:
  /// `rank`: by chance, the same in each pass.
  virtual Result<void> take(Delta const& delta, u64 rank) = 0;

  Counts counts_;

 private:
  Result<void> field(std::string const& path, Value const& value) override {
    for (std::string_view const name : inspect::mutation_names()) {
      XFSX_TRYV(make(path, value, *inspect::parse_mutation(name)));
    }
    return success();
  }

  Result<void> make(std::string const& path, Value const& value, Mutation mutation) {
    std::string const name = fmt::format("{} {} {}", *words_, path, inspect::to_string(mutation));
    u64 const number = draw(options_.seed, name);
    inspect::MutationRequest const request{mutation, {}, number};
    Alter const alter = [&request](Inspection const& found, Value const& field) {
      return inspect::mutated(found, field, request);
    };
    bool const is_log = words_->starts_with("log");
    Result<FieldChange> change =
        change_found(devices_, *found_, {&value, path}, is_log, options_.bad_crc, alter);
    if (!change) {
      if (change.error().code != Errc::refused) return change.error();
      ++counts_.refused;
      return success();
    }
    if (change.value().patches.empty()) {
      ++counts_.unchanged;
      return success();
    }
    ++counts_.cases;
    FieldChange& made = change.value();
    Delta const delta{*words_,
                      path,
                      std::string(inspect::to_string(mutation)),
                      mutation == Mutation::random ? number : 0,
                      std::string(made.checksum),
                      std::move(made.before),
                      std::move(made.after),
                      std::move(made.patches)};
    return take(delta, draw(number, "rank"));
  }

  Devices const& devices_;
  CaseOptions const& options_;
  std::string const* words_ = nullptr;
  Inspection const* found_ = nullptr;
};

/// Finds the rank up to which cases are of the sample: those with the lowest ones are.
class RankPass final : public CaseWalk {
 public:
  RankPass(Session& session, Devices const& devices, CaseOptions const& options, u64 size)
      : CaseWalk(session, devices, options), size_(size) {}

  [[nodiscard]] u64 limit() const { return lowest_.size() < size_ ? ~u64{0} : lowest_.top(); }

 private:
  Result<void> take(Delta const&, u64 rank) override {
    lowest_.push(rank);
    if (lowest_.size() > size_) lowest_.pop();
    session().progress("choosing cases", counts_.cases, 0);
    return success();
  }

  std::priority_queue<u64> lowest_;
  u64 size_;
};

class WritePass final : public CaseWalk {
 public:
  WritePass(Session& session, Devices const& devices, CaseOptions const& options, u64 limit)
      : CaseWalk(session, devices, options), folder_(options.folder), limit_(limit) {}

 private:
  Result<void> take(Delta const& delta, u64 rank) override {
    if (rank > limit_) return success();
    ++counts_.taken;
    session().progress("cases", counts_.taken, 0);
    std::string folder = delta.structure;
    std::ranges::replace(folder, ' ', '-');
    folder = fmt::format("{}/{}", folder_, folder);
    std::string const path = fmt::format("{}/{}.{}.json", folder, delta.field, delta.mutation);
    std::error_code failed;
    if (std::filesystem::exists(path, failed)) {
      ++counts_.present;
      return success();
    }
    if (folder != made_) {
      std::filesystem::create_directories(folder, failed);
      if (failed) return cannot_write(folder, failed.value());
      made_ = folder;
    }
    return write_whole(path, to_text(delta));
  }

  std::string const& folder_;
  std::string made_;
  u64 limit_;
};

/// A folder holds the cases of one image and one seed: what they are is written down first.
Result<void> claim_folder(Devices const& devices, CaseOptions const& options) {
  XFSX_TRY(Geometry const geometry, read_geometry(*devices.data, Strictness::numbers));
  Value about = Value::group({});
  about.add(Value::integer("schema", 1));
  about.add(Value::words("kind", "xfsx cases"));
  about.add(Value::words("uuid", to_string(geometry.uuid())));
  about.add(Value::wide_integer("seed", options.seed));
  about.add(Value::flag("bad_crc", options.bad_crc));
  std::string const text = to_json(about) + "\n";
  std::error_code failed;
  std::filesystem::create_directories(options.folder, failed);
  if (failed) return cannot_write(options.folder, failed.value());
  std::string const path = options.folder + "/cases.json";
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return write_whole(path, text);
  std::string there(text.size() + 1, '\0');
  file.read(there.data(), static_cast<std::streamsize>(there.size()));
  there.resize(static_cast<std::size_t>(file.gcount()));
  if (there == text) return success();
  return with_note(
      refuse(EEXIST, "the folder holds cases of another image, seed or kind of checksum"), path);
}

Result<void> tell(Session& session, CaseOptions const& options, Counts const& counts) {
  if (!session.options().json) {
    return session.print(fmt::format(
        "{} cases of {}: {} written, {} there already; left out: {} that change nothing, {} that "
        "the field does not know\n",
        counts.taken, counts.cases, counts.taken - counts.present, counts.present, counts.unchanged,
        counts.refused));
  }
  Value document = session.document("fuzz");
  document.add(Value::words("folder", options.folder));
  document.add(Value::wide_integer("seed", options.seed));
  document.add(Value::wide_integer("cases", counts.cases));
  document.add(Value::wide_integer("taken", counts.taken));
  document.add(Value::wide_integer("written", counts.taken - counts.present));
  document.add(Value::wide_integer("unchanged", counts.unchanged));
  document.add(Value::wide_integer("refused", counts.refused));
  return session.print_document(document);
}

}  // namespace

Result<void> list_fields(Session& session, Devices const& devices, Choice const& choice) {
  Lister lister(session);
  if (!session.options().json) return each_structure(devices, choice, lister);
  // Structures are written as they come, and the document is ended in any case.
  std::string text = to_json(session.document("fuzz"));
  text.pop_back();
  XFSX_TRYV(session.print(text + ",\"structures\":["));
  Result<void> const done = each_structure(devices, choice, lister);
  XFSX_TRYV(session.print("]}\n"));
  return done;
}

Result<void> write_cases(Session& session, Devices const& devices, Choice const& choice,
                         CaseOptions const& options) {
  XFSX_TRYV(claim_folder(devices, options));
  u64 limit = ~u64{0};
  if (options.sample) {
    RankPass first(session, devices, options, *options.sample);
    XFSX_TRYV(each_structure(devices, choice, first));
    limit = first.limit();
  }
  WritePass pass(session, devices, options, limit);
  XFSX_TRYV(each_structure(devices, choice, pass));
  return tell(session, options, pass.counts());
}

}  // namespace xfsx::inline v0::cli
