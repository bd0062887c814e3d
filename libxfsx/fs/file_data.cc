#include "ag/refcount.h"
#include "fs/impl.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

/// Adds a request, or lengthens the last one where both sides go on without a gap.
void add_request(std::vector<ReadRequest>& requests, u64 offset, Bytes into) {
  if (!requests.empty()) {
    ReadRequest& last = requests.back();
    if (last.offset + last.into.size() == offset &&
        last.into.data() + last.into.size() == into.data()) {
      last.into = {last.into.data(), last.into.size() + into.size()};
      return;
    }
  }
  requests.push_back({offset, into});
}

FileMapping describe_mapping(Geometry const& g, Mapping const& m, bool realtime, bool shared) {
  FileMapping out;
  out.offset = m.offset;
  out.length = m.length;
  out.unwritten = m.unwritten;
  out.shared = shared;
  out.realtime = realtime;
  out.start = m.start;
  if (!realtime) {
    out.ag = g.ag_of(m.start);
    out.agblock = g.agblock_of(m.start);
    out.daddr = g.daddr(m.start);
  }
  return out;
}

/// `m` cut where sharing begins and ends.
Result<std::vector<FileMapping>> cut_by_sharing(Volume& volume, Mapping const& m) {
  Geometry const& g = volume.geometry();
  AgBlock const base = g.agblock_of(m.start);
  std::vector<FileMapping> parts;
  u64 done = 0;
  auto const add = [&](u64 end, bool shared) {
    if (end == done) return;
    Mapping const part{m.offset + BlockCount(done), m.start + BlockCount(done),
                       BlockCount(end - done), m.unwritten};
    parts.push_back(describe_mapping(g, part, false, shared));
    done = end;
  };
  // Neighbouring records of different counts are one shared run.
  u64 shared_from = 0, shared_to = 0;
  auto const flush = [&] {
    add(shared_from, false);
    add(shared_to, true);
  };
  XFSX_TRYV(for_each_shared(volume, g.ag_of(m.start), {base, m.length}, [&](AgExtent const& e) {
    u64 const from = (e.start - base).raw();
    if (from != shared_to) {
      flush();
      shared_from = from;
    }
    shared_to = from + e.length.raw();
  }));
  if (shared_to > shared_from) flush();
  add(m.length.raw(), false);
  return parts;
}

/// Zeros what has no bytes on disk, and adds requests for the rest.
void map_reads(Geometry const& g, std::span<Mapping const> mappings, u64 offset, Bytes into,
               std::vector<ReadRequest>& requests) {
  u32 const shift = g.block_log();
  u64 const end = offset + into.size();
  auto m = std::ranges::upper_bound(mappings, offset >> shift, {},
                                    [](Mapping const& x) { return x.end().raw(); });
  u64 at = offset;
  auto const zero_until = [&](u64 to) {
    std::ranges::fill(into.subspan(at - offset, to - at), std::byte{0});
    at = to;
  };
  // Mappings far behind the end of the file need not have a byte offset that fits 64 bits.
  u64 const last_block = (end - 1) >> shift;
  for (; at < end && m != mappings.end() && m->offset.raw() <= last_block; ++m) {
    u64 const first = m->offset.raw() << shift;
    u64 const until = m->end().raw() > last_block ? end : m->end().raw() << shift;
    if (first > at) zero_until(first);
    if (m->unwritten) {
      zero_until(until);
      continue;
    }
    u64 const byte = g.daddr(m->start).raw() * basic_block_size + (at - first);
    add_request(requests, byte, into.subspan(at - offset, until - at));
    at = until;
  }
  zero_until(end);
}

/// Finds out how much of a file `read` gets, and from where.
Result<void> plan_read(Volume& volume, FileRead& read, std::vector<ReadRequest>& requests) {
  XFSX_TRY(Inode const inode, load_inode(volume, read.file));
  XFSX_TRYV(check_readable(inode));
  XFSX_TRY(std::vector<Mapping> const mappings, collect_mappings(volume, inode, ForkKind::data));
  read.got = std::min<u64>(read.into.size(), inode.size());
  if (read.got == 0) return success();
  map_reads(volume.geometry(), mappings, 0, read.into.first(read.got), requests);
  return success();
}

}  // namespace

Result<void> check_readable(Inode const& inode) {
  if (inode.is_directory()) return refuse(EISDIR, "a directory cannot be read as a file");
  if (!inode.is_regular()) return refuse(EINVAL, "not a regular file");
  if (inode.is_realtime()) {
    return refuse(EOPNOTSUPP, "files on the realtime device cannot be read yet");
  }
  return success();
}

Result<void> read_mapped(Volume& volume, std::span<Mapping const> mappings, u64 offset,
                         Bytes into) {
  if (into.empty()) return success();
  std::vector<ReadRequest> requests;
  map_reads(volume.geometry(), mappings, offset, into, requests);
  if (requests.empty()) return success();
  return volume.device().read(requests);
}

Result<void> read_files(Volume& volume, std::span<FileRead> files) {
  std::vector<ReadRequest> requests;
  for (FileRead& read : files) {
    if (Result<void> const planned = plan_read(volume, read, requests); !planned) {
      read.problem = planned.error();
    }
  }
  if (requests.empty()) return success();
  return volume.device().read(requests);
}

Result<void> visit_mappings(Volume& volume, Inode const& inode, Fork fork,
                            std::function<bool(FileMapping const&)> const& visit) {
  bool const realtime = fork == Fork::data && inode.is_realtime();
  bool const sharing = fork == Fork::data && inode.is_reflink() && !realtime;
  XFSX_TRY(std::vector<Mapping> const mappings,
           collect_mappings(volume, inode, fork == Fork::data ? ForkKind::data : ForkKind::attr));
  for (Mapping const& m : mappings) {
    // Only what was written can be shared.
    if (!sharing || m.unwritten) {
      if (!visit(describe_mapping(volume.geometry(), m, realtime, false))) return success();
      continue;
    }
    XFSX_TRY(std::vector<FileMapping> const parts, cut_by_sharing(volume, m));
    for (FileMapping const& part : parts) {
      if (!visit(part)) return success();
    }
  }
  return success();
}

}  // namespace xfsx::inline v0
