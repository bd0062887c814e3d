#include "inspect/survey.h"

#include "base/checked.h"
#include "base/view.h"
#include "disk/inode.h"
#include "disk/superblock.h"
#include "format/inode_view.h"
#include "inspect/change.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>

namespace xfsx::inline v0::inspect {

namespace {

using Kind = Target::Kind;

// More than any tree has; where levels are wrong, recursion ends here.
constexpr u32 deepest = 24;

/// A set of numbers that takes memory only near its members.
class NumberSet {
 public:
  /// True if it was not there before.
  bool add(u64 number) {
    std::vector<bool>& page = pages_[number / page_bits];
    if (page.empty()) page.resize(page_bits);
    bool const fresh = !page[number % page_bits];
    page[number % page_bits] = true;
    return fresh;
  }

 private:
  static constexpr u64 page_bits = 32768;
  std::map<u64, std::vector<bool>> pages_;
};

/// Neighbouring blocks of the filesystem.
struct Run {
  FsBlock start{};
  u64 count = 0;
};

u64 number_in(Value const& group, std::string_view name) {
  Value const* const v = group.member(name);
  return v == nullptr ? 0 : v->number;
}

std::vector<u64> pointers_of(Value const& tree) {
  std::vector<u64> found;
  Value const* const list = tree.member("ptrs");
  if (list == nullptr) return found;
  for (Value const& pointer : list->items) found.push_back(pointer.number);
  return found;
}

std::vector<Run> runs_of(Value const& group, std::string_view list_name) {
  std::vector<Run> found;
  Value const* const list = group.member(list_name);
  if (list == nullptr) return found;
  for (Value const& row : list->items) {
    found.push_back({FsBlock(number_in(row, "startblock")), number_in(row, "blockcount")});
  }
  return found;
}

struct Tree {
  std::string_view word;
  Kind kind;
  u32 ro_feature;  ///< 0 for always
};

// The tree that leads to the inodes comes last.
constexpr Tree trees[] = {
    {"bnobt", Kind::bnobt, 0},
    {"cntbt", Kind::cntbt, 0},
    {"rmapbt", Kind::rmapbt, ro_compat::rmapbt},
    {"refcntbt", Kind::refcountbt, ro_compat::reflink},
    {"finobt", Kind::finobt, ro_compat::finobt},
    {"inobt", Kind::inobt, 0},
};

class Survey {
 public:
  Survey(Geometry const& geometry, ByteSource& source, StructureSink& sink)
      : geometry_(geometry), source_(source), sink_(sink) {}

  Result<void> run() {
    XFSX_TRYV(find_own_files());
    for (u32 ag = 0; ag < geometry_.ag_count(); ++ag) {
      XFSX_TRYV(headers(ag));
      for (Tree const& tree : trees) {
        if (tree.ro_feature != 0 && !geometry_.has_ro(tree.ro_feature)) continue;
        XFSX_TRYV(root(tree, ag));
      }
    }
    return realtime();
  }

 private:
  /// Files whose data are metadata and that no flag marks. Those of the realtime section have
  /// blocks that do not say what they are: see realtime().
  Result<void> find_own_files() {
    std::vector<std::byte> sector(geometry_.sector_size());
    XFSX_TRYV(source_.read(Daddr(0), sector));
    auto const& sb = view_as<disk::Superblock>(sector);
    for (be<InodeNumber> const& number : {sb.uquotino, sb.gquotino, sb.pquotino}) {
      own_files_.push_back(number.raw());
    }
    return success();
  }

  Result<void> realtime() {
    RealtimeShape const& shape = geometry_.realtime();
    if (shape.super && source_.has_realtime()) {
      XFSX_TRYV(named({Kind::rt_superblock, 0, {}}, "rtsb"));
    }
    if (shape.groups) return success();
    u64 const counters = std::bit_width(shape.extents) * u64{shape.bitmap_blocks};
    u64 const summary = div_round_up<u64>(counters * sizeof(be32), geometry_.block_size());
    XFSX_TRYV(realtime_words(Kind::rt_bitmap, "rtbitmap", shape.bitmap_blocks));
    return realtime_words(Kind::rt_summary, "rtsummary", summary);
  }

  /// Blocks of a file of the realtime section. The first that is not there ends it: the section,
  /// whose device nobody may have given, can claim any size.
  Result<void> realtime_words(Kind kind, std::string_view word, u64 count) {
    for (u64 i = 0; i < count; ++i) {
      std::string const words = fmt::format("{} {}", word, i);
      XFSX_TRY(std::optional<Inspection> const found, look({kind, i, {}}, words));
      if (!found) break;
      XFSX_TRYV(sink_.structure(words, *found));
    }
    return success();
  }

  Result<void> named(Target const& target, std::string const& words) {
    XFSX_TRY(std::optional<Inspection> const found, look(target, words));
    return found ? sink_.structure(words, *found) : Result<void>(success());
  }

  Result<void> headers(u32 ag) {
    for (auto const& [word, kind] : {std::pair{"sb", Kind::superblock},
                                     {"agf", Kind::agf},
                                     {"agi", Kind::agi},
                                     {"agfl", Kind::agfl}}) {
      std::string const words = fmt::format("{} {}", word, ag);
      XFSX_TRYV(named({kind, ag, {}}, words));
    }
    return success();
  }

  /// What is there; nothing, and the sink told, if that cannot be said.
  Result<std::optional<Inspection>> look(Target const& target, std::string const& words) {
    Result<Inspection> found = inspect(geometry_, source_, target, Lsn(0));
    if (found) return std::optional<Inspection>(std::move(found.value()));
    if (found.error().code == Errc::io) return found.error();
    XFSX_TRYV(sink_.lost(words, found.error()));
    return std::optional<Inspection>();
  }

  Result<void> root(Tree const& tree, u32 ag) {
    std::string const words = fmt::format("{} {}", tree.word, ag);
    XFSX_TRY(std::optional<Inspection> found, look({tree.kind, ag, {}}, words));
    if (!found || found->structure == "unknown") {
      if (!found) return success();
      return sink_.lost(words, found->problem.value_or(nothing_there(*found)));
    }
    Location const& where = found->where;
    seen_.add(geometry_.fsblock(where.ag, where.agblock).raw());
    return tree_block(words, std::move(*found), 0);
  }

  static Error nothing_there(Inspection const& found) {
    Error e = located(Errc::bad_value, "block", found.where);
    e.field = "magic";
    e.reason = "no structure begins like this";
    return e;
  }

  /// A block of a tree, and all below it. What was decoded is let go before the children come.
  Result<void> tree_block(std::string const& words, Inspection found, u32 depth) {
    XFSX_TRYV(sink_.structure(words, found));
    std::string_view const kind = found.structure;
    std::vector<u64> const pointers = pointers_of(found.fields);
    std::vector<u64> const inodes = kind == "inobt block" ? inodes_of(found) : std::vector<u64>();
    std::vector<Run> const runs =
        kind == "bmbt block" ? runs_of(found.fields, "recs") : std::vector<Run>();
    bool const is_short = kind != "bmbt block" && !is_long(found);
    AgNumber const ag = found.where.ag;
    found = {};
    for (u64 const pointer : pointers) {
      FsBlock const block =
          is_short ? geometry_.fsblock(ag, AgBlock(static_cast<u32>(pointer))) : FsBlock(pointer);
      XFSX_TRYV(child(block, kind, depth));
    }
    for (u64 const number : inodes) {
      XFSX_TRYV(inode(number));
    }
    return blocks(runs);
  }

  /// Pointers of more than 32 bits name blocks of the whole filesystem.
  static bool is_long(Inspection const& found) {
    Value const* const list = found.fields.member("ptrs");
    return list != nullptr && !list->items.empty() && list->items[0].place.width > 32;
  }

  Result<void> child(FsBlock block, std::string_view kind, u32 depth) {
    std::string const words = fmt::format("fsblock {}", block.raw());
    if (!exists(block) || depth == deepest) return sink_.lost(words, no_such_block(kind, block));
    if (!seen_.add(block.raw())) return success();
    XFSX_TRY(std::optional<Inspection> found, look({Kind::fsblock, block.raw(), {}}, words));
    if (!found) return success();
    if (found->structure != kind) return sink_.lost(words, nothing_there(*found));
    return tree_block(words, std::move(*found), depth + 1);
  }

  [[nodiscard]] bool exists(FsBlock block) const { return geometry_.valid(block, BlockCount(1)); }

  static Error no_such_block(std::string_view kind, FsBlock block) {
    return with_note(with_structure(refuse(EINVAL, "a pointer leads outside"), kind),
                     std::to_string(block.raw()));
  }

  /// The inodes in use of all chunks of a leaf.
  [[nodiscard]] std::vector<u64> inodes_of(Inspection const& leaf) const {
    std::vector<u64> found;
    Value const* const list = leaf.fields.member("recs");
    if (list == nullptr) return found;
    for (Value const& record : list->items) {
      u64 const free = number_in(record, "free");
      u64 const holes = number_in(record, "holemask");
      for (u32 i = 0; i < 64; ++i) {
        if (((free >> i) & 1U) != 0 || ((holes >> (i / 4)) & 1U) != 0) continue;
        AgInode const agino(static_cast<u32>(number_in(record, "startino") + i));
        found.push_back(geometry_.inode_number(leaf.where.ag, agino).raw());
      }
    }
    return found;
  }

  Result<void> inode(u64 number) {
    std::string const words = fmt::format("inode {}", number);
    XFSX_TRY(std::optional<Inspection> found, look({Kind::inode, number, {}}, words));
    if (!found) return success();
    XFSX_TRYV(sink_.structure(words, *found));
    Value const* const core = found->fields.member("core");
    Value const* const v3 = found->fields.member("v3");
    u64 const type = core == nullptr ? 0 : number_in(*core, "mode") & file_type::mask;
    bool const own = v3 != nullptr && number_in(*v3, "metadata") != 0;
    bool const holds_metadata = type == file_type::directory || type == file_type::symlink || own ||
                                std::ranges::find(own_files_, number) != own_files_.end();
    for (std::string_view const fork : {"u3", "u", "a"}) {
      Value const* const group = found->fields.member(fork);
      if (group == nullptr) continue;
      data_is_metadata_ = fork == "a" || holds_metadata;
      XFSX_TRYV(blocks(runs_of(*group, "bmx")));
      for (Value const& tree : group->items) {
        XFSX_TRYV(fork_tree(tree, found->where.ag));
      }
    }
    return success();
  }

  /// A btree whose root lies in a fork.
  Result<void> fork_tree(Value const& tree, AgNumber ag) {
    for (u64 const pointer : pointers_of(tree)) {
      FsBlock const block(pointer);
      std::string const words = fmt::format("fsblock {}", pointer);
      if (!exists(block)) {
        XFSX_TRYV(sink_.lost(words, no_such_block("fork", block)));
        continue;
      }
      if (!seen_.add(pointer)) continue;
      XFSX_TRY(std::optional<Inspection> found, look({Kind::fsblock, pointer, {}}, words));
      if (!found) continue;
      if (found->structure == "unknown") {
        XFSX_TRYV(sink_.lost(words, nothing_there(*found)));
        continue;
      }
      found->where.ag = found->where.ag == null_agnumber ? ag : found->where.ag;
      XFSX_TRYV(tree_block(words, std::move(*found), 0));
    }
    return success();
  }

  /// Mapped blocks that say what they are. Others are pieces of larger ones, or bare values.
  Result<void> blocks(std::vector<Run> const& runs) {
    if (!data_is_metadata_) return success();
    for (Run const& run : runs) {
      // No mapping leaves its group, so what lies outside ends the run.
      for (u64 i = 0; i < run.count && exists(run.start + BlockCount(i)); ++i) {
        u64 const block = run.start.raw() + i;
        if (!seen_.add(block)) continue;
        std::string const words = fmt::format("fsblock {}", block);
        XFSX_TRY(std::optional<Inspection> const found, look({Kind::fsblock, block, {}}, words));
        if (!found || found->structure == "unknown") continue;
        XFSX_TRYV(sink_.structure(words, *found));
      }
    }
    return success();
  }

  Geometry const& geometry_;
  ByteSource& source_;
  StructureSink& sink_;
  NumberSet seen_;
  std::vector<u64> own_files_;
  bool data_is_metadata_ = false;  ///< of the fork whose mappings come
};

/// Times that are one number are one field, and shown as two.
bool is_one_number(Value const& value) {
  return !value.items.empty() && value.items.front().place.form == Place::Form::part;
}

Result<void> fields_of(Inspection const& found, Value const& value, std::string const& path,
                       FieldSink& sink) {
  bool const scalar = value.kind != Value::Kind::group && value.kind != Value::Kind::list;
  if (scalar || is_one_number(value)) {
    if (!changeable(found, value)) return success();
    return sink.field(path, value);
  }
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    Value const& item = value.items[i];
    bool const element = value.kind == Value::Kind::list;
    std::string const below = element        ? fmt::format("{}[{}]", path, value.first + i)
                              : path.empty() ? item.name
                                             : path + "." + item.name;
    XFSX_TRYV(fields_of(found, item, below, sink));
  }
  return success();
}

}  // namespace

Result<void> survey(Geometry const& geometry, ByteSource& source, StructureSink& sink) {
  return Survey(geometry, source, sink).run();
}

Result<void> for_each_field(Inspection const& found, FieldSink& sink) {
  return fields_of(found, found.fields, {}, sink);
}

}  // namespace xfsx::inline v0::inspect
