// xfsx find-owner [--scan] [--paths] IMAGE ADDRESS

#include "base/parse.h"
#include "open_image.h"
#include "text.h"
#include "verb.h"

#include <fmt/format.h>

#include <map>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "ADDRESS is one of\n"
    "  fsblock N    a block by its filesystem-wide number\n"
    "  agblock A N  block N of allocation group A\n"
    "  daddr N      the block at N units of 512 bytes\n"
    "  byte N       the block that byte N of the device lies in\n"
    "  ag A         all blocks of an allocation group\n"
    "  all          all blocks\n"
    "Numbers are decimal, or hexadecimal after 0x. One owner a line: AG, block in the AG, length,\n"
    "filesystem-wide number, address in units of 512 bytes, and whose it is. Blocks that files\n"
    "share have several lines. `nobody` is neither free nor owned. Of blocks of inodes the\n"
    "numbers of the inodes are shown, after daddr and byte only those that lie there.\n"
    "Filesystems with rmapbt are asked for their reverse mappings. On others, and with --scan,\n"
    "everything that can own a block is read: headers, btrees, free list, log, the forks of all\n"
    "inodes. Damage that a scan meets is told, and the exit status is 4: owners may be missing.\n";

constexpr std::string_view head = "   ag    agblock     length      fsblock        daddr  owner\n";

constexpr u64 most_warnings = 20;

std::optional<BlockAddress> parse_address(std::span<std::string const> words) {
  using Kind = BlockAddress::Kind;
  struct Row {
    std::string_view name;
    Kind kind;
    std::size_t numbers;
  };
  constexpr Row rows[] = {{"all", Kind::everything, 0},  {"ag", Kind::group, 1},
                          {"agblock", Kind::agblock, 2}, {"fsblock", Kind::fsblock, 1},
                          {"daddr", Kind::daddr, 1},     {"byte", Kind::byte, 1}};
  for (Row const& row : rows) {
    if (words.empty() || words[0] != row.name || words.size() != row.numbers + 1) continue;
    BlockAddress address;
    address.kind = row.kind;
    std::optional<u64> const first = row.numbers > 0 ? parse_number(words[1]) : 0;
    std::optional<u64> const last = row.numbers > 0 ? parse_number(words.back()) : 0;
    if (!first || !last) return std::nullopt;
    bool const in_group = row.kind == Kind::group || row.kind == Kind::agblock;
    if (in_group) {
      if (*first >= null_agnumber.raw()) return std::nullopt;
      address.ag = AgNumber(static_cast<u32>(*first));
    }
    address.number = *last;
    return address;
  }
  return std::nullopt;
}

/// Inodes that lie in a run of blocks.
struct InodeRange {
  u64 first = 0, last = 0;
};

class FindOwner : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operands("ADDRESS", words_, 3, "what to look for");
    parser.flag("--scan", scan_, "leave reverse mappings alone and look through everything");
    parser.flag("--paths", paths_, "all paths of the inodes, found by a walk of all directories");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const&) override {
    std::optional<BlockAddress> const address = parse_address(words_);
    if (!address) return "ADDRESS is not understood; see xfsx find-owner --help";
    address_ = *address;
    return {};
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(OpenImage const image, open_image(session, false));
    XFSX_TRY(FilesystemInfo const info, image.filesystem->info());
    block_size_ = info.block_size;
    inode_size_ = info.inode_size;
    std::optional<Error> damage;
    XFSX_TRY(OwnersReport const report, look(session, *image.filesystem, damage));
    if (paths_) {
      XFSX_TRYV(find_paths(session, *image.filesystem, report.owners));
    }
    XFSX_TRYV(session.options().json ? show_document(session, report, !damage)
                                     : show_lines(session, report.owners));
    if (damage) return *damage;
    return success();
  }

 private:
  /// The first damage becomes the verb's error, the next are warnings.
  Result<OwnersReport> look(Session& session, Filesystem& fs, std::optional<Error>& damage) {
    OwnersRequest request;
    request.where = address_;
    request.scan = scan_;
    u64 warnings = 0;
    request.problem = [&](Error const& e) {
      if (!damage) {
        damage = e;
      } else if (++warnings <= most_warnings) {
        session.warn("damage", describe(e));
      }
    };
    request.cancelled = [&](u64 inodes) {
      session.progress("inodes looked at", inodes, 0);
      return !session.check_cancelled();
    };
    return fs.find_owners(request);
  }

  [[nodiscard]] InodeRange inodes_of(BlockOwner const& run) const {
    u64 const first = run.inode.raw();
    if (address_.kind == BlockAddress::Kind::byte) {
      u64 const at = first + address_.number % block_size_ / inode_size_;
      return {at, at};
    }
    if (address_.kind == BlockAddress::Kind::daddr) {
      u64 const in_block = address_.number * basic_block_size % block_size_;
      u64 const end = in_block + basic_block_size;
      return {first + in_block / inode_size_, first + (end - 1) / inode_size_};
    }
    return {first, first + run.length * (block_size_ / inode_size_) - 1};
  }

  /// The inode that a line is about, if it is about one.
  [[nodiscard]] std::optional<u64> inode_of(BlockOwner const& run) const {
    if (run.kind == OwnerKind::file) return run.inode.raw();
    if (run.kind != OwnerKind::inodes) return std::nullopt;
    InodeRange const range = inodes_of(run);
    if (range.first != range.last) return std::nullopt;
    return range.first;
  }

  Result<void> find_paths(Session& session, Filesystem& fs, std::span<BlockOwner const> owners) {
    for (BlockOwner const& run : owners) {
      if (std::optional<u64> const inode = inode_of(run)) found_[*inode];
    }
    if (found_.empty()) return success();
    XFSX_TRY(InodeNumber const root, fs.resolve("/"));
    if (auto const at = found_.find(root.raw()); at != found_.end()) at->second.push_back("/");
    Result<void> going = success();
    XFSX_TRYV(fs.walk(root, [&](WalkedDirectory const& directory) {
      std::string const prefix = directory.path.empty() ? "/" : "/" + directory.path + "/";
      for (DirectoryEntry const& entry : directory.entries) {
        auto const at = found_.find(entry.inode.raw());
        if (at != found_.end()) at->second.push_back(prefix + entry.name);
      }
      going = session.check_cancelled();
      return going.has_value();
    }));
    return going;
  }

  [[nodiscard]] std::string words_of(BlockOwner const& run) const {
    if (run.kind == OwnerKind::inodes) {
      InodeRange const range = inodes_of(run);
      if (range.first == range.last) return fmt::format("inodes {}", range.first);
      return fmt::format("inodes {} to {}", range.first, range.last);
    }
    if (run.kind != OwnerKind::file) return std::string(to_string(run.kind));
    std::string const fork = run.fork == ForkKind::data ? "data" : "attr";
    std::string text = fmt::format("inode {} {}", run.inode.raw(), fork);
    if (run.mapping_block) return text + " bmbt";
    text += fmt::format(" offset {}", run.offset.raw());
    if (run.unwritten) text += " unwritten";
    if (run.shared) text += " shared";
    return text;
  }

  Result<void> show_lines(Session& session, std::span<BlockOwner const> owners) {
    XFSX_TRYV(session.print(head));
    for (BlockOwner const& run : owners) {
      XFSX_TRYV(session.print(fmt::format("{:>5} {:>10} {:>10} {:>12} {:>12}  {}\n", run.ag.raw(),
                                          run.agblock.raw(), run.length, run.fsblock.raw(),
                                          run.daddr.raw(), words_of(run))));
      std::optional<u64> const inode = inode_of(run);
      if (!inode || !found_.contains(*inode)) continue;
      bool const terminal = session.environment().out.is_terminal();
      for (std::string const& path : found_.at(*inode)) {
        XFSX_TRYV(session.print("      " + (terminal ? escape(path, true) : path) + "\n"));
      }
    }
    return success();
  }

  [[nodiscard]] Value value_of(BlockOwner const& run) const {
    Value v = Value::group({});
    v.add(Value::words("owner", to_string(run.kind)));
    v.add(Value::integer("ag", run.ag.raw()));
    v.add(Value::integer("agblock", run.agblock.raw()));
    v.add(Value::integer("length", run.length));
    v.add(Value::wide_integer("fsblock", run.fsblock.raw()));
    v.add(Value::wide_integer("daddr", run.daddr.raw()));
    if (run.kind == OwnerKind::inodes) {
      InodeRange const range = inodes_of(run);
      v.add(Value::wide_integer("first_inode", range.first));
      v.add(Value::wide_integer("last_inode", range.last));
    }
    if (run.kind == OwnerKind::file) {
      v.add(Value::wide_integer("inode", run.inode.raw()));
      v.add(Value::words("fork", run.fork == ForkKind::data ? "data" : "attr"));
      v.add(Value::flag("mapping_block", run.mapping_block));
      v.add(Value::wide_integer("offset", run.offset.raw()));
      v.add(Value::flag("unwritten", run.unwritten));
      v.add(Value::flag("shared", run.shared));
    }
    std::optional<u64> const inode = inode_of(run);
    if (!inode || !found_.contains(*inode)) return v;
    Value paths = Value::list("paths");
    for (std::string const& path : found_.at(*inode)) {
      paths.add(Value::group({})).add(Value::words("path", path));
    }
    v.add(std::move(paths));
    return v;
  }

  Result<void> show_document(Session& session, OwnersReport const& report, bool complete) {
    Value said = session.document("find-owner");
    said.add(Value::flag("scanned", report.scanned));
    said.add(Value::flag("complete", complete));
    JsonList list;
    for (BlockOwner const& run : report.owners) list.add(value_of(run));
    return session.print_document(said, "owners", list);
  }

  std::vector<std::string> words_;
  bool scan_ = false, paths_ = false;
  BlockAddress address_;
  u64 block_size_ = 0, inode_size_ = 0;
  std::map<u64, std::vector<std::string>> found_;
};

}  // namespace

std::unique_ptr<Verb> make_find_owner() {
  return std::make_unique<FindOwner>();
}

}  // namespace xfsx::inline v0::cli
