"""Changes fields of an image and puts the checksum right, to make what mkfs never makes."""

import struct


def _table():
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = _table()

# Where the checksum lies in each kind of block.
AG_CRC = {1: 216, 2: 312, 3: 32}
INODE_CRC, SHORT_CRC, LONG_CRC = 100, 52, 64
DATA_CRC = 4  # blocks of a directory that hold names, and free indexes
DA_CRC = 12   # leaves and nodes of both hash trees, values of attributes, targets of links
CORE, SHORT_BLOCK, LONG_BLOCK, DA_BLOCK = 176, 56, 72, 64
CORE_V4, SHORT_BLOCK_V4 = 100, 16
NREXT64 = 1 << 4  # in the last byte of flags2


def crc32c(data):
    """CRC32c as XFS stores it."""
    state = 0xFFFFFFFF
    for byte in data:
        state = TABLE[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state ^ 0xFFFFFFFF


def stamped(data, crc_at):
    """`data` with the checksum of the whole at `crc_at`."""
    whole = bytearray(data)
    whole[crc_at:crc_at + 4] = bytes(4)
    whole[crc_at:crc_at + 4] = struct.pack("<I", crc32c(whole))
    return bytes(whole)


def u16(*numbers):
    return struct.pack(">%dH" % len(numbers), *numbers)


def u32(*numbers):
    return struct.pack(">%dI" % len(numbers), *numbers)


def u64(*numbers):
    return struct.pack(">%dQ" % len(numbers), *numbers)


def mapping(offset, start, length, unwritten=False):
    """A mapping as it lies on disk."""
    packed = unwritten << 127 | offset << 73 | start << 21 | length
    return packed.to_bytes(16, "big")


class Image:
    """The few numbers of a superblock that addresses are computed from."""

    def __init__(self, path):
        self.path = path
        self.realtime = path[:-len(".img")] + ".rt.img"
        sector = self.read(0, 512)
        # Version 4 has no checksums and smaller headers.
        self.version = sector[101] & 15
        self.core = CORE if self.version == 5 else CORE_V4
        self.block, = struct.unpack_from(">I", sector, 4)
        self.log, self.root = struct.unpack_from(">QQ", sector, 48)
        self.ag_blocks, = struct.unpack_from(">I", sector, 84)
        self.log_bytes = struct.unpack_from(">I", sector, 96)[0] * self.block
        self.sector, self.inode_size = struct.unpack_from(">HH", sector, 102)
        self.inode_log, self.block_inode_log, self.ag_log = sector[122], sector[123], sector[124]

    def read(self, at, size):
        with open(self.path, "rb") as file:
            file.seek(at)
            return file.read(size)

    def write(self, at, data):
        with open(self.path, "r+b") as file:
            file.seek(at)
            file.write(data)

    def header(self, ag, index):
        """Byte address of header sector `index` of an AG: 0 superblock, 1 AGF, 2 AGI, 3 AGFL."""
        return ag * self.ag_blocks * self.block + index * self.sector

    def fsblock(self, number):
        """Byte address of a block by its filesystem-wide number."""
        ag, block = number >> self.ag_log, number & ((1 << self.ag_log) - 1)
        return (ag * self.ag_blocks + block) * self.block

    def inode(self, number):
        """Byte address of an inode."""
        index = number & ((1 << self.block_inode_log) - 1)
        return self.fsblock(number >> self.block_inode_log) + index * self.inode_size

    def patch(self, at, size, crc_at, offset, data):
        """Writes `data` at `offset` of the `size` bytes at `at`, the checksum right."""
        self.change(at, size, crc_at, {offset: data})

    def change(self, at, size, crc_at, changes):
        """Writes data by its offset into the `size` bytes at `at`, the checksum, if there are any,
        right."""
        whole = bytearray(self.read(at, size))
        for offset, data in changes.items():
            whole[offset:offset + len(data)] = data
        self.write(at, stamped(whole, crc_at) if self.version == 5 else bytes(whole))

    def patch_superblock(self, offset, data):
        self.patch(0, self.sector, 224, offset, data)

    def patch_inode(self, number, offset, data):
        self.patch(self.inode(number), self.inode_size, 100, offset, data)

    def change_inode(self, number, changes):
        self.change(self.inode(number), self.inode_size, INODE_CRC, changes)

    def change_block(self, number, crc_at, changes):
        """Changes a block by its filesystem-wide number."""
        self.change(self.fsblock(number), self.block, crc_at, changes)

    def literal(self, number):
        """The bytes of an inode behind its core, which hold its forks."""
        return self.read(self.inode(number) + self.core, self.inode_size - self.core)

    def attr_fork(self, number):
        """Where in an inode its attribute fork begins."""
        return self.core + 8 * self.read(self.inode(number) + 82, 1)[0]

    def mappings(self, number, at=None, count_at=76):
        """The mappings that lie in an inode: (offset, start, length) each. Those of the attribute
        fork are counted at 80, in two bytes; with large counts both elsewhere."""
        core = self.read(self.inode(number), self.inode_size)
        at = at or self.core
        form = ">I" if count_at == 76 else ">H"
        if self.version == 5 and core[127] & NREXT64:
            form, count_at = (">Q", 24) if count_at == 76 else (">I", 76)
        count, = struct.unpack_from(form, core, count_at)
        found = []
        for i in range(count):
            packed = int.from_bytes(core[at + 16 * i:at + 16 * i + 16], "big")
            found.append((packed >> 73 & (1 << 54) - 1, packed >> 21 & (1 << 52) - 1,
                          packed & (1 << 21) - 1))
        return found

    def attr_mappings(self, number):
        return self.mappings(number, self.attr_fork(number), 80)

    def root_pointers(self, number):
        """Where in an inode the pointers of its mapping btree lie, and their values."""
        core = self.read(self.inode(number), self.inode_size)
        first = self.core
        end = core[82] * 8 + first if core[82] else self.inode_size
        count, = struct.unpack_from(">H", core, first + 2)
        at = first + 4 + (end - first - 4) // 16 * 8
        return at, struct.unpack_from(">%dQ" % count, core, at)

    def node_pointers_at(self):
        """Where in a block of a mapping btree, above the leaves, the pointers lie."""
        return LONG_BLOCK + (self.block - LONG_BLOCK) // 16 * 8

    def free_blocks(self, ag):
        """The longest free extent that the root of a tree of one level tells of: the first block,
        filesystem-wide, and how many."""
        root, = struct.unpack(">I", self.read(self.header(ag, 1) + 16, 4))
        block = self.read((ag * self.ag_blocks + root) * self.block, self.block)
        level, count = struct.unpack_from(">HH", block, 4)
        assert level == 0
        header = SHORT_BLOCK if self.version == 5 else SHORT_BLOCK_V4
        records = [struct.unpack_from(">II", block, header + 8 * i) for i in range(count)]
        start, length = max(records, key=lambda record: record[1])
        return ag << self.ag_log | start, length

    def daddr(self, number):
        """The address of a block in units of 512 bytes."""
        return self.fsblock(number) // 512

    def break_byte(self, at):
        """Flips a bit and leaves the checksum as it was."""
        self.write(at, bytes([self.read(at, 1)[0] ^ 1]))
