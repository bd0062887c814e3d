"""Makes the files of an image inside the virtual machine of tests/oracle/vm, all of them on the
realtime device, and says what Linux shows of them then.

    guest.py ROOT OPTIONS FILE      OPTIONS is JSON: block, unit, reflink, seed
"""
import fcntl
import json
import os
import random
import struct
import subprocess
import sys

import files
from judging import linux

RTINHERIT = 0x100


def inherit(root):
    """What is created in ROOT from now on lies on the realtime device."""
    fd = os.open(root, os.O_RDONLY)
    fcntl.ioctl(fd, linux.FS_SETXATTR, struct.pack("<5I8x", RTINHERIT, 0, 0, 0, 0))
    os.close(fd)


def short(contents):
    """A block is one line again and again, or it is told in full."""
    if contents is None:
        return None
    line = contents[:64]
    return line.decode() if contents == line * (len(contents) // 64) else contents.hex()


def main():
    root, wanted, told = sys.argv[1:]
    wanted = json.loads(wanted)
    inherit(root)
    maker = files.Maker(root, wanted["block"], random.Random(wanted["seed"]), wanted["reflink"],
                        wanted["unit"])
    maker.all()
    if wanted["owners"]:
        for number, name in enumerate(sorted(os.listdir(root))):
            os.chown(os.path.join(root, name), 1000 + number % 3, 2000 + number % 2)
    # Takes back blocks that were allocated on suspicion.
    subprocess.run(["mount", "-o", "remount,ro", root], check=True)
    found = {name: [file.size, [(state, short(data)) for state, data in file.blocks]]
             for name, file in files.load(root, wanted["block"]).items()}
    with open(told, "w", encoding="utf-8") as out:
        json.dump(found, out)


main()
