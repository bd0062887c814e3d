#include "format/verify_btree.h"

#include "disk/btree.h"
#include "format/mapping.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// What a verifier must know of a tree beyond its shape.
struct TreeRules {
  std::string_view name;
  u32 magic;
  u32 height;
  BtreeShape shape;
  bool empty_leaf;  ///< a leaf without records is allowed (the root of an empty tree)
};

template <class Block>
Result<void> check_header(CheckedView<Block> const& block, TreeRules const& rules,
                          std::size_t bytes) {
  XFSX_TRYV(block.equal(block->magic, rules.magic));
  XFSX_TRYV(block.template below<u16>(block->level, static_cast<u16>(rules.height)));
  u32 const most = rules.shape.max_records(bytes, block->level.value());
  XFSX_TRYV(block.template at_most<u16>(block->numrecs, static_cast<u16>(most)));
  u16 const least = rules.empty_leaf && block->level.value() == 0 ? 0 : 1;
  return block.template at_least<u16>(block->numrecs, least);
}

/// A sibling exists and is not the block itself; all ones stand for none.
Result<void> check_sibling(CheckedView<disk::BtreeShortBlock> const& block, be<AgBlock> const& link,
                           BlockContext const& context) {
  if (link.value() == null_agblock) return success();
  XFSX_TRYV(block.require(context.geometry.valid(context.where.ag, link.value()), link,
                          context.geometry.blocks_of(context.where.ag), Relation::below));
  return block.require(link.value() != context.where.agblock, link, context.where.agblock.raw(),
                       Relation::not_equal);
}

Result<void> check_sibling(CheckedView<disk::BtreeLongBlock> const& block, be<FsBlock> const& link,
                           BlockContext const& context) {
  if (link.value() == null_fsblock) return success();
  XFSX_TRYV(block.require(context.geometry.valid(link.value(), BlockCount(1)), link,
                          context.geometry.data_blocks(), Relation::below));
  Daddr const at = context.geometry.daddr(link.value());
  return block.require(at.raw() != context.where.address, link, link.raw(), Relation::not_equal);
}

/// Each of `items` starts (`start(item)`) at or after the end (`end(item)`) of the one before it.
template <class Item, class Start, class End>
Result<void> check_order(std::span<Item const> items, BlockContext const& context,
                         std::string_view structure, Start start, End end) {
  u64 least = 0;
  for (Item const& item : items) {
    u64 const first = start(item);
    u64 const next = end(item);
    // Nothing can follow an item at the end of all numbers: its end wraps.
    bool const wraps = next < first;
    if (first < least || wraps) {
      Error e = located(Errc::bad_value, structure, context.where);
      e.field = disk::Layout<Item>::fields[0].name;
      e.relation = wraps ? Relation::below : Relation::at_least;
      e.found.number = first;
      e.expected.number = wraps ? ~u64{0} : least;
      return e;
    }
    least = next;
  }
  return success();
}

template <class Block>
Result<void> check_block(ConstBytes bytes, BlockContext const& context, TreeRules const& rules) {
  CheckedView<Block> const block(view_as<Block>(bytes), context.where, rules.name);
  XFSX_TRYV(check_header(block, rules, bytes.size()));
  XFSX_TRYV(check_sibling(block, block->leftsib, context));
  return check_sibling(block, block->rightsib, context);
}

/// Header, then the keys of a node; `leaf` looks at the records.
template <class Block, class Record, class Key, class Leaf>
Result<void> check_tree(ConstBytes bytes, BlockContext const& context, TreeRules const& rules,
                        Leaf leaf) {
  XFSX_TRYV(check_block<Block>(bytes, context, rules));
  Block const& block = view_as<Block>(bytes);
  u16 const count = block.numrecs.value();
  if (block.level.value() == 0) {
    return leaf(view_array<Record>(bytes, rules.shape.header, count));
  }
  // A key is one integer, its first and only member.
  auto const number = [](Key const& key) {
    if constexpr (requires { key.startoff; }) {
      return u64{key.startoff.raw()};
    } else if constexpr (requires { key.startblock; }) {
      return u64{key.startblock.raw()};
    } else {
      return u64{key.startino.raw()};
    }
  };
  return check_order(view_array<Key>(bytes, rules.shape.header, count), context, rules.name, number,
                     [&](Key const& key) { return number(key) + 1; });
}

constexpr u32 inodes_per_chunk = 64;

Result<void> verify_inobt(ConstBytes bytes, BlockContext const& context) {
  static constexpr TreeRules rules{"inobt block", disk::inobt_magic, max_inobt_height, inobt_shape,
                                   true};
  return check_tree<disk::BtreeShortBlock, disk::InobtRecord, disk::InobtKey>(
      bytes, context, rules, [&](std::span<disk::InobtRecord const> records) {
        return check_order(
            records, context, rules.name,
            [](disk::InobtRecord const& r) { return u64{r.startino.raw()}; },
            [](disk::InobtRecord const& r) { return u64{r.startino.raw()} + inodes_per_chunk; });
      });
}

Result<void> verify_refcountbt(ConstBytes bytes, BlockContext const& context) {
  static constexpr TreeRules rules{"refcountbt block", disk::refcountbt_magic,
                                   max_refcountbt_height, refcountbt_shape, true};
  return check_tree<disk::BtreeShortBlock, disk::RefcountRecord, disk::RefcountKey>(
      bytes, context, rules, [&](std::span<disk::RefcountRecord const> records) {
        return check_order(
            records, context, rules.name,
            [](disk::RefcountRecord const& r) { return u64{r.startblock.raw()}; },
            [](disk::RefcountRecord const& r) {
              return u64{r.startblock.raw()} + std::max(r.blockcount.raw(), 1U);
            });
      });
}

Result<void> verify_bmbt(ConstBytes bytes, BlockContext const& context) {
  static constexpr TreeRules rules{"bmbt block", disk::bmbt_magic, max_bmbt_height, bmbt_shape,
                                   false};
  return check_tree<disk::BtreeLongBlock, disk::BmbtRecord, disk::BmbtKey>(
      bytes, context, rules, [&](std::span<disk::BmbtRecord const> records) -> Result<void> {
        u64 least = 0;
        for (disk::BmbtRecord const& record : records) {
          Mapping const m = decode_mapping(record);
          if (m.offset.raw() < least) {
            Error e = located(Errc::bad_value, rules.name, context.where);
            e.field = "startoff";
            e.relation = Relation::at_least;
            e.found.number = m.offset.raw();
            e.expected.number = least;
            return e;
          }
          // Where an empty mapping is told from a good one, its neighbour has another key.
          least = m.offset.raw() + std::max<u64>(m.length.raw(), 1);
        }
        return success();
      });
}

}  // namespace

BlockKind const inobt_kind{.name = "inobt block",
                           .log_type = disk::BufferType::btree,
                           .crc = 52,
                           .lsn = 24,
                           .uuid = 32,
                           .address = 16,
                           .owner = 48,
                           .owner_is_ag = true,
                           .verify = verify_inobt};
BlockKind const refcountbt_kind{.name = "refcountbt block",
                                .log_type = disk::BufferType::btree,
                                .crc = 52,
                                .lsn = 24,
                                .uuid = 32,
                                .address = 16,
                                .owner = 48,
                                .owner_is_ag = true,
                                .verify = verify_refcountbt};
BlockKind const bmbt_kind{.name = "bmbt block",
                          .log_type = disk::BufferType::btree,
                          .crc = 64,
                          .lsn = 32,
                          .uuid = 40,
                          .address = 24,
                          .owner = 56,
                          .verify = verify_bmbt};

}  // namespace xfsx::inline v0
