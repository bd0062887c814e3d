#pragma once
// A tree on its way out of an image.
//
// Each folder is opened when its turn comes, gets its files, and gets its own metadata when the
// walk has left it: what is made in it changes its times, and it may be read-only. A file is
// written under a temporary name and renamed when it has everything, so a name that stands is
// whole; a further run keeps it.

#include "file_copy.h"
#include "host_metadata.h"
#include "session.h"

#include <unordered_map>
#include <unordered_set>

namespace xfsx::inline v0::cli {

class Extraction {
 public:
  Extraction(Session& session, Filesystem& filesystem, HostTree const& tree, u32 block_size,
             bool dry_run)
      : session_(session),
        filesystem_(filesystem),
        tree_(tree),
        copy_(filesystem, tree, block_size),
        dry_run_(dry_run) {}

  /// Extracts a directory and all below it. Errors: cancelled, host_full; all others are told.
  Result<void> directory(FileStatus const& start);

  /// Extracts one file that is no directory, as `name`.
  Result<void> one_file(std::string const& name, FileStatus const& status);

  /// The counts, and in a dry run the paths, as members of the verb's document.
  void add_to(Value& document);
  [[nodiscard]] std::string summary() const;

 private:
  struct OpenFolder {
    std::string below;
    InodeNumber inode;
  };
  /// A file that is being extracted: where, and what it is.
  struct Place {
    int folder = -1;
    std::string const& name;   // its own
    std::string const& below;  // from the destination
    std::string part;          // its temporary name
    FileStatus const& status;
  };

  Result<void> enter(WalkedDirectory const& at);
  Result<void> make_and_open(std::string const& below, UniqueFd& folder);
  Result<void> leave_until(std::string const& below);
  Result<void> finish_folder(OpenFolder const& folder);
  Result<void> entries(WalkedDirectory const& at, int folder);
  Result<void> entry(int folder, std::string const& below, std::string const& name,
                     FileStatus const& status, std::string const& part);
  /// Whether the file stands as an earlier run left it.
  Result<bool> is_whole(Place const& place);
  Result<void> make(Place const& place);
  Result<void> make_regular(Place const& place);
  Result<void> make_nameless(Place const& place);
  Result<bool> make_link(Place const& place);
  Result<void> metadata(HostTarget const& target, std::string const& below,
                        FileStatus const& status);
  Result<void> list(std::string const& below, FileStatus const& status);

  /// Tells an error and goes on; what ends everything is handed back.
  Result<void> attempt(std::string const& below, Result<void> const& outcome);
  void tell_left_out(std::string const& below, std::string_view text);
  Result<void> going();

  Session& session_;
  Filesystem& filesystem_;
  HostTree const& tree_;
  FileCopy copy_;
  bool dry_run_;
  bool metadata_ = false;  // what is extracted is of the metadata tree
  std::vector<OpenFolder> open_;
  std::string blocked_;  // a folder that could not be made, with the slash behind it
  std::unordered_map<u64, std::string> links_;  // the first path of files with several names
  struct {
    u64 directories = 0, regular = 0, symlinks = 0, special = 0, hard_links = 0, kept = 0;
    u64 errors = 0, owners = 0, attributes = 0, privileges = 0;
  } count_;
  u64 told_ = 0;
  Value paths_ = Value::list("paths");
};

}  // namespace xfsx::inline v0::cli
