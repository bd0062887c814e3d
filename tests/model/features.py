"""Feature sets and geometries that cover every pair of choices, and then some.

Each row is what mkfs.xfs is told. Rows are made one after another: of some by chance, the one that
holds most pairs that no row before it held.
"""
import itertools
import random

CHOICES = {
    "mkfs": ("6.1", "6.13", "7.2"),
    "block": (1024, 2048, 4096),
    "sector": (512, 4096),
    "inode": (512, 1024, 2048),
    "groups": (2, 3, 5),
    "unit": (None, "32k", "256k"),      # stripe unit of the log
    "rmapbt": (0, 1), "reflink": (0, 1), "finobt": (0, 1), "inobtcount": (0, 1),
    "bigtime": (0, 1), "nrext64": (0, 1), "exchange": (0, 1), "parent": (0, 1), "sparse": (0, 1),
    "metadir": (0, 1),
}


def allowed(row):
    """Whether mkfs.xfs makes it."""
    return not ((row["sector"] > row["block"]) or (row["inode"] > row["block"] // 2)
                or (row["inobtcount"] and not row["finobt"])
                or (row["mkfs"] == "6.1" and (row["exchange"] or row["parent"]))
                or ((row["parent"] or row["metadir"]) and not row["exchange"]))


# With files on a realtime device: "group" is what has groups of realtime blocks, "extent" how many
# blocks its extents have.
REALTIME = {
    "block": (1024, 4096), "extent": (1, 3, 5), "group": (0, 1), "inode": (512, 1024),
    "rmapbt": (0, 1), "reflink": (0, 1), "nrext64": (0, 1), "exchange": (0, 1), "parent": (0, 1),
    "quota": (0, 1),
}
GROUP_EXTENTS = 2500


def allowed_realtime(row):
    """Whether mkfs.xfs makes it and Linux mounts it."""
    return not ((row["inode"] > row["block"] // 2)
                or (row["block"] * row["extent"] < 4096)
                or (not row["group"] and (row["rmapbt"] or row["reflink"] or row["quota"]))
                or (row["group"] and not row["exchange"])
                or (row["parent"] and not row["exchange"])
                or (row["reflink"] and row["extent"] > 1))


def pairs_of(row):
    return set(itertools.combinations(sorted((k, str(v)) for k, v in row.items()), 2))


def random_row(dice, choices, is_allowed):
    while True:
        row = {name: dice.choice(values) for name, values in choices.items()}
        if is_allowed(row):
            return row


def rows(count, programs):
    """At least COUNT rows; programs: versions of mkfs.xfs that are here."""
    dice = random.Random(20261128)
    candidates = (random_row(dice, CHOICES, allowed) for _ in range(4000))
    return covering([r for r in candidates if r["mkfs"] in programs], count)


def realtime_rows():
    """As many rows as cover all pairs of choices for a realtime device."""
    dice = random.Random(20261130)
    return covering([random_row(dice, REALTIME, allowed_realtime) for _ in range(400)], 0)


def covering(candidates, count):
    """COUNT of the candidates, or as many as hold all pairs that there are."""
    missing = set().union(*map(pairs_of, candidates))
    found = []
    while missing or len(found) < count:
        best = max(candidates, key=lambda r: len(pairs_of(r) & missing))
        candidates.remove(best)
        missing -= pairs_of(best)
        found.append(best)
    return found


def realtime_options(row):
    """What follows `mkfs.xfs`, but for the devices; `rtdev=` stands at the end."""
    metadata = ["metadir=%d" % row["group"],
                *("%s=%d" % (n, row[n]) for n in ("rmapbt", "reflink")),
                *(["uquota", "gquota", "pquota"] if row["quota"] else [])]
    unit = row["block"] * row["extent"]
    section = "extsize=%d," % unit if row["extent"] > 1 else ""
    if row["group"]:
        section += "rgsize=%d," % (unit * GROUP_EXTENTS)
    return ["-b", "size=%d" % row["block"], "-d", "agcount=3", "-l", "size=64m",
            "-m", ",".join(metadata), "-n", "parent=%d" % row["parent"],
            "-i", "size=%d,nrext64=%d,exchange=%d" % (row["inode"], row["nrext64"],
                                                      row["exchange"]),
            "-r", section + "rtdev="]


def mkfs_options(row):
    metadata = ["%s=%d" % (n, row[n]) for n in ("finobt", "inobtcount", "bigtime", "reflink",
                                                "rmapbt")]
    inodes = ["size=%d" % row["inode"], "sparse=%d" % row["sparse"],
              "nrext64=%d" % row["nrext64"]]
    naming = []
    if row["mkfs"] != "6.1":
        inodes.append("exchange=%d" % row["exchange"])
        metadata.append("metadir=%d" % row["metadir"])
        naming = ["-n", "parent=%d" % row["parent"]]
    log = "size=64m"
    if row["unit"]:
        log += ",version=2,su=" + row["unit"]
    return ["-b", "size=%d" % row["block"], "-s", "size=%d" % row["sector"],
            "-d", "agcount=%d" % row["groups"], "-l", log, "-m", ",".join(metadata),
            "-i", ",".join(inodes), *naming]
