#pragma once
// Log items made by hand, or taken out of a log and changed: each field can be set by its published
// name, to values that make sense or do not. For tests of recovery and for people who look for
// faults in it.

#include "log/decode_item.h"
#include "log/items.h"

#include <string>

namespace xfsx::inline v0 {

/// An item in memory of its own, in our byte order.
class ComposedItem {
 public:
  ComposedItem() = default;

  /// An item of a log.
  static ComposedItem copy_of(LogTransaction const& transaction, LogItemRegions const& item,
                              DecodedLogItem const& decoded);
  /// An item that make_buffer_item() and its like have made. Errors: those of decode_log_item().
  static Result<ComposedItem> copy_of(LogItem const& item);
  /// The item called `name` (log_item_name(), "SXI", "SXD") with zeroes in its fields but for its
  /// type and the number of its regions; an intent lists `extents`. Buffers have an empty bitmap,
  /// inodes a core, attributes neither name nor value. Errors: refused EINVAL for another name.
  static Result<ComposedItem> named(std::string_view name, u32 extents = 1);

  /// Begins a region, with a structure if one is given. What is not a multiple of 4 bytes long is
  /// filled up with zeroes.
  void add_region(ConstBytes bytes);
  template <DiskLayout T>
  void add_structure(T const& structure) {
    add_region(bytes_of(structure));
    describe<T>(0, 1);
  }
  /// Adds structures to the last region.
  template <DiskLayout T>
  void append_structures(std::span<T const> structures) {
    std::size_t const at = regions_.back().size();
    for (T const& one : structures) append(bytes_of(one));
    describe<T>(at, static_cast<u32>(structures.size()));
  }
  /// Adds zeroed numbers of 32 bits to the last region.
  void append_words(u32 count);

  /// Sets a field: "log_xmi.blockcount", "log_map_extent[1].len", "log_inode.u[3]". Errors: refused
  /// EINVAL if the item has no such field, or the field no room for `value`.
  Result<void> set(std::string_view path, u64 value);
  /// What a field holds. Errors: as of set().
  [[nodiscard]] Result<u64> get(std::string_view path) const;

  [[nodiscard]] u16 type() const;
  /// Whether a structure of that name is in it.
  [[nodiscard]] bool has(std::string_view structure) const;
  [[nodiscard]] std::vector<std::vector<std::byte>> const& regions() const { return regions_; }
  /// The bytes of a region, to be changed.
  [[nodiscard]] Bytes region(std::size_t number) { return regions_.at(number); }
  /// The item as a machine of the other byte order would write it.
  [[nodiscard]] std::vector<std::vector<std::byte>> in_other_order() const;
  [[nodiscard]] LogSizes sizes() const;

 private:
  struct Part {
    std::size_t region = 0, offset = 0;
    std::size_t size = 0;  ///< bytes of one
    u32 count = 1;
    std::string_view structure{};  ///< empty for numbers of 32 bits
    std::span<disk::Field const> fields{};
  };
  /// An element of a field of one of the structures.
  struct Place {
    std::size_t region = 0, offset = 0;
    u16 size = 0;
    disk::Order order{};
  };

  template <class T>
  void describe(std::size_t offset, u32 count) {
    parts_.push_back({regions_.size() - 1, offset, sizeof(T), count, disk::Layout<T>::name,
                      disk::Layout<T>::fields});
  }
  void append(ConstBytes bytes);
  void describe(LogItemPart const& part, std::size_t region, std::size_t offset);
  [[nodiscard]] Result<Place> find(std::string_view path) const;

  std::vector<std::vector<std::byte>> regions_;
  std::vector<Part> parts_;
};

/// An intent that lists extents, or an EFD: `type` is EFI, EFD (FreeExtentLog), RUI, BUI
/// (MapExtentLog), CUI (CountExtentLog), or a realtime variant.
template <DiskLayout Extent>
ComposedItem compose_list(disk::LogItemType type, u64 id, std::span<Extent const> extents) {
  disk::IntentLogFormat format{};
  format.type = static_cast<u16>(type);
  format.size = 1;
  format.nextents = static_cast<u32>(extents.size());
  format.id = id;
  ComposedItem item;
  item.add_structure(format);
  item.append_structures(extents);
  return item;
}

/// RUD, CUD, BUD, ATTRD, XMD, SXD, and realtime variants.
ComposedItem compose_done(disk::LogItemType type, u64 id);

/// The begin of an exchange, in the settled form and in the one before it. Type and regions are set
/// here.
ComposedItem compose_exchange(disk::XmiLogFormat const& exchange);
ComposedItem compose_exchange(disk::SxiLogFormat const& exchange);
/// The older form of an XMI, which has no generations. Errors: refused EINVAL for another item.
Result<ComposedItem> as_sxi(ComposedItem const& xmi);

/// An attribute intent with the regions that belong to it: name, or old and new name; value, or old
/// and new value. Lengths are as `format` says. Type and regions are set here.
ComposedItem compose_attri(disk::AttriLogFormat const& format, std::span<ConstBytes const> texts);

/// Inodes that are made. Type and regions are set here.
ComposedItem compose_icreate(disk::IcreateLogFormat const& format);

/// What make_buffer_item(), make_cancel_item() and make_inode_item() make. Errors: those of
/// make_inode_item().
ComposedItem compose_buffer(BufferItem const& buffer);
ComposedItem compose_cancel(Daddr address, SectorCount length);
Result<ComposedItem> compose_inode(InodeItem const& inode);

}  // namespace xfsx::inline v0
