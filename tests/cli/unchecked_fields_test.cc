// Each field of each structure that an image holds is changed by each of the eight verbs, with a
// checksum that is right. Either the verifiers and readers name the field, or the list of unchecked
// fields says why not; and the list says nothing that is not so.

#include "inspect/unchecked.h"

#include "ag/tree_root.h"
#include "cli/change.h"
#include "cli/look.h"
#include "inode/fork.h"
#include "inode/inode.h"
#include "inspect/structures.h"
#include "inspect/survey.h"
#include "support/effort.h"
#include "support/field_path.h"
#include "support/images.h"

#include <xfsx/filesystem.h>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>
#include <set>

namespace {

using namespace xfsx;
using inspect::Inspection;
using inspect::Unchecked;
using test::full_campaign;
using test::sanitized;

/// Fields that are not always rejected, though mostly: the samples of short runs may miss that.
bool passes_rarely(std::string const& structure, std::string const& path) {
  bool const element = path.find("[]") != std::string::npos;
  return element || sanitized || (structure == "sb" && path == "uuid");
}

/// How many of a field are changed; of elements of lists, half of them are the last of theirs.
std::size_t specimens_of(std::string const& path) {
  std::size_t const some = path.find("[]") == std::string::npos ? 24 : 12;
  if (full_campaign()) return 8 * some;
  return sanitized ? some / 6 : some;
}

/// One field of one structure of one image.
struct Specimen {
  std::string image, words, path;
  InodeNumber owner = null_inode;  ///< whose reading comes by it; null for none
  AgNumber group = null_agnumber;  ///< whose trees lead to it, or where it is a header
};

/// A field, whichever element of a list it is in: structure, and path without numbers.
using Field = std::pair<std::string, std::string>;
/// By rank, so that a new image displaces few.
using Specimens = std::map<Field, std::map<std::size_t, Specimen>>;

cli::Devices devices_of(MemoryDevice const& disk) {
  cli::Devices devices;
  devices.data = disk.snapshot();
  return devices;
}

class Collector final : public inspect::StructureSink, private inspect::FieldSink {
 public:
  Collector(std::string image, Specimens& into) : image_(std::move(image)), into_(into) {}

  Result<void> structure(std::string const& words, Inspection const& found) override {
    words_ = &words;
    found_ = &found;
    last_.clear();
    if (words.starts_with("inode")) owner_ = found.where.owner;
    if (found.problem) FAIL_CHECK(image_ << ": " << words << ": " << describe(*found.problem));
    XFSX_TRYV(inspect::for_each_field(found, *this));
    for (auto const& [plain, path] : last_) keep(plain + "$", path);
    return success();
  }
  Result<void> lost(std::string const& words, Error const& why) override {
    FAIL(image_ << ": " << words << ": " << describe(why));
    return success();
  }

 private:
  Result<void> field(std::string const& path, inspect::Value const&) override {
    std::string const plain = test::without_numbers(path);
    keep(plain, path);
    if (plain != path) last_[plain] = path;
    return success();
  }

  /// Keeps those of the lowest rank.
  void keep(std::string const& plain, std::string const& path) {
    std::size_t const rank =
        std::hash<std::string>()(fmt::format("{} {} {}", image_, *words_, path));
    auto& chosen = into_[{std::string(found_->structure), plain}];
    std::size_t const most = specimens_of(plain);
    if (chosen.size() == most && rank > chosen.rbegin()->first) return;
    // The blocks of an inode follow it; those of the trees of its group may do so too.
    bool const of_inode = found_->structure == "inode" || found_->structure == "bmbt block" ||
                          (words_->starts_with("fsblock") && !is_tree(found_->structure));
    InodeNumber const owner = of_inode ? owner_ : null_inode;
    AgNumber const group = of_inode ? null_agnumber : found_->where.ag;
    chosen.insert({rank, {image_, *words_, path, owner, group}});
    if (chosen.size() > most) chosen.erase(std::prev(chosen.end()));
  }

  /// Those of realtime groups are rooted in inodes.
  static bool is_tree(std::string_view structure) {
    return structure.ends_with("bt block") && !structure.starts_with("rt");
  }

  std::string image_;
  Specimens& into_;
  std::string const* words_ = nullptr;
  Inspection const* found_ = nullptr;
  InodeNumber owner_ = null_inode;
  std::map<std::string, std::string> last_;  ///< elements of the structure
};

inspect::Target target_of(std::string const& words) {
  return inspect::parse_target({&words, 1}).value();
}

Specimens collect() {
  Specimens found;
  for (std::string const& name : test::readable_images()) {
    if (test::manifest_of(name).value("expect", "") == "refuse: v4") continue;
    cli::Devices const devices = devices_of(*test::image(name));
    Geometry const geometry = cli::read_geometry(*devices.data, cli::Strictness::whole).value();
    cli::DeviceSource source(devices);
    Collector collector(name, found);
    inspect::survey(geometry, source, collector).value();
    Inspection const log = cli::look_at(devices, target_of("log"), cli::Strictness::whole).value();
    collector.structure("log", log).value();
  }
  // The last elements of lists come to the others.
  for (auto it = found.begin(); it != found.end();) {
    if (!it->first.second.ends_with('$')) {
      ++it;
      continue;
    }
    Field field = it->first;
    field.second.pop_back();
    found[field].merge(it->second);
    it = found.erase(it);
  }
  return found;
}

/// Everything that is read of an inode. What is refused is no damage.
std::optional<Error> read_all(BlockDevice& device, InodeNumber inode) {
  Result<std::unique_ptr<Filesystem>> const opened = Filesystem::open(device);
  if (!opened) return opened.error();
  if (inode == null_inode) return std::nullopt;
  Filesystem& fs = *opened.value();
  Result<FileStatus> const status = fs.stat(inode);
  Result<void> done = success();
  if (!status) done = status.error();
  for (ForkKind const fork : {ForkKind::data, ForkKind::attr}) {
    if (done) done = fs.mappings(inode, fork, [](FileMapping const&) { return true; });
  }
  if (done) done = fs.attributes(inode, [](Attribute const&) { return true; });
  if (done && status.value().type == FileType::directory) {
    done = fs.list(inode, [](DirectoryEntry const&) { return true; });
  }
  if (done && status.value().type == FileType::symlink) {
    Result<std::string> const target = fs.read_link(inode);
    if (!target) done = target.error();
  }
  if (done || done.error().code == Errc::refused) return std::nullopt;
  return done.error();
}

template <class Tree>
Result<void> read_fork_tree(Volume& volume, Inode const& inode) {
  Geometry const& g = volume.geometry();
  BtreeReader<Tree> tree(volume,
                         {fork_bytes(inode, ForkKind::data), inode.number, inode.location(g)});
  // Level by level too, as whoever asks for blocks and not for records reads it.
  XFSX_TRYV(tree.visit_blocks([](FsBlock, BtreeNode<Tree> const&) { return true; }));
  return tree.visit_all([](typename Tree::Record const&) { return true; });
}

/// The tree of a realtime group, if the inode holds one.
std::optional<Error> read_realtime_tree(BlockDevice& device, InodeNumber number) {
  if (number == null_inode) return std::nullopt;
  Result<std::unique_ptr<Volume>> const volume = Volume::open(device);
  if (!volume) return volume.error();
  Result<Inode> const inode = load_inode(*volume.value(), number);
  if (!inode) return inode.error();
  if (fork_format(inode.value(), ForkKind::data) != disk::ForkFormat::meta_btree) return {};
  auto const type = static_cast<disk::MetaType>(inode.value().core().metatype.value());
  Result<void> const done = type == disk::MetaType::rt_rmap
                                ? read_fork_tree<RtRmapbt>(*volume.value(), inode.value())
                                : read_fork_tree<RtRefcountbt>(*volume.value(), inode.value());
  return done ? std::nullopt : std::optional(done.error());
}

template <class Tree>
Result<void> read_tree(Volume& volume, AgNumber ag, AgTree which) {
  XFSX_TRY(AgTreeRoot const root, find_tree_root(volume, ag, which));
  BtreeReader<Tree> tree(volume, root);
  return tree.visit_all([](typename Tree::Record const&) { return true; });
}

/// Every tree of a group, by the reader that serves all verbs. Those that are not there are
/// refused.
std::optional<Error> read_trees(BlockDevice& device, AgNumber ag) {
  if (ag == null_agnumber) return std::nullopt;
  Result<std::unique_ptr<Volume>> const volume = Volume::open(device);
  if (!volume) return volume.error();
  using Reader = Result<void> (*)(Volume&, AgNumber, AgTree);
  constexpr std::pair<Reader, AgTree> readers[] = {
      {read_tree<Bnobt>, AgTree::bnobt},   {read_tree<Cntbt>, AgTree::cntbt},
      {read_tree<Inobt>, AgTree::inobt},   {read_tree<Finobt>, AgTree::finobt},
      {read_tree<Rmapbt>, AgTree::rmapbt}, {read_tree<Refcountbt>, AgTree::refcountbt},
  };
  for (auto const& [read, which] : readers) {
    Result<void> const done = read(*volume.value(), ag, which);
    if (!done && done.error().code != Errc::refused) return done.error();
  }
  return std::nullopt;
}

/// What leads to a block knows what it has to be; by itself it is then something else, or nothing.
std::optional<Error> as_it_was(BlockDevice& device, Inspection const& before,
                               Inspection const& after) {
  if (before.structure == after.structure) return std::nullopt;
  Geometry const geometry = cli::read_geometry(device, cli::Strictness::whole).value();
  inspect::BlockForm const* const form = inspect::form_of(before.bytes, geometry.version());
  REQUIRE(form != nullptr);
  std::vector<std::byte> const block =
      test::read_bytes(device, before.where.address * basic_block_size, before.bytes.size());
  Result<void> const verdict = verify_block(*form->kind, block, {geometry, before.where}, Lsn(0));
  return verdict ? std::nullopt : std::optional(verdict.error());
}

/// True if `name` is a part of the path, or what the whole of its bits is called.
bool names(Error const& error, std::string_view path) {
  std::string_view const name = error.field;
  if (name.empty()) return false;
  if (path.starts_with("v3.") && name == "flags2") return true;
  if (path.starts_with("core.") && name == "flags") return true;
  while (!path.empty()) {
    std::size_t const end = std::min(path.find_first_of(".[]"), path.size());
    if (path.substr(0, end) == name) return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

/// What became of the changes of a field.
struct Outcome {
  std::set<std::string> named, by_other, accepted;
};

void judge(Specimen const& specimen, std::string_view verb, Outcome& outcome) {
  cli::Devices const devices = devices_of(*test::image(specimen.image));
  inspect::Target const target = target_of(specimen.words);
  Inspection const found = cli::look_at(devices, target, cli::Strictness::whole).value();
  inspect::Found const field = inspect::find(found.fields, specimen.path).value();
  inspect::MutationRequest const request{*inspect::parse_mutation(verb), {}, 1};
  cli::Alter const alter = [&](Inspection const& from, inspect::Value const& value) {
    return inspect::mutated(from, value, request);
  };
  bool const is_log = specimen.words == "log";
  Result<cli::FieldChange> const change =
      cli::change_found(devices, found, field, is_log, false, alter);
  // A verb that the field does not know, a checksum, or nothing to do.
  if (!change || change.value().patches.empty()) return;
  for (inspect::Patch const& patch : change.value().patches) {
    test::write_bytes(*devices.data, patch.offset, patch.after);
  }
  std::string const what =
      fmt::format("{} of {}, {} {} ({} -> {})", verb, specimen.image, specimen.words, specimen.path,
                  change.value().before, change.value().after);
  Result<Inspection> const again = cli::look_at(devices, target, cli::Strictness::whole);
  std::optional<Error> error = again ? again.value().problem : again.error();
  if (again && !error) error = as_it_was(*devices.data, found, again.value());
  for (int judge = 0; judge < 3 && (!error || !names(*error, specimen.path)); ++judge) {
    std::optional<Error> const read = judge == 0 ? read_all(*devices.data, specimen.owner)
                                      : judge == 1
                                          ? read_trees(*devices.data, specimen.group)
                                          : read_realtime_tree(*devices.data, specimen.owner);
    if (read && (!error || names(*read, specimen.path))) error = read;
  }
  if (!error) {
    outcome.accepted.insert(what);
  } else if (names(*error, specimen.path)) {
    outcome.named.insert(what);
  } else {
    outcome.by_other.insert(what + ": " + describe(*error));
  }
}

Outcome outcome_of(std::map<std::size_t, Specimen> const& some,
                   inspect::UncheckedField const* entry) {
  Outcome outcome;
  std::size_t left = some.size();
  // Where nothing is ever said to be wrong, few show whether that is so.
  bool const never_wrong = entry != nullptr && entry->why == Unchecked::any_value;
  if (never_wrong && !full_campaign()) left = std::min<std::size_t>(left, 6);
  for (auto const& [rank, specimen] : some) {
    if (left-- == 0) break;
    for (std::string_view const verb : inspect::mutation_names()) {
      judge(specimen, verb, outcome);
      // One is enough where some wrong values are said to pass.
      bool const some_pass = entry != nullptr && entry->why == Unchecked::whole_image;
      if (some_pass && !outcome.accepted.empty()) return outcome;
    }
  }
  return outcome;
}

/// What is wrong with the entry of a field, or with there being none.
std::string complaint(Outcome const& outcome, inspect::UncheckedField const* entry,
                      bool may_be_rare) {
  bool const accepted = !outcome.accepted.empty();
  bool const by_other = !outcome.by_other.empty();
  if (entry == nullptr) {
    if (accepted) return "is not always rejected: " + *outcome.accepted.begin();
    if (by_other) return "is rejected by another name: " + *outcome.by_other.begin();
    return {};
  }
  switch (entry->why) {
    case Unchecked::any_value:
      if (!outcome.named.empty()) return "may not have any value: " + *outcome.named.begin();
      return by_other ? "may not have any value: " + *outcome.by_other.begin() : "";
    case Unchecked::by_another:
      if (accepted) return "is not always rejected: " + *outcome.accepted.begin();
      [[fallthrough]];
    case Unchecked::whole_image:
      break;
  }
  // Which element of a list passes may be a matter of luck: the long campaign looks at more.
  bool const stale = !accepted && !by_other && !may_be_rare;
  return stale ? "is listed, and always rejected by its name" : "";
}

/// Alternatives of entries that no field of any image fits.
std::string idle_entries(Specimens const& specimens) {
  std::string idle;
  for (inspect::UncheckedField const& entry : inspect::unchecked_fields()) {
    std::string_view rest = entry.path;
    while (!rest.empty()) {
      std::size_t const end = std::min(rest.find(','), rest.size());
      std::string_view const path = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      bool const used = std::ranges::any_of(specimens, [&](auto const& specimen) {
        Field const& field = specimen.first;
        return inspect::unchecked(field.first, field.second) == &entry &&
               inspect::fits_one_of(path, field.second);
      });
      if (!used) idle += fmt::format("{} | {} | is listed to no use\n", entry.structure, path);
    }
  }
  return idle;
}

}  // namespace

TEST_CASE("a field that is wrong is named, or the list of unchecked fields says why not") {
  Specimens const specimens = collect();
  std::string wrong;
  for (auto const& [field, some] : specimens) {
    inspect::UncheckedField const* const entry = inspect::unchecked(field.first, field.second);
    Outcome const outcome = outcome_of(some, entry);
    if (outcome.named.empty() && outcome.by_other.empty() && outcome.accepted.empty()) continue;
    bool const may_be_rare = passes_rarely(field.first, field.second) && !full_campaign();
    std::string const what = complaint(outcome, entry, may_be_rare);
    if (!what.empty()) {
      wrong +=
          fmt::format("{} | {} | {}/{}/{} | {}\n", field.first, field.second, outcome.named.size(),
                      outcome.by_other.size(), outcome.accepted.size(), what);
    }
  }
  wrong += idle_entries(specimens);
  INFO("make the verifier name the field, or put the list of libxfsx/inspect/unchecked.cc right");
  CHECK_MESSAGE(wrong.empty(), wrong);
}
