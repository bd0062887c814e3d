// A toy tree, three records to a block, edited beside a std::map: every sequence of a few edits,
// and long ones by chance. After each step the blocks are looked at one by one, as a stranger
// would.

#include "btree/editor.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

namespace {

using namespace xfsx;

BlockKind const toy_kind{
    "toy",           disk::BufferType::unknown, BlockKind::none, BlockKind::none, BlockKind::none,
    BlockKind::none, BlockKind::none,           false,           nullptr};

/// A record is a key and a value; the tree is of the family of those of an AG.
struct Toy {
  using Block = disk::BtreeShortBlockV4;
  using Pointer = AgBlock;
  struct DiskRecord {
    be32 key, value, check;
  };
  struct DiskKey {
    be32 key;
  };
  using Key = u32;
  struct Record {
    u32 key = 0, value = 0;
    friend bool operator==(Record const&, Record const&) = default;
  };
  static constexpr BtreeShape shape{56, 12, 4, 4};
  static constexpr u32 height = 20;
  static constexpr std::string_view key_name = "key";
  static BlockKind const& kind() { return toy_kind; }
  static Record decode(DiskRecord const& d) { return {d.key.value(), d.value.value()}; }
  static DiskRecord encode(Record const& r) {
    DiskRecord d;
    d.key = r.key;
    d.value = r.value;
    d.check = r.key ^ r.value;
    return d;
  }
  static Key key_of(Record const& r) { return r.key; }
  static Key decode_key(DiskKey const& k) { return k.key.value(); }
  static DiskKey disk_key(Record const& r) {
    DiskKey k;
    k.key = r.key;
    return k;
  }
  static u64 number(Key key) { return key; }
};

/// The same with runs that overlap: a record reaches from its key to its value.
struct ToyRuns : Toy {
  struct DiskKey {
    be32 key, high;
  };
  static constexpr BtreeShape shape{56, 12, 8, 4};
  static Key decode_key(DiskKey const& k) { return k.key.value(); }
  static DiskKey disk_key(Record const& r) {
    DiskKey k;
    k.key = r.key;
    k.high = r.value;
    return k;
  }
  static u64 first(Record const& r) { return r.key; }
  static u64 end(Record const& r) { return u64{r.value} + 1; }
  static Key high_key_of(Record const& r) { return r.value; }
  static Key decode_high_key(DiskKey const& k) { return k.high.value(); }
  static void set_high_key(DiskKey& k, Key high) { k.high = high; }
};
static_assert(OverlappingBtree<ToyRuns>);

/// A toy whose root lies in a fork, with pointers of 64 bits.
struct ToyFork : Toy {
  using Block = disk::BtreeLongBlockV4;
  using Pointer = FsBlock;
  static constexpr BtreeShape shape{72, 12, 4, 8};
};

/// Blocks in memory, with room for three records.
template <class T>
class ToyBlocks {
 public:
  using Pointer = typename T::Pointer;
  static constexpr u32 size = T::shape.header + 3 * T::shape.record;

  Result<ConstBytes> read(Pointer at) {
    REQUIRE(blocks.contains(at.raw()));
    return ConstBytes(blocks.at(at.raw()));
  }
  Result<Bytes> edit(Pointer at) {
    REQUIRE(blocks.contains(at.raw()));
    return Bytes(blocks.at(at.raw()));
  }
  Result<Pointer> allocate(u32 level) {
    if (blocks.size() >= limit) return refuse(ENOSPC, "no block");
    Pointer const at(next_++);
    std::vector<std::byte>& block = blocks[at.raw()];
    block.resize(size);
    auto& head = edit_as<typename T::Block>(block);
    head.level = static_cast<u16>(level);
    head.leftsib = Pointer(static_cast<typename Pointer::Rep>(~u64{0}));
    head.rightsib = Pointer(static_cast<typename Pointer::Rep>(~u64{0}));
    return at;
  }
  Result<void> release(Pointer at) {
    REQUIRE(blocks.erase(at.raw()) == 1);
    return success();
  }
  void prefetch(std::span<Pointer const>) {}
  [[nodiscard]] Location locate(Pointer at) const {
    Location where;
    where.address = at.raw();
    return where;
  }
  [[nodiscard]] FormatVersion const& version() const { return format_v5; }
  [[nodiscard]] u32 block_size() const { return size; }

  std::map<u64, std::vector<std::byte>> blocks;
  std::size_t limit = 100000;

 private:
  typename Pointer::Rep next_ = 1;
};

template <class T>
class ToyAg : public ToyBlocks<T> {
 public:
  ToyAg() : root_(this->allocate(0).value()) {}
  [[nodiscard]] AgBlock root_block() const { return root_; }
  [[nodiscard]] u32 root_level() const { return level_; }
  Result<void> set_root(AgBlock at, u32 level) {
    root_ = at;
    level_ = level;
    return success();
  }

 private:
  AgBlock root_;
  u32 level_ = 0;
};

/// The fork has room for `entries` entries of a node; there are no records in it.
class ToyInode : public ToyBlocks<ToyFork> {
 public:
  explicit ToyInode(std::size_t entries) : fork_(sizeof(disk::BmdrBlock) + entries * 12) {}
  Bytes fork() { return fork_; }

 private:
  std::vector<std::byte> fork_;
};

/// Looks at every block of a tree below one node; gathers the records.
template <class T, class Store>
class Inspection {
 public:
  using Node = BtreeNode<T>;
  using Pointer = typename T::Pointer;

  explicit Inspection(Store& store) : store_(store) {}

  void look_at(Node const& node, std::optional<Pointer> at) {
    if (at) {
      CHECK(seen.insert(at->raw()).second);
      rows_[node.level()].push_back(*at);
    }
    for (u32 i = 0; i < node.count(); ++i) {
      if (node.level() == 0) {
        records.push_back(node.record(i));
        continue;
      }
      Node const child = Node::of_block(store_.read(node.pointer(i)).value(), format_v5);
      CHECK(child.level() + 1 == node.level());
      u32 const most = T::shape.max_records(Store::size, child.level());
      CHECK(child.count() >= std::max(1U, most / 2));
      CHECK(child.count() <= most);
      CHECK(child.key(0) == node.key(i));
      if constexpr (OverlappingBtree<T>) check_reach(child, node.high_key(i));
      look_at(child, node.pointer(i));
    }
  }

  /// Blocks of one level name each other.
  void check_rows() {
    u64 const none = static_cast<typename Pointer::Rep>(~u64{0});
    for (auto const& [level, row] : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        auto const& head = view_as<typename T::Block>(store_.read(row[i]).value());
        CHECK(head.leftsib.raw() == (i == 0 ? none : row[i - 1].raw()));
        CHECK(head.rightsib.raw() == (i + 1 == row.size() ? none : row[i + 1].raw()));
      }
    }
    CHECK(seen.size() == store_.blocks.size());
  }

  std::vector<typename T::Record> records;
  std::set<u64> seen;

 private:
  void check_reach(Node const& child, u32 expected)
    requires OverlappingBtree<T>
  {
    u32 most = 0;
    for (u32 i = 0; i < child.count(); ++i) most = std::max(most, child.high_key(i));
    CHECK(most == expected);
  }

  Store& store_;
  std::map<u32, std::vector<Pointer>> rows_;
};

using Model = std::map<u32, u32>;

template <class T, class Store>
void check_tree(Store& store, Model const& model) {
  Inspection<T, Store> look(store);
  if constexpr (BlockRootStore<Store, T>) {
    auto const root = BtreeNode<T>::of_block(store.read(store.root_block()).value(), format_v5);
    CHECK(root.level() == store.root_level());
    CHECK((root.level() == 0 || root.count() > 1));
    look.look_at(root, store.root_block());
  } else {
    look.look_at(BtreeNode<T>::of_fork(store.fork()), std::nullopt);
  }
  look.check_rows();
  bool same = look.records.size() == model.size();
  std::size_t i = 0;
  for (auto const& [key, value] : model) {
    same = same && look.records[i] == typename T::Record{key, value};
    ++i;
  }
  CHECK(same);
}

template <class T>
using Edits = std::vector<BtreeEdit<T>>;

/// Edits that turn `from` into `to`.
template <class T>
Edits<T> difference(Model const& from, Model const& to) {
  Edits<T> edits;
  std::set<u32> keys;
  for (auto const& [key, value] : from) keys.insert(key);
  for (auto const& [key, value] : to) keys.insert(key);
  for (u32 const key : keys) {
    auto const old = from.find(key);
    auto const now = to.find(key);
    if (old != from.end() && now != to.end() && old->second == now->second) continue;
    if (old != from.end()) edits.push_back({{key, old->second}, false});
    if (now != to.end()) edits.push_back({{key, now->second}, true});
  }
  return edits;
}

/// Random batches; each leaves between none and `most` records.
template <class T, class Store>
void run_batches(Store& store, unsigned seed, u32 most, int rounds) {
  std::mt19937 source(seed);
  auto const random = [&source] { return static_cast<u32>(source()); };
  BtreeEditor<T, Store> tree(store);
  Model model;
  for (int round = 0; round < rounds; ++round) {
    Model next = model;
    u32 const share = random() % 5;
    u32 const edits = share == 0 ? most / 2 : 1 + random() % 4;
    bool const shrink = random() % 2 == 0;
    for (u32 i = 0; i < edits; ++i) {
      u32 const key = random() % most;
      if (shrink && random() % 4 != 0) {
        next.erase(key);
      } else {
        next[key] = key + random() % 40;
      }
    }
    if (random() % 40 == 0) next.clear();
    Edits<T> const batch = difference<T>(model, next);
    Result<void> const done = tree.apply(batch);
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : describe(done.error())));
    model = next;
    check_tree<T>(store, model);
  }
}

}  // namespace

TEST_CASE("btree editor: a toy tree goes with a map through batches by chance") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    for (u32 const most : {6U, 30U, 400U}) {
      ToyAg<Toy> store;
      run_batches<Toy>(store, seed, most, 60);
    }
  }
}

TEST_CASE("btree editor: keys of runs that overlap stay true up to the root") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    ToyAg<ToyRuns> store;
    run_batches<ToyRuns>(store, seed, 200, 80);
  }
}

TEST_CASE("btree editor: a root in a fork grows, and takes its only child in") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    for (std::size_t const entries : {1U, 2U, 3U, 5U}) {
      ToyInode store(entries);
      run_batches<ToyFork>(store, seed, 120, 60);
    }
  }
}

TEST_CASE("btree editor: every sequence of insertions and removals of a few records") {
  // Each permutation of seven keys put in one by one, then taken out in the same order.
  std::vector<u32> keys{1, 2, 3, 4, 5, 6, 7};
  do {
    ToyAg<Toy> store;
    BtreeEditor<Toy, ToyAg<Toy>> tree(store);
    Model model;
    for (u32 const key : keys) {
      REQUIRE(tree.insert({key, key}).has_value());
      model[key] = key;
    }
    check_tree<Toy>(store, model);
    for (u32 const key : keys) {
      REQUIRE(tree.erase({key, key}).has_value());
      model.erase(key);
      if (model.size() % 3 == 0) check_tree<Toy>(store, model);
    }
    REQUIRE(store.blocks.size() == 1);
  } while (std::ranges::next_permutation(keys).found);
}

TEST_CASE("btree editor: lookups answer as a map does") {
  ToyAg<ToyRuns> store;
  BtreeEditor<ToyRuns, ToyAg<ToyRuns>> tree(store);
  CHECK(!tree.last().value());
  CHECK(!tree.lookup_le(5).value());
  CHECK(!tree.lookup_ge(5).value());
  std::vector<ToyRuns::Record> all;
  for (u32 i = 0; i < 300; ++i) all.push_back({3 * i + 1, 3 * i + 1 + (i % 7 == 0 ? 50 : 1)});
  REQUIRE(tree.build(all).has_value());
  CHECK(tree.last().value() == all.back());
  for (u32 key = 0; key < 910; ++key) {
    auto const above = std::ranges::upper_bound(all, key, {}, &ToyRuns::Record::key);
    std::optional<Toy::Record> const le = tree.lookup_le(key).value();
    CHECK(le.has_value() == (above != all.begin()));
    if (le) CHECK(*le == *(above - 1));
    auto const from = std::ranges::lower_bound(all, key, {}, &ToyRuns::Record::key);
    std::optional<Toy::Record> const ge = tree.lookup_ge(key).value();
    CHECK(ge.has_value() == (from != all.end()));
    if (ge) CHECK(*ge == *from);
    std::vector<Toy::Record> expected;
    for (Toy::Record const& r : all) {
      if (r.key <= key + 4 && r.value >= key) expected.push_back(r);
    }
    CHECK(tree.touching(key, key + 4).value() == expected);
  }
}

TEST_CASE("btree editor: what does not fit the records is an error") {
  ToyAg<Toy> store;
  BtreeEditor<Toy, ToyAg<Toy>> tree(store);
  std::vector<Toy::Record> all;
  for (u32 i = 0; i < 40; ++i) all.push_back({2 * i, i});
  REQUIRE(tree.build(all).has_value());
  CHECK(tree.insert({10, 1}).error().reason == "a record with this key is there already");
  CHECK(tree.erase({11, 1}).error().reason == "the record is not in the btree");
  CHECK(tree.erase({10, 6}).error().reason == "the record is not in the btree");
  CHECK(tree.erase({200, 6}).error().reason == "the record is not in the btree");
  REQUIRE(tree.erase({10, 5}).has_value());
  store.limit = store.blocks.size();
  Result<void> done = success();
  for (u32 key = 1; done && key < 200; key += 2) done = tree.insert({key, key});
  CHECK(done.error().errno_class == ENOSPC);
}

TEST_CASE("btree editor: a child that does not fit its parent is an error") {
  ToyAg<Toy> store;
  BtreeEditor<Toy, ToyAg<Toy>> tree(store);
  std::vector<Toy::Record> all;
  for (u32 i = 0; i < 9; ++i) all.push_back({i, i});
  REQUIRE(tree.build(all).has_value());
  auto const root = BtreeNode<Toy>::of_block(store.read(store.root_block()).value(), format_v5);
  REQUIRE(root.level() == 1);
  Bytes const leaf = store.edit(root.pointer(1)).value();
  SUBCASE("its first key") {
    edit_as<Toy::DiskRecord>(leaf, Toy::shape.header).key = 4;
    CHECK(tree.erase({4, 4}).error().field == "key");
  }
  SUBCASE("its level") {
    edit_as<Toy::Block>(leaf).level = 1;
    CHECK(tree.erase({4, 4}).error().field == "level");
  }
  SUBCASE("nothing in it") {
    edit_as<Toy::Block>(leaf).numrecs = 0;
    CHECK(tree.erase({4, 4}).error().field == "key");
  }
}
