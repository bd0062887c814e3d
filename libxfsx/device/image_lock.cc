// Two kinds of locks, because the host's programs use two. flock(2) is what most tools and another
// xfsx take. qemu (2.10 and later) describes what it does with an image by open file description
// locks on single bytes: a shared lock on byte 100 + p says "I use permission p", one on byte
// 200 + p says "nobody else may use p"; p is 0 for consistent reads, 1 for writes, 2 for writes
// that change nothing, 3 for resizing. Everybody first takes locks and then looks whether somebody
// else's contradict them, so that of two who come at once at least one sees the other.

#include "device/image_lock.h"

#include "device/host_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <sstream>
#include <string>

namespace xfsx::inline v0 {

namespace {

constexpr off_t used_base = 100;
constexpr off_t forbidden_base = 200;
constexpr int consistent_read = 0;
constexpr int write_permission = 1;
constexpr int permissions_used[] = {consistent_read, write_permission};
constexpr int permissions_forbidden[] = {write_permission, 2, 3};

struct flock byte_lock(short type, off_t byte) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

Error locked(std::string const& holder) {
  return with_note(make_error(Errc::busy, EBUSY, "the image is locked by another program"), holder);
}

/// Who holds the flock, as /proc/locks tells: "7: FLOCK ADVISORY WRITE 4711 fe:01:1234 0 EOF".
std::string flock_holder(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return {};
  std::string const wanted =
      fmt::format("{:02x}:{:02x}:{}", major(status.st_dev), minor(status.st_dev), status.st_ino);
  std::istringstream locks(host_text("/proc/locks"));
  std::string number, kind, advisory, mode, pid, file, rest;
  while (locks >> number >> kind >> advisory >> mode >> pid >> file && std::getline(locks, rest)) {
    if (kind == "FLOCK" && file == wanted) return "process " + pid;
  }
  return {};
}

/// Takes a shared lock on one byte. False when somebody holds an exclusive one; a host without such
/// locks has nobody to find by them.
bool take(int fd, off_t byte) {
  struct flock lock = byte_lock(F_RDLCK, byte);
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

/// Refuses when somebody else has a lock on the byte.
Result<void> check_free(int fd, off_t byte) {
  struct flock lock = byte_lock(F_WRLCK, byte);
  if (::fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return success();
  return locked(lock.l_pid > 0 ? fmt::format("process {}", lock.l_pid)
                               : fmt::format("lock on byte {}, as qemu takes", byte));
}

}  // namespace

Result<void> lock_for_writing(int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return locked(flock_holder(fd));
  for (int const p : permissions_used) {
    if (!take(fd, used_base + p)) return check_free(fd, used_base + p);
  }
  for (int const p : permissions_forbidden) {
    if (!take(fd, forbidden_base + p)) return check_free(fd, forbidden_base + p);
  }
  for (int const p : permissions_used) {
    XFSX_TRYV(check_free(fd, forbidden_base + p));
  }
  for (int const p : permissions_forbidden) {
    XFSX_TRYV(check_free(fd, used_base + p));
  }
  return success();
}

void lock_for_reading(int fd) {
  // Both only inform others; where they are refused a writer is at work, and reading goes on.
  ::flock(fd, LOCK_SH | LOCK_NB);
  static_cast<void>(take(fd, used_base + consistent_read));
}

}  // namespace xfsx::inline v0
