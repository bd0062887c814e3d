#include <xfsx/filesystem.h>

#include "attr/list.h"
#include "dir/directory.h"
#include "format/verify_ag.h"
#include "fs/impl.h"
#include "symlink/symlink.h"

#include <algorithm>

namespace xfsx::inline v0 {

namespace {

std::string_view name_of(disk::ForkFormat format) {
  switch (format) {
    case disk::ForkFormat::dev:
      return "dev";
    case disk::ForkFormat::local:
      return "local";
    case disk::ForkFormat::extents:
      return "extents";
    case disk::ForkFormat::btree:
      return "btree";
    case disk::ForkFormat::uuid:
      return "uuid";
    case disk::ForkFormat::meta_btree:
      return "meta_btree";
  }
  return "unknown";
}

std::vector<std::string_view> names_of(Features const& f) {
  auto const word_of = [&f](FeatureName::Word word) -> u32 {
    switch (word) {
      case FeatureName::Word::ro_compat:
        return f.ro_compat;
      case FeatureName::Word::incompat:
        return f.incompat;
      case FeatureName::Word::log_incompat:
        return f.log_incompat;
      case FeatureName::Word::version:
        return f.version;
      case FeatureName::Word::features2:
        return f.features2;
    }
    return 0;
  };
  std::vector<std::string_view> names;
  bool const old = (f.version & version_bit::number_mask) == 4;
  for (FeatureName const& row : old ? std::span<FeatureName const>(feature_names_v4)
                                    : std::span<FeatureName const>(feature_names)) {
    if ((word_of(row.word) & row.bit) != 0) names.push_back(row.name);
  }
  return names;
}

void add_geometry(FilesystemInfo& info, Geometry const& g) {
  info.uuid = g.uuid();
  info.meta_uuid = g.meta_uuid();
  info.block_size = g.block_size();
  info.sector_size = g.sector_size();
  info.inode_size = g.inode_size();
  info.dir_block_size = g.dir_block_size();
  info.data_blocks = g.data_blocks();
  info.ag_blocks = g.ag_blocks();
  info.ag_count = g.ag_count();
  info.root_inode = g.root_inode();
  info.internal_log = g.has_internal_log();
  info.log_start = g.log_start();
  info.log_blocks = g.log_blocks();
  info.log_unit = g.log_unit();
  info.log_sector_size = g.log_sector_size();
  Features const& f = g.features();
  info.features_compat = f.compat;
  info.features_ro_compat = f.ro_compat;
  info.features_incompat = f.incompat;
  info.features_log_incompat = f.log_incompat;
  info.features = names_of(f);
}

void add_superblock(FilesystemInfo& info, disk::Superblock const& sb) {
  info.label.assign(sb.fname.begin(), std::ranges::find(sb.fname, '\0'));
  info.stripe_unit = sb.unit.value();
  info.stripe_width = sb.width.value();
  info.realtime_blocks = sb.rblocks.value();
  info.realtime_extent_size = sb.rextsize.value();
  info.inodes_allocated = sb.icount.value();
  info.inodes_free = sb.ifree.value();
  info.blocks_free = sb.fdblocks.value();
  info.realtime_extents_free = sb.frextents.value();
  info.quota_flags = sb.qflags.value();
  info.version = sb.versionnum.value();
}

Result<FilesystemInfo> gather_info(Volume& volume) {
  Geometry const& g = volume.geometry();
  XFSX_TRY(BufferRef const sector,
           volume.cache().load(superblock_kind, Daddr(0),
                               SectorCount(g.sector_size() / basic_block_size)));
  FilesystemInfo info;
  add_geometry(info, g);
  add_superblock(info, view_as<disk::Superblock>(sector->bytes()));
  if (Result<LogState> const& log = volume.log()) {
    info.log = LogInfo{log.value().clean, log.value().torn, log.value().head, log.value().tail};
  } else {
    info.log_error = log.error();
  }
  info.device = volume.device().info();
  if (volume.log_device() != nullptr) info.log_device = volume.log_device()->info();
  Result<BlockDevice*> const realtime = volume.realtime_device();
  if (realtime && realtime.value() != &volume.device()) {
    info.realtime_device = realtime.value()->info();
  }
  return info;
}

void add_core(FileStatus& status, Inode const& inode) {
  disk::Dinode const& core = inode.core();
  status.inode = inode.number;
  status.type = type_of(inode.mode());
  status.mode = inode.mode();
  status.uid = core.uid.value();
  status.gid = core.gid.value();
  status.project = inode.project();
  status.links = inode.links();
  status.size = inode.size();
  status.blocks = inode.nblocks();
  status.accessed = inode.atime();
  status.modified = inode.mtime();
  status.changed = inode.ctime();
  status.created = inode.crtime();
  status.generation = inode.generation();
  status.change_count = inode.change_count();
  status.metadata = inode.is_metadata();
  status.flags = inode.flags();
  status.flags2 = inode.flags2();
  status.extent_size_hint = core.extsize.value();
  status.cow_extent_size_hint = inode.cow_extent_size();
}

FileStatus status_of(Inode const& inode) {
  FileStatus status;
  add_core(status, inode);
  status.data_mappings = inode.nextents();
  status.attr_mappings = inode.anextents();
  disk::ForkFormat const format = fork_format(inode, ForkKind::data);
  status.data_format = name_of(format);
  status.attr_format = inode.has_attr_fork() ? name_of(fork_format(inode, ForkKind::attr)) : "none";
  bool const device = status.type == FileType::character || status.type == FileType::block;
  ConstBytes const fork = fork_bytes(inode, ForkKind::data);
  if (device && fits<be32>(fork)) {
    u32 const number = view_as<be32>(fork).value();
    constexpr u32 minor_bits = 18;
    status.device_major = number >> minor_bits;
    status.device_minor = number & ((1U << minor_bits) - 1);
  }
  return status;
}

/// Replays a dirty log in memory and shows what comes of it.
Result<void> see_recovered(Filesystem::Impl& impl, BlockDevice& device,
                           FurtherDevices const& further) {
  Result<LogState> const& log = impl.on_device->log();
  if (!log || log.value().clean) return success();
  RecoverRequest request;
  request.devices = further;
  Result<std::unique_ptr<Recovery>> recovery = Recovery::prepare(device, request);
  if (recovery) {
    impl.recovery = std::move(recovery.value());
    impl.volume = &impl.recovery->view();
    return success();
  }
  Errc const code = recovery.error().code;
  if (code == Errc::io || code == Errc::no_memory) return recovery.error();
  impl.unrecoverable = recovery.error();
  return success();
}

/// Makes `file` the file that is read from. What is still known of it stays.
Result<void> open_for_reading(Filesystem::Impl& impl, InodeNumber file) {
  XFSX_TRY(Inode inode, load_inode(*impl.volume, file));
  XFSX_TRYV(check_readable(inode));
  // A change of the file publishes a new cluster.
  bool const known = impl.last_read && impl.last_read->inode.number == file &&
                     impl.last_read->inode.cluster == inode.cluster;
  if (known) return success();
  impl.last_read.reset();
  XFSX_TRY(std::vector<Mapping> mappings, collect_mappings(*impl.volume, inode, ForkKind::data));
  impl.last_read.emplace(Filesystem::Impl::OpenFile{std::move(inode), std::move(mappings)});
  return success();
}

}  // namespace

FileType type_of(u16 mode) {
  switch (mode & file_type::mask) {
    case file_type::regular:
      return FileType::regular;
    case file_type::directory:
      return FileType::directory;
    case file_type::character:
      return FileType::character;
    case file_type::block:
      return FileType::block;
    case file_type::fifo:
      return FileType::fifo;
    case file_type::socket:
      return FileType::socket;
    case file_type::symlink:
      return FileType::symlink;
    default:
      return FileType::unknown;
  }
}

std::string_view to_string(Warning::Code code) {
  switch (code) {
    case Warning::Code::dirty_log:
      return "dirty_log";
    case Warning::Code::recovered_view:
      return "recovered_view";
    case Warning::Code::unrecoverable:
      return "unrecoverable";
    case Warning::Code::unreadable_log:
      return "unreadable_log";
    case Warning::Code::unknown_ro_compat:
      return "unknown_ro_compat";
    case Warning::Code::unseen_log:
      return "unseen_log";
  }
  return "unknown";
}

Filesystem::Filesystem(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Filesystem::~Filesystem() = default;

Result<std::unique_ptr<Filesystem>> Filesystem::open(BlockDevice& device,
                                                     OpenOptions const& options) {
  return guarded([&]() -> Result<std::unique_ptr<Filesystem>> {
    auto impl = std::make_unique<Impl>();
    XFSX_TRY(impl->on_device, Volume::open(device, options.devices));
    impl->volume = impl->on_device.get();
    if (options.see_recovered) {
      XFSX_TRYV(see_recovered(*impl, device, options.devices));
    }
    return std::unique_ptr<Filesystem>(new Filesystem(std::move(impl)));
  });
}

Result<FilesystemInfo> Filesystem::info() {
  return guarded([&] { return gather_info(*impl_->volume); });
}

std::vector<Warning> Filesystem::warnings() const {
  std::vector<Warning> all;
  Result<LogState> const& log = impl_->volume->log();
  if (impl_->volume->log_is_missing()) {
    all.push_back({Warning::Code::unseen_log, 0, std::nullopt});
  } else if (!log) {
    all.push_back({Warning::Code::unreadable_log, 0, log.error()});
  } else if (impl_->recovery) {
    all.push_back({Warning::Code::recovered_view, 0, std::nullopt});
  } else if (impl_->unrecoverable) {
    all.push_back({Warning::Code::unrecoverable, 0, impl_->unrecoverable});
  } else if (!log.value().clean) {
    all.push_back({Warning::Code::dirty_log, 0, std::nullopt});
  }
  u32 const bits = impl_->volume->geometry().features().ro_compat & ~ro_compat::known;
  if (bits != 0) all.push_back({Warning::Code::unknown_ro_compat, bits, std::nullopt});
  return all;
}

Result<InodeNumber> Filesystem::resolve(std::string_view path) {
  return guarded([&] { return resolve_path(*impl_->volume, path); });
}

Result<FileStatus> Filesystem::stat(InodeNumber number) {
  return guarded([&]() -> Result<FileStatus> {
    XFSX_TRY(Inode const inode, load_inode(*impl_->volume, number));
    return status_of(inode);
  });
}

Result<void> Filesystem::list(InodeNumber number,
                              std::function<bool(DirectoryEntry const&)> const& visit) {
  return guarded([&]() -> Result<void> {
    XFSX_TRY(Inode inode, load_inode(*impl_->volume, number));
    XFSX_TRY(Directory directory, Directory::open(*impl_->volume, std::move(inode)));
    return directory.list([&](RawDirEntry const& e) {
      Result<FileType> const type = type_of(*impl_->volume, e);
      return visit({std::string(e.name), e.inode, type ? type.value() : FileType::unknown});
    });
  });
}

Result<void> Filesystem::walk(InodeNumber start,
                              std::function<bool(WalkedDirectory const&)> const& visit,
                              WalkOptions const& options) {
  return guarded([&] { return walk_directories(*impl_->volume, start, visit, options); });
}

std::size_t Filesystem::prefetch(std::span<DirectoryEntry const> entries) {
  try {
    return prefetch_entries(*impl_->volume, entries);
  } catch (std::bad_alloc const&) {
    return entries.size();  // whoever asks for the inodes is told
  }
}

Result<void> Filesystem::read_each(std::span<FileRead> files) {
  return guarded([&] { return read_files(*impl_->volume, files); });
}

Result<u64> Filesystem::read(InodeNumber file, u64 offset, Bytes into) {
  return guarded([&]() -> Result<u64> {
    XFSX_TRYV(open_for_reading(*impl_, file));
    Impl::OpenFile const& open = *impl_->last_read;
    if (offset >= open.inode.size()) return u64{0};
    u64 const count = std::min<u64>(into.size(), open.inode.size() - offset);
    XFSX_TRYV(read_mapped(*impl_->volume, open.inode, open.mappings, offset, into.first(count)));
    return count;
  });
}

Result<std::string> Filesystem::read_link(InodeNumber link) {
  return guarded([&]() -> Result<std::string> {
    XFSX_TRY(Inode const inode, load_inode(*impl_->volume, link));
    return read_symlink(*impl_->volume, inode);
  });
}

Result<void> Filesystem::mappings(InodeNumber file, ForkKind fork,
                                  std::function<bool(FileMapping const&)> const& visit) {
  return guarded([&]() -> Result<void> {
    XFSX_TRY(Inode const inode, load_inode(*impl_->volume, file));
    return visit_mappings(*impl_->volume, inode, fork, visit);
  });
}

Result<void> Filesystem::attributes(InodeNumber number,
                                    std::function<bool(Attribute const&)> const& visit) {
  return guarded([&]() -> Result<void> {
    Volume& volume = *impl_->volume;
    XFSX_TRY(Inode const inode, load_inode(volume, number));
    auto const one = [&](StoredAttribute const& a, std::vector<std::byte> value) -> Result<bool> {
      return visit({a.space, std::string(a.name), std::move(value)});
    };
    return for_each_value(volume, inode, one);
  });
}

}  // namespace xfsx::inline v0
