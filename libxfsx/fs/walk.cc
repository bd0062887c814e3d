// A walk through directories. Those that come next on the way are read together: one batch for
// their blocks, one for the inodes that their entries name. What is known ahead is bounded, by
// directories and by bytes.

#include "ag/inode_chunk.h"
#include "dir/directory.h"
#include "format/verify_btree.h"
#include "fs/impl.h"

#include <algorithm>
#include <unordered_map>

namespace xfsx::inline v0 {

namespace {

constexpr std::size_t directories_ahead = 64;
constexpr u64 directory_bytes_ahead = u64{1} << 20;
constexpr u64 inode_bytes_ahead = u64{8} << 20;

Error misplaced(Errc code, InodeNumber directory, std::string_view reason,
                std::source_location raised = std::source_location::current()) {
  Error e = make_error(code, EUCLEAN, reason, raised);
  e.structure = "directory";
  e.field = "inumber";
  e.address_kind = AddressKind::inode;
  e.address = directory.raw();
  return e;
}

/// Finds the chunks of inodes, and asks the inode btree once for each chunk.
class ChunkFinder {
 public:
  explicit ChunkFinder(Volume& volume) : volume_(volume) {}

  /// `numbers` in rising order; those that are no inode in use are left out.
  std::vector<InodeInChunk> find(std::span<InodeNumber const> numbers) {
    Geometry const& g = volume_.geometry();
    std::vector<InodeInChunk> found;
    for (InodeNumber const number : numbers) {
      u64 const first = number.raw() - g.agino_of(number).raw() + chunk_.raw();
      bool const same = known_ && g.ag_of(number) == ag_ && number.raw() >= first &&
                        number.raw() - first < inodes_per_chunk;
      if (!same) {
        Result<AgInode> const chunk = find_inode_chunk(volume_, number);
        known_ = chunk.has_value();
        if (!known_) continue;
        chunk_ = chunk.value();
        ag_ = g.ag_of(number);
      }
      found.push_back({number, chunk_});
    }
    return found;
  }

 private:
  Volume& volume_;
  bool known_ = false;
  AgNumber ag_{};
  AgInode chunk_{};
};

class TreeWalk {
 public:
  TreeWalk(Volume& volume, WalkOptions const& options,
           std::function<bool(WalkedDirectory const&)> const& visit)
      : volume_(volume), options_(options), visit_(visit) {}

  Result<void> run(InodeNumber start) {
    // If it cannot be loaded, listing it says so.
    Result<Inode> const root = load_inode(volume_, start);
    metadata_ = root && root.value().is_metadata();
    Step first;
    first.at.inode = start;
    to_do_.push_back(std::move(first));
    while (!to_do_.empty()) {
      if (!to_do_.back().leave && !to_do_.back().listed) look_ahead();
      Step step = std::move(to_do_.back());
      to_do_.pop_back();
      if (step.leave) {
        open_[step.at.inode.raw()] = false;
        continue;
      }
      XFSX_TRY(bool const more, enter(step));
      if (!more) break;
    }
    return success();
  }

 private:
  struct Step {
    WalkedDirectory at;
    bool leave = false;   // all below it is done
    bool listed = false;  // `at` has its entries, or as many as `problem` let be read
    std::optional<Error> problem;
  };

  /// False if somebody has had enough.
  Result<bool> enter(Step& step) {
    InodeNumber const inode = step.at.inode;
    auto const [seen, first] = open_.try_emplace(inode.raw(), true);
    if (!first) {
      return tell(step.at.path,
                  seen->second ? misplaced(Errc::loop, inode, "the directory lies below itself")
                               : misplaced(Errc::bad_value, inode, "the directory has two places"));
    }
    if (step.problem) {
      XFSX_TRY(bool const more, tell(step.at.path, *step.problem));
      if (!more) return false;
    }
    if (!visit_(step.at)) return false;
    Step leave;
    leave.at.inode = inode;
    leave.leave = true;
    to_do_.push_back(std::move(leave));
    std::vector<DirectoryEntry>& entries = step.at.entries;
    for (auto e = entries.rbegin(); e != entries.rend(); ++e) {
      if (e->type != FileType::directory) continue;
      Step below;
      below.at.path = step.at.path.empty() ? e->name : step.at.path + '/' + e->name;
      below.at.inode = e->inode;
      to_do_.push_back(std::move(below));
    }
    return true;
  }

  Result<bool> tell(std::string const& path, Error const& e) {
    if (!options_.problem) return e;
    return options_.problem(path, e);
  }

  /// Lists the directories on top of the stack, as many as shall be known ahead.
  void look_ahead() {
    std::vector<Step*> steps;
    for (auto step = to_do_.rbegin(); step != to_do_.rend(); ++step) {
      if (step->leave || step->listed) continue;
      steps.push_back(&*step);
      if (steps.size() == directories_ahead) break;
    }
    std::vector<Directory> directories = open_all(steps);
    std::vector<InodeNumber> next;
    for (std::size_t i = 0; i < directories.size(); ++i) list(*steps[i], directories[i], next);
    prefetch(next);
  }

  /// Opens the directories of `steps` and brings in their blocks; fewer where they are large, and
  /// where one cannot be opened, which then is the only one and has been dealt with.
  std::vector<Directory> open_all(std::span<Step* const> steps) {
    std::vector<Directory> directories;
    std::vector<BlockExtent> extents;
    u64 bytes = 0;
    for (Step* const step : steps) {
      Result<Directory> directory = open(step->at.inode);
      if (!directory) {
        if (directories.empty()) {
          step->problem = directory.error();
          step->listed = true;
        }
        break;
      }
      bytes += directory.value().inode().size();
      if (bytes > directory_bytes_ahead && !directories.empty()) break;
      std::vector<BlockExtent> const more = directory.value().data_extents();
      extents.insert(extents.end(), more.begin(), more.end());
      directories.push_back(std::move(directory.value()));
    }
    std::ranges::sort(extents, {}, &BlockExtent::daddr);
    volume_.cache().prefetch(extents);
    return directories;
  }

  Result<Directory> open(InodeNumber number) {
    XFSX_TRY(Inode inode, load_inode(volume_, number));
    XFSX_TRYV(check_same_tree(volume_, inode, metadata_));
    return Directory::open(volume_, std::move(inode));
  }

  void list(Step& step, Directory& directory, std::vector<InodeNumber>& next) const {
    std::vector<DirectoryEntry>& entries = step.at.entries;
    Result<void> const listed = directory.list([&](RawDirEntry const& e) {
      entries.push_back({std::string(e.name), e.inode, static_cast<FileType>(e.file_type)});
      return true;
    });
    if (!listed) step.problem = listed.error();
    step.listed = true;
    if (!volume_.geometry().has_file_types()) ask_inodes(step);
    // char_traits compares bytes as unsigned.
    std::ranges::sort(entries, {}, &DirectoryEntry::name);
    for (DirectoryEntry const& e : entries) {
      if (options_.inodes || e.type == FileType::directory) next.push_back(e.inode);
    }
  }

  /// Where directories do not say what their entries are, the inodes do.
  void ask_inodes(Step& step) const {
    std::span<DirectoryEntry> rest(step.at.entries);
    while (!rest.empty()) {
      std::size_t const count = prefetch_entries(volume_, rest);
      for (DirectoryEntry& e : rest.first(count)) {
        Result<Inode> const inode = load_inode(volume_, e.inode);
        e.type = inode ? type_of(inode.value().mode()) : FileType::unknown;
        if (!inode && !step.problem) step.problem = inode.error();
      }
      rest = rest.subspan(count);
    }
  }

  void prefetch(std::vector<InodeNumber>& next) {
    next.resize(std::min<std::size_t>(next.size(), most_inodes_ahead(volume_.geometry())));
    std::ranges::sort(next);
    prefetch_inodes(volume_, ChunkFinder(volume_).find(next));
  }

 public:
  /// So many inodes, each in a cluster of its own, are no more bytes than shall be brought in.
  static std::size_t most_inodes_ahead(Geometry const& g) {
    u64 const cluster = u64{g.cluster_blocks()} * g.block_size();
    return static_cast<std::size_t>(inode_bytes_ahead * inodes_per_hole_bit / cluster);
  }

 private:
  Volume& volume_;
  WalkOptions const& options_;
  std::function<bool(WalkedDirectory const&)> const& visit_;
  std::vector<Step> to_do_;
  bool metadata_ = false;               // of the tree that is walked
  std::unordered_map<u64, bool> open_;  // directories seen so far; true while on the path
};

}  // namespace

Result<void> walk_directories(Volume& volume, InodeNumber start,
                              std::function<bool(WalkedDirectory const&)> const& visit,
                              WalkOptions const& options) {
  return TreeWalk(volume, options, visit).run(start);
}

std::size_t prefetch_entries(Volume& volume, std::span<DirectoryEntry const> entries) {
  std::size_t const count =
      std::min(entries.size(), TreeWalk::most_inodes_ahead(volume.geometry()));
  std::vector<InodeNumber> numbers;
  for (DirectoryEntry const& e : entries.first(count)) numbers.push_back(e.inode);
  std::ranges::sort(numbers);
  prefetch_inodes(volume, ChunkFinder(volume).find(numbers));
  return count;
}

}  // namespace xfsx::inline v0
