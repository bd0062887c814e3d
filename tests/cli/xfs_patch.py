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


def crc32c(data):
    """CRC32c as XFS stores it."""
    state = 0xFFFFFFFF
    for byte in data:
        state = TABLE[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state ^ 0xFFFFFFFF


class Image:
    """The few numbers of a superblock that addresses are computed from."""

    def __init__(self, path):
        self.path = path
        sector = self.read(0, 512)
        self.block, = struct.unpack_from(">I", sector, 4)
        self.ag_blocks, = struct.unpack_from(">I", sector, 84)
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
        whole = bytearray(self.read(at, size))
        whole[offset:offset + len(data)] = data
        whole[crc_at:crc_at + 4] = bytes(4)
        whole[crc_at:crc_at + 4] = struct.pack("<I", crc32c(whole))
        self.write(at, bytes(whole))

    def patch_superblock(self, offset, data):
        self.patch(0, self.sector, 224, offset, data)

    def patch_inode(self, number, offset, data):
        self.patch(self.inode(number), self.inode_size, 100, offset, data)

    def break_byte(self, at):
        """Flips a bit and leaves the checksum as it was."""
        self.write(at, bytes([self.read(at, 1)[0] ^ 1]))
