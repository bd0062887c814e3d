// xfsx ls [-l] [-R] [-0] IMAGE [PATH]

#include "open_image.h"
#include "report.h"
#include "text.h"
#include "verb.h"

#include <fmt/format.h>

#include <algorithm>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "One name a line, sorted by bytes, without `.` and `..`; the root directory if PATH is\n"
    "left out. Names are raw bytes; on a terminal control characters and bytes that are not\n"
    "UTF-8 are shown as a backslash and three octal digits, and a backslash likewise. -R\n"
    "shows paths relative to PATH, a directory's names before those of the directories in it.\n"
    "-l adds mode, links, owner, group, size (major, minor of a device), time of change in\n"
    "UTC, and a link's target.\n";

class Ls : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.optional_operand("PATH", path_, "a directory or another file");
    parser.flag("-l", long_, "more about each file");
    parser.flag("-R", recursive_, "the directories below too");
    parser.flag("-0", zero_, "end each line with a zero byte and escape nothing");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const& options) override {
    return path_.empty() ? std::string() : check_operand(path_, options);
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(OpenImage const image, open_image(session, false));
    Filesystem& fs = *image.filesystem;
    escape_ = session.environment().out.is_terminal() && !zero_;
    InodeNumber start{};
    if (path_.empty()) {
      XFSX_TRY(start, fs.resolve("/"));
    } else {
      XFSX_TRY(start, resolve_operand(session, fs, path_));
    }
    XFSX_TRY(FileStatus const status, fs.stat(start));
    if (status.type == FileType::directory) {
      XFSX_TRYV(recursive_ ? list_below(session, fs, start) : list_one(session, fs, start));
    } else {
      DirectoryEntry const entry{operand_bytes(path_, session.options()), start, status.type};
      XFSX_TRYV(show(session, fs, {}, entry));
    }
    if (!session.options().json) return success();
    return session.print_document(session.document("ls"), "entries", entries_);
  }

 private:
  Result<void> list_one(Session& session, Filesystem& fs, InodeNumber directory) {
    std::vector<DirectoryEntry> entries;
    XFSX_TRYV(fs.list(directory, [&entries](DirectoryEntry const& entry) {
      entries.push_back(entry);
      return true;
    }));
    std::ranges::sort(entries, {}, &DirectoryEntry::name);
    return show_all(session, fs, {}, entries);
  }

  Result<void> list_below(Session& session, Filesystem& fs, InodeNumber directory) {
    Result<void> shown = success();
    WalkOptions options;
    options.inodes = long_;
    Result<void> const walked = fs.walk(
        directory,
        [&](WalkedDirectory const& at) {
          shown = show_all(session, fs, at.path.empty() ? at.path : at.path + "/", at.entries);
          return shown.has_value();
        },
        options);
    return shown ? walked : shown;
  }

  Result<void> show_all(Session& session, Filesystem& fs, std::string const& prefix,
                        std::vector<DirectoryEntry> const& entries) {
    std::size_t ready = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (long_ && i == ready) ready += fs.prefetch(std::span(entries).subspan(i));
      XFSX_TRYV(show(session, fs, prefix, entries[i]));
    }
    done_ += entries.size();
    session.progress("names listed", done_, 0);
    return session.check_cancelled();
  }

  Result<void> show(Session& session, Filesystem& fs, std::string const& prefix,
                    DirectoryEntry const& entry) {
    std::optional<FileStatus> status;
    std::string target;
    if (long_) {
      XFSX_TRY(status, fs.stat(entry.inode));
      if (status->type == FileType::symlink) {
        XFSX_TRY(target, fs.read_link(entry.inode));
      }
    }
    std::string const name = prefix + entry.name;
    if (session.options().json) {
      add_json(name, entry, status, target);
      return success();
    }
    std::string line = status ? long_line(*status) : std::string();
    line += escape_ ? escape(name, true) : name;
    if (status && status->type == FileType::symlink) {
      line += " -> " + (escape_ ? escape(target, true) : target);
    }
    line += zero_ ? '\0' : '\n';
    return session.print(line);
  }

  static std::string long_line(FileStatus const& s) {
    bool const device = s.type == FileType::character || s.type == FileType::block;
    std::string const size =
        device ? fmt::format("{},{}", s.device_major, s.device_minor) : std::to_string(s.size);
    return fmt::format("{} {:>3} {:>5} {:>5} {:>10} {} ", mode_text(s.type, s.mode), s.links, s.uid,
                       s.gid, size, calendar(s.modified, false));
  }

  void add_json(std::string const& name, DirectoryEntry const& entry,
                std::optional<FileStatus> const& status, std::string const& target) {
    Value v = Value::group({});
    v.add(Value::words("name", name));
    if (!status) {
      v.add(Value::wide_integer("inode", entry.inode.raw()));
      v.add(Value::words("type", to_string(entry.type)));
    } else {
      for (Value& member : status_value({}, *status).items) v.add(std::move(member));
      if (status->type == FileType::symlink) v.add(Value::words("target", target));
    }
    entries_.add(v);
  }

  std::string path_;
  bool long_ = false, recursive_ = false, zero_ = false, escape_ = false;
  u64 done_ = 0;
  JsonList entries_;
};

}  // namespace

std::unique_ptr<Verb> make_ls() {
  return std::make_unique<Ls>();
}

}  // namespace xfsx::inline v0::cli
