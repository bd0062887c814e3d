"""Hostile images whose logs hold intents, unlinked inodes and staging of copy-on-write. Records of
version 5 have checksums, which are right."""

import struct

from cases import case
from xfs_patch import AG_CRC, SHORT_BLOCK, SHORT_CRC, crc32c, u16, u32

RECORD, CRC, HEADER, FURTHER, CYCLE_BYTES = b"\xfe\xed\xba\xbe", 32, 328, 260, 32768
EFI, RUI, CUI, BUI, ATTRI, EFI_RT, RUI_RT, CUI_RT = (
    0x1236, 0x1240, 0x1242, 0x1244, 0x1246, 0x124A, 0x124C, 0x124E)
ALL, STAGING = 0xFFFFFFFF, 1 << 31


def seal(image, at):
    """Puts the checksum of the log record at byte `at` of the image right."""
    head = bytearray(image.read(at, 512))
    length, = struct.unpack_from(">I", head, 12)
    size, = struct.unpack_from(">I", head, 320)
    blocks = max(1, -(-size // CYCLE_BYTES))
    head[CRC:CRC + 4] = bytes(4)
    covered = bytes(head[:HEADER])
    for i in range(1, min(blocks, -(-length // CYCLE_BYTES))):
        covered += image.read(at + 512 * i, FURTHER)
    covered += image.read(at + 512 * blocks, length)
    image.write(at + CRC, struct.pack("<I", crc32c(covered)))


def change_intent(image, kind, changes):
    """Changes the last intent of a kind in the log, by offsets from its start. Those of attributes
    have regions for name and value too."""
    start = image.fsblock(image.log)
    data = image.read(start, image.log_bytes)
    marker = struct.pack("<HH", kind, 3 if kind == ATTRI else 1)
    # The log is young: it was never filled. The first word of each block is kept elsewhere.
    at = data.rindex(marker)
    assert at % 512 and all((at + offset) % 512 for offset in changes)
    for offset, new in changes.items():
        image.write(start + at + offset, new)
    seal(image, start + data.rindex(RECORD, 0, at))


def add_intent(name, what, base, kind, changes):
    def spoil(image):
        change_intent(image, kind, changes)
    spoil.__name__, spoil.__doc__ = name, what
    case(base=base, log=r"at log block \d+: field")(spoil)


COUNT = {4: u32(ALL)}
add_intent("freed_extents_of_two_to_the_32", "An intent frees 2^32 - 1 extents.",
           "intents-free", EFI, COUNT)
add_intent("reverse_mappings_of_two_to_the_32", "An intent changes 2^32 - 1 reverse mappings.",
           "intents-free", RUI, COUNT)
add_intent("shared_extents_of_two_to_the_32", "An intent shares 2^32 - 1 extents.",
           "intents-clone", CUI, COUNT)
add_intent("mapped_extents_of_two_to_the_32", "An intent maps 2^32 - 1 extents.",
           "intents-clone", BUI, COUNT)
add_intent("freed_realtime_extents_of_two_to_the_32", "An intent frees 2^32 - 1 realtime extents.",
           "intents-realtime-free", EFI_RT, COUNT)
add_intent("realtime_mappings_of_two_to_the_32", "An intent changes 2^32 - 1 reverse mappings of a "
           "realtime group.", "intents-realtime-free", RUI_RT, COUNT)
add_intent("shared_realtime_extents_of_two_to_the_32",
           "An intent shares 2^32 - 1 realtime extents.", "intents-realtime-clone", CUI_RT, COUNT)
add_intent("attribute_intent_of_four_gigabytes", "An intent sets an attribute, name and value of "
           "2^32 - 1 bytes each.", "intents-attribute", ATTRI, {28: u32(ALL, ALL)})


@case(base="unlinked", inspect_unlinked=r"agi at .*field unlinked: found 2147483647")
def unlinked_in_another_group(image):
    """A list of unlinked inodes begins with a number that only another AG has."""
    image.change(image.header(0, 2), image.sector, AG_CRC[2], {40: u32(0x7FFFFFFF)})


@case(base="unlinked", inspect_unlinked=r"inode at .*field next_unlinked: found 32768, expected")
def unlinked_over_the_end_of_a_group(image):
    """An unlinked inode is followed by the first inode of the next AG."""
    image.change(image.header(0, 2), image.sector, AG_CRC[2], {40: u32(image.root)})
    image.change_inode(image.root, {96: u32(image.ag_blocks << image.block_inode_log)})


@case(base="unlinked", inspect_unlinked=r"agi at .*field unlinked: .*already")
def unlinked_lists_that_meet(image):
    """All lists of unlinked inodes of an AG have one inode, which is the same."""
    image.change(image.header(0, 2), image.sector, AG_CRC[2], {40: u32(*[image.root] * 64)})


def stage(image, length, count):
    """AG 0, which has no shared blocks, gets a run of staging."""
    root, levels = struct.unpack(">II", image.read(image.header(0, 1) + 88, 8))
    assert levels == 1
    image.change_block(root, SHORT_CRC, {6: u16(1),
                                         SHORT_BLOCK: u32(STAGING | 1000, length, count)})


@case(base="staging", inspect_refcntbt=r"refcountbt block at .*field blockcount: found 4294967295",
      find_owner=r"refcountbt block at .*field", find_owner_scan=r"refcountbt block at .*field")
def staging_of_two_to_the_32(image):
    """A run of staging has 2^32 - 1 blocks."""
    stage(image, ALL, 1)


@case(base="staging", inspect_refcntbt=r"refcountbt block at .*field refcount: found 4294967295")
def staging_that_is_shared(image):
    """A run of staging is shared by 2^32 - 1 files."""
    stage(image, 1, ALL)
