"""Hostile images whose dirty logs are for `xfsx recover`: the checksums of all records are right,
but for one that has none. Each case says what recovery must say of it."""

import struct

from cases import Case
from log_cases import ATTRI, BUI, CRC, CUI, EFI, RECORD, change_intent, seal
from xfs_patch import u32, u64

CASES = {}
INODE, BUFFER, ICREATE = (struct.pack("<HH", *words)
                          for words in ((0x123B, 3), (0x123C, 2), (0x123F, 1)))
# Offsets in the region that begins an inode item, its length, and the header of an operation.
CLUSTER, OFFSET, FORMAT, OPERATION = 40, 52, 56, 12
FAR = 1 << 60


def recovery(name, what, base, error, spoil):
    """An image of which xfsx recover says `error`."""
    spoil.__name__, spoil.__doc__ = name, what
    case = Case(spoil, base, "/", {"recover": error})
    CASES[case.name] = case


def little(size, number):
    return number.to_bytes(size, "little")


def log_of(image):
    """Where the log begins, and what it holds."""
    start = image.fsblock(image.log)
    return start, image.read(start, image.log_bytes)


def change_item(image, marker, changes):
    """Changes the first item that begins with `marker`, by offsets from its start."""
    start, data = log_of(image)
    at = data.index(marker)
    # The first word of each block is kept elsewhere.
    while at % 512 + max(changes) + 8 > 512:
        at = data.index(marker, at + 1)
    for offset, new in changes.items():
        image.write(start + at + offset, new)
    seal(image, start + data.rindex(RECORD, 0, at))


def add_item(name, what, base, error, marker, changes):
    recovery(name, what, base, error, lambda image: change_item(image, marker, changes))


def add_intent(name, what, base, error, kind):
    recovery(name, what, base, error, lambda image: change_intent(image, kind, {
        16: little(8, FAR)}))


add_item("logged_inode_without_magic", "A logged inode has no magic number.", "intents-attribute",
         r"at log block \d+: field magic: found 0", INODE, {FORMAT + OPERATION: bytes(2)})
add_item("logged_inode_between_two", "A logged inode does not begin where an inode does.",
         "intents-attribute", r"at log block \d+: field boffset: found 3", INODE,
         {OFFSET: little(4, 3)})
add_item("logged_inode_behind_the_device", "A logged inode lies behind the end of the device.",
         "intents-attribute", r"at log block \d+: field blkno: found %d" % FAR, INODE,
         {CLUSTER: little(8, FAR)})
add_item("new_inodes_over_a_group", "New inodes fill an AG.", "dirty-log",
         r"at log block \d+: field length: found 8192", ICREATE, {20: u32(8192)})
add_item("new_inodes_behind_a_group", "New inodes begin behind the end of their AG.", "dirty-log",
         r"at log block \d+: field agbno: found 2147483647", ICREATE, {8: u32(0x7FFFFFFF)})
add_intent("freed_blocks_behind_the_end", "An intent frees blocks that do not exist.",
           "intents-free", r"at log block \d+: field start", EFI)
add_intent("counted_blocks_behind_the_end", "An intent shares blocks that do not exist.",
           "intents-clone", r"at log block \d+: field startblock", CUI)
add_intent("mapping_of_no_inode", "An intent maps blocks to an inode that cannot exist.",
           "intents-clone", r"at log block \d+: field owner", BUI)
add_intent("attribute_of_no_inode", "An intent sets an attribute of an inode that cannot exist.",
           "intents-attribute", r"at log block \d+: field ino", ATTRI)


def move_block_into_log(image):
    change_item(image, BUFFER, {8: little(8, image.daddr(image.log))})


def move_log(image):
    start, data = log_of(image)
    at = data.index(b"XFSB")
    first, = struct.unpack_from(">Q", data, at + 48)
    image.write(start + at + 48, u64(first + 8))
    seal(image, start + data.rindex(RECORD, 0, at))


def lose_checksum(image):
    """Of the second record that is replayed; before them is the one that mkfs wrote."""
    start, data = log_of(image)
    first = data.index(RECORD, 1024)
    image.write(start + data.index(RECORD, first + 1) + CRC, u32(0))


recovery("logged_block_in_the_log", "The image of a block belongs into the log itself.",
         "dirty-log", r"at log block \d+: field blkno", move_block_into_log)
recovery("logged_superblock_moves_the_log", "The superblock of the log puts the log elsewhere.",
         "intents-attribute", r"sb at daddr 0: field logstart", move_log)
recovery("record_without_a_checksum", "A record in the middle has no checksum, which Linux would "
         "not replay.", "intents-exchange", r"log_record at log block \d+: field crc: found 0",
         lose_checksum)
