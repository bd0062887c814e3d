"""The table of images: geometry, what is put in, and what each is for."""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recipe:
    """One image. Sizes in MiB; MKFS as mkfs.xfs takes it, without uuid and image."""

    name: str
    mkfs: str
    purpose: str
    mib: int = 64
    rt_mib: int = 0                 # of the realtime device, RT in MKFS, where it is another one
    parts: tuple = ("swap",)        # what fill.PARTS puts in
    before: tuple = ()              # the same, in a mount before, of which the log keeps nothing
    wrap: bool = False              # run the log round until its head is near the end
    new_uuid: bool = False          # xfs_admin -U after mkfs
    in_vm: str = ""                 # filled by this kernel of tests/oracle/vm
    newer: bool = False             # made and judged by the newest xfsprogs of tests/oracle
    left: str = "clean"             # clean, dirty (log) or empty (never mounted)
    ending: str = ""                # what endings.ENDINGS does last, where the log is left dirty
    intents: frozenset = frozenset()    # in the log: kinds left open; ending in D, done items
    expect: str = "swap"            # what `xfsx swap` shall do with it
    mount: str = "nouuid"
    options: dict = field(default_factory=dict)     # for the parts


# Everything that writes intents.
DEFERRED = "-m rmapbt=1,reflink=1,metadir=0 -i exchange=1,nrext64=1 -n parent=1 -d agcount=2"
# Everything that came with metadata directories.
METADIR = "-m metadir=1,rmapbt=1{} -i exchange=1,nrext64=1 -n parent=1 -d agcount=2"
GROUPS = METADIR.format(",reflink=1") + " -r rtdev=RT,rgsize=16m"
FULL = ("swap", "many", "shapes", "refuse", "names")
SOME = ("swap", "shapes", "refuse", "names")


def cut_off(name, ending, purpose, *kinds, **more):
    """An image whose log holds open intents and done items of these KINDS."""
    return Recipe("intents-" + name, more.pop("mkfs", DEFERRED), purpose, parts=(), newer=True,
                  left="dirty", ending=ending, intents=frozenset(kinds), expect="refuse: rmapbt",
                  **more)


RECIPES = (
    Recipe("debian12", "", "Debian 12's defaults (4k blocks, inode 512, reflink, finobt,"
           " inobtcount, bigtime, sparse inodes), the smallest log that mkfs takes, in its"
           " first cycle", parts=FULL),
    Recipe("block1k", "-b size=1024 -l size=12m", "1k blocks, directory blocks"
           " of four: tall mapping btrees, a node directory in a btree fork",
           parts=FULL + ("tall",), options={"long_links": 1500}),
    Recipe("block2k", "-b size=2048 -i size=1024 -l size=12m",
           "2k blocks and inodes of 1024", parts=FULL),
    Recipe("inode2k", "-i size=2048", "inodes of 2048: large fork areas", parts=SOME),
    Recipe("sector4k", "-s size=4096 -l size=16m -d agcount=2 -i size=1024",
           "sectors of 4096 in data and log", parts=SOME),
    Recipe("dir8k", "-n size=8192 -d agsize=22m -l size=10m",
           "directory blocks of two filesystem blocks; a last AG that is shorter than the others",
           mib=84, parts=SOME),
    Recipe("dir4k-block1k", "-b size=1024 -n size=4096 -l size=12m",
           "directory blocks of four filesystem blocks", parts=SOME),
    Recipe("nrext64", "-i nrext64=1", "64-bit extent counters (di_big_nextents)", parts=FULL),
    Recipe("plain-v5", "-m finobt=0,inobtcount=0,bigtime=0,reflink=0 -i sparse=0",
           "the least that v5 can be: every optional feature off", parts=SOME),
    Recipe("half-features", "-m finobt=1,inobtcount=0,bigtime=1,reflink=0 -i sparse=1 -l size=10m",
           "finobt without inobtcount, bigtime without reflink", parts=("swap", "refuse")),
    Recipe("meta-uuid", "", "a new user-visible uuid after mkfs (META_UUID)", new_uuid=True,
           parts=("swap", "refuse")),
    Recipe("log-su32k", "-l version=2,su=32k,size=16m -d agcount=2",
           "log stripe unit of 32k", parts=("swap", "many")),
    Recipe("log-su256k", "-l version=2,su=256k,size=20m -d agcount=2",
           "log stripe unit of 256k, records of 256k", parts=("swap", "many"),
           mount="nouuid,logbsize=256k"),
    Recipe("wrapped", "-l size=16m -d agcount=2", "a log that Linux has wrapped, its head near"
           " the end: every checkpoint of any size goes round", parts=("swap", "many"), wrap=True),
    Recipe("wrapped-small", "-b size=1024 -m reflink=0", "the same in the smallest log that mkfs"
           " makes", parts=("swap", "many"), wrap=True),
    Recipe("wrapped-su256k", "-l version=2,su=256k,size=20m -d agcount=2",
           "the same with a stripe unit of 256k", parts=("swap", "many"), wrap=True,
           mount="nouuid,logbsize=256k"),
    Recipe("wrapped-sector4k", "-s size=4096 -l size=16m -d agcount=2",
           "the same with log sectors of 4096", parts=("swap", "many"), wrap=True),
    Recipe("dirty-log", "", "shut down with pending changes: the log must be replayed first",
           left="dirty", ending="pending", expect="refuse: dirty log"),
    Recipe("staging", "-b size=1024 -l size=10m",
           "cut off while blocks taken for copies on write belonged to no file yet",
           parts=(), left="dirty", ending="staging", expect="refuse: dirty log"),
    Recipe("unlinked", "", "cut off while open files had no name any more: lists of unlinked"
           " inodes", parts=(), left="dirty", ending="unlinked", expect="refuse: dirty log"),
    Recipe("rmapbt", "-m rmapbt=1", "reverse mappings", expect="swap whole"),
    Recipe("trees", "-m rmapbt=1 -b size=1024 -l size=10m -d agcount=2",
           "every btree of an AG with several levels, sparse inode chunks, blocks of three owners",
           parts=("swap", "trees"), expect="swap whole"),
    Recipe("rare", "-m rmapbt=1 -b size=1024 -l size=10m"
           " -d agcount=2,su=16k,sw=3 -L rare-fields",
           "what ordinary use leaves at its default: label, stripes, hints, gaps, second blocks",
           before=("large",), parts=("swap", "rare", "many", "tall"), expect="swap whole"),
    Recipe("islands", "-m finobt=0,inobtcount=0,reflink=0 -b size=1024 -l size=10m -d agcount=2",
           "no two free blocks are neighbours: a link target in two pieces",
           parts=("swap", "islands")),
    Recipe("v4", "-m crc=0 -n ftype=0 -i attr=1 -l size=10m -d agcount=2",
           "version 4: inodes of 256, no types in directories", parts=FULL, in_vm="default",
           expect="refuse: v4", mount="nouuid"),
    Recipe("v4-block1k", "-m crc=0 -n ftype=1 -b size=1024 -l size=10m -d agcount=2",
           "version 4 with 1k blocks and types in directories: tall btrees, large directories",
           parts=FULL + ("tall",), options={"long_links": 1500}, in_vm="default",
           expect="refuse: v4"),
    Recipe("v4-old", "-m crc=0 -n ftype=0 -i projid32bit=0,attr=1,size=512"
           " -l version=1,lazy-count=0,size=10m -d agcount=2", "the oldest that version 4 is:"
           " the first version of the log, counters kept exactly, projects of 16 bits",
           parts=SOME, in_vm="default", expect="refuse: v4"),
    Recipe("v4-rare", "-m crc=0 -n ftype=1 -b size=1024 -l size=10m -d agcount=2",
           "version 4 with what ordinary use leaves at its default", before=("large",),
           parts=("swap", "rare"), options={"version4": True}, in_vm="default",
           expect="refuse: v4"),
    Recipe("v4-unlinked", "-m crc=0 -n ftype=1 -l size=10m -d agcount=2",
           "version 4 with lists of unlinked inodes", parts=(), left="dirty", ending="unlinked",
           in_vm="default", expect="refuse: v4"),
    Recipe("v4-dirty", "-m crc=0 -n ftype=1 -l size=10m -d agcount=2", "version 4 shut down with"
           " pending changes", left="dirty", ending="pending", in_vm="default",
           expect="refuse: v4"),
    Recipe("v4-dirty-old", "-m crc=0 -n ftype=0 -i projid32bit=0 -l version=1,size=10m"
           " -d agcount=2", "the same with the first version of the log", left="dirty",
           ending="pending", in_vm="default", expect="refuse: v4"),
    Recipe("quota", "-m rmapbt=0,metadir=0 -i exchange=0,nrext64=0 -n parent=0 -d agcount=2",
           "users, groups and projects are counted and limited", parts=("swap", "quota"),
           newer=True, in_vm="default", mount="nouuid,uquota,gquota,pquota"),
    Recipe("realtime", "-m rmapbt=0,reflink=0,metadir=0 -i exchange=0,nrext64=0 -n parent=0"
           " -b size=1024 -d agcount=2 -r rtdev=RT,extsize=5k", "a realtime device in extents of"
           " five blocks, without groups; its bitmap has two blocks", rt_mib=64,
           parts=("realtime",), options={"rt_extent": 5}, newer=True, in_vm="default",
           expect="refuse: realtime"),
    Recipe("rtgroups", METADIR.format(",reflink=1,uquota,gquota,pquota")
           + " -L rt-label -r rtdev=RT,rgsize=16m", "a realtime device in groups, with reverse"
           " mappings and shared blocks, and quota: all of their inodes in the metadata directory",
           rt_mib=64,
           parts=("groups", "quota"), options={"rt_pieces": 1300, "quota_on_rt": True}, newer=True,
           in_vm="default", expect="refuse: rmapbt"),
    Recipe("zoned", METADIR.format(",reflink=0") + ",size=64m -r zoned=1,rgsize=8m,reserved=1m",
           "a zoned realtime section behind the data", mib=192, parts=("zoned",), newer=True,
           in_vm="default", expect="refuse: rmapbt"),
    cut_off("exchange", "exchange", "an exchange cut off between two of its steps, the last"
            " of several", "XMI", "XMD"),
    cut_off("exchange-step", "exchange", "an exchange cut off within a step: mappings are still to"
            " be recorded", "XMI", "RUI"),
    cut_off("clone", "clone", "sharing blocks cut off before they are counted and mapped",
            "BUI", "CUI"),
    cut_off("free", "free", "a file without a name cut off while its blocks are freed", "EFI",
            "EFD", "RUI"),
    cut_off("parents", "parents", "exchanging two names cut off before the parents of the files"
            " are changed", "ATTRI"),
    cut_off("attribute", "attribute", "replacing the value of an attribute cut off", "ATTRI",
            in_vm="uml"),
    cut_off("realtime-clone", "realtime-clone", "as intents-clone, on a realtime device in groups",
            "CUI_RT", mkfs=GROUPS, rt_mib=64, in_vm="default"),
    cut_off("realtime-free", "realtime-free", "as intents-free, on a realtime device in groups",
            "EFI_RT", "RUI_RT", mkfs=GROUPS, rt_mib=64, in_vm="default"),
)
