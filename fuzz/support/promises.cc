#include "fuzz/support/promises.h"

#include "attr/list.h"
#include "base/view.h"
#include "btree/node.h"
#include "disk/ag.h"
#include "exchange/mapping_walk.h"
#include "format/verify_ag.h"
#include "fuzz/support/target.h"

#include <cstring>

namespace xfsx::fuzz {

namespace {

constexpr std::size_t names_kept = 16;

/// Reads every entry of an accepted block; the keys of a block rise, and where runs overlap no
/// entry reaches less far than it begins.
template <BtreeTraits T>
void walk_block(FormatVersion const& version, ConstBytes block) {
  BtreeNode<T> const node = BtreeNode<T>::of_block(block, version);
  must(node.count() <= T::shape.on(version).max_records(block.size(), node.level()));
  for (u32 i = 0; i < node.count(); ++i) {
    must(node.upper_bound(node.key(i)) == i + 1);
    if (node.level() > 0) (void)node.pointer(i);
    if constexpr (OverlappingBtree<T>) must(node.key(i) <= node.high_key(i));
  }
}

/// What an exchange must carry over to the other file.
struct Contents {
  std::vector<Mapping> mappings;
  u64 size = 0;
};

/// Reads a file anew; nothing if it cannot be read, or the log is dirty or damaged.
std::optional<Contents> contents_of(OverlayDisk& disk, InodeNumber ino) {
  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  if (!volume) return std::nullopt;
  Result<LogState> const& log = volume.value()->log();
  if (!log || !log.value().clean) return std::nullopt;
  Result<Inode> const inode = load_inode(*volume.value(), ino);
  if (!inode) return std::nullopt;
  Result<std::vector<Mapping>> mappings =
      collect_mappings(*volume.value(), inode.value(), ForkKind::data);
  if (!mappings) return std::nullopt;
  Contents contents{std::move(mappings).value(), inode.value().size()};
  // A walk joins what a damaged list has in pieces.
  merge_mappings(contents.mappings);
  return contents;
}

bool same(Contents const& a, Contents const& b) {
  return a.size == b.size && a.mappings == b.mappings;
}

}  // namespace

void check_ag_header(u32 sector, ConstBytes block, Geometry const& g, AgNumber ag) {
  if (sector == 1) {
    disk::Agf const& agf = view_as<disk::Agf>(block);
    must(agf.seqno.value() == ag && agf.flfirst.value() < agfl_slots(g));
    must(g.valid(ag, agf.bnoroot.value()) && g.valid(ag, agf.cntroot.value()));
  } else if (sector == 2) {
    disk::Agi const& agi = view_as<disk::Agi>(block);
    must(agi.seqno.value() == ag && g.valid(ag, agi.root.value()));
  } else if (g.version().self_describing) {
    must(view_as<disk::Agfl>(block).seqno.value() == ag);
  }
}

void check_btree_block(FormatVersion const& version, Form form, ConstBytes block) {
  if (form == Form::bnobt) walk_block<Bnobt>(version, block);
  if (form == Form::cntbt) walk_block<Cntbt>(version, block);
  if (form == Form::inobt) walk_block<Inobt>(version, block);
  if (form == Form::finobt) walk_block<Finobt>(version, block);
  if (form == Form::rmapbt) walk_block<Rmapbt>(version, block);
  if (form == Form::refcountbt) walk_block<Refcountbt>(version, block);
  if (form == Form::bmbt) walk_block<Bmbt>(version, block);
  if (form == Form::rtrmapbt) walk_block<RtRmapbt>(version, block);
  if (form == Form::rtrefcountbt) walk_block<RtRefcountbt>(version, block);
}

void check_attributes(Volume& volume, Inode const& inode) {
  auto const one = [](StoredAttribute const& a, std::vector<std::byte> value) -> Result<bool> {
    must(value.size() == a.value_size);
    return true;
  };
  (void)for_each_value(volume, inode, one);
}

void check_mappings(Volume& volume, Inode const& inode, ForkKind kind) {
  Result<std::vector<Mapping>> const mappings = collect_mappings(volume, inode, kind);
  if (!mappings) return;
  FileBlock least(0);
  for (Mapping const& m : mappings.value()) {
    must(m.offset >= least && m.length.raw() > 0);
    Geometry const& g = volume.geometry();
    bool const realtime = kind == ForkKind::data && inode.is_realtime();
    must(realtime ? g.realtime().valid(m.start, m.length) : g.valid(m.start, m.length));
    least = m.end();
  }
}

void check_log_state(LogState const& state, LogGeometry const& log) {
  must(state.head.block().raw() < log.blocks && state.tail.block().raw() < log.blocks);
  must(state.head.cycle() > 0 && state.tail <= state.head);
  must(!state.clean || state.tail == state.head);
}

std::vector<std::string> names_of(Directory& directory) {
  std::vector<std::string> some;
  std::size_t count = 0;
  (void)directory.list([&](RawDirEntry const& entry) {
    must(!entry.name.empty() && entry.name.size() <= 255);
    must(std::memchr(entry.name.data(), '/', entry.name.size()) == nullptr);
    must(std::memchr(entry.name.data(), '\0', entry.name.size()) == nullptr);
    if (count < names_kept) {
      some.emplace_back(entry.name);
    } else {
      some[names_kept / 2 + count % (names_kept / 2)].assign(entry.name);
    }
    ++count;
    return true;
  });
  return some;
}

void check_lookups(Directory& directory, std::span<std::string const> names) {
  for (std::string const& name : names) {
    Result<std::optional<RawDirEntry>> const found = directory.lookup(name);
    if (found && found.value()) must(found.value()->name == name);
  }
}

void check_exchange(Filesystem& fs, OverlayDisk& disk, ExchangeRequest request) {
  request.now = {1'700'000'000, 0};
  std::optional<Contents> const before1 = contents_of(disk, request.file1);
  std::optional<Contents> const before2 = contents_of(disk, request.file2);
  u64 const written = disk.stats().writes;
  Result<ExchangePlan> const plan = fs.plan_exchange(request);
  must(disk.stats().writes == written);
  Result<ExchangeReport> const done = fs.exchange(request);
  if (!done) {
    must(disk.stats().writes == written);
    return;
  }
  must(plan.has_value());
  if (request.metadata_forks != MetadataForks::refused) return;
  std::optional<Contents> const after1 = contents_of(disk, request.file1);
  std::optional<Contents> const after2 = contents_of(disk, request.file2);
  must(before1 && before2 && after1 && after2);
  if (request.written_only) return;
  if (request.range) {
    must(after1->size == before1->size && after2->size == before2->size);
  } else {
    must(same(*after1, *before2) && same(*after2, *before1));
  }
}

}  // namespace xfsx::fuzz
