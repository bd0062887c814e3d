#pragma once
// A filesystem: what it is, its names, its files, where their blocks lie, and the exchange of file
// contents.
//
// Only exchange() writes. A Filesystem belongs to one thread at a time and must not outlive its
// device. Numbers come from the disk and were checked against the rules of the format; an error
// says which structure broke which rule, and where.

#include <xfsx/attribute.h>
#include <xfsx/device.h>
#include <xfsx/exchange.h>
#include <xfsx/owner.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xfsx::inline v0 {

struct OpenOptions {
  /// An external log that is not given is not read: `warnings` says so. A realtime device is needed
  /// for the contents of realtime files only.
  FurtherDevices devices;
  /// Show a filesystem whose log is dirty as recover() would leave it: the log is replayed, and
  /// interrupted work finished, in memory. Where that cannot be done, `warnings` says why, and what
  /// is on the device is shown.
  bool see_recovered = false;
};

/// What the search for head and tail of the log found.
struct LogInfo {
  bool clean = false;  ///< nothing waits for recovery
  bool torn = false;   ///< records behind the head were dropped because they are not whole
  Lsn head{};          ///< where the next record goes
  Lsn tail{};          ///< the oldest record that recovery needs; the head if clean
};

/// Shape, features, counters and log of a filesystem.
struct FilesystemInfo {
  Uuid uuid;               ///< what users see
  Uuid meta_uuid;          ///< what metadata carries
  std::string label;       ///< raw bytes
  u32 block_size = 0;      ///< bytes
  u32 sector_size = 0;     ///< bytes
  u32 inode_size = 0;      ///< bytes
  u32 dir_block_size = 0;  ///< bytes
  u64 data_blocks = 0;
  u32 ag_blocks = 0;
  u32 ag_count = 0;
  u32 stripe_unit = 0;   ///< blocks; 0 for none
  u32 stripe_width = 0;  ///< blocks; 0 for none
  InodeNumber root_inode{};
  u64 realtime_blocks = 0;
  u32 realtime_extent_size = 0;  ///< blocks
  u64 inodes_allocated = 0;
  u64 inodes_free = 0;
  u64 blocks_free = 0;
  u64 realtime_extents_free = 0;
  u16 quota_flags = 0;  ///< sb_qflags
  u32 version = 0;      ///< sb_versionnum
  u32 features_compat = 0, features_ro_compat = 0, features_incompat = 0;
  u32 features_log_incompat = 0;
  std::vector<std::string_view> features;  ///< names of the feature bits that are set
  bool internal_log = true;
  FsBlock log_start{};             ///< of an internal log
  u32 log_blocks = 0;              ///< filesystem blocks
  u32 log_unit = 0;                ///< stripe unit in bytes; 0 for none
  u32 log_sector_size = 0;         ///< bytes
  std::optional<LogInfo> log;      ///< empty if the log cannot be understood
  std::optional<Error> log_error;  ///< why not
  DeviceInfo device;
  std::optional<DeviceInfo> log_device;       ///< of an external log, where it was given
  std::optional<DeviceInfo> realtime_device;  ///< where it was given
};

/// What reading can go on without, but should be said.
struct Warning {
  enum class Code : u8 {
    dirty_log,          ///< changes wait in the log: what is read may be old
    recovered_view,     ///< changes wait in the log: what is read is what recovery would make
    unrecoverable,      ///< the same, but they could not be seen: `cause` says why
    unreadable_log,     ///< `cause` says why
    unknown_ro_compat,  ///< bits of `value` are unknown; reading is allowed
    unseen_log,         ///< the external log was not given: changes may wait in it
  } code;
  u64 value = 0;
  std::optional<Error> cause;
};

/// A stable identifier, for JSON ("dirty_log").
XFSX_API std::string_view to_string(Warning::Code code);

enum class FileType : u8 {
  unknown,
  regular,
  directory,
  character,
  block,
  fifo,
  socket,
  symlink,
  whiteout,
};

/// An inode, as its core says. Times are UTC.
struct FileStatus {
  InodeNumber inode{};
  FileType type = FileType::unknown;
  u16 mode = 0;  ///< type and permissions
  u32 uid = 0, gid = 0, project = 0;
  u32 links = 0;
  u64 size = 0;    ///< bytes
  u64 blocks = 0;  ///< filesystem blocks of both forks
  Timestamp accessed, modified, changed, created;
  u32 generation = 0;
  u64 change_count = 0;
  bool metadata = false;  ///< a file of the filesystem itself
  u16 flags = 0;          ///< di_flags
  u64 flags2 = 0;         ///< di_flags2
  u64 data_mappings = 0;
  u32 attr_mappings = 0;
  std::string_view data_format;            ///< "dev", "local", "extents", "btree"
  std::string_view attr_format;            ///< the same, or "none"
  u32 extent_size_hint = 0;                ///< blocks
  u32 cow_extent_size_hint = 0;            ///< blocks
  u32 device_major = 0, device_minor = 0;  ///< of character and block devices
};

/// One name of a directory.
struct DirectoryEntry {
  std::string name;  ///< raw bytes
  InodeNumber inode{};
  FileType type = FileType::unknown;
};

/// One directory of a walk, its entries sorted by the bytes of their names.
struct WalkedDirectory {
  std::string path;  ///< below the start of the walk: "" for itself, then "a", "a/b"
  InodeNumber inode{};
  std::vector<DirectoryEntry> entries;
};

/// How a walk goes.
struct WalkOptions {
  /// The inodes of all entries will be asked for: they are brought in ahead, many at once.
  bool inodes = false;
  /// Called for a directory that cannot be walked, or only in part, with its path below the start;
  /// false ends the walk. Without it such a directory ends the walk as an error.
  std::function<bool(std::string const& path, Error const& error)> problem;
};

/// One of several files that are read together.
struct FileRead {
  InodeNumber file{};
  Bytes into{};                  ///< bytes from the start of the file
  u64 got = 0;                   ///< how many there were
  std::optional<Error> problem;  ///< why this one could not be read
};

/// A run of file blocks that lie together on disk in one state.
struct FileMapping {
  FileBlock offset{};  ///< in the fork
  BlockCount length{};
  bool unwritten = false;  ///< allocated, reads as zeros
  bool shared = false;     ///< more than one file has these blocks
  bool realtime = false;   ///< `start` is a block of the realtime section; ag, agblock unset
  FsBlock start{};
  AgNumber ag = null_agnumber;
  AgBlock agblock = null_agblock;
  Daddr daddr{};  ///< on the device where it lies
};

class XFSX_API Filesystem {
 public:
  struct Impl;

  /// Opens what `device` holds; reads only, whatever the log is like. Errors: not_xfs,
  /// needs_repair, truncated, bad_value, bad_crc of the superblock; refused EOPNOTSUPP for unknown
  /// incompat bits and the oldest forms of version 4; refused EINVAL for a further device that the
  /// filesystem does not have, truncated for one that is too small; bad_value, bad_crc of the
  /// superblock of a realtime device; io; no_memory.
  static Result<std::unique_ptr<Filesystem>> open(BlockDevice& device,
                                                  OpenOptions const& options = {});
  ~Filesystem();
  Filesystem(Filesystem const&) = delete;
  Filesystem& operator=(Filesystem const&) = delete;

  /// Errors: those of reading the superblock.
  [[nodiscard]] Result<FilesystemInfo> info();

  /// What should be said before anything that was read is believed. Empty if all is well.
  [[nodiscard]] std::vector<Warning> warnings() const;

  /// The inode that an absolute path (raw bytes) names. Symbolic links on the way are followed
  /// inside the filesystem, 40 at most; one at the end is not, unless a slash follows. Errors, with
  /// the number of the component as operand and its name as note: refused ENOENT, ENOTDIR, ELOOP,
  /// ENAMETOOLONG; EINVAL for a path that does not begin with a slash; bad_value where it leads to
  /// files of the filesystem itself; those of the structures.
  Result<InodeNumber> resolve(std::string_view path);

  /// Errors: refused ENOENT for a number that is no inode in use; those of the structures.
  Result<FileStatus> stat(InodeNumber inode);

  /// Hands all entries but "." and ".." to `visit`, in the order of the disk, until it returns
  /// false. Errors: refused ENOTDIR, ENOENT; those of the structures.
  Result<void> list(InodeNumber directory, std::function<bool(DirectoryEntry const&)> const& visit);

  /// Hands `directory` and all directories below it to `visit`, each before those below it, until
  /// it returns false. Directories that come next are read together. Errors: loop if a directory
  /// lies below itself; bad_value if one has two places, or is of the filesystem itself and
  /// `directory` is not, or the other way; those of list.
  Result<void> walk(InodeNumber directory, std::function<bool(WalkedDirectory const&)> const& visit,
                    WalkOptions const& options = {});

  /// Brings in the inodes of the first of `entries`, as many as the cache should hold, with one
  /// batch; returns how many entries that are, at least one. What cannot be read is no error here.
  std::size_t prefetch(std::span<DirectoryEntry const> entries);

  /// Reads up to `into.size()` bytes of a regular file from byte `offset` on; fewer, down to none,
  /// where the file ends. Holes and unwritten blocks read as zeros. Large buffers are filled by
  /// one batch of requests. Errors: refused EISDIR, EINVAL (neither file nor directory), EOPNOTSUPP
  /// (realtime), ENOENT; those of the structures; io.
  Result<u64> read(InodeNumber file, u64 offset, Bytes into);

  /// Reads the beginnings of several regular files with one batch of requests; what is wrong with
  /// one does not keep the others from being read. Errors: io, no_memory.
  Result<void> read_each(std::span<FileRead> files);

  /// The target of a symbolic link, raw bytes. Errors: refused EINVAL if it is none; ENOENT.
  Result<std::string> read_link(InodeNumber link);

  /// Hands the mappings of a fork to `visit` in file order until it returns false, cut where
  /// blocks begin or cease to be shared. Errors: those of the structures; refused ENOENT.
  Result<void> mappings(InodeNumber file, ForkKind fork,
                        std::function<bool(FileMapping const&)> const& visit);

  /// Hands the extended attributes of an inode to `visit`, in the order of the disk and with their
  /// values, until it returns false. One that an interrupted operation left incomplete is left
  /// out, as Linux does. Errors: those of the structures; refused ENOENT.
  Result<void> attributes(InodeNumber inode, std::function<bool(Attribute const&)> const& visit);

  /// Whose the blocks at an address are: by the reverse mappings where the filesystem has them,
  /// otherwise, or on request, by looking through everything that can own a block. Errors: refused
  /// EINVAL for an address that does not exist; cancelled; those of the structures.
  Result<OwnersReport> find_owners(OwnersRequest const& request);

  /// What a regular file is now, for ExchangeRequest::fresh. Errors: refused EISDIR, EINVAL,
  /// ENOENT; those of the structures.
  Result<Freshness> freshness(InodeNumber file);

  /// What an exchange of two files' contents would do and cost; writes nothing. Errors: dirty_log;
  /// changed if file2 is not what it should be;
  /// refused with the errno of the rule that forbids it, and the operand where one file is to
  /// blame; those of the structures.
  Result<ExchangePlan> plan_exchange(ExchangeRequest const& request);

  /// Exchanges the contents of two files as one atomic change and leaves a clean log. The device
  /// must have been opened for writing. Errors: those of plan_exchange; cancelled; host_full, io
  /// and no_memory with Error::image saying what became of the filesystem; shut_down after a
  /// failure.
  Result<ExchangeReport> exchange(ExchangeRequest const& request);

  /// For the library's own use.
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  explicit Filesystem(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace xfsx::inline v0
