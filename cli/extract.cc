// xfsx extract [--dry-run] IMAGE PATH DEST

#include "extraction.h"
#include "open_image.h"
#include "verb.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Copies a directory and all below it, or one file, out of the image. DEST is a folder, made\n"
    "if it is not there; a directory's contents and its own metadata go to DEST itself, any other\n"
    "file becomes DEST/NAME (inode-N if it was given by number). Kept are modes, owners where\n"
    "permitted, atime and mtime to the nanosecond, extended attributes, ACLs, capabilities, holes\n"
    "(unwritten blocks become holes too), hard links, symbolic links, devices, fifos and sockets\n"
    "where permitted, and shared blocks where DEST can share. Inode flags, project IDs, hints,\n"
    "ctime and birth times are not.\n"
    "No name of the image leads out of DEST, and no symbolic link below DEST is followed.\n"
    "Each file is written as .xfsx-part.INODE and gets its name last, when it has everything. Run\n"
    "again after an interruption: what has its name, type, size and mtime is whole and kept, the\n"
    "rest is extracted; directories get their metadata anew.\n"
    "What cannot be read or made is told and counted, and the rest goes on; the exit status is 65\n"
    "then. Owners and attributes that the host does not permit are told and change no status.\n"
    "With -n the paths are listed and nothing is written.\n";

/// Modes are the image's, whatever the mask of the process.
class NoUmask {
 public:
  NoUmask() : before_(::umask(0)) {}
  NoUmask(NoUmask const&) = delete;
  NoUmask& operator=(NoUmask const&) = delete;
  ~NoUmask() { ::umask(before_); }

 private:
  mode_t before_;
};

class Extract : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operand("PATH", path_, "an absolute path, or inode:N");
    parser.operand("DEST", destination_, "a folder of the host");
    parser.flag("-n,--dry-run", dry_run_, "list what would be extracted, write nothing");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const& options) override {
    return check_operand(path_, options);
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(OpenImage const image, open_image(session, false));
    Filesystem& fs = *image.filesystem;
    XFSX_TRY(InodeNumber const start, resolve_operand(session, fs, path_));
    XFSX_TRY(FileStatus const status, fs.stat(start));
    XFSX_TRY(FilesystemInfo const info, fs.info());
    Result<HostTree> tree = dry_run_ ? HostTree::nowhere() : HostTree::open(destination_);
    if (!tree) return tree.error();
    NoUmask const no_umask;
    Extraction extraction(session, fs, tree.value(), info.block_size, dry_run_);
    Result<void> outcome = status.type == FileType::directory
                               ? extraction.directory(status)
                               : extraction.one_file(file_name(session, start), status);
    if (session.options().json) {
      XFSX_TRYV(session.print_document(document(session, extraction)));
    } else if (!dry_run_) {
      session.tell(extraction.summary());
    }
    return outcome;
  }

 private:
  [[nodiscard]] std::string file_name(Session const& session, InodeNumber inode) const {
    std::string path = operand_bytes(path_, session.options());
    while (path.ends_with('/')) path.pop_back();
    if (!path.starts_with('/')) return fmt::format("inode-{}", inode.raw());
    return path.substr(path.rfind('/') + 1);
  }

  [[nodiscard]] Value document(Session const& session, Extraction& extraction) const {
    Value said = session.document("extract");
    said.add(Value::words("file", operand_bytes(path_, session.options())));
    said.add(Value::words("destination", destination_));
    said.add(Value::flag("dry_run", dry_run_));
    extraction.add_to(said);
    return said;
  }

  std::string path_, destination_;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_extract() {
  return std::make_unique<Extract>();
}

}  // namespace xfsx::inline v0::cli
