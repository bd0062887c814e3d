"""What an image turned out to hold, by xfs_db and xfs_logprint: proof that it is worth having."""
import re
import struct
import subprocess
from collections import Counter

from judging import xfsprogs


def log_geometry(image):
    """(basic blocks of the log, basic blocks of its stripe unit)."""
    with open(image, "rb") as f:
        sb = f.read(512)
    block_size, = struct.unpack_from(">I", sb, 4)
    log_blocks, = struct.unpack_from(">I", sb, 96)
    unit, = struct.unpack_from(">I", sb, 196)
    return log_blocks * block_size // 512, max(1, unit // 512)


def log_summary(image):
    """Where the log's head is; the cycle is that of the block before it."""
    clean, head, tail = xfsprogs.log_state(image)
    if clean is None:
        return None
    blocks, unit = log_geometry(image)
    with open(image, "rb") as f:
        sb = f.read(512)
        block_size, = struct.unpack_from(">I", sb, 4)
        start, = struct.unpack_from(">Q", sb, 48)
        agblocks, = struct.unpack_from(">I", sb, 84)
        shift = sb[124]
        first = ((start >> shift) * agblocks + (start & ((1 << shift) - 1))) * block_size
        f.seek(first)
        word0, word1 = struct.unpack(">II", f.read(8))
    cycle = word1 if word0 == 0xFEEDBABE else word0
    return {"clean": clean, "head": head, "tail": tail, "basic_blocks": blocks,
            "first_block_cycle": cycle, "unit_basic_blocks": unit}


def _forks(image, inodes):
    """xfs_db's words on each inode's forks."""
    commands = "".join(f"inode {i}\np core.format core.aformat core.forkoff core.nblocks\n"
                       for i in inodes)
    said = subprocess.run(["xfs_db", "-r", image], input=commands, text=True, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    found = re.findall(r"core\.format = \d \((\w+)\)\s+core\.aformat = \d \((\w+)\)\s+"
                       r"core\.forkoff = (\d+)", said)
    return dict(zip(inodes, found))


def forms(image, entries):
    """How many inodes of each kind have their forks in which format."""
    kinds = {e["ino"]: e["type"] for e in entries if "same_inode_as" not in e}
    found = _forks(image, list(kinds))
    data, attr = Counter(), Counter()
    for ino, (data_format, attr_format, offset) in found.items():
        data[f"{kinds[ino]}/{data_format}"] += 1
        attr[attr_format if offset != "0" else "none"] += 1
    return {"inodes": len(kinds), "data": dict(sorted(data.items())),
            "attr": dict(sorted(attr.items())),
            "forkoff": sorted({int(offset) for _, _, offset in found.values()})}


def shortcomings(recipe, image, entries):
    """Where the image is not what its recipe and images/README.md promise."""
    if recipe.left == "empty":
        return []
    found = []
    by_path = {e["path"]: e for e in entries}
    found += [f"{e['path']}: {e['message']}" for e in entries if e["type"] == "error"]
    wanted = {"one-a": (1, 1), "one-b": (1, 1), "twenty-a": (20, 20), "twenty-b": (9, 9),
              "range-a": (2, 8), "range-b": (2, 8), "empty": (0, 0), "attr-a": (6, 6)}
    if "many" in recipe.parts:
        wanted |= {"many-a": (2900, 3100), "many-b": (1050, 1150)}
    if "tall" in recipe.parts:
        wanted |= {"tall-a": (4900, 5100), "tall-b": (2400, 2600)}
    for name, (least, most) in wanted.items():
        entry = by_path.get("/swap/" + name)
        count = len(entry["mappings"]) if entry else -1
        if not least <= count <= most:
            found.append(f"/swap/{name}: {count} mappings, wanted {least} to {most}")
    marks = {flags for e in ("mixed-a", "mixed-b")
             for _, _, _, flags in by_path["/swap/" + e]["mappings"]}
    if "u" not in marks:
        found.append("/swap/mixed-*: nothing unwritten")
    summary = log_summary(image)
    if recipe.left == "clean" and (not summary or not summary["clean"]):
        found.append(f"the log is not clean: {summary}")
    if recipe.left == "dirty" and (not summary or summary["clean"]):
        found.append(f"the log is not dirty: {summary}")
    return found
