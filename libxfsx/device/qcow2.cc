#include "device/qcow2.h"

#include "base/checked.h"
#include "base/endian.h"
#include "base/view.h"
#include "device/guard.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

namespace xfsx::inline v0 {

namespace {

constexpr u32 magic = 0x514649fb;  // "QFI" and 0xfb
constexpr u32 sector = 512;

/// What versions 2 and 3 have.
struct Header {
  be32 magic, version;
  be64 backing_file_offset;
  be32 backing_file_size;
  be32 cluster_bits;
  be64 size;
  be32 crypt_method;
  be32 l1_size;
  be64 l1_table_offset;
  be64 refcount_table_offset;
  be32 refcount_table_clusters;
  be32 nb_snapshots;
  be64 snapshots_offset;
};
static_assert(sizeof(Header) == 72);

/// What follows it in version 3.
struct Header3 {
  be64 incompatible_features;
  be64 compatible_features;
  be64 autoclear_features;
  be32 refcount_order;
  be32 header_length;
};
static_assert(sizeof(Header3) == 32);

/// Of a header extension.
struct ExtensionHeader {
  be32 type, length;
};

constexpr std::size_t header_bytes = sizeof(Header) + sizeof(Header3);

/// Bits of incompatible_features.
constexpr u64 dirty = 1;    // reference counts may be wrong: of no concern to a reader
constexpr u64 corrupt = 2;  // must not be written
constexpr u64 external_data = 4;
constexpr u64 other_compression = 8;
constexpr u64 extended_l2 = 16;

constexpr u64 offset_mask = 0x00fffffffffffe00;  // of entries in both tables
constexpr u64 compressed_flag = u64{1} << 62;
constexpr u64 zero_flag = 1;

constexpr u64 most_l1_bytes = u64{32} << 20;  // QEMU's own bound
constexpr u32 longest_name = 1023;            // of a backing file
constexpr u32 most_extensions = 64;

/// Pieces of the tables in memory.
constexpr u64 piece_bytes = 65536;
constexpr std::size_t most_pieces = 32;

Error unsupported(std::string_view reason) {
  return with_structure(refuse(EOPNOTSUPP, reason), "qcow2");
}

Error damaged(Errc code, std::string_view field, u64 byte, u64 found, u64 expected,
              Relation relation) {
  Error e = device_error(code, EUCLEAN, {}, byte);
  e.structure = "qcow2";
  e.field = field;
  e.found.number = found;
  e.expected.number = expected;
  e.relation = relation;
  return e;
}

Result<void> read_exactly(BlockDevice& file, u64 offset, Bytes into) {
  ReadRequest const request{offset, into};
  return file.read({&request, 1});
}

/// The header, with zeros for what version 2 does not have.
struct Parsed {
  Header header{};
  Header3 more{};
  u64 end = sizeof(Header);  ///< where extensions begin
  u8 compression = 0;
};

Result<void> check_features(Parsed const& p) {
  u64 const bits = p.more.incompatible_features.value();
  if (p.header.crypt_method.value() != 0) return unsupported("the image is encrypted");
  if ((bits & external_data) != 0) return unsupported("the image keeps its data in another file");
  if ((bits & extended_l2) != 0) return unsupported("the image has extended L2 entries");
  if (p.compression != 0) return unsupported("the image is compressed by something but zlib");
  u64 const known = dirty | corrupt | other_compression;
  if ((bits & ~known) == 0) return success();
  return with_note(unsupported("the image has unknown incompatible features"),
                   fmt::format("{:#x}", bits & ~known));
}

Result<Parsed> parse_header(ConstBytes bytes) {
  Parsed p;
  p.header = view_as<Header>(bytes);
  u32 const version = p.header.version.value();
  if (version < 2) return unsupported("version 1 images are not supported");
  if (version > 3) {
    return damaged(Errc::bad_value, "version", 4, version, 3, Relation::at_most);
  }
  if (version == 2) return p;
  if (!fits<Header3>(bytes, sizeof(Header))) {
    return damaged(Errc::truncated, "header_length", 100, bytes.size(), header_bytes,
                   Relation::at_least);
  }
  p.more = view_as<Header3>(bytes, sizeof(Header));
  p.end = p.more.header_length.value();
  if (p.end < header_bytes || p.end > bytes.size()) {
    return damaged(Errc::bad_value, "header_length", 100, p.end,
                   p.end < header_bytes ? header_bytes : bytes.size(),
                   p.end < header_bytes ? Relation::at_least : Relation::at_most);
  }
  if (p.end > header_bytes) p.compression = std::to_integer<u8>(bytes[header_bytes]);
  return p;
}

Result<void> check_header(Parsed const& p, u64 file_size) {
  Header const& h = p.header;
  u32 const bits = h.cluster_bits.value();
  if (bits < 9 || bits > 21) {
    return damaged(Errc::bad_value, "cluster_bits", 20, bits, bits < 9 ? 9 : 21,
                   bits < 9 ? Relation::at_least : Relation::at_most);
  }
  u64 const cluster = u64{1} << bits;
  u64 const covered = cluster / sizeof(be64) * cluster;  // by one entry of L1
  u64 const needed = div_round_up(h.size.value(), covered);
  if (needed > most_l1_bytes / sizeof(be64)) {
    return damaged(Errc::bad_value, "size", 24, h.size.value(),
                   covered * (most_l1_bytes / sizeof(be64)), Relation::at_most);
  }
  if (h.l1_size.value() < needed) {
    return damaged(Errc::bad_value, "l1_size", 36, h.l1_size.value(), needed, Relation::at_least);
  }
  u64 const table = h.l1_table_offset.value();
  if (table % cluster != 0) {
    return damaged(Errc::bad_value, "l1_table_offset", 40, table, cluster, Relation::multiple_of);
  }
  if (!range_inside<u64>(table, needed * sizeof(be64), file_size)) {
    return damaged(Errc::truncated, "l1_table_offset", 40, table, file_size, Relation::below);
  }
  return success();
}

/// The name of the backing file, and its format if an extension tells it.
Result<std::optional<BackingFile>> find_backing(Parsed const& p, ConstBytes bytes) {
  u64 const at = p.header.backing_file_offset.value();
  u64 const length = p.header.backing_file_size.value();
  if (at == 0) return std::optional<BackingFile>{};
  if (length > longest_name) {
    return damaged(Errc::bad_value, "backing_file_size", 16, length, longest_name,
                   Relation::at_most);
  }
  if (!range_inside<u64>(at, length, bytes.size())) {
    return damaged(Errc::bad_value, "backing_file_offset", 8, at, bytes.size(), Relation::below);
  }
  BackingFile backing;
  backing.name = text_of(bytes.subspan(at, length));
  constexpr u32 format_type = 0xe2792aca;
  u64 next = p.end;
  for (u32 i = 0; i < most_extensions && fits<ExtensionHeader>(bytes, next); ++i) {
    auto const& extension = view_as<ExtensionHeader>(bytes, next);
    u64 const size = extension.length.value();
    next += sizeof(ExtensionHeader);
    if (extension.type.value() == 0 || size > bytes.size() - next) break;
    if (extension.type.value() == format_type) backing.format = text_of(bytes.subspan(next, size));
    next += round_up<u64>(size, 8);
  }
  return std::optional<BackingFile>{std::move(backing)};
}

/// Raw deflate, as QEMU writes it: without header and checksum.
Result<void> inflate_cluster(ConstBytes packed, Bytes into, u64 byte) {
  constexpr int raw_deflate = -15;
  z_stream stream{};
  if (::inflateInit2(&stream, raw_deflate) != Z_OK) {
    return make_error(Errc::no_memory, ENOMEM, "out of memory");
  }
  std::vector<Bytef> from(packed.size());
  std::memcpy(from.data(), packed.data(), packed.size());
  std::vector<Bytef> to(into.size());
  stream.next_in = from.data();
  stream.avail_in = static_cast<uInt>(from.size());
  stream.next_out = to.data();
  stream.avail_out = static_cast<uInt>(to.size());
  ::inflate(&stream, Z_FINISH);
  u64 const left = stream.avail_out;
  ::inflateEnd(&stream);
  if (left != 0) {
    Error e = damaged(Errc::bad_value, "compressed cluster", byte, into.size() - left, into.size(),
                      Relation::equal);
    e.reason = "the cluster cannot be unpacked";
    return e;
  }
  std::memcpy(into.data(), to.data(), to.size());
  return success();
}

class Qcow2Device final : public BlockDevice {
 public:
  Qcow2Device(std::unique_ptr<BlockDevice> file, std::unique_ptr<BlockDevice> backing,
              Parsed const& parsed)
      : file_(std::move(file)),
        backing_(std::move(backing)),
        file_size_(file_->info().size),
        size_(parsed.header.size.value()),
        cluster_bits_(parsed.header.cluster_bits.value()),
        l1_(parsed.header.l1_table_offset.value()),
        has_zero_flag_(parsed.header.version.value() >= 3) {}

  [[nodiscard]] DeviceInfo info() const override;
  Result<void> read(std::span<ReadRequest const> batch) override;
  Result<void> write(std::span<WriteRequest const>) override { return read_only(); }
  Result<void> flush() override { return read_only(); }
  [[nodiscard]] DeviceStats stats() const override { return file_->stats(); }

 private:
  static Result<void> read_only() { return refuse(EROFS, "the device is open for reading only"); }
  [[nodiscard]] u64 cluster_size() const { return u64{1} << cluster_bits_; }

  Result<u64> entry(u64 table, u64 index);
  Result<u64> second_level(u64 offset);
  Result<void> plan(u64 offset, Bytes into);
  Result<void> plan_compressed(u64 entry, u64 within, Bytes into);
  Result<void> plan_stored(u64 entry, u64 within, Bytes into);
  void plan_backing(u64 offset, Bytes into);

  std::unique_ptr<BlockDevice> file_, backing_;
  u64 file_size_, size_;
  u32 cluster_bits_;
  u64 l1_;
  bool has_zero_flag_;
  std::unordered_map<u64, std::vector<std::byte>> pieces_;
  std::vector<std::byte> unpacked_;  // the cluster that was unpacked last
  u64 unpacked_entry_ = 0;
  std::vector<ReadRequest> file_reads_, backing_reads_;
};

DeviceInfo Qcow2Device::info() const {
  DeviceInfo info;
  info.size = size_;
  info.memory_alignment = file_->info().memory_alignment;
  info.write_protected = true;
  info.backend = file_->info().backend;
  return info;
}

/// Entry `index` of the table at byte `table`.
Result<u64> Qcow2Device::entry(u64 table, u64 index) {
  u64 const at = table + index * sizeof(be64);
  u64 const start = at - at % piece_bytes;
  if (!range_inside<u64>(at, sizeof(be64), file_size_)) {
    return damaged(Errc::truncated, "table entry", at, at, file_size_, Relation::below);
  }
  auto known = pieces_.find(start);
  if (known == pieces_.end()) {
    if (pieces_.size() >= most_pieces) pieces_.clear();
    std::vector<std::byte> piece(std::min(piece_bytes, file_size_ - start));
    XFSX_TRYV(read_exactly(*file_, start, piece));
    known = pieces_.emplace(start, std::move(piece)).first;
  }
  return view_as<be64>(known->second, at - start).value();
}

/// The entry of L2 for the cluster of `offset`; 0 if there is no table for it.
Result<u64> Qcow2Device::second_level(u64 offset) {
  u64 const entries = cluster_size() / sizeof(be64);
  u64 const index = offset >> cluster_bits_;
  XFSX_TRY(u64 const first, entry(l1_, index / entries));
  u64 const table = first & offset_mask;
  if (table == 0) return u64{0};
  u64 const where = l1_ + index / entries * sizeof(be64);
  if (table % cluster_size() != 0) {
    return damaged(Errc::bad_value, "L1 entry", where, table, cluster_size(),
                   Relation::multiple_of);
  }
  if (!range_inside<u64>(table, cluster_size(), file_size_)) {
    return damaged(Errc::truncated, "L1 entry", where, table, file_size_, Relation::below);
  }
  return entry(table, index % entries);
}

void Qcow2Device::plan_backing(u64 offset, Bytes into) {
  u64 const end = backing_ ? backing_->info().size : 0;
  u64 const there = offset < end ? std::min<u64>(into.size(), end - offset) : 0;
  if (there != 0) backing_reads_.push_back({offset, into.first(there)});
  std::ranges::fill(into.subspan(there), std::byte{0});
}

Result<void> Qcow2Device::plan_stored(u64 entry, u64 within, Bytes into) {
  u64 const cluster = entry & offset_mask;
  if (cluster % cluster_size() != 0) {
    return damaged(Errc::bad_value, "L2 entry", cluster, cluster, cluster_size(),
                   Relation::multiple_of);
  }
  if (cluster >= file_size_) {
    return damaged(Errc::truncated, "L2 entry", cluster, cluster, file_size_, Relation::below);
  }
  // The last cluster may have been written in part.
  u64 const at = cluster + within;
  u64 const there = at < file_size_ ? std::min<u64>(into.size(), file_size_ - at) : 0;
  if (there != 0) file_reads_.push_back({at, into.first(there)});
  std::ranges::fill(into.subspan(there), std::byte{0});
  return success();
}

Result<void> Qcow2Device::plan_compressed(u64 entry, u64 within, Bytes into) {
  if (unpacked_entry_ != entry) {
    u32 const offset_bits = 62 - (cluster_bits_ - 8);
    u64 const at = entry & ((u64{1} << offset_bits) - 1);
    u64 const sectors = ((entry & (compressed_flag - 1)) >> offset_bits) + 1;
    if (at >= file_size_) {
      return damaged(Errc::truncated, "L2 entry", at, at, file_size_, Relation::below);
    }
    std::vector<std::byte> packed(std::min(sectors * sector - at % sector, file_size_ - at));
    XFSX_TRYV(read_exactly(*file_, at, packed));
    unpacked_entry_ = 0;
    unpacked_.resize(cluster_size());
    XFSX_TRYV(inflate_cluster(packed, unpacked_, at));
    unpacked_entry_ = entry;
  }
  std::memcpy(into.data(), unpacked_.data() + within, into.size());
  return success();
}

/// Fills `into`, all of which lies in one cluster, or says who does it.
Result<void> Qcow2Device::plan(u64 offset, Bytes into) {
  XFSX_TRY(u64 const found, second_level(offset));
  u64 const within = offset & (cluster_size() - 1);
  if ((found & compressed_flag) != 0) return plan_compressed(found, within, into);
  if ((found & zero_flag) != 0) {
    if (!has_zero_flag_) {
      return damaged(Errc::bad_value, "L2 entry", offset, found & zero_flag, 0, Relation::equal);
    }
    std::ranges::fill(into, std::byte{0});
    return success();
  }
  if ((found & offset_mask) != 0) return plan_stored(found, within, into);
  plan_backing(offset, into);
  return success();
}

Result<void> Qcow2Device::read(std::span<ReadRequest const> batch) {
  return guarded([&]() -> Result<void> {
    file_reads_.clear();
    backing_reads_.clear();
    for (ReadRequest const& request : batch) {
      if (!range_inside<u64>(request.offset, request.into.size(), size_)) {
        return device_error(Errc::truncated, 0, "request past the end of the device",
                            request.offset);
      }
      u64 offset = request.offset;
      Bytes into = request.into;
      while (!into.empty()) {
        u64 const rest = cluster_size() - (offset & (cluster_size() - 1));
        Bytes const piece = into.first(std::min<u64>(rest, into.size()));
        XFSX_TRYV(plan(offset, piece));
        offset += piece.size();
        into = into.subspan(piece.size());
      }
    }
    if (!file_reads_.empty()) {
      XFSX_TRYV(file_->read(file_reads_));
    }
    if (!backing_reads_.empty()) {
      XFSX_TRYV(backing_->read(backing_reads_));
    }
    return success();
  });
}

}  // namespace

bool is_qcow2(BlockDevice& file) {
  std::array<std::byte, sector> bytes{};
  if (file.info().size < bytes.size()) return false;
  return read_exactly(file, 0, bytes).has_value() && view_as<be32>(bytes).value() == magic;
}

Result<std::unique_ptr<BlockDevice>> open_qcow2(std::unique_ptr<BlockDevice> file,
                                                OpenBacking const& open) {
  return guarded([&]() -> Result<std::unique_ptr<BlockDevice>> {
    // Header, extensions and the backing file's name lie in the first cluster.
    constexpr u64 first_bytes = 65536;
    u64 const size = file->info().size;
    std::vector<std::byte> bytes(std::min(size, first_bytes));
    if (!fits<Header>(bytes)) {
      return damaged(Errc::truncated, "magic", 0, size, sizeof(Header), Relation::at_least);
    }
    XFSX_TRYV(read_exactly(*file, 0, bytes));
    XFSX_TRY(Parsed const parsed, parse_header(bytes));
    XFSX_TRYV(check_features(parsed));
    XFSX_TRYV(check_header(parsed, size));
    XFSX_TRY(std::optional<BackingFile> const backing, find_backing(parsed, bytes));
    std::unique_ptr<BlockDevice> behind;
    if (backing) {
      XFSX_TRY(behind, open(*backing));
    }
    return std::unique_ptr<BlockDevice>(
        std::make_unique<Qcow2Device>(std::move(file), std::move(behind), parsed));
  });
}

}  // namespace xfsx::inline v0
