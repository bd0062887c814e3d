"""What an image turned out to hold, by xfs_db and xfs_logprint: proof that it is worth having."""
import re
import struct
import subprocess
from collections import Counter

from judging import xfsprogs

INTENT = re.compile(r"^\s*(XM|BU|RU|CU|EF|ATTR)([ID])((?:_RT)?):\s+#regs.*?"
                    r"\bid:\s*(0x[0-9a-f]+)", re.M)


def program(recipe, name):
    """The xfsprogs program that knows what the recipe asks for."""
    return xfsprogs.newer(name) if recipe.newer else name


def log_geometry(image):
    """(basic blocks of the log, basic blocks of its stripe unit)."""
    with open(image, "rb") as f:
        sb = f.read(512)
    block_size, = struct.unpack_from(">I", sb, 4)
    log_blocks, = struct.unpack_from(">I", sb, 96)
    unit, = struct.unpack_from(">I", sb, 196)
    return log_blocks * block_size // 512, max(1, unit // 512)


def intents(recipe, image):
    """(how many intents of each kind are left open in the log, kinds of the done items in it)."""
    said = xfsprogs.run([program(recipe, "xfs_logprint"), "-t", image], check=False).stdout
    pending, done = {}, set()
    for kind, part, where, number in INTENT.findall(said):  # numbers come again: order matters
        if part == "I":
            pending[kind, number] = kind + part + where
        else:
            pending.pop((kind, number), None)
            done.add(kind + part + where)
    return dict(sorted(Counter(pending.values()).items())), done


def missing_intents(recipe, image):
    if not recipe.intents:
        return set()
    left, done = intents(recipe, image)
    return recipe.intents - set(left) - done


def log_summary(recipe, image):
    """Where the log's head is; the cycle is that of the block before it."""
    clean, head, tail = xfsprogs.log_state(image, program(recipe, "xfs_logprint"))
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


class Forks:
    """The forks of one inode, in the words of xfs_db."""

    def __init__(self, said, inode_size):
        def number(name):
            found = re.search(rf"^{re.escape(name)} = (\d+)", said, re.M)
            return int(found[1]) if found else 0

        formats = dict(re.findall(r"^core\.(format|aformat) = \d \((\w+)\)", said, re.M))
        self.data = formats["format"]
        self.forkoff = number("core.forkoff")
        self.attr = formats["aformat"] if self.forkoff else "none"
        self.mappings = number("core.nextents")
        data = "u3" if "u3.bmbt" in said else "u"       # the name depends on the version
        self.level = number(f"{data}.bmbt.level")
        self.root_entries = number(f"{data}.bmbt.numrecs")
        core = 176 if number("core.version") == 3 else 100
        self.room = self.forkoff * 8 or inode_size - core

    def fits(self, room):
        if self.data == "btree":
            return self.root_entries <= (room - 4) // 16
        return self.mappings <= room // 16


def forks_of(recipe, image, inodes):
    """{inode: Forks}, by one run of xfs_db."""
    fields = ("core.version core.format core.aformat core.forkoff core.nextents u3.bmbt.level"
              " u3.bmbt.numrecs u.bmbt.level u.bmbt.numrecs")
    # A field that an inode has not makes `p` fail as a whole, so each is asked for alone.
    lines = "".join(f"echo inode {i}\ninode {i}\n"
                    + "".join(f"p {name}\n" for name in fields.split()) for i in inodes)
    said = subprocess.run([program(recipe, "xfs_db"), "-r", image], input=lines, text=True,
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    with open(image, "rb") as f:
        f.seek(104)
        inode_size, = struct.unpack(">H", f.read(2))
    parts = re.split(r"^inode (\d+) *$", said, flags=re.M)
    return {int(ino): Forks(text, inode_size) for ino, text in zip(parts[1::2], parts[2::2])}


def forms(recipe, image, entries):
    """How many inodes of each kind have their forks in which format; the pairs one by one."""
    kinds = {e["ino"]: e["type"] for e in entries if "same_inode_as" not in e}
    found = forks_of(recipe, image, list(kinds))
    data = Counter(f"{kinds[ino]}/{f.data}" for ino, f in found.items())
    pairs = {}
    for e in entries:
        if e["path"].startswith("/swap/") and e["type"] == "file":
            f = found[e["ino"]]
            pairs[e["path"]] = {"format": f.data, "mappings": f.mappings, "level": f.level,
                                "root_entries": f.root_entries, "forkoff": f.forkoff}
    return {"inodes": len(kinds), "data": dict(sorted(data.items())),
            "attr": dict(sorted(Counter(f.attr for f in found.values()).items())),
            "forkoff": sorted({f.forkoff for f in found.values()}), "pairs": pairs}


def unfit_pairs(recipe, image, by_path):
    """Pairs that xfsx would have to refuse because a fork does not fit the other inode."""
    inodes = {p: e["ino"] for p, e in by_path.items() if re.fullmatch(r"/swap/\w+-[ab]", p)}
    forks = forks_of(recipe, image, inodes.values())
    for path, ino in inodes.items():
        other = path[:-1] + ("b" if path.endswith("a") else "a")
        if other in inodes and not forks[ino].fits(forks[inodes[other]].room):
            yield f"{path}: its {forks[ino].data} fork does not fit {other}"
    for name, wanted in (("twenty-a", "extents"), ("many-a", "btree"), ("many-b", "btree")):
        path = "/swap/" + name
        if path in inodes and forks[inodes[path]].data != wanted:
            yield f"{path}: its fork is {forks[inodes[path]].data}, wanted {wanted}"
    if "/swap/tall-a" in inodes and forks[inodes["/swap/tall-a"]].level < 2:
        yield "/swap/tall-a: its btree is not tall"


def unlike_pairs(recipe, by_path):
    """Files below /swap that do not have the mappings that images/README.md promises."""
    wanted = {"one-a": (1, 1), "one-b": (1, 1), "twenty-a": (20, 20), "twenty-b": (9, 9),
              "range-a": (2, 8), "range-b": (2, 8), "empty": (0, 0), "attr-a": (6, 6)}
    if "many" in recipe.parts:
        wanted |= {"many-a": (2900, 3100), "many-b": (1050, 1350)}
    if "tall" in recipe.parts:
        wanted |= {"tall-a": (4900, 5100), "tall-b": (2400, 2600)}
    for name, (least, most) in wanted.items():
        entry = by_path.get("/swap/" + name)
        count = len(entry["mappings"]) if entry else -1
        if not least <= count <= most:
            yield f"/swap/{name}: {count} mappings, wanted {least} to {most}"
    marks = {flags for e in ("mixed-a", "mixed-b")
             for _, _, _, flags in by_path["/swap/" + e]["mappings"]}
    if "u" not in marks:
        yield "/swap/mixed-*: nothing unwritten"


def shortcomings(recipe, image, entries):
    """Where the image is not what its recipe and images/README.md promise."""
    if recipe.left == "empty":
        return []
    found = []
    by_path = {e["path"]: e for e in entries}
    found += [f"{e['path']}: {e['message']}" for e in entries if e["type"] == "error"]
    if "swap" in recipe.parts:
        found += unlike_pairs(recipe, by_path)
    if recipe.left == "clean" and recipe.expect != "refuse: v4":
        found += unfit_pairs(recipe, image, by_path)
    summary = log_summary(recipe, image)
    if recipe.left == "clean" and (not summary or not summary["clean"]):
        found.append(f"the log is not clean: {summary}")
    if recipe.left == "dirty" and (not summary or summary["clean"]):
        found.append(f"the log is not dirty: {summary}")
    found += [f"not left in the log: {kind}" for kind in missing_intents(recipe, image)]
    return found
