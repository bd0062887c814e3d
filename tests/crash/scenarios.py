"""What is exchanged on which log. `pad` logs whole blocks until the checkpoint has that size."""
from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Scenario:
    name: str
    image: str
    pair: str                   # of /swap: one, twenty, many, tall
    pad: int = 0
    flags: tuple = ()           # more options of xfsx_crash
    range: tuple = ()           # offsets in both files and length, in blocks of 1024 bytes
    fork: str = ""              # attr; data: of directories and links; contents of files

    def files(self):
        """PAIR names two files that begin alike, or both of them; or two paths."""
        if self.pair.startswith("/"):
            return tuple(self.pair.split(","))
        if "," in self.pair:
            return tuple(f"/swap/{name}" for name in self.pair.split(","))
        return f"/swap/{self.pair}-a", f"/swap/{self.pair}-b"

    def bytes(self):
        return [str(n * 1024) for n in self.range]

    def expected(self, image):
        """What the judge is told of the exchange."""
        if self.range:
            return ["--base", image, "--range", *self.files(), *self.bytes()]
        if self.fork:
            what = "attributes" if self.fork == "attr" else "forks"
            return ["--base", image, "--swapped-" + what, *self.files()]
        return ["--swapped", *self.files()]


STIR = ("--stir",)      # blocks change in more than one sector, so that they can be torn

# Logs by how they are made: what fits them. Records are of 32 KiB, but of 256 KiB where the
# checkpoint exceeds a MiB or the stripe unit asks for it.
SMALL = (("one", "one", 0, ()), ("twenty", "twenty", 0, ()), ("many", "many", 0, ()),
         ("many, blocks changed in two places", "many", 0, STIR))
WHOLE = SMALL[:3] + (("padded", "many", 8 * MIB + MIB // 2, STIR),)
# Many records of 32 KiB, in flight together.
RECORDS = (("records of 32k", "many", 900 << 10, STIR),)

LOGS = (
    ("wrapped", WHOLE + RECORDS),
    ("wrapped-su256k", WHOLE),
    ("wrapped-sector4k", WHOLE + RECORDS),
    ("wrapped-small", SMALL),
    ("log-su32k", WHOLE + RECORDS),
    ("log-su256k", WHOLE),
    ("debian12", SMALL + RECORDS),
    ("sector4k", SMALL[:2]),
    ("block1k", (("tall", "tall", 0, STIR),)),
    # Reverse mappings, in trees of several levels.
    ("rare", (("one", "one", 0, ()), ("shared", "shared", 0, ()), ("many", "many", 0, STIR))),
)

# Ranges, in images of 1 KiB blocks: many-a has 3000 mappings, many-b 1300, one block in two is a
# hole. What happens to the trees on the way is what a range is here for.
RANGES = tuple(
    Scenario(f"{image} range {name}", image, pair, flags=STIR, range=blocks)
    for image in ("rare", "block1k")
    for name, pair, blocks in (
        ("of a few blocks", "twenty", (1, 1, 7)),
        ("that makes a btree of a list", "many-a,twenty-b", (100, 0, 8)),
        ("that makes two lists longer", "mixed", (1, 0, 7)),
        ("that cuts one mapping into hundreds", "many-a,range-b", (64, 0, 32)),
        ("that takes half of a btree away", "many", (0, 650, 600)),
        ("that gives a list a btree", "many-b,tall-b", (0, 4, 1000)),
        ("of all but the first and the last block", "many", (1, 1, 1298)),
        ("of shared blocks", "shared", (0, 0, 1)),
        ("of one file, near", "many-a,many-a", (10, 20, 10)),
        ("of one file, its halves", "many-b,many-b", (0, 640, 640)),
        ("of one file, shared", "shared-a,shared-a", (0, 2, 2)),
        ("of one file, high tree", "tall-a,tall-a", (3, 5000, 1200)),
        ("of high trees", "tall", (7, 1, 2000)),
        ("that fills holes", "many-a,one-a", (3, 0, 2)),
        ("of files with attributes", "attr", (1, 1, 2)),
    ))

# Forks that hold metadata, of all forms.
FORKS = tuple(
    Scenario(f"{image} {name}", image, f"{folder}/{one},{folder}/{two}", flags=STIR, fork=fork)
    for image, name, fork, folder, one, two in (
        ("debian12", "attributes, leaf and list", "attr", "/shapes", "attr-leaf", "attr-local"),
        ("debian12", "attributes, tree and list", "attr", "/shapes", "attr-node", "attr-dir"),
        ("debian12", "attributes, value in blocks", "attr", "/shapes", "attr-remote", "attr-local"),
        ("debian12", "attributes, list to leaf", "attr", "/refuse", "long-fork", "small-area"),
        ("rare", "attributes, btree and list", "attr", "/rare", "attributes-a", "holes"),
        ("rare", "attributes, two btrees", "attr", "/rare", "attributes-a", "attributes-b"),
        ("debian12", "directories, node and leaf", "data", "/dirs", "node", "leaf"),
        ("debian12", "directories, node and list", "data", "/dirs", "node", "short"),
        ("block1k", "directories, node and leaf", "data", "/dirs", "node", "leaf"),
        ("block1k", "links", "data", "/shapes", "symlink-local", "symlink-remote"),
    ))

SCENARIOS = tuple(Scenario(f"{log} {name}", log, pair, pad, flags)
                  for log, shapes in LOGS for name, pair, pad, flags in shapes) + (
    # The head has to be moved on before the checkpoint.
    Scenario("debian12 many, LSN at the head", "debian12", "many", flags=("--lsn-at-head",)),
    Scenario("wrapped many, LSN at the head", "wrapped", "many", flags=("--lsn-at-head",)),
) + RANGES + FORKS

# What CI takes: each shape of a range on one image or the other.
IN_CI = tuple(s for s in SCENARIOS if s not in RANGES[1::2])

# Any two files: ranges, forks with metadata, and where there are reverse mappings.
ANY_TWO = tuple(s for s in SCENARIOS if s.range or s.fork or s.image == "rare")


@dataclass(frozen=True)
class Mistake:
    """Made on purpose: among some states, Linux must refuse or misread at least one."""
    scenario: Scenario
    sample: int = 30


MISTAKES = (
    Mistake(Scenario("new LSN on the first sector of home blocks", "debian12", "many",
                     flags=("--stir", "--new-lsn-at-home", "--only", "home"))),
    Mistake(Scenario("more than 4096 blocks of the log in flight in its first cycle", "log-su256k",
                     "many", pad=4 * MIB,
                     flags=("--unflushed", "--only", "before", "--only-random"))),
    Mistake(Scenario("a logged block whose LSN is not below the checkpoint's", "debian12", "many",
                     flags=("--lsn-at-head", "--any-lsn", "--only", "home"))),
)

# What failing requests leave; judged one by one.
FAULTS = (
    Scenario("debian12 one", "debian12", "one"),
    Scenario("debian12 many", "debian12", "many"),
    Scenario("wrapped twenty", "wrapped", "twenty"),
    Scenario("wrapped many, 2 MiB", "wrapped", "many", pad=2 * MIB),
    Scenario("log-su32k many", "log-su32k", "many"),
    Scenario("sector4k twenty", "sector4k", "twenty"),
    Scenario("rare many", "rare", "many"),
    FORKS[1],
    FORKS[7],
)
