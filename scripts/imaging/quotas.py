"""The limits and counts of quota, as the kernel says them."""
import ctypes
import os
import struct

from judging import linux

KINDS = {"user": 0, "group": 1, "project": 2}
GET_NEXT = 0x5809               # Q_XGETNEXTQUOTA
# struct fs_disk_quota; blocks in units of 512 bytes, timers in seconds since 1970.
RECORD = struct.Struct("<bbHI6QiiHH3bx3QiHh8x")
NAMES = ("version", "flags", "fieldmask", "id", "blk_hardlimit", "blk_softlimit",
         "ino_hardlimit", "ino_softlimit", "bcount", "icount", "itimer", "btimer", "iwarns",
         "bwarns", "itimer_hi", "btimer_hi", "rtbtimer_hi", "rtb_hardlimit", "rtb_softlimit",
         "rtbcount", "rtbtimer", "rtbwarns", "padding")
LEFT_OUT = {"version", "flags", "fieldmask", "itimer_hi", "btimer_hi", "rtbtimer_hi", "padding"}


def device_of(root):
    device = os.stat(root).st_dev
    path = os.readlink(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    return "/dev/" + os.path.basename(path)


def quotas(root, kind):
    """All ids that the kernel has something about, by rising ids."""
    device, found, ident = device_of(root).encode(), [], 0
    while ident < 1 << 32:
        buffer = ctypes.create_string_buffer(RECORD.size)
        if linux.LIBC.quotactl(GET_NEXT << 8 | KINDS[kind], device, ctypes.c_int(
                ident - (ident >> 31 << 32)), buffer):
            break
        said = dict(zip(NAMES, RECORD.unpack(buffer.raw)))
        for timer in ("itimer", "btimer", "rtbtimer"):
            said[timer] = (said[timer] & 0xffffffff) | said[timer + "_hi"] << 32
        found.append({name: said[name] for name in NAMES if name not in LEFT_OUT})
        ident = said["id"] + 1
    return found


def all_quotas(root):
    """{kind: quotas}, without the kinds that are not counted."""
    found = {kind: quotas(root, kind) for kind in KINDS}
    return {kind: rows for kind, rows in found.items() if rows}
