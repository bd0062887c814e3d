#include "recovery/replay_inode.h"

#include "base/view.h"
#include "disk/inode.h"
#include "disk/log.h"
#include "disk/log_items.h"
#include "format/checked_view.h"
#include "format/inode_view.h"
#include "format/verify_btree.h"
#include "log/byte_order.h"
#include "txn/newer_block.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

using disk::Dinode;
using disk::ForkFormat;
namespace field = disk::inode_item_field;
using Role = LogItemPart::Role;

constexpr std::size_t next_unlinked_offset = offsetof(Dinode, next_unlinked);

template <class Format>
InodeItemHead head_of(Format const& format) {
  ConstBytes const device = std::as_bytes(std::span(format.u));
  return {format.ino.value(),     format.blkno.value(),  format.len.value(),
          format.boffset.value(), format.fields.value(), view_as<le32>(device).value()};
}

/// What a core in the disk's order says of its inode. Errors are about the target that it makes.
class NewCore {
 public:
  NewCore(Dinode const& core, Location const& where) : core_(core), view_(core, where) {}

  Result<void> check(u32 inode_size) const {
    XFSX_TRYV(view_.equal(core_.magic, disk::inode_magic));
    XFSX_TRYV(check_format());
    u64 const literal = inode_size - (core_.version >= 3 ? sizeof(Dinode) : sizeof(disk::DinodeV2));
    return view_.at_most(core_.forkoff, static_cast<u8>(std::min<u64>(literal / 8, 255)));
  }

 private:
  /// The forms that data of files and of directories can have.
  Result<void> check_format() const {
    u16 const type = core_.mode.value() & file_type::mask;
    auto const format = ForkFormat(core_.format);
    bool const mapped = format == ForkFormat::extents || format == ForkFormat::btree;
    bool ok = true;
    if (type == file_type::regular) ok = mapped || format == ForkFormat::meta_btree;
    if (type == file_type::directory) ok = mapped || format == ForkFormat::local;
    return view_.require(ok, core_.format, static_cast<u64>(ForkFormat::extents), Relation::equal);
  }

  Dinode const& core_;
  CheckedView<Dinode> view_;
};

BtreeShape root_shape(FormatVersion const& version, ForkFormat format, ConstBytes region) {
  if (format != ForkFormat::meta_btree) return bmbt_shape.on(version);
  bool const rmap = view_as<be32>(region).value() == disk::rtrmapbt_magic;
  return rmap ? rtrmapbt_shape : rtrefcountbt_shape;
}

/// Lays a root out in the fork. It was logged as memory holds it: behind the header of a block, and
/// with the pointers after as many keys as its own length has room for.
Result<void> write_root(ConstBytes region, BtreeShape const& shape, Location const& where,
                        Bytes fork) {
  auto const misfit = [&](u64 found, u64 most) {
    Error e = located(Errc::bad_value, disk::Layout<Dinode>::name, where);
    e.field = "numrecs";
    e.relation = Relation::at_most;
    e.found.number = found;
    e.expected.number = most;
    return e;
  };
  if (region.size() < shape.header || fork.size() < sizeof(disk::BmdrBlock)) {
    return misfit(region.size(), fork.size());
  }
  auto const& root = view_as<disk::BtreeLongBlockV4>(region);
  bool const leaf = root.level.value() == 0;
  std::size_t const key = leaf ? shape.record : shape.key;
  std::size_t const entry = leaf ? shape.record : shape.key + shape.pointer;
  std::size_t const logged = (region.size() - shape.header) / entry;
  std::size_t const body = fork.size() - sizeof(disk::BmdrBlock);
  std::size_t const room = leaf ? body / entry : shape.root_max(body);
  std::size_t const count = root.numrecs.value();
  if (count > logged || count > room) return misfit(count, std::min(logged, room));
  auto& head = edit_as<disk::BmdrBlock>(fork);
  head.level = root.level.value();
  head.numrecs = root.numrecs.value();
  ConstBytes const from = region.subspan(shape.header);
  Bytes const to = fork.subspan(sizeof(disk::BmdrBlock));
  std::ranges::copy(from.first(count * key), to.begin());
  ConstBytes const pointers = from.subspan(logged * key, count * (entry - key));
  std::ranges::copy(pointers, to.subspan(room * key).begin());
  return success();
}

/// One fork of an inode whose core is already new.
struct Fork {
  Bytes bytes;
  ForkFormat format{};
  std::string_view size_field;
};

Result<void> replay_fork(ConstBytes region, bool root, Fork const& fork, Geometry const& geometry,
                         Location const& where) {
  if (root) {
    return write_root(region, root_shape(geometry.version(), fork.format, region), where,
                      fork.bytes);
  }
  if (region.size() > fork.bytes.size()) {
    Error e = located(Errc::bad_value, disk::Layout<Dinode>::name, where);
    e.field = fork.size_field;
    e.relation = Relation::at_most;
    e.found.number = region.size();
    e.expected.number = fork.bytes.size();
    return e;
  }
  std::ranges::copy(region, fork.bytes.begin());
  return success();
}

Result<void> replay_forks(DecodedLogItem const& item, InodeItemHead const& head,
                          Geometry const& geometry, Location const& where, Bytes inode) {
  InodeView const view(inode);
  Bytes const literal = inode.subspan(view.core_size());
  Fork const data{literal.first(view.data_fork_size()), ForkFormat(view.core().format), "forkoff"};
  Fork const attr{literal.last(view.attr_fork_size()), ForkFormat(view.core().aformat), "forkoff"};
  if ((head.fields & field::dev) != 0 && data.bytes.size() >= sizeof(be32)) {
    edit_as<be32>(data.bytes) = head.device;
  }
  if (LogItemPart const* const part = item.part(Role::data_fork)) {
    XFSX_TRYV(
        replay_fork(part->bytes, (head.fields & field::data_broot) != 0, data, geometry, where));
  }
  if (LogItemPart const* const part = item.part(Role::attr_fork)) {
    XFSX_TRYV(
        replay_fork(part->bytes, (head.fields & field::attr_broot) != 0, attr, geometry, where));
  }
  return success();
}

/// Inodes of version 2 count how often they were flushed, up to a point where they begin again.
bool flushed_later(Dinode const& on_disk, ConstBytes logged) {
  constexpr std::size_t flushiter_offset = 30;
  constexpr u16 last = 0xffff, wrapped = last / 2;
  u16 const ours = view_as<be16>(bytes_of(on_disk), flushiter_offset).value();
  u16 const theirs = view_as<be16>(logged, flushiter_offset).value();
  return theirs < ours && !(ours == last && theirs < wrapped);
}

bool is_newer(Dinode const& on_disk, ConstBytes logged, Lsn lsn) {
  if (on_disk.version < 3) return flushed_later(on_disk, logged);
  Lsn const ours = on_disk.lsn.value();
  return counts_as_lsn(ours) && ours > lsn;
}

}  // namespace

InodeItemHead inode_item_head(DecodedLogItem const& item) {
  LogItemPart const& format = item.parts.front();
  if (format.bytes.size() == sizeof(disk::InodeLogFormat32)) {
    return head_of(view_as<disk::InodeLogFormat32>(format.bytes));
  }
  return head_of(view_as<disk::InodeLogFormat>(format.bytes));
}

Result<bool> replay_inode(DecodedLogItem const& item, Lsn lsn, Geometry const& geometry,
                          Location const& where, Bytes inode) {
  auto& core = edit_as<Dinode>(inode);
  CheckedView<Dinode> const target(core, where);
  XFSX_TRYV(target.equal(core.magic, disk::inode_magic));

  ConstBytes const logged = item.part(Role::core)->bytes;
  std::array<std::byte, sizeof(Dinode)> image{};
  std::ranges::copy(inode.first(sizeof(Dinode)), image.begin());
  std::ranges::copy(logged, image.begin());
  Bytes const fresh = Bytes(image).first(logged.size());
  core_to_disk(fresh);
  auto& made = edit_as<Dinode>(image);
  XFSX_TRYV(NewCore(made, where).check(geometry.inode_size()));
  if (is_newer(core, fresh, lsn)) return false;

  made.next_unlinked = core.next_unlinked.value();
  if (made.version >= 3) {
    made.crc = core.crc.value();
    made.lsn = core.lsn.value();
    made.pad2 = {};
  } else {
    // Version 2 ends here; its counter of flushes begins again.
    constexpr std::size_t flushiter_offset = 30;
    edit_as<be16>(image, flushiter_offset) = 0;
    std::ranges::copy(
        inode.subspan(next_unlinked_offset).first(sizeof(Dinode) - next_unlinked_offset),
        image.begin() + next_unlinked_offset);
  }
  std::vector<std::byte> whole(inode.begin(), inode.end());
  std::ranges::copy(image, whole.begin());
  XFSX_TRYV(replay_forks(item, inode_item_head(item), geometry, where, whole));
  std::ranges::copy(whole, inode.begin());
  return true;
}

}  // namespace xfsx::inline v0
