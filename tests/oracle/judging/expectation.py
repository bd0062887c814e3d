"""What a manifest says an image must hold, before and after swaps, and how it differs."""
import copy
import hashlib
import os

from . import linux, manifest
from .errors import CannotJudge

CONTENTS = ("size", "sha256", "mappings")
PREALLOCATED = 0x2      # an inode flag that may follow the blocks or stay with the inode


def find(entries, path):
    """The entry of PATH, or of the first link to its inode."""
    entry = entries.get(path)
    if entry and "same_inode_as" in entry:
        entry = entries.get(manifest.raw(entry, "same_inode_as"))
    if not entry or entry["type"] != "file":
        raise CannotJudge(f"{os.fsdecode(path)}: not a regular file of the manifest")
    return entry


def keyed(entries):
    return {manifest.raw(e): e for e in entries}


def swapped(entries, pairs):
    """ENTRIES with the contents, sizes and mappings of each pair exchanged."""
    found = dict(entries)
    for pair in pairs:
        one, two = (copy.copy(find(found, p)) for p in pair)
        for key in CONTENTS:
            one[key], two[key] = two[key], one[key]
        for entry in (one, two):
            entry["touched"] = True
            found[manifest.raw(entry)] = entry
    return found


def with_ranges(entries, ranges, base):
    """ENTRIES after range exchanges; the old bytes come from the image BASE."""
    if not ranges:
        return entries
    if not base:
        raise CannotJudge("--range needs --base, which has the bytes")
    found, bytes_of = dict(entries), {}
    with linux.Mounted(base, read_only=True, options="nouuid,norecovery") as m:
        if not m.mounted:
            raise CannotJudge(f"{base}: {m.error}")
        for r in ranges:
            for path in r[:2]:
                if path not in bytes_of:
                    with open(os.fsencode(m.root) + path, "rb") as f:
                        bytes_of[path] = f.read()
    for one, two, at_one, at_two, length in ranges:
        a, b = bytes_of[one], bytes_of[two]
        end_one = len(a) if length is None else at_one + length
        end_two = len(b) if length is None else at_two + length
        bytes_of[one] = a[:at_one] + b[at_two:end_two] + a[end_one:]
        rest = bytes_of[two]    # it may be the same file
        bytes_of[two] = rest[:at_two] + a[at_one:end_one] + rest[end_two:]
    for path, data in bytes_of.items():
        entry = copy.copy(find(found, path))
        entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "touched": True}
        entry.pop("mappings", None)
        found[manifest.raw(entry)] = entry
    return found


def _exchange(one, two, keys):
    for key in keys:
        x, y = one.pop(key, None), two.pop(key, None)
        one |= {} if y is None else {key: y}
        two |= {} if x is None else {key: x}


def swapped_attributes(entries, pairs):
    """ENTRIES with the attributes of each pair exchanged."""
    found = dict(entries)
    for pair in pairs:
        one, two = (copy.copy(found[path]) for path in pair)
        _exchange(one, two, ("xattrs",))
        for path, entry in zip(pair, (one, two)):
            found[path] = entry | {"changed": True}
    return found


def swapped_forks(entries, pairs):
    """ENTRIES with what each pair of directories or of links holds exchanged."""
    found = dict(entries)
    for pair in pairs:
        one, two = (copy.copy(found[path]) for path in pair)
        _exchange(one, two, ("size", "target", "target_bytes"))
        moved = {}
        for path in list(found):
            for here, there in (pair, pair[::-1]):
                if path.startswith(here + b"/"):
                    moved[there + path[len(here):]] = found.pop(path)
        for path, entry in moved.items():
            kept = {key: value for key, value in entry.items() if key not in ("path", "path_bytes")}
            found[path] = kept | manifest.text("path", path)
        for path, entry in zip(pair, (one, two)):
            found[path] = entry | {"touched": True}
    return found


def _compare(path, want, got):
    touched, changed = want.get("touched"), want.get("changed")
    for key in sorted((set(want) | set(got)) - {"touched", "changed"}):
        x, y = want.get(key), got.get(key)
        if (touched and key in ("mtime_ns", "ctime_ns")) or (changed and key == "ctime_ns"):
            if x == y:
                yield f"{path}: {key} did not move on"
            continue
        if touched and key == "xflags":
            x, y = (x or 0) & ~PREALLOCATED, (y or 0) & ~PREALLOCATED
        if key == "mappings" and (x is None or y is None):
            continue
        if key == "mappings" and touched:
            # Whether a mapping is shared is the block's affair and stays true; compare it too.
            x, y = list(map(tuple, x)), list(map(tuple, y))
        if x != y:
            yield f"{path}: {key}: expected {str(x)[:200]}, found {str(y)[:200]}"


def differences(want, got, ignore=()):
    """One line for each thing that is not as it should be."""
    found = []
    for path in sorted(set(want) | set(got)):
        shown = ascii(os.fsdecode(path))[1:-1]
        if path not in got:
            found.append(f"{shown}: missing")
        elif path not in want:
            found.append(f"{shown}: not expected")
        elif got[path]["type"] == "error":
            found.append(f"{shown}: unreadable: {got[path]['message']}")
        else:
            found += [line for line in _compare(shown, want[path], got[path])
                      if not any(f": {key}" in line for key in ignore)]
    return found
