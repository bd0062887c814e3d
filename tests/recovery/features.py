"""What the filesystems are like that are made dirty: a table in which any two features meet.

Each row gives every factor one of its values; each pair of values that can be together is in at
least one row. A seed takes one row after another, so as many seeds as there are rows see them all.
"""
import functools
import itertools
import random

MIB = 1 << 20

# In the order in which mkfs.xfs is told; the version is the oldest that shall be used.
FACTORS = {
    "mkfs": ("6.1", "6.13", "7.2"),
    "block": (4096, 1024, 2048),
    "sector": (512, 4096),
    "inode": (512, 1024, 2048),
    "directory": (4096, 8192, 16384),
    "rmapbt": (1, 0),
    "reflink": (1, 0),
    "finobt": (1, 0),
    "inobtcount": (1, 0),
    "sparse": (1, 0),
    "bigtime": (1, 0),
    "nrext64": (0, 1),
    "parent": (0, 1),
    "exchange": (1, 0),
    "log": (10, 16, 32, 64),            # MiB
    "su": (0, 32, 256),                 # KiB, of the log
    "where": ("internal", "external"),  # the log
    "buffers": (0, 32, 256),            # KiB: what one record of the log may hold; 0: as mkfs says
    "groups": (2, 4),
}


def possible(row):
    """Whether mkfs.xfs and Linux take these together; the row may be incomplete."""
    get = row.get
    if get("sector") == 4096 and get("block", 4096) < 4096:
        return False
    if get("inode", 512) > get("block", 4096) // 2:
        return False
    if get("directory", 16384) < get("block", 1024):
        return False
    if get("inobtcount") and get("finobt") == 0:
        return False
    if get("mkfs") == "6.1" and (get("parent") or get("exchange")):
        return False
    # A record holds at least a stripe unit.
    return not get("buffers") or get("buffers") * 1024 >= get("su", 0) * 1024


def _pairs():
    for (one, values), (two, others) in itertools.combinations(FACTORS.items(), 2):
        for x, y in itertools.product(values, others):
            if possible({one: x, two: y}):
                yield (one, x), (two, y)


def _finished(row, left, dice):
    """ROW with every factor, by greedy choice of what covers most; None where that fails."""
    row = dict(row)
    for name in dice.sample(sorted(FACTORS), len(FACTORS)):
        if name in row:
            continue
        best, choice = -1, None
        for value in dice.sample(FACTORS[name], len(FACTORS[name])):
            if not possible(row | {name: value}):
                continue
            won = sum(1 for other in row.items() if frozenset(((name, value), other)) in left)
            if won > best:
                best, choice = won, value
        if choice is None:
            return None
        row[name] = choice
    return row


@functools.lru_cache(maxsize=1)
def table():
    """Always the same rows."""
    dice = random.Random(1)
    left = {frozenset(pair): None for pair in _pairs()}     # in an order that stays
    rows = []
    while left:
        seed = dict(next(iter(left)))
        tries = [_finished(seed, left, dice) for _ in range(8)]
        tries = [row for row in tries if row]
        if not tries:
            left.pop(next(iter(left)))      # a third factor stands between the two
            continue
        won = [set(map(frozenset, itertools.combinations(row.items(), 2))) & left.keys()
               for row in tries]
        best = max(range(len(tries)), key=lambda i: len(won[i]))
        for pair in won[best]:
            del left[pair]
        rows.append({name: tries[best][name] for name in FACTORS})
    return tuple(rows)


def row_of(seed):
    rows = table()
    return rows[seed % len(rows)]


def mkfs_words(row, log_mib, log_device=None):
    log = ["size=%dm" % log_mib]
    if row["su"]:
        log += ["version=2", "su=%dk" % row["su"]]
    if log_device:
        log.append("logdev=" + log_device)
    inode = "size=%d,sparse=%d,nrext64=%d" % (row["inode"], row["sparse"], row["nrext64"])
    name = "size=%d" % row["directory"]
    if row["mkfs"] != "6.1":
        inode += ",exchange=%d" % row["exchange"]
        name += ",parent=%d" % row["parent"]
    meta = ",".join("%s=%d" % (key, row[key])
                    for key in ("finobt", "inobtcount", "bigtime", "reflink", "rmapbt"))
    return ["-b", "size=%d" % row["block"], "-s", "size=%d" % row["sector"], "-n", name,
            "-d", "agcount=%d" % row["groups"], "-l", ",".join(log), "-m", meta, "-i", inode]


def told(row):
    """The row in one short line."""
    words = ["mkfs-" + row["mkfs"], "b%d" % row["block"], "s%d" % row["sector"],
             "i%d" % row["inode"], "n%d" % row["directory"]]
    words += [("" if row[key] else "no-") + key for key in (
        "rmapbt", "reflink", "finobt", "inobtcount", "sparse", "bigtime", "nrext64", "parent",
        "exchange")]
    words += ["log-%dm" % row["log"], "su%dk" % row["su"], row["where"],
              "buffers%dk" % row["buffers"], "ag%d" % row["groups"]]
    return " ".join(words)


if __name__ == "__main__":
    for number, found in enumerate(table()):
        print(number, told(found))
