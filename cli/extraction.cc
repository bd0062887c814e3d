#include "extraction.h"

#include "text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>

namespace xfsx::inline v0::cli {

namespace {

constexpr u64 most_told = 1000;
constexpr mode_t type_bits = S_IFMT;

std::string_view parent_of(std::string_view below) {
  std::size_t const slash = below.rfind('/');
  return slash == below.npos ? std::string_view() : below.substr(0, slash);
}

std::string last_of(std::string_view below) {
  std::size_t const slash = below.rfind('/');
  return std::string(slash == below.npos ? below : below.substr(slash + 1));
}

/// Whether `below` lies in `folder`, or is it.
bool lies_in(std::string_view below, std::string_view folder) {
  if (folder.empty() || below == folder) return true;
  return below.starts_with(folder) && below.substr(folder.size()).starts_with('/');
}

/// A name that no entry of the directory has.
std::string part_name(InodeNumber inode, std::unordered_set<std::string> const& taken) {
  std::string name = fmt::format(".xfsx-part.{}", inode.raw());
  while (taken.contains(name)) name += '~';
  return name;
}

Error unusable_name(std::string_view why) {
  Error e = make_error(Errc::bad_value, EUCLEAN, why);
  e.structure = "dir entry";
  e.field = "name";
  return e;
}

/// Linux opens no such file. `status`: of the file.
Error no_file_of_users(FileStatus const& status) {
  Error e =
      make_error(Errc::bad_value, EUCLEAN, "a name of a user leads to a file of the metadata tree");
  e.structure = "inode";
  e.field = "flags2";
  e.address_kind = AddressKind::inode;
  e.address = status.inode.raw();
  return e;
}

bool same_time(timespec const& t, Timestamp const& stored) {
  return t.tv_sec == stored.seconds && t.tv_nsec == static_cast<long>(stored.nanoseconds);
}

}  // namespace

Result<void> Extraction::going() {
  u64 const bytes = copy_.written() + copy_.cloned();
  session_.progress("bytes extracted", bytes, 0);
  return session_.check_cancelled();
}

void Extraction::tell_left_out(std::string const& below, std::string_view text) {
  if (++told_ <= most_told) session_.warn("left_out", fmt::format("/{}: {}", below, text));
}

Result<void> Extraction::attempt(std::string const& below, Result<void> const& outcome) {
  if (outcome) return outcome;
  Errc const code = outcome.error().code;
  if (code == Errc::cancelled || code == Errc::host_full || code == Errc::no_memory) return outcome;
  ++count_.errors;
  session_.set_incomplete();
  if (++told_ <= most_told) session_.problem('/' + below, outcome.error());
  return success();
}

Result<void> Extraction::directory(FileStatus const& start) {
  metadata_ = start.metadata;
  Result<void> outcome = success();
  WalkOptions options;
  options.inodes = true;
  options.problem = [&](std::string const& below, Error const& e) {
    outcome = attempt(below, e);
    return outcome.has_value();
  };
  Result<void> const walked = filesystem_.walk(
      start.inode,
      [&](WalkedDirectory const& at) {
        outcome = enter(at);
        return outcome.has_value();
      },
      options);
  XFSX_TRYV(outcome);
  XFSX_TRYV(walked);
  return leave_until("/");
}

Result<void> Extraction::one_file(std::string const& name, FileStatus const& status) {
  UniqueFd folder;
  if (!dry_run_) {
    XFSX_TRY(folder, tree_.folder(""));
  }
  std::string const part = part_name(status.inode, {name});
  return attempt(name, entry(folder.get(), name, name, status, part));
}

Result<void> Extraction::enter(WalkedDirectory const& at) {
  if (!blocked_.empty() && at.path.starts_with(blocked_)) return success();
  XFSX_TRYV(leave_until(at.path));
  UniqueFd folder;
  if (!dry_run_) {
    Result<void> const made = make_and_open(at.path, folder);
    if (!made && at.path.empty()) return made;
    if (!made) {
      blocked_ = at.path + '/';
      return attempt(at.path, made);
    }
    open_.push_back({at.path, at.inode});
  } else if (!at.path.empty()) {
    Result<FileStatus> const status = filesystem_.stat(at.inode);
    if (!status) return attempt(at.path, status.error());
    XFSX_TRYV(list(at.path, status.value()));
  }
  ++count_.directories;
  XFSX_TRYV(going());
  return entries(at, folder.get());
}

Result<void> Extraction::make_and_open(std::string const& below, UniqueFd& folder) {
  if (!below.empty()) {
    std::string const name = last_of(below);
    if (!is_safe_name(name)) return unusable_name("the name cannot be a file's");
    XFSX_TRY(UniqueFd const parent, tree_.folder(parent_of(below)));
    XFSX_TRYV(make_folder(parent.get(), name));
  }
  XFSX_TRY(folder, tree_.folder(below));
  // An earlier run may have made it read-only already.
  if (::fchmod(folder.get(), S_IRWXU) != 0) return host_error(errno, "cannot set the mode", below);
  return success();
}

Result<void> Extraction::leave_until(std::string const& below) {
  while (!open_.empty() && !lies_in(below, open_.back().below)) {
    XFSX_TRYV(attempt(open_.back().below, finish_folder(open_.back())));
    open_.pop_back();
  }
  if (below != "/" || open_.empty()) return success();
  // The destination itself, which every path lies in.
  XFSX_TRYV(attempt({}, finish_folder(open_.back())));
  open_.pop_back();
  return success();
}

Result<void> Extraction::finish_folder(OpenFolder const& which) {
  XFSX_TRY(FileStatus const status, filesystem_.stat(which.inode));
  XFSX_TRY(UniqueFd const folder, tree_.folder(which.below));
  return metadata({folder.get(), -1, {}}, which.below, status);
}

Result<void> Extraction::entries(WalkedDirectory const& at, int folder) {
  std::unordered_set<std::string> names;
  for (DirectoryEntry const& e : at.entries) names.insert(e.name);
  std::size_t ready = 0;
  for (std::size_t i = 0; i < at.entries.size(); ++i) {
    DirectoryEntry const& e = at.entries[i];
    if (i == ready) ready += filesystem_.prefetch(std::span(at.entries).subspan(i));
    if (e.type == FileType::directory) continue;
    std::string const below = at.path.empty() ? e.name : at.path + '/' + e.name;
    Result<FileStatus> const status = filesystem_.stat(e.inode);
    if (status && status.value().metadata && !metadata_) {
      XFSX_TRYV(attempt(below, no_file_of_users(status.value())));
      continue;
    }
    XFSX_TRYV(attempt(
        below, status ? entry(folder, below, e.name, status.value(), part_name(e.inode, names))
                      : Result<void>(status.error())));
    XFSX_TRYV(going());
  }
  return success();
}

Result<void> Extraction::entry(int folder, std::string const& below, std::string const& name,
                               FileStatus const& status, std::string const& part) {
  if (!is_safe_name(name)) return unusable_name("the name cannot be a file's");
  if (status.type == FileType::directory) {
    return unusable_name("the entry names a directory as another kind of file");
  }
  if (dry_run_) return list(below, status);
  Place const place{folder, name, below, part, status};
  XFSX_TRY(bool linked, make_link(place));
  if (linked) return success();
  XFSX_TRY(bool const whole, is_whole(place));
  if (whole) {
    ++count_.kept;
    if (status.type == FileType::regular) {
      XFSX_TRYV(copy_.learn(status, below));
    }
  } else {
    XFSX_TRYV(make(place));
  }
  if (status.links > 1) links_.try_emplace(status.inode.raw(), below);
  return success();
}

Result<bool> Extraction::is_whole(Place const& place) {
  XFSX_TRY(std::optional<struct stat> const found, look_at(place.folder, place.name));
  FileStatus const& s = place.status;
  if (!found || (found->st_mode & type_bits) != (s.mode & type_bits)) return false;
  if (!same_time(found->st_mtim, s.modified)) return false;
  bool const device = s.type == FileType::character || s.type == FileType::block;
  if (device) return found->st_rdev == ::makedev(s.device_major, s.device_minor);
  bool const sized = s.type == FileType::regular || s.type == FileType::symlink;
  return !sized || static_cast<u64>(found->st_size) == s.size;
}

Result<bool> Extraction::make_link(Place const& place) {
  auto const first = links_.find(place.status.inode.raw());
  if (first == links_.end()) return false;
  XFSX_TRY(UniqueFd const from, tree_.folder(parent_of(first->second)));
  std::string const name = last_of(first->second);
  XFSX_TRY(std::optional<struct stat> const source, look_at(from.get(), name));
  XFSX_TRY(std::optional<struct stat> const found, look_at(place.folder, place.name));
  bool const linked =
      source && found && source->st_dev == found->st_dev && source->st_ino == found->st_ino;
  if (linked) {
    ++count_.kept;
    return true;
  }
  XFSX_TRYV(remove_name(place.folder, place.part));
  if (::linkat(from.get(), name.c_str(), place.folder, place.part.c_str(), 0) != 0) {
    return host_error(errno, "cannot link", place.name);
  }
  XFSX_TRYV(rename_over(place.folder, place.part, place.name));
  ++count_.hard_links;
  return true;
}

Result<void> Extraction::make(Place const& place) {
  XFSX_TRYV(remove_name(place.folder, place.part));
  Result<void> made =
      place.status.type == FileType::regular ? make_regular(place) : make_nameless(place);
  if (made) made = rename_over(place.folder, place.part, place.name);
  // What an error leaves behind is no file of the image.
  if (!made && !remove_name(place.folder, place.part)) return made;
  return made;
}

Result<void> Extraction::make_regular(Place const& place) {
  UniqueFd const file(::openat(place.folder, place.part.c_str(),
                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return host_error(errno, "cannot make", place.part);
  XFSX_TRYV(copy_.copy(place.status, file.get(), [this] { return going(); }));
  XFSX_TRYV(metadata({file.get(), place.folder, place.part}, place.below, place.status));
  copy_.keep(place.below);
  ++count_.regular;
  return success();
}

Result<void> Extraction::make_nameless(Place const& place) {
  FileStatus const& s = place.status;
  if (s.type == FileType::symlink) {
    XFSX_TRY(std::string const target, filesystem_.read_link(s.inode));
    if (::symlinkat(target.c_str(), place.folder, place.part.c_str()) != 0) {
      return host_error(errno, "cannot make the link", place.name);
    }
    ++count_.symlinks;
  } else {
    dev_t const device = ::makedev(s.device_major, s.device_minor);
    if (::mknodat(place.folder, place.part.c_str(), s.mode & (type_bits | 07777U), device) != 0) {
      return host_error(errno, "cannot make the special file", place.name);
    }
    ++count_.special;
  }
  return metadata({-1, place.folder, place.part}, place.below, s);
}

Result<void> Extraction::metadata(HostTarget const& target, std::string const& below,
                                  FileStatus const& status) {
  std::vector<HostAttribute> wanted;
  Result<void> unusable = success();
  Result<void> const read = filesystem_.attributes(status.inode, [&](Attribute const& a) {
    Result<std::optional<HostAttribute>> host = host_attribute(a);
    if (!host) {
      unusable = with_owner(host.error(), status.inode);
    } else if (host.value()) {
      wanted.push_back(std::move(*host.value()));
    }
    return true;
  });
  // The bytes and the rest are worth having without them.
  XFSX_TRYV(attempt(below, read));
  XFSX_TRYV(attempt(below, unusable));
  XFSX_TRY(LeftOut const left, apply_metadata(target, status, wanted));
  if (left.owner) ++count_.owners;
  if (left.privileges) {
    ++count_.privileges;
    tell_left_out(below, "set-id bits are left out, since the owner is another");
  }
  count_.attributes += left.attributes.size();
  for (std::string const& name : left.attributes) {
    tell_left_out(below, "attribute " + name + " is left out");
  }
  return success();
}

Result<void> Extraction::list(std::string const& below, FileStatus const& status) {
  switch (status.type) {
    case FileType::directory:
      break;
    case FileType::regular:
      ++count_.regular;
      break;
    case FileType::symlink:
      ++count_.symlinks;
      break;
    default:
      ++count_.special;
  }
  if (session_.options().json) {
    Value& row = paths_.add(Value::group({}));
    row.add(Value::words("path", below));
    row.add(Value::wide_integer("inode", status.inode.raw()));
    return success();
  }
  bool const terminal = session_.environment().out.is_terminal();
  return session_.print((terminal ? escape(below, true) : below) + "\n");
}

void Extraction::add_to(Value& document) {
  Value& counts = document.add(Value::group("counts"));
  counts.add(Value::wide_integer("directories", count_.directories));
  counts.add(Value::wide_integer("regular", count_.regular));
  counts.add(Value::wide_integer("symlinks", count_.symlinks));
  counts.add(Value::wide_integer("special", count_.special));
  counts.add(Value::wide_integer("hard_links", count_.hard_links));
  counts.add(Value::wide_integer("kept", count_.kept));
  counts.add(Value::wide_integer("errors", count_.errors));
  counts.add(Value::wide_integer("owners_left_out", count_.owners));
  counts.add(Value::wide_integer("attributes_left_out", count_.attributes));
  counts.add(Value::wide_integer("set_id_bits_left_out", count_.privileges));
  document.add(Value::wide_integer("bytes_written", copy_.written()));
  document.add(Value::wide_integer("bytes_shared", copy_.cloned()));
  if (dry_run_) document.add(std::move(paths_));
}

std::string Extraction::summary() const {
  return fmt::format(
      "{} directories, {} regular files, {} symbolic links, {} special files, {} hard links; {} "
      "kept as they were; {} bytes written, {} shared; {} errors; left out: {} owners, {} "
      "attributes",
      count_.directories, count_.regular, count_.symlinks, count_.special, count_.hard_links,
      count_.kept, copy_.written(), copy_.cloned(), count_.errors, count_.owners,
      count_.attributes);
}

}  // namespace xfsx::inline v0::cli
