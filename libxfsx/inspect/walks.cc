#include "inspect/walks.h"

#include "base/view.h"
#include "disk/ag.h"
#include "disk/btree.h"
#include "disk/inode.h"
#include "format/mapping.h"
#include "format/verify_btree.h"
#include "format/verify_inode.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

#include <algorithm>
#include <unordered_set>

namespace xfsx::inline v0::inspect {

namespace {

using disk::BmbtKey;
using disk::BmbtRecord;
using disk::BmdrBlock;
using disk::BtreeLongBlockV4;

Error wrong(std::string_view structure, Location const& where, std::string_view field, u64 found,
            u64 expected, Relation relation) {
  Error e = located(Errc::bad_value, structure, where);
  e.field = field;
  e.found.number = found;
  e.expected.number = expected;
  e.relation = relation;
  return e;
}

/// The btree of a fork, from left to right.
class MappingWalk {
 public:
  /// `inode`: where it lies; `most`: mappings that it can have.
  MappingWalk(Geometry const& geometry, ByteSource& source, Location const& inode, u64 most)
      : geometry_(geometry), source_(source), inode_(inode), owner_(inode.owner), most_(most) {}

  /// Appends the mappings below a root in `fork` to `list`. False after a problem.
  Result<bool> below_root(ConstBytes fork, Location const& where, Value& list) {
    if (!fits<BmdrBlock>(fork)) return true;
    auto const& root = view_as<BmdrBlock>(fork);
    u32 const level = root.level.value();
    std::size_t const room = (fork.size() - sizeof(BmdrBlock)) / (sizeof(BmbtKey) + sizeof(be64));
    if (level == 0 || level >= max_bmbt_height) {
      return fail(wrong("bmdr", where, "level", level, max_bmbt_height, Relation::below));
    }
    if (root.numrecs.value() > room) {
      return fail(wrong("bmdr", where, "numrecs", root.numrecs.value(), room, Relation::at_most));
    }
    return children(view_array<be<FsBlock>>(fork, sizeof(BmdrBlock) + room * sizeof(BmbtKey),
                                            root.numrecs.value()),
                    level - 1, where, list);
  }

  [[nodiscard]] std::optional<Error> const& problem() const { return problem_; }

 private:
  Result<bool> fail(Error const& error) {
    problem_ = error;
    return false;
  }

  Result<bool> children(std::span<be<FsBlock> const> pointers, u32 level, Location const& where,
                        Value& list) {
    for (be<FsBlock> const& pointer : pointers) {
      if (!geometry_.valid(pointer.value(), BlockCount(1))) {
        return fail(wrong("bmbt block", where, "ptrs", pointer.raw(), geometry_.data_blocks(),
                          Relation::below));
      }
      XFSX_TRY(bool const good, block(geometry_.daddr(pointer.value()), level, list));
      if (!good) return false;
    }
    return true;
  }

  Result<bool> block(Daddr at, u32 level, Value& list) {
    Location where = geometry_.locate(at);
    where.owner = owner_;
    // The inode may claim any number of blocks here, and one block have many parents.
    if (!seen_.insert(at.raw()).second) {
      Error e = located(Errc::loop, "bmbt block", where);
      e.field = "ptrs";
      e.reason = "the walk comes to the block a second time";
      return fail(e);
    }
    std::vector<std::byte> bytes(geometry_.block_size());
    XFSX_TRYV(source_.read(at, bytes));
    BlockContext const context{geometry_, where};
    if (Result<void> const good = verify_block(bmbt_kind, bytes, context, Lsn(0)); !good) {
      return fail(good.error());
    }
    if (Result<void> const good = verify_owner(bmbt_kind, bytes, context, owner_); !good) {
      return fail(good.error());
    }
    auto const& head = view_as<BtreeLongBlockV4>(bytes);
    if (head.level.value() != level) {
      return fail(wrong("bmbt block", where, "level", head.level.value(), level, Relation::equal));
    }
    BtreeShape const shape = bmbt_shape.on(geometry_.version());
    ConstBytes const body = ConstBytes(bytes).subspan(shape.header);
    u32 const count = head.numrecs.value();
    if (level == 0) {
      // What is shown of a mapping takes many times the room that it has on disk.
      u64 const sum = list.items.size() + count;
      if (sum > most_) {
        return fail(wrong("inode", inode_, "nextents", most_, sum, Relation::at_least));
      }
      Value records = decode_records<BmbtRecord>({}, body, count, 0);
      forget_places(records);
      std::ranges::move(records.items, std::back_inserter(list.items));
      return true;
    }
    return children(view_array<be<FsBlock>>(bytes, shape.pointers_at(bytes.size()), count),
                    level - 1, where, list);
  }

  Geometry const& geometry_;
  ByteSource& source_;
  Location inode_;
  InodeNumber owner_;
  u64 most_;
  std::unordered_set<u64> seen_;
  std::optional<Error> problem_;
};

struct UnlinkedInode {
  u16 magic = 0;
  AgInode next;
  u32 links = 0;
};

/// What a list needs of an inode; it may be damaged otherwise.
Result<UnlinkedInode> read_unlinked(Geometry const& g, ByteSource& source, InodeNumber ino) {
  u32 const agino = g.agino_of(ino).raw();
  std::vector<std::byte> block(g.block_size());
  XFSX_TRYV(source.read(g.daddr(g.ag_of(ino), AgBlock(agino / g.inodes_per_block())), block));
  std::size_t const at = std::size_t{agino % g.inodes_per_block()} * g.inode_size();
  InodeView const inode(ConstBytes(block).subspan(at, g.inode_size()));
  return UnlinkedInode{inode.core().magic.value(), inode.core().next_unlinked.value(),
                       inode.links()};
}

}  // namespace

Result<Value> walk_mappings(Geometry const& geometry, ByteSource& source, ConstBytes inode,
                            Location const& where, std::optional<Error>& problem) {
  InodeView const view(inode);
  ConstBytes const literal = view.literal();
  std::size_t const split = view.has_attr_fork() ? view.data_fork_size() : literal.size();
  ConstBytes const fork = literal.first(std::min(literal.size(), split));
  Value list = Value::list("bmap", Value::Layout::table);
  u8 const format = view.core().format;
  if (format == static_cast<u8>(disk::ForkFormat::extents)) {
    u64 const fit = std::min<u64>(view.nextents(), fork.size() / sizeof(BmbtRecord));
    return decode_records<BmbtRecord>("bmap", fork, static_cast<u32>(fit), 0);
  }
  if (format != static_cast<u8>(disk::ForkFormat::btree)) return list;
  // Each has a block of its own, or the verifier of the inode has told.
  MappingWalk walk(geometry, source, where, std::min(view.nextents(), view.nblocks()));
  XFSX_TRYV(walk.below_root(fork, where, list));
  if (!problem) problem = walk.problem();
  return list;
}

Result<Value> walk_unlinked(Geometry const& geometry, ByteSource& source, ConstBytes agi,
                            Location const& where, std::optional<Error>& problem) {
  disk::Agi const& head = view_as<disk::Agi>(agi);
  // An inode is on one list, once.
  std::unordered_set<u64> seen;
  Value list = Value::list("inodes", Value::Layout::table);
  for (u32 bucket = 0; bucket < disk::agi_unlinked_buckets; ++bucket) {
    AgInode next = head.unlinked[bucket].value();
    Location named = where;  // where `next` stands
    std::string_view structure = "agi", field = "unlinked";
    while (next != null_agino) {
      InodeNumber const ino = geometry.inode_number(where.ag, next);
      if (!geometry.valid(ino) || geometry.agino_of(ino) != next) {
        problem = wrong(structure, named, field, next.raw(), null_agino.raw(), Relation::below);
        return list;
      }
      if (!seen.insert(ino.raw()).second) {
        problem = wrong(structure, named, field, next.raw(), 0, Relation::none);
        problem->code = Errc::loop;
        problem->reason = "leads to an inode that is on a list already";
        return list;
      }
      XFSX_TRY(UnlinkedInode const inode, read_unlinked(geometry, source, ino));
      u32 const block = geometry.agino_of(ino).raw() / geometry.inodes_per_block();
      Location place = geometry.locate(geometry.daddr(where.ag, AgBlock(block)));
      place.owner = ino;
      if (inode.magic != disk::inode_magic) {
        problem = wrong("inode", place, "magic", inode.magic, disk::inode_magic, Relation::equal);
        return list;
      }
      Value& row = list.add(Value::group({}));
      row.add(Value::integer("bucket", bucket));
      row.add(Value::wide_integer("inode", ino.raw()));
      row.add(Value::integer("links", inode.links));
      next = inode.next;
      named = place;
      structure = "inode";
      field = "next_unlinked";
    }
  }
  return list;
}

}  // namespace xfsx::inline v0::inspect
