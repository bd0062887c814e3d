"""What the tests of the command line share: the program, the images, and copies of them."""

import atexit
import base64
import collections
import functools
import glob
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# False where a campaign runs these tests on images of its own.
SHIPPED = not os.environ.get("XFSX_IMAGES")
shipped_only = unittest.skipUnless(SHIPPED, "asks for images that are shipped")
IMAGES = os.environ.get("XFSX_IMAGES") or os.path.join(ROOT, "images")
CHUNK = 1 << 20

Done = collections.namedtuple("Done", "status out err")


def xfsx(*words, environment=None, text=True, **how):
    """Runs the program; out is text, or bytes on request, err is always text."""
    environment = {**os.environ, **(environment or {})}
    done = subprocess.run([os.environ["XFSX"], *[os.fsencode(w) for w in words]], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **how)
    return Done(done.returncode, done.stdout.decode() if text else done.stdout,
                done.stderr.decode())


@functools.lru_cache(maxsize=None)
def scratch():
    """A folder that is removed when the tests have ended."""
    folder = tempfile.mkdtemp(prefix="xfsx-cli-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def image_names():
    """All shipped images. A realtime device lies beside the image that it belongs to."""
    names = {os.path.basename(path).split(".img")[0]
             for path in glob.glob(os.path.join(IMAGES, "*.img*"))}
    return sorted(name for name in names if not name.endswith(".rt"))


def packed(name):
    """The path of a shipped image, compressed as it is."""
    return os.path.join(IMAGES, name + ".img.gz")


@functools.lru_cache(maxsize=None)
def manifest(name):
    with open(os.path.join(IMAGES, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def v5_names():
    """The images that this release reads."""
    return [name for name in image_names() if manifest(name).get("entries")]


def write_sparse(source, target):
    while True:
        chunk = source.read(CHUNK)
        if not chunk:
            break
        if chunk.count(0) == len(chunk):
            target.seek(len(chunk), os.SEEK_CUR)
        else:
            target.write(chunk)
    target.truncate()


@functools.lru_cache(maxsize=None)
def image(name):
    """The path of an unpacked image, which nobody may change. Its realtime device, if it has one,
    is unpacked beside it."""
    plain = os.path.join(IMAGES, name + ".img")
    if os.path.exists(plain):
        return plain
    path = os.path.join(scratch(), name + ".img")
    with gzip.open(os.path.join(IMAGES, name + ".img.gz")) as packed, open(path, "wb") as file:
        write_sparse(packed, file)
    os.chmod(path, 0o444)
    if os.path.exists(os.path.join(IMAGES, name + ".rt.img.gz")):
        image(name + ".rt")
    return path


def realtime_path(path):
    """Where the realtime device of an unpacked image lies, if it has one."""
    return path[:-len(".img")] + ".rt.img"


def realtime(path):
    """The words that name the realtime device of an unpacked image; none if it has none."""
    device = realtime_path(path)
    return ["--rt-dev", device] if os.path.exists(device) else []


@functools.lru_cache(maxsize=None)
def _serial():
    return [0]


def copy_of(name):
    """The path of an unpacked image of the caller's own."""
    _serial()[0] += 1
    path = os.path.join(scratch(), "%s-%d.img" % (name, _serial()[0]))
    copy_sparse(image(name), path)
    return path


def copy_sparse(source, target):
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target], check=True)
    os.chmod(target, 0o644)


def digest(path):
    state = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            state.update(chunk)
    return state.hexdigest()


def entries(name):
    """The manifest's files by path, as bytes; further links of an inode have the inode's facts."""
    found, by_path = {}, {}
    for entry in manifest(name).get("entries", []):
        by_path[entry["path"]] = entry
        path = base64.b64decode(entry["path_bytes"]) if "path_bytes" in entry \
            else entry["path"].encode()
        if "same_inode_as" in entry:
            entry = {**by_path[entry["same_inode_as"]], "path": entry["path"]}
        found[path] = entry
    return found


def have(program):
    return shutil.which(program) is not None


def has_loop():
    """Whether a loop device can be had; a container may show the control file and refuse."""
    return have("losetup") and subprocess.run(
        ["losetup", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False).returncode == 0


class Mounted:
    """An image, mounted by this kernel while the block lasts. Skips the test where there are no
    loop devices; a mount that fails fails it."""

    def __init__(self, image, options="loop"):
        self.image, self.options, self.point = image, options, None

    def __enter__(self):
        if not has_loop():
            raise unittest.SkipTest("no free loop device")
        self.point = tempfile.mkdtemp(prefix="mnt-", dir=scratch())
        done = subprocess.run(["mount", "-o", self.options, self.image, self.point], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise AssertionError("%s: %s" % (self.image, done.stdout))
        return self.point

    def __exit__(self, *_):
        subprocess.run(["umount", self.point], check=True)
        os.rmdir(self.point)
