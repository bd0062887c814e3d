"""What Linux shows of a recovered filesystem, and how two looks at it differ."""
import fcntl
import os

from disks import linux
from judging import expectation, manifest

GET_VERSION = 0x80087601        # FS_IOC_GETVERSION: the inode's generation
CONTENTS = ("sha256", "mappings", "beyond the end")


def generation(path):
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NOATIME)
    try:
        found = bytearray(8)
        fcntl.ioctl(fd, GET_VERSION, found, True)
        return int.from_bytes(found[:4], "little")
    finally:
        os.close(fd)


class Look:
    """Every file, and the blocks that they all occupy."""

    def __init__(self, root, hashes):
        entries = manifest.walk(root, hashes=hashes)
        root = os.fsencode(root)
        block = os.statvfs(root).f_bsize
        for entry in entries:
            if entry["type"] not in ("file", "dir") or "same_inode_as" in entry:
                continue
            entry["generation"] = generation(root + manifest.raw(entry))
            if "mappings" in entry:
                kept, beyond = cut_at_end(entry["mappings"], entry["size"], block)
                entry["mappings"] = kept
                entry["beyond the end"] = beyond
        self.entries = expectation.keyed(entries)
        self.used = linux.blocks_in_use(root)
        self.by_inode = {e["ino"]: e for e in entries if "same_inode_as" not in e}


def joined(mappings):
    """Where mappings are cut in two does not matter; what they say of each block does."""
    found = []
    for offset, at, length, flags in mappings:
        last = found[-1] if found else None
        if last and (last[0] + last[2], last[1] + last[2], last[3]) == (offset, at, flags):
            last[2] += length
        else:
            found.append([offset, at, length, flags])
    return found


def cut_at_end(mappings, size, block):
    """(mappings up to the end of the file, those beyond). Linux gives back what lies beyond when it
    likes: it does so with inodes that it has to load to finish an intent."""
    end, kept, beyond = -(-size // block) * block, [], []
    for offset, at, length, flags in mappings:
        before = max(0, min(length, end - offset))
        if before:
            kept.append([offset, at, before, flags])
        if before < length:
            beyond.append([offset + before, at + before, length - before, flags])
    return joined(kept), joined(beyond)


def differences(linux_look, our_look, changed_inodes=(), sizes=None):
    """(what must not be, what is only worth a note). CHANGED_INODES: those whose time of change is
    that of the recovery. SIZES: of files whose exchange Linux does not end as its log says
    (decision 21), by inode; their contents are what exchange_oracle.py asks about."""
    sizes = sizes or {}
    notes, wanted, found = [], {}, {}
    for look, into in ((linux_look, wanted), (our_look, found)):
        for path, entry in look.entries.items():
            entry = dict(entry)
            if entry["ino"] in changed_inodes:
                entry.pop("ctime_ns", None)
            if entry["ino"] in sizes and "size" in entry:
                if look is linux_look:
                    entry["size"] = sizes[entry["ino"]]
                entry = {key: value for key, value in entry.items() if key not in CONTENTS}
            beyond = entry.pop("beyond the end", None)
            into[path] = entry
            if look is our_look:
                theirs = linux_look.entries.get(path, {}).get("beyond the end")
                if beyond != theirs:
                    notes.append("%s: blocks beyond the end: Linux %s, here %s" % (
                        ascii(os.fsdecode(path)), theirs, beyond))
    return expectation.differences(wanted, found), notes


def regular_files(look):
    """[(path, entry)] that have bytes to be read."""
    return [(path, entry) for path, entry in look.entries.items()
            if entry["type"] == "file" and "sha256" in entry]
