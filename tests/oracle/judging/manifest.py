"""Manifests: everything that Linux shows of a mounted filesystem (see images/README.md)."""
import base64
import errno
import fcntl
import hashlib
import json
import os
import stat
import struct

from . import linux
from .errors import CannotJudge

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFCHR: "char",
         stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}


def text(key, raw):
    """KEY and, where RAW is not UTF-8, its bytes beside it: the rule of the CLI's JSON."""
    try:
        return {key: raw.decode()}
    except UnicodeDecodeError:
        return {key: raw.decode(errors="replace"),
                key + "_bytes": base64.b64encode(raw).decode()}


def raw(entry, key="path"):
    """The bytes that text() was given."""
    if key + "_bytes" in entry:
        return base64.b64decode(entry[key + "_bytes"])
    return entry[key].encode()


def mappings(fd):
    """[file offset, physical byte, bytes, flags] of each mapping; u unwritten, s shared."""
    found, start = [], 0
    while True:
        room = 1000
        head = struct.pack("<QQIIII", start, (1 << 64) - 1 - start, 0, 0, room, 0)
        buffer = bytearray(head + bytes(56 * room))
        fcntl.ioctl(fd, linux.FIEMAP, buffer, True)
        got = struct.unpack_from("<I", buffer, 20)[0]
        for i in range(got):
            offset, at, length, _, _, flags = struct.unpack_from("<QQQQQI", buffer, 32 + 56 * i)
            found.append([offset, at, length,
                          ("u" if flags & 0x800 else "") + ("s" if flags & 0x2000 else "")])
            start = offset + length
            if flags & 1:
                return found
        if not got:
            return found


class Hashes:
    """SHA-256 of files. In a batch the same contents come again and again: they are kept and
    compared, which is ten times as fast as hashing them again."""

    limit = 256 << 20

    def __init__(self):
        self.known, self.kept = {}, 0

    def of(self, fd, size):
        pieces, at = [], 0
        while at < size:
            data = os.pread(fd, min(1 << 26, size - at), at)
            if not data:
                raise OSError(errno.EIO, f"short read at {at} of {size}")
            pieces.append(data)
            at += len(data)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        for contents, digest in self.known.get(size, ()):
            if contents == data:
                return digest
        digest = hashlib.sha256(data).hexdigest()
        if self.kept + size <= self.limit:
            self.known.setdefault(size, []).append((data, digest))
            self.kept += size
        return digest


def attributes(path):
    found = []
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        value = os.getxattr(path, name, follow_symlinks=False)
        found.append(text("name", os.fsencode(name)) | {
            "size": len(value), "sha256": hashlib.sha256(value).hexdigest()})
    return found


def _of_open_file(path, kind, size, hashes, want_mappings):
    found = {}
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NOATIME)
    try:
        buffer = bytearray(28)
        fcntl.ioctl(fd, linux.FS_GETXATTR, buffer, True)
        flags, hint, _, project = struct.unpack_from("<4I", buffer)
        if flags & 0x7fffffff:          # the top bit only repeats "has attributes"
            found["xflags"] = flags & 0x7fffffff
        if hint:
            found["extsize"] = hint
        if project:
            found["project"] = project
        if kind == "file":
            found["sha256"] = hashes.of(fd, size)
            if want_mappings:
                found["mappings"] = mappings(fd)
    finally:
        os.close(fd)
    return found


def describe(path, shown, links, hashes, want_mappings):
    """One entry; PATH is where it is now, SHOWN its path inside the filesystem."""
    st = os.lstat(path)
    kind = KINDS.get(stat.S_IFMT(st.st_mode), "unknown")
    entry = text("path", shown) | {"type": kind, "ino": st.st_ino}
    if kind != "dir" and st.st_nlink > 1:
        first = links.setdefault(st.st_ino, shown)
        if first != shown:
            return entry | text("same_inode_as", first)
    entry |= {"mode": f"{st.st_mode & 0o7777:04o}", "uid": st.st_uid, "gid": st.st_gid,
              "nlink": st.st_nlink, "size": st.st_size, "mtime_ns": st.st_mtime_ns,
              "ctime_ns": st.st_ctime_ns}
    if kind in ("char", "block"):
        entry["rdev"] = [os.major(st.st_rdev), os.minor(st.st_rdev)]
    if kind == "symlink":
        entry |= text("target", os.readlink(path))
    found = attributes(path)
    if found:
        entry["xattrs"] = found
    if kind in ("file", "dir"):
        entry |= _of_open_file(path, kind, st.st_size, hashes, want_mappings)
    return entry


def _unreadable(shown, error):
    return text("path", shown) | {"type": "error", "errno": error.errno,
                                  "message": os.strerror(error.errno)}


def walk(root, want_mappings=True, hashes=None):
    """Entries of everything below ROOT, sorted by the bytes of their paths."""
    hashes = hashes or Hashes()
    root, links, found = os.fsencode(root), {}, []
    todo, paths = [b"/"], []
    while todo:
        shown = todo.pop()
        try:
            if stat.S_ISDIR(os.lstat(root + shown).st_mode):
                todo.extend(os.path.join(shown, name) for name in os.listdir(root + shown))
            paths.append(shown)
        except OSError as e:
            found.append(_unreadable(shown, e))
    for shown in sorted(paths):         # sorted first, so that the first link is always the same
        try:
            found.append(describe(root + shown, shown, links, hashes, want_mappings))
        except OSError as e:
            found.append(_unreadable(shown, e))
    return sorted(found, key=raw)


def save(name, head, entries):
    """One entry a line, so that a difference between two manifests can be read."""
    with open(name, "w", encoding="utf-8") as f:
        body = json.dumps(head, indent=1, ensure_ascii=True).rstrip("}").rstrip()
        f.write(body + ',\n "entries": [\n')
        lines = (json.dumps(e, separators=(",", ":")) for e in entries)
        f.write(",\n".join("  " + line for line in lines) + "\n ]\n}\n")


def load(name):
    try:
        with open(name, encoding="utf-8") as f:
            found = json.load(f)
    except (OSError, ValueError) as e:
        raise CannotJudge(f"cannot read manifest {name}: {e}") from None
    if found.get("schema") != 1:
        raise CannotJudge(f"manifest {name}: unknown schema {found.get('schema')}")
    return found


# Offsets of what a swap must leave alone in the primary superblock; all big-endian.
SUPERBLOCK = {"icount": (128, ">Q"), "ifree": (136, ">Q"), "fdblocks": (144, ">Q"),
              "versionnum": (100, ">H"), "features2": (200, ">I"),
              "features_compat": (208, ">I"), "features_ro_compat": (212, ">I"),
              "features_incompat": (216, ">I"), "features_log_incompat": (220, ">I")}


def superblock(image):
    """Counters and feature words of the primary superblock, as they are on the disk."""
    with open(image, "rb") as f:
        data = f.read(512)
    return {name: struct.unpack_from(form, data, at)[0] for name, (at, form) in SUPERBLOCK.items()}
