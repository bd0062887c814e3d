#!/usr/bin/env python3
"""What files were called that recovery frees: told by the parents that they remember.

The running kernel makes files, sends them home, takes their names while they are open, and is shut
down when the log says so and the disk does not yet. `xfsx recover --json` has to free these files,
and to say of each what it was called; so does a dry run. Renamed directories above them count as
they are now.

XFSX: the program. Prints `PASS name` or `FAIL name: why`, a line each; exit status 2 where
nobody can judge.
"""
import json
import os
import shutil
import sys
import tempfile

import churn
import disks
import logs
import results
from disks import Disk, Mounted, linux, xfsprogs
from judging.errors import CannotJudge

NAMES = ("top", "one/two/three/deep", "one/two/beside", "one/a name\twith \\ and a line\n in it")
KEPT = "one/two/kept"
SIZE = 320 << 20


def make(path):
    with open(path, "wb") as file:
        file.truncate(SIZE)
    program = os.path.join(xfsprogs.directory(), "mkfs.xfs-6.13")
    xfsprogs.run([program, "-q", "--unsupported", "-n", "parent=1", "-d", "agcount=2", path])
    return Disk(path)


def take_names(root):
    """{inode: name} of what is unlinked in the log and not yet at home."""
    opened, expected = [], {}
    for name in (*NAMES, KEPT):
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with churn.opened(path, os.O_RDWR | os.O_CREAT) as fd:
            os.pwrite(fd, b"x" * 5000, 0)
    churn.freeze_and_thaw(os.fsencode(root))
    for name in NAMES:
        path = os.path.join(root, name)
        opened.append(os.open(path, os.O_RDONLY))
        expected[os.stat(path).st_ino] = "/" + name.replace("one/", "uno/", 1)
        os.unlink(path)
    os.rename(os.path.join(root, "one"), os.path.join(root, "uno"))
    churn.shut_down(root, "log flushed")
    for fd in opened:
        os.close(fd)
    return expected


def freed(disk, *words):
    done = logs.xfsx("--json", "recover", *words, disk.image)
    if done.returncode:
        raise CannotJudge("recover: status %d: %s" % (done.returncode, done.stderr))
    return {int(one["inode"]): one.get("path") for one in json.loads(done.stdout)["freed"]}


def judge(scratch):
    disk = make(os.path.join(scratch, "disk.img"))
    with Mounted(disk) as m:
        if not m.mounted:
            raise CannotJudge("mount: %s" % m.error)
        expected = take_names(m.root)
        m.unmount()
    for words in (("--dry-run",), ()):
        name = "names of freed files" + (", foretold" if words else "")
        found = freed(disk, *words)
        if found == expected:
            results.passed(name)
        else:
            results.failed(name, "expected %s, found %s" % (expected, found))


def main():
    disks.need_linux()
    scratch = tempfile.mkdtemp(prefix="xfsx-freed.", dir=linux.scratch_directory())
    try:
        judge(scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except CannotJudge as error:
        print("freed_oracle: %s" % error, file=sys.stderr)
        sys.exit(2)
