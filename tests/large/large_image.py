"""Images too large to be shipped, each with one thing that only a large one has.

Made by the system's mkfs.xfs and the running kernel, with the manifest that the kernel says.
"""
import os

from imaging import fill
from judging import linux, manifest, xfsprogs
from judging.errors import CannotJudge

VALUE = 2000        # bytes of an attribute: too many for the leaf, so each has blocks of its own


def many_names(filler, count):
    """A directory whose index is a tree, and the inodes of its files."""
    filler.mkdir("names")
    for i in range(count):
        os.close(os.open(filler.path(f"names/a file with the number {i}"),
                         os.O_WRONLY | os.O_CREAT, 0o644))


def many_mappings(filler, count):
    """Every other block of what was allocated is written: each is a mapping of its own, and so is
    each between them."""
    fd = os.open(filler.path("mappings"), os.O_RDWR | os.O_CREAT, 0o644)
    filler.allocate(fd, 0, count)
    for block in range(0, count, 2):
        os.pwrite(fd, filler.contents("mappings", block), block * filler.block)
    os.fsync(fd)
    os.close(fd)


def many_attributes(filler, count):
    """Two files that are given attributes in turns, so that the blocks of neither follow each
    other: the mappings of their attribute forks need a tree. The kernel lists no more names of a
    file than fit 64 KiB."""
    for name in ("one", "two"):
        os.close(os.open(filler.path(name), os.O_WRONLY | os.O_CREAT, 0o644))
    for i in range(count):
        for name in ("one", "two"):
            value = b"%s %d " % (name.encode(), i)
            os.setxattr(filler.path(name), f"user.{name} {i}",
                        (value * (VALUE // len(value) + 1))[:VALUE])


def every_byte(filler, count):
    """Names of files, of attributes and in links with every byte that a name may have: each alone,
    each between others, and all of them in names that are as long as they can be."""
    allowed = [bytes([b]) for b in range(1, 256) if b != ord("/")]
    whole = b"".join(allowed)
    names = allowed + [b"before" + b + b"after" for b in allowed]
    names += [whole[i:] + whole[:i] for i in range(0, len(whole), max(1, len(whole) // count))]
    filler.mkdir("bytes")
    for i, name in enumerate(n for n in names if n != b"."):
        path = filler.path(os.path.join(b"bytes", name))
        if i % 3 == 0:
            os.symlink(name, path)
            continue
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))
        os.setxattr(path, b"user." + name[:250], name)


def wide_inodes(filler, count):
    """Inode numbers of more than 32 bits: directories go round the groups, and their files follow
    them. Small ones need the wide form in their inodes; some have a wide parent only."""
    for i in range(count):
        filler.mkdir(f"{i}/below/nested")
        for name in "ab":
            os.close(os.open(filler.path(f"{i}/{name}"), os.O_WRONLY | os.O_CREAT, 0o644))
        os.symlink(f"../{i}/a", filler.path(f"{i}/below/link"))


# What each image holds: block size, MiB, the counts of a short and of a full run, and the tests of
# tests/cli that read it.
VERBS, FIELDS = "test_manifests", "test_inspect_fields"
KINDS = {
    "names": (4096, 1024, many_names, 3000, 200_000, (VERBS,)),
    "mappings": (1024, 1024, many_mappings, 4000, 300_000, (VERBS,)),
    "attributes": (1024, 512, many_attributes, 150, 3000, (VERBS,)),
    "bytes": (4096, 512, every_byte, 16, 254, (VERBS, FIELDS)),
    "inodes": (4096, 3 << 20, wide_inodes, 6, 200, (VERBS, FIELDS)),
}


def build(kind, folder, full):
    """Makes folder/KIND.img and folder/KIND.json; how many of its things the image holds."""
    block, mib, put_in, few, many, _ = KINDS[kind]
    count = many if full else few
    image = os.path.join(folder, kind + ".img")
    with open(image, "wb") as file:
        file.truncate(mib << 20)
    xfsprogs.run(["mkfs.xfs", "-q", "-b", f"size={block}", "-l", "size=64m",
                   "-m", "rmapbt=0", image])
    with linux.Mounted(image) as mounted:
        if not mounted.mounted:
            raise CannotJudge(f"mount: {mounted.error}")
        put_in(fill.Filler(mounted.root, {}), count)
        fill.sync_filesystem(mounted.root)
    with linux.Mounted(image, read_only=True) as mounted:
        if not mounted.mounted:
            raise CannotJudge(f"read-only mount: {mounted.error}")
        entries = manifest.walk(mounted.root)
    head = {"schema": 1, "image": kind, "bytes": os.path.getsize(image), "log": "clean",
            "expect": "swap", "superblock": manifest.superblock(image)}
    manifest.save(os.path.join(folder, kind + ".json"), head, entries)
    return count
