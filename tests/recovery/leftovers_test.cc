// Unlinked inodes and staging of copies on write, made on clean images and freed in memory. What
// Linux leaves behind is for the oracle test beside this.

#include "ag/headers.h"
#include "ag/inode_chunk.h"
#include "ag/refcounts.h"
#include "ag/tree_root.h"
#include "base/crc32c.h"
#include "btree/reader.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "inode/free_inode.h"
#include "inode/unlinked_list.h"
#include "quota/dquot_file.h"
#include "quota/move.h"
#include "recovery/last_path.h"
#include "recovery/staging.h"
#include "recovery/unlinked.h"
#include "support/patch.h"
#include "support/results.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <array>
#include <set>

namespace {

using namespace xfsx;
using namespace xfsx::test;

/// An image under recovery.
struct Bench {
  explicit Bench(std::string const& name)
      : disk(image(name)), blocks(*disk), bench(value_of(Workbench::open(blocks, {}))) {}

  [[nodiscard]] Volume& volume() const { return bench->volume(); }
  [[nodiscard]] Geometry const& geometry() const { return volume().geometry(); }

  std::unique_ptr<MemoryDevice> disk;
  ReplayedBlocks blocks;
  std::unique_ptr<Workbench> bench;
};

disk::Superblock superblock_of(Volume& volume) {
  SectorCount const sector(volume.geometry().sector_size() / basic_block_size);
  BufferRef const block = value_of(volume.cache().load(superblock_kind, Daddr(0), sector));
  return view_as<disk::Superblock>(block->bytes());
}

disk::Agi agi_of(Volume& volume, AgNumber ag) {
  return view_as<disk::Agi>(value_of(load_agi(volume, ag))->bytes());
}

/// What the dquots of the owners count, by kind.
std::array<QuotaDelta, 3> counts_of(Bench& b, QuotaOwners const& owners) {
  std::array<QuotaDelta, 3> counts;
  u32 const ids[] = {owners.user, owners.group, owners.project};
  for (QuotaForm const& form : quota_forms) {
    auto const kind = static_cast<std::size_t>(form.kind);
    Transaction txn(b.volume());
    std::optional<DquotFile> const file = value_of(DquotFile::open(b.volume(), form));
    std::optional<Bytes> const record = value_of(file.value().edit(txn, ids[kind]));
    auto const& dquot = view_as<disk::Dquot>(record.value());
    counts[kind] = {static_cast<s64>(dquot.bcount.value()),
                    static_cast<s64>(dquot.rtbcount.value()),
                    static_cast<s64>(dquot.icount.value())};
  }
  return counts;
}

/// The headers, the superblock and the trees count alike.
void check_counts(Volume& volume) {
  Geometry const& g = volume.geometry();
  u64 inodes = 0, free_inodes = 0, free_blocks = 0;
  for (u32 i = 0; i < g.ag_count(); ++i) {
    AgNumber const ag(i);
    disk::Agi const agi = agi_of(volume, ag);
    BufferRef const header = value_of(load_agf(volume, ag));
    disk::Agf const& agf = view_as<disk::Agf>(header->bytes());
    u64 in_ag = 0, free_in_ag = 0, blocks = 0;
    std::vector<std::pair<u32, u64>> with_free, listed;
    BtreeReader<Inobt> tree(volume, value_of(find_tree_root(volume, ag, AgTree::inobt)));
    must(tree.visit_all([&](Inobt::Record const& r) {
      for (u32 n = 0; n < inodes_per_chunk; ++n) in_ag += r.exists(n) ? 1 : 0;
      free_in_ag += r.freecount;
      if (r.freecount > 0) with_free.emplace_back(r.start.raw(), r.free);
      return true;
    }));
    if (g.has_ro(ro_compat::finobt)) {
      BtreeReader<Finobt> free_tree(volume, value_of(find_tree_root(volume, ag, AgTree::finobt)));
      must(free_tree.visit_all([&](Inobt::Record const& r) {
        listed.emplace_back(r.start.raw(), r.free);
        return true;
      }));
      CHECK(with_free == listed);
    }
    BtreeReader<Bnobt> space(volume, value_of(find_tree_root(volume, ag, AgTree::bnobt)));
    must(space.visit_all([&](Bnobt::Record const& r) {
      blocks += r.length;
      return true;
    }));
    CHECK(agi.count.value() == in_ag);
    CHECK(agi.freecount.value() == free_in_ag);
    CHECK(agf.freeblks.value() == blocks);
    inodes += in_ag;
    free_inodes += free_in_ag;
    free_blocks += blocks + agf.flcount.value() + agf.btreeblks.value();
  }
  disk::Superblock const sb = superblock_of(volume);
  CHECK(sb.icount.value() == inodes);
  CHECK(sb.ifree.value() == free_inodes);
  CHECK(sb.fdblocks.value() == free_blocks);
}

/// Takes the names from an inode, as far as the inode knows, and puts it on its list.
void unlink(Bench& b, InodeNumber number) {
  Inode const inode = value_of(load_inode(b.volume(), number));
  Geometry const& g = b.geometry();
  Transaction txn(b.volume());
  disk::Dinode& core =
      edit_as<disk::Dinode>(value_of(txn.edit_inode(number, inode.place, inode.cluster)));
  BufferRef const agi = value_of(load_agi(b.volume(), g.ag_of(number)));
  AgInode const agino = g.agino_of(number);
  auto& head = edit_as<disk::Agi>(value_of(txn.edit(agi))).unlinked[unlinked_bucket(agino)];
  core.nlinkv2 = 0;
  core.next_unlinked = head.value();
  head = agino;
  must(b.bench->take(txn));
}

/// Files, directories and links of an image below these paths, without those of the filesystem.
std::vector<InodeNumber> inodes_below(std::string const& name,
                                      std::vector<std::string> const& prefixes) {
  nlohmann::json const manifest = manifest_of(name);
  std::set<u64> numbers;
  for (nlohmann::json const& entry : manifest["entries"]) {
    std::string const path = entry["path"];
    bool const wanted = std::ranges::any_of(
        prefixes, [&](std::string const& prefix) { return path.starts_with(prefix); });
    if (wanted) numbers.insert(entry["ino"].get<u64>());
  }
  std::vector<InodeNumber> out;
  for (u64 const number : numbers) out.emplace_back(number);
  return out;
}

u64 rmaps_of(Volume& volume, std::set<u64> const& owners) {
  u64 records = 0;
  for (u32 i = 0; i < volume.geometry().ag_count(); ++i) {
    BtreeReader<Rmapbt> tree(volume, value_of(find_tree_root(volume, AgNumber(i), AgTree::rmapbt)));
    must(tree.visit_all([&](Rmapbt::Record const& r) {
      records += owners.contains(r.owner) ? 1 : 0;
      return true;
    }));
  }
  return records;
}

}  // namespace

TEST_CASE("unlinked: inodes of every shape are freed with what they hold") {
  for (std::string const name : {"rmapbt", "trees", "rare", "block1k", "inode2k", "nrext64"}) {
    CAPTURE(name);
    Bench b(name);
    check_counts(b.volume());
    std::vector<InodeNumber> const doomed =
        inodes_below(name, {"/swap/", "/shapes/", "/rare/", "/trees/", "/dirs/"});
    REQUIRE(doomed.size() > 10);
    std::set<u64> numbers;
    for (InodeNumber const number : doomed) {
      unlink(b, number);
      numbers.insert(number.raw());
    }
    disk::Superblock const before = superblock_of(b.volume());
    std::vector<FreedInode> const freed = value_of(free_unlinked(*b.bench, {}));
    CHECK(freed.size() == doomed.size());
    for (FreedInode const& inode : freed) CHECK(numbers.erase(inode.number.raw()) == 1);
    CHECK(numbers.empty());
    check_counts(b.volume());
    CHECK(superblock_of(b.volume()).fdblocks.value() > before.fdblocks.value());
    for (InodeNumber const number : doomed) {
      CHECK(find_inode_chunk(b.volume(), number).error().errno_class == ENOENT);
    }
    if (b.geometry().has_ro(ro_compat::rmapbt)) {
      for (InodeNumber const number : doomed) numbers.insert(number.raw());
      CHECK(rmaps_of(b.volume(), numbers) == 0);
    }
    for (u32 ag = 0; ag < b.geometry().ag_count(); ++ag) {
      disk::Agi const agi = agi_of(b.volume(), AgNumber(ag));
      for (be<AgInode> const& head : agi.unlinked) CHECK(head.value() == null_agino);
    }
  }
}

TEST_CASE("unlinked: a free inode has nothing of the old one but its generation") {
  Bench b("debian12");
  InodeNumber const number = ino_of("debian12", "/swap/many-a");
  Inode const inode = value_of(load_inode(b.volume(), number));
  u32 const generation = inode.generation();
  unlink(b, number);
  value_of(free_unlinked(*b.bench, {}));
  BufferRef const cluster = value_of(
      b.volume().cache().load(inode_cluster_kind, inode.place.cluster, inode.place.cluster_length));
  Inode const now(number, inode.place, cluster, b.geometry().inode_size());
  CHECK(now.mode() == 0);
  CHECK(now.generation() == generation + 1);
  CHECK(now.core().next_unlinked.value() == null_agino);
  CHECK(now.flags2() == disk::inode_flag2::bigtime);
  CHECK(now.nblocks() == 0);
  CHECK(now.size() == 0);
  CHECK(now.core().forkoff == 0);
  CHECK(now.mtime() == inode.mtime());
}

TEST_CASE("unlinked: an inode leaves the middle of its list") {
  Bench b("debian12");
  Geometry const& g = b.geometry();
  // Numbers of one list lie 64 apart; the list is made of whatever is in use.
  std::vector<InodeNumber> all = inodes_below("debian12", {"/"});
  std::map<std::pair<u32, u32>, std::vector<InodeNumber>> lists;
  for (InodeNumber const number : all) {
    lists[{g.ag_of(number).raw(), unlinked_bucket(g.agino_of(number))}].push_back(number);
  }
  auto const longest =
      std::ranges::max_element(lists, {}, [](auto const& entry) { return entry.second.size(); });
  std::vector<InodeNumber> const& members = longest->second;
  REQUIRE(members.size() >= 3);
  for (InodeNumber const number : members) unlink(b, number);
  InodeNumber const middle = members[1];
  Inode const inode = value_of(load_inode(b.volume(), middle));
  Transaction txn(b.volume());
  Bytes const copy = value_of(txn.edit_inode(middle, inode.place, inode.cluster));
  must(take_off_unlinked_list(txn, inode, copy));
  CHECK(InodeView(copy).core().next_unlinked.value() == null_agino);
  must(b.bench->take(txn));
  auto const [ag, bucket] = longest->first;
  std::vector<Inode> const left = value_of(unlinked_inodes(b.volume(), AgNumber(ag), bucket));
  CHECK(left.size() == members.size() - 1);
  CHECK(std::ranges::none_of(left, [&](Inode const& i) { return i.number == middle; }));
  Transaction again(b.volume());
  Inode const gone = value_of(load_inode(b.volume(), middle));
  Bytes const bytes = value_of(again.edit_inode(middle, gone.place, gone.cluster));
  CHECK(take_off_unlinked_list(again, gone, bytes).error().field == "unlinked");
}

TEST_CASE("unlinked: what does not belong on a list is named") {
  InodeNumber const number = ino_of("debian12", "/swap/one-a");
  auto const with_head = [&](Bench& b, InodeNumber listed, u32 bucket_more) {
    Geometry const& g = b.geometry();
    Transaction txn(b.volume());
    BufferRef const agi = value_of(load_agi(b.volume(), g.ag_of(listed)));
    u32 const bucket = (unlinked_bucket(g.agino_of(listed)) + bucket_more) % 64;
    edit_as<disk::Agi>(value_of(txn.edit(agi))).unlinked[bucket] = g.agino_of(listed);
    must(b.bench->take(txn));
    return free_unlinked(*b.bench, {}).error();
  };
  Bench linked("debian12");
  Error const has_links = with_head(linked, number, 0);
  CHECK(has_links.code == Errc::bad_value);
  CHECK(has_links.field == "nlinkv2");
  CHECK(has_links.owner == number);

  Bench other("debian12");
  Error const elsewhere = with_head(other, number, 1);
  CHECK(elsewhere.code == Errc::bad_value);
  CHECK(elsewhere.field == "unlinked");
  CHECK(elsewhere.owner == number);

  Bench circle("debian12");
  unlink(circle, number);
  Inode const inode = value_of(load_inode(circle.volume(), number));
  Transaction txn(circle.volume());
  Bytes const copy = value_of(txn.edit_inode(number, inode.place, inode.cluster));
  edit_as<disk::Dinode>(copy).next_unlinked = circle.geometry().agino_of(number);
  must(circle.bench->take(txn));
  Error const loop = free_unlinked(*circle.bench, {}).error();
  CHECK(loop.code == Errc::loop);
  CHECK(loop.owner == number);

  Bench once("debian12");
  unlink(once, number);
  value_of(free_unlinked(*once.bench, {}));
  Error const free_one = with_head(once, number, 0);
  CHECK(free_one.code == Errc::bad_value);
  CHECK(free_one.field == "unlinked");
  CHECK(free_one.owner == number);
}

TEST_CASE("unlinked: owners have the blocks and the inode no longer, and counts stay checked") {
  for (std::string const name : {"quota", "rtgroups"}) {
    CAPTURE(name);
    Bench b(name);
    u16 const flags = superblock_of(b.volume()).qflags.value();
    std::string const path = name == "quota" ? "/quota/of-" : "/rt/quota/of-";
    InodeNumber const number = inodes_below(name, {path}).back();
    Inode const inode = value_of(load_inode(b.volume(), number));
    s64 const blocks = static_cast<s64>(inode.nblocks());
    QuotaOwners const owners = quota_owners(inode.core());
    auto const before = counts_of(b, owners);
    unlink(b, number);
    CHECK(value_of(free_unlinked(*b.bench, {})).size() == 1);
    auto const after = counts_of(b, owners);
    for (std::size_t kind = 0; kind < before.size(); ++kind) {
      CAPTURE(kind);
      CHECK(after[kind].inodes == before[kind].inodes - 1);
      CHECK(after[kind].blocks + after[kind].rt_blocks ==
            before[kind].blocks + before[kind].rt_blocks - blocks);
      if (inode.is_realtime()) CHECK(after[kind].rt_blocks < before[kind].rt_blocks);
    }
    CHECK(superblock_of(b.volume()).qflags.value() == flags);
  }
}

TEST_CASE("unlinked: where an owner has no dquot, its kind is counted anew") {
  Bench b("quota");
  u16 const before = superblock_of(b.volume()).qflags.value();
  REQUIRE((before & quota_flag::user_checked) != 0);
  InodeNumber const number = inodes_below("quota", {"/quota/of-"}).front();
  Inode const inode = value_of(load_inode(b.volume(), number));
  Transaction txn(b.volume());
  Bytes const copy = value_of(txn.edit_inode(number, inode.place, inode.cluster));
  edit_as<disk::Dinode>(copy).uid = 0x7000'0000;
  must(b.bench->take(txn));
  unlink(b, number);
  CHECK(value_of(free_unlinked(*b.bench, {})).size() == 1);
  CHECK(superblock_of(b.volume()).qflags.value() == (before & ~quota_flag::user_checked));
}

TEST_CASE("unlinked: before version 5, all kinds are counted anew, groups by the flag they share") {
  Bench b("v4");
  constexpr u16 accounted = quota_flag::user_accounted | quota_flag::group_accounted;
  Transaction txn(b.volume());
  SectorCount const sector(b.geometry().sector_size() / basic_block_size);
  BufferRef const block = value_of(b.volume().cache().load(superblock_kind, Daddr(0), sector));
  edit_as<disk::Superblock>(value_of(txn.edit(block))).qflags =
      accounted | quota_flag::user_checked | quota_flag::other_checked;
  must(b.bench->take(txn));
  unlink(b, ino_of("v4", "/swap/one-a"));
  CHECK(value_of(free_unlinked(*b.bench, {})).size() == 1);
  CHECK(superblock_of(b.volume()).qflags.value() == accounted);
}

TEST_CASE("unlinked: what a file was called is known where it remembers its parents") {
  Bench b("rtgroups");
  std::unique_ptr<Volume> const before = value_of(Volume::open(*b.disk));
  std::map<InodeNumber, std::set<std::string>> paths;
  nlohmann::json const manifest = manifest_of("rtgroups");
  for (nlohmann::json const& entry : manifest["entries"]) {
    paths[InodeNumber(entry["ino"].get<u64>())].insert(entry["path"].get<std::string>());
  }
  REQUIRE(paths.size() > 90);
  for (auto const& [number, names] : paths) {
    CAPTURE(number.raw());
    bool const is_root = number == b.geometry().root_inode();
    std::string const found = value_of(last_path(*before, b.volume(), number));
    CHECK((is_root ? found.empty() : names.contains(found)));
  }
  InodeNumber const file = ino_of("rtgroups", "/rt/one");
  unlink(b, file);
  CHECK(value_of(free_unlinked(*b.bench, {})).size() == 1);
  CHECK(value_of(last_path(*before, b.volume(), file)) == "/rt/one");
  // A directory that is gone leads nowhere.
  unlink(b, ino_of("rtgroups", "/quota/project-0"));
  CHECK(value_of(free_unlinked(*b.bench, {})).size() == 1);
  CHECK(value_of(last_path(*before, b.volume(), ino_of("rtgroups", "/quota/project-0/0"))).empty());
  Bench without("rmapbt");
  CHECK(value_of(last_path(without.volume(), without.volume(),
                           ino_of("rmapbt", "/swap/one-a"))).empty());
}

TEST_CASE("staging: blocks of every AG come back") {
  for (std::string const name : {"rmapbt", "block1k", "trees"}) {
    CAPTURE(name);
    Bench b(name);
    Geometry const& g = b.geometry();
    u64 const free = superblock_of(b.volume()).fdblocks.value();
    RunOwner const owner{disk::rmap_owner::cow, false, false};
    Transaction txn(b.volume());
    Space space(txn);
    Refcounts counts(txn, space);
    for (u32 i = 0; i < 600; ++i) {
      AgNumber const ag(i % g.ag_count());
      FsBlock const near = g.fsblock(ag, AgBlock(1000 + i * 7));
      FsBlock const block = value_of(space.allocate(near, owner));
      must(counts.add_staging(block, BlockCount(1)));
    }
    must(space.finish());
    must(b.bench->take(txn));
    CHECK(superblock_of(b.volume()).fdblocks.value() <= free - 600);
    CHECK(value_of(free_staging(*b.bench)).raw() == 600);
    CHECK(superblock_of(b.volume()).fdblocks.value() == free);
    check_counts(b.volume());
    CHECK(value_of(free_staging(*b.bench)).raw() == 0);
    if (g.has_ro(ro_compat::rmapbt)) CHECK(rmaps_of(b.volume(), {owner.owner}) == 0);
  }
}
