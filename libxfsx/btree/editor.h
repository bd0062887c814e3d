#pragma once
// Changes a btree by a batch of edits in the order of their keys. A batch goes down the tree once:
// each node deals its edits out to its children, takes out what they then hold, and puts it back:
// what is more than a block is dealt out evenly, to a neighbour with room or to new blocks, what is
// less than half a block joins its neighbour. What the node itself holds afterwards is its parent's
// affair, and the root's in the end, which grows a level or takes its only child in. One edit is a
// batch of one; a million cost one visit of each block that they touch.
//
// A node's key for a child is made anew from what the child holds, so keys are true up to the root,
// both halves of them where runs overlap. Blocks that do not change are not written.

#include "base/checked.h"
#include "btree/contents.h"
#include "btree/reader.h"

#include <optional>
#include <span>

namespace xfsx::inline v0 {

/// Puts a record in or takes one out. Of two with one key, the one that takes out comes first.
template <BtreeTraits T>
struct BtreeEdit {
  typename T::Record record;
  bool insert = true;
};

/// Puts edits into the order that an editor asks for.
template <BtreeTraits T>
void sort_edits(std::vector<BtreeEdit<T>>& edits) {
  std::ranges::sort(edits, [](BtreeEdit<T> const& a, BtreeEdit<T> const& b) {
    if (T::key_of(a.record) != T::key_of(b.record)) {
      return T::key_of(a.record) < T::key_of(b.record);
    }
    return !a.insert && b.insert;
  });
}

/// What an editor asks of the place where a tree lies.
template <class S, class T>
concept BtreeStore = BtreeTraits<T> && requires(S store, typename T::Pointer at, u32 level,
                                                std::span<typename T::Pointer const> all) {
  /// The block as it is by now. Errors: those of loading a block.
  { store.read(at) } -> std::same_as<Result<ConstBytes>>;
  { store.edit(at) } -> std::same_as<Result<Bytes>>;
  /// A new, empty block for that level. Errors: refused ENOSPC.
  { store.allocate(level) } -> std::same_as<Result<typename T::Pointer>>;
  /// The block is of the tree no longer.
  { store.release(at) } -> std::same_as<Result<void>>;
  /// These will be read.
  { store.prefetch(all) };
  { store.locate(at) } -> std::same_as<Location>;
  { store.version() } -> std::same_as<FormatVersion const&>;
  { store.block_size() } -> std::same_as<u32>;
};

/// The root is a block, which something outside the tree points to.
template <class S, class T>
concept BlockRootStore = BtreeStore<S, T> && requires(S store, typename T::Pointer at, u32 level) {
  { store.root_block() } -> std::same_as<typename T::Pointer>;
  { store.root_level() } -> std::same_as<u32>;
  { store.set_root(at, level) } -> std::same_as<Result<void>>;
};

/// The root lies in the fork of an inode.
template <class S, class T>
concept ForkRootStore = BtreeStore<S, T> && requires(S store) {
  { store.fork() } -> std::same_as<Bytes>;
};

template <BtreeTraits T, class Store>
class BtreeEditor {
  static_assert(BlockRootStore<Store, T> || ForkRootStore<Store, T>);

 public:
  using Record = typename T::Record;
  using Key = typename T::Key;
  using Pointer = typename T::Pointer;
  using Edit = BtreeEdit<T>;

  explicit BtreeEditor(Store& store) : store_(store) {}

  /// Carries out edits that are in order. Errors: those of the store; bad_value for a block that
  /// does not fit its tree, for a record to take out that is not there or not the same, and for one
  /// to put in that is there.
  Result<void> apply(std::span<Edit const> edits) {
    if (edits.empty()) return success();
    XFSX_TRY(Node const root, root_node());
    XFSX_TRY(Contents contents, changed(root, root_location(), edits));
    return set_root(std::move(contents));
  }
  Result<void> insert(Record const& record) {
    Edit const edit{record, true};
    return apply({&edit, 1});
  }
  Result<void> erase(Record const& record) {
    Edit const edit{record, false};
    return apply({&edit, 1});
  }

  /// Makes an empty tree hold `records`, which are in order, in blocks as full as can be.
  Result<void> build(std::vector<Record> records) {
    Contents contents;
    contents.records = std::move(records);
    return set_root(std::move(contents));
  }

  /// Gives up every block below the root, which is left as it is.
  Result<void> release_below_root() {
    XFSX_TRY(Node const root, root_node());
    return release_children(root);
  }

  /// The last record whose key is at most `key`; the first whose key is at least `key`; the last of
  /// all. Errors: those of reading.
  Result<std::optional<Record>> lookup_le(Key const& key) {
    XFSX_TRY(Node node, root_node());
    for (;;) {
      u32 const bound = node.upper_bound(key);
      if (bound == 0) return std::optional<Record>();
      if (node.level() == 0) return std::optional<Record>(node.record(bound - 1));
      XFSX_TRY(node, child_of(node, bound - 1));
    }
  }
  Result<std::optional<Record>> lookup_ge(Key const& key) {
    XFSX_TRY(Node const root, root_node());
    return first_from(root, key);
  }
  Result<std::optional<Record>> last() {
    XFSX_TRY(Node node, root_node());
    for (;;) {
      if (node.count() == 0) return std::optional<Record>();
      if (node.level() == 0) return std::optional<Record>(node.record(node.count() - 1));
      XFSX_TRY(node, child_of(node, node.count() - 1));
    }
  }

  /// Records that have anything of `from` to `to`, both included, in order.
  Result<std::vector<Record>> touching(u64 from, u64 to)
    requires RangedBtree<T>
  {
    XFSX_TRY(Node const root, root_node());
    std::vector<Record> out;
    XFSX_TRYV(add_touching(root, from, to, out));
    return out;
  }

 private:
  using Node = BtreeNode<T>;
  using Contents = BtreeContents<T>;
  using Entry = typename Contents::Entry;
  static constexpr bool block_root = BlockRootStore<Store, T>;
  static constexpr Pointer none{static_cast<typename Pointer::Rep>(~u64{0})};

  /// One child of a node that changes, or neighbouring ones that were joined: their blocks from
  /// left to right, and what they hold where it was taken out.
  struct Slot {
    std::vector<Pointer> blocks;
    typename T::DiskKey key;
    std::optional<Contents> loose;
  };

  [[nodiscard]] std::size_t most(u32 level) const {
    return T::shape.on(store_.version()).max_records(store_.block_size(), level);
  }
  [[nodiscard]] std::size_t least(u32 level) const { return most(level) / 2; }

  // Reading

  Result<Node> root_node() {
    if constexpr (block_root) {
      return node_at(store_.root_block(), store_.root_level());
    } else {
      return Node::of_fork(store_.fork());
    }
  }

  [[nodiscard]] Location root_location() const {
    if constexpr (block_root) {
      return store_.locate(store_.root_block());
    } else {
      return store_.locate(none);
    }
  }

  Result<Node> node_at(Pointer at, u32 level) {
    XFSX_TRY(ConstBytes const bytes, store_.read(at));
    Node const node = Node::of_block(bytes, store_.version());
    if (node.level() != level) {
      return btree_error(T::kind(), store_.locate(at), "level", node.level(), level);
    }
    return node;
  }

  /// Child `i` of a node: one level below, and beginning with the key that the node has for it.
  Result<Node> child_of(Node const& node, u32 i) {
    XFSX_TRY(Node const child, node_at(node.pointer(i), node.level() - 1));
    Key const expected = node.key(i);
    if (child.count() != 0 && child.key(0) == expected) return child;
    u64 const found = child.count() == 0 ? 0 : T::number(child.key(0));
    return btree_error(T::kind(), store_.locate(node.pointer(i)), T::key_name, found,
                       T::number(expected));
  }

  Result<std::optional<Record>> first_from(Node const& node, Key const& key) {
    u32 const bound = node.upper_bound(key);
    for (u32 i = bound == 0 ? 0 : bound - 1; i < node.count(); ++i) {
      if (node.level() == 0) {
        if (!(node.key(i) < key)) return std::optional<Record>(node.record(i));
        continue;
      }
      XFSX_TRY(Node const child, child_of(node, i));
      XFSX_TRY(std::optional<Record> const found, first_from(child, key));
      if (found) return found;
    }
    return std::optional<Record>();
  }

  Result<void> add_touching(Node const& node, u64 from, u64 to, std::vector<Record>& out) {
    for (u32 i = 0; i < node.count() && T::number(node.key(i)) <= to; ++i) {
      if (node.level() == 0) {
        Record const record = node.record(i);
        if (T::end(record) > from) out.push_back(record);
        continue;
      }
      if (reach(node, i) < from) continue;
      XFSX_TRY(Node const child, child_of(node, i));
      XFSX_TRYV(add_touching(child, from, to, out));
    }
    return success();
  }

  static u64 reach(Node const& node, u32 i) {
    if constexpr (OverlappingBtree<T>) {
      return T::number(node.high_key(i));
    } else {
      return i + 1 == node.count() ? ~u64{0} : T::number(node.key(i + 1)) - 1;
    }
  }

  // Changing

  /// What `node` holds once `edits` are carried out at and below it.
  Result<Contents> changed(Node const& node, Location const& where, std::span<Edit const> edits) {
    if (node.level() == 0) return merged(node, where, edits);
    std::vector<Slot> slots;
    std::vector<Pointer> order;
    for (u32 i = 0; i < node.count(); ++i) {
      slots.push_back({{node.pointer(i)}, node.disk_key(i), std::nullopt});
      order.push_back(node.pointer(i));
    }
    XFSX_TRYV(change_children(node, edits, slots));
    XFSX_TRYV(join_small(slots, node.level() - 1));
    XFSX_TRYV(share_large(slots, node.level() - 1));
    return settle(std::move(slots), node.level(), order);
  }

  /// The records of a leaf with the edits carried out.
  Result<Contents> merged(Node const& leaf, Location const& where, std::span<Edit const> edits) {
    Contents out;
    out.records.reserve(leaf.count() + edits.size());
    std::size_t next = 0;
    auto const before = [&](Key const& key) { return T::key_of(edits[next].record) < key; };
    u32 i = 0;
    while (i < leaf.count() || next < edits.size()) {
      bool const edit_first = next < edits.size() && (i == leaf.count() || before(leaf.key(i)));
      if (!edit_first && (next == edits.size() || leaf.key(i) < T::key_of(edits[next].record))) {
        out.records.push_back(leaf.record(i++));
        continue;
      }
      Edit const& edit = edits[next++];
      if (edit.insert) {
        // The key is free, or its record was taken out just before.
        if (!edit_first) return unexpected(where, edit, "a record with this key is there already");
        out.records.push_back(edit.record);
        continue;
      }
      if (edit_first || leaf.record(i) != edit.record) {
        return unexpected(where, edit, "the record is not in the btree");
      }
      ++i;
    }
    return out;
  }

  static Error unexpected(Location const& where, Edit const& edit, std::string_view reason) {
    u64 const number = T::number(T::key_of(edit.record));
    Error e = btree_error(T::kind(), where, T::key_name, number, number, Relation::none);
    e.reason = reason;
    return e;
  }

  /// Deals the edits out to the children.
  Result<void> change_children(Node const& node, std::span<Edit const> edits,
                               std::vector<Slot>& slots) {
    std::vector<std::span<Edit const>> shares(node.count());
    std::vector<Pointer> wanted;
    for (u32 i = 0; i < node.count(); ++i) {
      auto const ours = [&](Edit const& e) {
        return i + 1 == node.count() || T::key_of(e.record) < node.key(i + 1);
      };
      auto const end = std::ranges::partition_point(edits, ours);
      shares[i] = edits.first(static_cast<std::size_t>(end - edits.begin()));
      edits = edits.subspan(shares[i].size());
      if (!shares[i].empty()) wanted.push_back(node.pointer(i));
    }
    if (wanted.size() > 1) store_.prefetch(wanted);
    for (u32 i = 0; i < node.count(); ++i) {
      if (shares[i].empty()) continue;
      XFSX_TRY(Node const child, child_of(node, i));
      XFSX_TRY(slots[i].loose, changed(child, store_.locate(node.pointer(i)), shares[i]));
    }
    return success();
  }

  /// Joins what is too small for a block with its neighbour.
  Result<void> join_small(std::vector<Slot>& slots, u32 level) {
    std::size_t i = 0;
    while (i < slots.size()) {
      bool const small = slots[i].loose && slots[i].loose->size() < least(level);
      if (!small || slots.size() == 1) {
        ++i;
        continue;
      }
      if (i > 0) --i;
      XFSX_TRYV(join_with_next(slots, i, level));
    }
    return success();
  }

  /// Joins what is too large for its blocks with a neighbour that has room for the rest.
  Result<void> share_large(std::vector<Slot>& slots, u32 level) {
    auto const surplus = [&](std::size_t i) {
      return slots[i].loose && slots[i].loose->size() > slots[i].blocks.size() * most(level);
    };
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (surplus(i) && i + 1 < slots.size()) {
        XFSX_TRYV(share_with_next(slots, i, level));
      }
      if (surplus(i) && i > 0) {
        std::size_t const before = slots.size();
        XFSX_TRYV(share_with_next(slots, i - 1, level));
        if (slots.size() < before) --i;
      }
    }
    return success();
  }

  Result<void> share_with_next(std::vector<Slot>& slots, std::size_t i, u32 level) {
    XFSX_TRYV(loosen(slots[i], level));
    XFSX_TRYV(loosen(slots[i + 1], level));
    std::size_t const held = slots[i].loose->size() + slots[i + 1].loose->size();
    std::size_t const blocks = slots[i].blocks.size() + slots[i + 1].blocks.size();
    if (held > blocks * most(level)) return success();
    return join_with_next(slots, i, level);
  }

  Result<void> join_with_next(std::vector<Slot>& slots, std::size_t i, u32 level) {
    XFSX_TRYV(loosen(slots[i], level));
    XFSX_TRYV(loosen(slots[i + 1], level));
    slots[i].loose->append(std::move(*slots[i + 1].loose));
    slots[i].blocks.insert(slots[i].blocks.end(), slots[i + 1].blocks.begin(),
                           slots[i + 1].blocks.end());
    slots.erase(slots.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    return success();
  }

  Result<void> loosen(Slot& slot, u32 level) {
    if (slot.loose) return success();
    XFSX_TRY(Node const node, node_at(slot.blocks.front(), level));
    slot.loose = Contents::of(node);
    return success();
  }

  /// Puts what was taken out back into blocks. Returns what their parent, on `level`, then holds.
  Result<Contents> settle(std::vector<Slot> slots, u32 level, std::span<Pointer const> before) {
    Contents parent;
    parent.level = level;
    std::vector<Pointer> surplus;
    for (Slot& slot : slots) {
      if (!slot.loose) {
        parent.entries.push_back({slot.key, slot.blocks.front()});
        continue;
      }
      std::size_t const count = div_round_up(slot.loose->size(), most(level - 1));
      while (slot.blocks.size() > count) {
        surplus.push_back(slot.blocks.back());
        slot.blocks.pop_back();
      }
      XFSX_TRYV(put(*slot.loose, slot.blocks, count, parent.entries));
    }
    std::vector<Pointer> after;
    for (Entry const& e : parent.entries) after.push_back(e.pointer);
    XFSX_TRYV(relink(before, after));
    for (Pointer const at : surplus) {
      XFSX_TRYV(store_.release(at));
    }
    return parent;
  }

  /// Deals `contents` out to `count` blocks: those of `blocks`, and new ones.
  Result<void> put(Contents const& contents, std::vector<Pointer>& blocks, std::size_t count,
                   std::vector<Entry>& entries) {
    for (std::size_t i = 0; i < count; ++i) {
      if (i == blocks.size()) {
        XFSX_TRY(Pointer const added, store_.allocate(contents.level));
        blocks.push_back(added);
      }
      Contents const part = contents.part(i, count);
      XFSX_TRYV(write_block(blocks[i], part));
      entries.push_back({part.key(), blocks[i]});
    }
    return success();
  }

  Result<void> write_block(Pointer at, Contents const& contents) {
    XFSX_TRY(ConstBytes const now, store_.read(at));
    std::vector<std::byte> image(now.begin(), now.end());
    auto& head = edit_as<typename T::Block>(image);
    head.level = static_cast<u16>(contents.level);
    head.numrecs = static_cast<u16>(contents.size());
    BtreeShape const shape = T::shape.on(store_.version());
    contents.write(image, shape.header, shape.pointers_at(image.size()));
    if (std::ranges::equal(image, now)) return success();
    XFSX_TRY(Bytes const block, store_.edit(at));
    std::ranges::copy(image, block.begin());
    return success();
  }

  /// Makes neighbours on one level name each other, where they were not neighbours before.
  Result<void> relink(std::span<Pointer const> before, std::span<Pointer const> after) {
    if (std::ranges::equal(before, after)) return success();
    XFSX_TRY(Pointer const left, left_of(before.front()));
    XFSX_TRY(Pointer const right, right_of(before.back()));
    std::vector<Pointer> const old_row = row_of(left, before, right);
    std::vector<Pointer> const row = row_of(left, after, right);
    // Blocks that stay keep their order, so the old row is gone through once.
    std::size_t old = 0;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      std::size_t at = old;
      while (at < old_row.size() && old_row[at] != row[i]) ++at;
      bool const stayed = at < old_row.size();
      if (stayed) old = at;
      if (stayed && at + 1 < old_row.size() && old_row[at + 1] == row[i + 1]) continue;
      XFSX_TRYV(make_neighbours(row[i], row[i + 1]));
    }
    return success();
  }
  static std::vector<Pointer> row_of(Pointer left, std::span<Pointer const> blocks, Pointer right) {
    std::vector<Pointer> row{left};
    row.insert(row.end(), blocks.begin(), blocks.end());
    row.push_back(right);
    return row;
  }
  Result<Pointer> left_of(Pointer at) {
    XFSX_TRY(ConstBytes const bytes, store_.read(at));
    return view_as<typename T::Block>(bytes).leftsib.value();
  }
  Result<Pointer> right_of(Pointer at) {
    XFSX_TRY(ConstBytes const bytes, store_.read(at));
    return view_as<typename T::Block>(bytes).rightsib.value();
  }
  Result<void> make_neighbours(Pointer left, Pointer right) {
    if (left != none) {
      XFSX_TRY(Pointer const now, right_of(left));
      if (now != right) {
        XFSX_TRY(Bytes const block, store_.edit(left));
        edit_as<typename T::Block>(block).rightsib = right;
      }
    }
    if (right != none) {
      XFSX_TRY(Pointer const now, left_of(right));
      if (now != left) {
        XFSX_TRY(Bytes const block, store_.edit(right));
        edit_as<typename T::Block>(block).leftsib = left;
      }
    }
    return success();
  }

  Result<void> release_children(Node const& node) {
    if (node.level() == 0) return success();
    for (u32 i = 0; i < node.count(); ++i) {
      XFSX_TRY(Node const child, child_of(node, i));
      XFSX_TRYV(release_children(child));
      XFSX_TRYV(store_.release(node.pointer(i)));
    }
    return success();
  }

  // The root

  /// A node all of whose children went is an empty leaf again.
  static void drop_empty_level(Contents& contents) {
    if (contents.size() == 0) contents.level = 0;
  }

  Result<void> set_root(Contents contents)
    requires block_root
  {
    Pointer root = store_.root_block();
    drop_empty_level(contents);
    while (contents.size() > most(contents.level)) {
      std::vector<Pointer> blocks{root};
      Contents above;
      above.level = contents.level + 1;
      std::size_t const count = div_round_up(contents.size(), most(contents.level));
      XFSX_TRYV(put(contents, blocks, count, above.entries));
      XFSX_TRYV(relink({&root, 1}, blocks));
      XFSX_TRY(root, store_.allocate(above.level));
      contents = std::move(above);
    }
    while (contents.level > 0 && contents.size() == 1) {
      Pointer const child = contents.entries.front().pointer;
      XFSX_TRYV(store_.release(root));
      XFSX_TRY(Node const node, node_at(child, contents.level - 1));
      root = child;
      contents = Contents::of(node);
    }
    XFSX_TRYV(write_block(root, contents));
    return store_.set_root(root, contents.level);
  }

  /// What the root in the fork has room for.
  [[nodiscard]] std::size_t fork_room(u32 level)
    requires(!block_root)
  {
    std::size_t const bytes = store_.fork().size();
    if (level > 0) return Node::fork_root_max(bytes);
    if constexpr (requires { T::records_in_root; }) {
      return (bytes - sizeof(disk::BmdrBlock)) / T::shape.record;
    }
    return 0;
  }

  Result<void> set_root(Contents contents)
    requires(!block_root)
  {
    drop_empty_level(contents);
    for (;;) {
      if (contents.level > 0 && contents.size() == 1) {
        Pointer const child = contents.entries.front().pointer;
        XFSX_TRY(Node const node, node_at(child, contents.level - 1));
        if (node.count() <= fork_room(node.level())) {
          contents = Contents::of(node);
          XFSX_TRYV(store_.release(child));
          continue;
        }
      }
      bool const blocks_wanted = contents.size() > fork_room(contents.level);
      if (!blocks_wanted) break;
      std::vector<Pointer> blocks;
      Contents above;
      above.level = contents.level + 1;
      std::size_t const count = div_round_up(contents.size(), most(contents.level));
      XFSX_TRYV(put(contents, blocks, count, above.entries));
      for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
        XFSX_TRYV(make_neighbours(blocks[i], blocks[i + 1]));
      }
      contents = std::move(above);
    }
    write_fork(contents);
    return success();
  }

  void write_fork(Contents const& contents)
    requires(!block_root)
  {
    Bytes const fork = store_.fork();
    std::ranges::fill(fork, std::byte{0});
    auto& head = edit_as<disk::BmdrBlock>(fork);
    head.level = static_cast<u16>(contents.level);
    head.numrecs = static_cast<u16>(contents.size());
    u32 const first = sizeof(disk::BmdrBlock);
    contents.write(fork, first, first + Node::fork_root_max(fork.size()) * T::shape.key);
  }

  Store& store_;
};

}  // namespace xfsx::inline v0
