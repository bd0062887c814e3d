"""What images get whose files lie on a realtime device, and what images get that count quota."""
import fcntl
import os
import struct
import subprocess

from judging import linux

XFLAG_REALTIME, XFLAG_PROJINHERIT, XFLAG_RTINHERIT = 0x1, 0x200, 0x100
XFLAG_EXTSIZE = 0x800
# Names that are far apart, so that the quota files have holes; more than a block of 4k holds.
IDS = (0, 1, 29, 30, 100, *range(1000, 1040), 65534, 4000000, 0xfffffffe)
LIMITED = (1, 30, 1000, 1001, 4000000)


def set_xattr(f, name, flags, extsize=0, project=0):
    fd = os.open(f.path(name), os.O_RDONLY)
    fcntl.ioctl(fd, linux.FS_SETXATTR, struct.pack("<5I8x", flags, extsize, 0, project, 0))
    os.close(fd)


def extent_blocks(f):
    """Blocks of an extent of the realtime device, which the recipe knows."""
    return f.options.get("rt_extent", 1)


def plain_files(f):
    """Files of one mapping, of many, with holes and of unwritten blocks; a directory that makes
    what is created in it realtime files; and one file there that is none."""
    unit = extent_blocks(f)
    f.mkdir("rt/sub")
    for name in ("rt", "rt/sub"):
        set_xattr(f, name, XFLAG_RTINHERIT)
    f.file("rt/one", 7 * unit, tail=100)
    f.file("rt/short", 1, tail=3)
    f.file("rt/empty", 0)
    f.interleave("rt/few-a", 9, "rt/few-b", 5, tail=77, unit=unit)
    f.interleave("rt/many-a", 90, "rt/many-b", 70, tail=5, unit=unit)
    f.attribute("rt/many-b", "user.note", 40)
    fd = f.open_direct("rt/mixed", 12 * unit)
    f.allocate(fd, 0, 5 * unit)
    f.write(fd, "rt/mixed", 2 * unit, unit)
    f.write(fd, "rt/mixed", 8 * unit, unit)
    os.close(fd)
    f.file("data-in-rt", 3)
    os.rename(f.path("data-in-rt"), f.path("rt/data"))
    os.close(os.open(f.path("rt/hint"), os.O_CREAT | os.O_RDWR, 0o600))
    set_xattr(f, "rt/hint", XFLAG_REALTIME | XFLAG_EXTSIZE, 4 * unit * f.block)
    f.file("rt/hint", 2)
    f.file("beside", 2, tail=9)


def punched(f):
    """Free space in pieces of many sizes."""
    unit = extent_blocks(f)
    pieces = f.options.get("rt_pieces", 200)
    fd = os.open(f.path("rt/punched"), os.O_RDWR | os.O_CREAT, 0o644)
    os.ftruncate(fd, 2 * pieces * unit * f.block)
    f.allocate(fd, 0, 2 * pieces * unit)
    for number in range(pieces):
        f.punch(fd, 2 * number * unit, unit)
    os.close(fd)
    for number in range(12):
        f.file(f"rt/gone-{number}", unit * (1 << number // 2))
    for number in range(0, 12, 3):
        os.unlink(f.path(f"rt/gone-{number}"))


def shared(f):
    """Blocks with two and three owners, every other one copied."""
    f.file("rt/shared", 200, tail=1)
    f.clone("rt/shared", "rt/copied")
    fd = os.open(f.path("rt/copied"), os.O_RDWR | os.O_DIRECT)
    for block in range(0, 200, 2):
        f.write(fd, "rt/copied", block)
    os.close(fd)
    f.clone("rt/copied", "rt/thrice")


def realtime(f):
    plain_files(f)
    punched(f)


def groups(f):
    plain_files(f)
    punched(f)
    shared(f)


def zoned(f):
    """Blocks are written one behind the other; what is overwritten leaves a gap."""
    plain = [f"rt/zone-{number}" for number in range(6)]
    f.mkdir("rt")
    set_xattr(f, "rt", XFLAG_RTINHERIT)
    for number, name in enumerate(plain):
        f.file(name, 30 + 7 * number, tail=number)
    for number, name in enumerate(plain[:4]):
        fd = os.open(f.path(name), os.O_RDWR | os.O_DIRECT)
        for block in range(number, 24, 3):
            f.write(fd, name, block)
        os.close(fd)
    os.unlink(f.path(plain[5]))
    f.file("rt/large", 700)
    f.mkdir("data")
    set_xattr(f, "data", 0)         # the root inherits, so mkfs.xfs wants it
    f.file("data/plain", 2, tail=9)


def quota(f):
    """Files of many users, groups and projects; limits, some of them exceeded."""
    place = "rt/quota" if f.options.get("quota_on_rt") else "quota"
    f.mkdir("quota")
    if place != "quota":
        f.mkdir(place)
        set_xattr(f, place, XFLAG_RTINHERIT)
    for number, ident in enumerate(IDS):
        name = f"{place if number % 2 else 'quota'}/of-{ident}"
        f.file(name, 1 + number % 4)
        f.own(name, ident, IDS[-1 - number], 0o640)
    for number, ident in enumerate(IDS[:8]):
        name = f"quota/project-{ident}"
        f.mkdir(name)
        set_xattr(f, name, XFLAG_PROJINHERIT, project=ident)
        for file in range(number % 3 + 1):
            f.file(f"{name}/{file}", 1 + file)
    on_device = " rtbsoft=30m rtbhard=40m" if place != "quota" else ""
    limits = []
    for number, ident in enumerate(LIMITED):
        for kind in "ugp":
            limits += ["-c", f"limit -{kind} bsoft={number + 1}m bhard=20m isoft=10 ihard=90"
                             f"{on_device} {ident}"]
    limits += ["-c", "limit -u bsoft=4k isoft=1 1001", "-c", "limit -g isoft=1 4000000",
               "-c", "limit -p bsoft=4k isoft=1 29",
               "-c", "limit -u -d bsoft=50m bhard=60m", "-c", "timer -u -b 3days"]
    if on_device:
        limits += ["-c", "limit -u rtbsoft=4k 30"]
    subprocess.run(["xfs_quota", "-x", *limits, f.root], check=True)
    # Above the soft limits: their timers start.
    for number in range(3):
        f.file(f"quota/more-{number}", 2)
        f.own(f"quota/more-{number}", 1001, 4000000, 0o600)
        f.file(f"{place}/last-{number}", 2)
        f.own(f"{place}/last-{number}", 30, 30, 0o600)
    f.file("quota/project-29/more", 3)


PARTS = {"realtime": realtime, "groups": groups, "zoned": zoned, "quota": quota}
