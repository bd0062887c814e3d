#include "symlink/symlink.h"

#include "disk/symlink.h"
#include "format/verify_dir.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

Error bad(Volume& volume, Inode const& inode, std::string_view structure, std::string_view field,
          u64 found, u64 expected, Relation relation,
          std::source_location raised = std::source_location::current()) {
  Error e = located(Errc::bad_value, structure, inode.location(volume.geometry()), raised);
  e.field = field;
  e.found.number = found;
  e.expected.number = expected;
  e.relation = relation;
  return e;
}

/// Appends what the extent of `m` holds of the target: one buffer with one header, as Linux
/// writes it, or none in version 4.
Result<void> append_extent(Volume& volume, Inode const& inode, Mapping const& m,
                           std::string& target) {
  Geometry const& g = volume.geometry();
  Result<BufferRef> block =
      volume.cache().load(symlink_kind, g.daddr(m.start), g.sectors(m.length), inode.number);
  if (!block) return with_owner(block.error(), inode.number);
  ConstBytes const bytes = block.value()->bytes();
  if (!g.version().self_describing) {
    target += text_of(bytes.first(std::min<u64>(bytes.size(), inode.size() - target.size())));
    return success();
  }
  auto const& header = view_as<disk::SymlinkHeader>(bytes);
  if (header.offset.value() != target.size()) {
    return bad(volume, inode, "symlink block", "offset", header.offset.value(), target.size(),
               Relation::equal);
  }
  target += text_of(bytes.subspan(sizeof(disk::SymlinkHeader), header.bytes.value()));
  return success();
}

}  // namespace

Result<std::string> read_symlink(Volume& volume, Inode const& inode) {
  if (!inode.is_symlink()) return refuse(EINVAL, "not a symbolic link");
  u64 const size = inode.size();
  if (size > disk::symlink_max) {
    return bad(volume, inode, "inode", "size", size, disk::symlink_max, Relation::at_most);
  }
  std::string target;
  if (fork_format(inode, ForkKind::data) == disk::ForkFormat::local) {
    target = text_of(fork_bytes(inode, ForkKind::data).first(size));
  } else {
    XFSX_TRY(std::vector<Mapping> const mappings, collect_mappings(volume, inode, ForkKind::data));
    u64 const most =
        disk::symlink_max / (volume.geometry().block_size() - volume.geometry().version().symlink) +
        1;
    for (Mapping const& m : mappings) {
      if (m.end().raw() > most) {
        return bad(volume, inode, "bmbt_rec", "blockcount", m.length.raw(), most,
                   Relation::at_most);
      }
      XFSX_TRYV(append_extent(volume, inode, m, target));
    }
  }
  if (target.size() != size) {
    return bad(volume, inode, "inode", "size", size, target.size(), Relation::equal);
  }
  if (target.find('\0') != target.npos) {
    return bad(volume, inode, "symlink", "target", 0, 0, Relation::not_equal);
  }
  return target;
}

}  // namespace xfsx::inline v0
