#include "ag/refcount.h"
#include "fs/impl.h"
#include "fs/realtime_sharing.h"

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
  if (realtime) {
    out.daddr = Daddr(g.realtime().place(m.start) << (g.block_log() - 9));
  } else {
    out.ag = g.ag_of(m.start);
    out.agblock = g.agblock_of(m.start);
    out.daddr = g.daddr(m.start);
  }
  return out;
}

/// Hands the shared parts of `m` to `visit`: blocks from its start, and how many.
Result<void> for_each_shared_part(Volume& volume, Mapping const& m, RealtimeSharing* realtime,
                                  std::function<void(u64 first, u64 count)> const& visit) {
  if (realtime != nullptr) return realtime->for_each(m.start, m.length, visit);
  Geometry const& g = volume.geometry();
  AgBlock const base = g.agblock_of(m.start);
  return for_each_shared(volume, g.ag_of(m.start), {base, m.length},
                         [&](AgExtent const& e) { visit((e.start - base).raw(), e.length.raw()); });
}

/// `m` cut where sharing begins and ends. `realtime`: null for blocks of the data device.
Result<std::vector<FileMapping>> cut_by_sharing(Volume& volume, Mapping const& m,
                                                RealtimeSharing* realtime) {
  std::vector<FileMapping> parts;
  u64 done = 0;
  auto const add = [&](u64 end, bool shared) {
    if (end == done) return;
    Mapping const part{m.offset + BlockCount(done), m.start + BlockCount(done),
                       BlockCount(end - done), m.unwritten};
    parts.push_back(describe_mapping(volume.geometry(), part, realtime != nullptr, shared));
    done = end;
  };
  // Neighbouring records of different counts are one shared run.
  u64 shared_from = 0, shared_to = 0;
  auto const flush = [&] {
    add(shared_from, false);
    add(shared_to, true);
  };
  XFSX_TRYV(for_each_shared_part(volume, m, realtime, [&](u64 from, u64 count) {
    if (from != shared_to) {
      flush();
      shared_from = from;
    }
    shared_to = from + count;
  }));
  if (shared_to > shared_from) flush();
  add(m.length.raw(), false);
  return parts;
}

/// Where `start` lies on its device, bytes.
u64 byte_of(Geometry const& g, FsBlock start, bool realtime) {
  if (realtime) return g.realtime().place(start) << g.block_log();
  return g.daddr(start).raw() * basic_block_size;
}

/// Mappings, and whose they are.
struct FileMap {
  std::span<Mapping const> mappings;
  bool realtime = false;
};

/// Zeros what has no bytes on disk, and adds requests for the rest.
void map_reads(Geometry const& g, FileMap const& map, u64 offset, Bytes into,
               std::vector<ReadRequest>& requests) {
  std::span<Mapping const> const mappings = map.mappings;
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
    u64 const byte = byte_of(g, m->start, map.realtime) + (at - first);
    add_request(requests, byte, into.subspan(at - offset, until - at));
    at = until;
  }
  zero_until(end);
}

/// Requests of several files, by the device that they go to.
struct Requests {
  std::vector<ReadRequest> data, realtime;
};

/// Finds out how much of a file `read` gets, and from where.
Result<void> plan_read(Volume& volume, FileRead& read, Requests& requests) {
  XFSX_TRY(Inode const inode, load_inode(volume, read.file));
  XFSX_TRYV(check_readable(inode));
  XFSX_TRY(std::vector<Mapping> const mappings, collect_mappings(volume, inode, ForkKind::data));
  read.got = std::min<u64>(read.into.size(), inode.size());
  if (read.got == 0) return success();
  bool const realtime = inode.is_realtime();
  if (realtime && !mappings.empty()) {
    XFSX_TRYV(volume.realtime_device());
  }
  map_reads(volume.geometry(), {mappings, realtime}, 0, read.into.first(read.got),
            realtime ? requests.realtime : requests.data);
  return success();
}

Result<void> carry_out(Volume& volume, std::span<ReadRequest const> requests, bool realtime) {
  if (requests.empty()) return success();
  if (!realtime) return volume.device().read(requests);
  XFSX_TRY(BlockDevice* const device, volume.realtime_device());
  return device->read(requests);
}

}  // namespace

Result<void> check_readable(Inode const& inode) {
  if (inode.is_directory()) return refuse(EISDIR, "a directory cannot be read as a file");
  if (!inode.is_regular()) return refuse(EINVAL, "not a regular file");
  if (fork_format(inode, ForkKind::data) == disk::ForkFormat::meta_btree) {
    return refuse(EINVAL, "holds a btree of the filesystem and no data");
  }
  return success();
}

Result<void> read_mapped(Volume& volume, InodeView const& file, std::span<Mapping const> mappings,
                         u64 offset, Bytes into) {
  if (into.empty()) return success();
  std::vector<ReadRequest> requests;
  bool const realtime = file.is_realtime();
  map_reads(volume.geometry(), {mappings, realtime}, offset, into, requests);
  return carry_out(volume, requests, realtime);
}

Result<void> read_files(Volume& volume, std::span<FileRead> files) {
  Requests requests;
  for (FileRead& read : files) {
    if (Result<void> const planned = plan_read(volume, read, requests); !planned) {
      read.problem = planned.error();
    }
  }
  XFSX_TRYV(carry_out(volume, requests.data, false));
  return carry_out(volume, requests.realtime, true);
}

Result<void> visit_mappings(Volume& volume, Inode const& inode, ForkKind fork,
                            std::function<bool(FileMapping const&)> const& visit) {
  bool const realtime = fork == ForkKind::data && inode.is_realtime();
  bool const sharing = fork == ForkKind::data && inode.is_reflink();
  XFSX_TRY(std::vector<Mapping> const mappings, collect_mappings(volume, inode, fork));
  RealtimeSharing groups(volume);
  for (Mapping const& m : mappings) {
    // Only what was written can be shared.
    if (!sharing || m.unwritten) {
      if (!visit(describe_mapping(volume.geometry(), m, realtime, false))) return success();
      continue;
    }
    XFSX_TRY(std::vector<FileMapping> const parts,
             cut_by_sharing(volume, m, realtime ? &groups : nullptr));
    for (FileMapping const& part : parts) {
      if (!visit(part)) return success();
    }
  }
  return success();
}

}  // namespace xfsx::inline v0
