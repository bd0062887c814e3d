"""Filesystems that a debug kernel makes dirty: a step of its own work is told to fail, and what was
to be done after it stays in the log. It knows what the running kernel may not: realtime devices,
quota, version 4, attributes that are logged.

A seed decides the filesystem and the step. What is in the log in the end is partly chance.
"""
import dataclasses
import json
import os
import pickle
import random
import shlex
import shutil
import subprocess
import tempfile

import disks
from disks import Disk, xfsprogs
from judging.errors import CannotJudge

KERNEL = "uml"
SCRIPTS = os.path.join(disks.ROOT, "scripts", "imaging")
HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 180
CRASHED = 70                # what vm-judge says of the guest
MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of filesystem."""
    name: str
    mkfs: str                   # RT: the realtime device
    version: str = "7.2"        # of mkfs.xfs
    realtime: int = 0           # MiB
    mount: str = ""

    def steps(self):
        """What can be told to fail, where there is such work."""
        steps = ["free_extent", "iunlink", "iunlinkrm", "larp"]
        if "rmapbt=1" in self.mkfs:
            steps.append("rmap_finish_one")
        if "reflink=1" in self.mkfs:
            steps += ["refcount_finish_one", "bmap_finish_one"]
        if "exchange=1" in self.mkfs:
            steps += ["exchmaps_finish_one"] * 2
        return steps


NEW = "-m rmapbt=1,reflink=1,metadir=0 -i exchange=1,nrext64=1 -n parent=1 -d agcount=3"
GROUPS = "-m metadir=1,rmapbt=1,reflink=%d -i exchange=1,nrext64=1 -n parent=%d" \
    " -d agcount=3,rtinherit=1 -r rtdev=RT,rgsize=16m"
QUOTA = "uquota,gquota,pquota"
KINDS = (
    Kind("everything", NEW),
    Kind("blocks of 1k", NEW + " -b size=1024"),
    Kind("without reverse mappings", "-m rmapbt=0,reflink=1,metadir=0 -i exchange=1 -n parent=0"
         " -d agcount=3", "6.13"),
    Kind("realtime", "-m rmapbt=0,reflink=0,metadir=0 -i exchange=1 -n parent=1"
         " -d agcount=3,rtinherit=1 -r rtdev=RT", "6.13", 192),
    Kind("realtime, extents of 3 blocks", "-m rmapbt=0,reflink=0,metadir=0 -i exchange=1,nrext64=0"
         " -n parent=0 -d agcount=3,rtinherit=1 -r rtdev=RT,extsize=12k", "6.13", 192),
    Kind("realtime groups", GROUPS % (1, 1), realtime=192),
    Kind("realtime groups, blocks of 1k", GROUPS % (0, 1) + " -b size=1024", realtime=192),
    Kind("realtime groups, extents of 2 blocks", GROUPS % (0, 1) + ",extsize=8k", realtime=192),
    Kind("quota", NEW, mount=QUOTA),
    Kind("quota, old features", "-m rmapbt=0,reflink=0,finobt=0 -d agcount=3", "6.1", mount=QUOTA),
    Kind("quota, realtime groups", (GROUPS % (1, 1)).replace(" -i", ",uquota,gquota,pquota -i", 1),
         realtime=192),
    Kind("version 4", "-m crc=0 -n ftype=1 -d agcount=3", "6.13"),
    Kind("version 4, quota", "-m crc=0 -n ftype=0 -d agcount=3 -i projid32bit=1", "6.13",
         mount="uquota,gquota"),
)
# Does no harm by itself: work goes on in more steps, or takes another way.
HARMLESS_TAGS = (("refcount_continue_update", 1), ("bmap_alloc_minlen_extent", 3),
                 ("ag_resv_critical", 20))


def kind_of(seed):
    return KINDS[seed % len(KINDS)]


def in_machine(disk, command, *words):
    """Runs COMMAND in the mounted filesystem; the result and what the machine said."""
    program = os.path.join(disks.ROOT, "tests", "oracle", "vm", "vm-judge")
    judging = os.path.join(disks.ROOT, "tests", "oracle", "judging")
    files = [os.path.join(HERE, name + ".py")
             for name in ("in_guest", "churn", "looks", "disks")]
    files.append(os.path.join(SCRIPTS, "quotas.py"))
    files += ["%s/%s:judging/%s" % (judging, name, name) for name in sorted(os.listdir(judging))
              if name.endswith(".py")]
    more = ["--log", disk.log] if disk.log else []
    more += ["--rt", disk.realtime] if disk.realtime else []
    done = subprocess.run(
        [program, disk.image, *more, "--kernel", KERNEL, "--quiet", "--no-manifest", "--no-repair",
         "--timeout", str(SECONDS), "--command", command, *words,
         *(word for file in files for word in ("--file", file))],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False)
    return done.returncode, done.stdout


def mount_words(kind):
    return ["--mount-opts", kind.mount] if kind.mount else []


def make(kind, dice, image):
    """mkfs; the Disk."""
    disk = Disk(image, realtime=image + ".rt" if kind.realtime else None)
    for path, mib in zip(disk.paths(), (dice.choice((320, 400)), kind.realtime)):
        with open(path, "wb") as file:
            file.truncate(mib * MIB)
    program = os.path.join(xfsprogs.directory(), "mkfs.xfs-" + kind.version)
    words = [word.replace("RT", disk.realtime) if word.startswith("rtdev=") else word
             for word in kind.mkfs.split()]
    log = ["-l", "size=%dm" % dice.choice((10, 16, 40))]
    for log in (log, ["-l", "size=64m"]):       # what is too small depends on the features
        done = xfsprogs.run([program, "--unsupported", "-q", *words, *log, image], check=False)
        if done.returncode == 0:
            return disk
    raise CannotJudge("%s: %s" % (program, done.stdout))


def build(seed, image):
    """A dirty Disk, and what was done to it."""
    kind, dice = kind_of(seed), random.Random(seed)
    disk = make(kind, dice, image)
    orders = {
        "seed": seed, "threads": dice.randrange(1, 4), "seconds": dice.choice((0.05, 0.4, 1.5)),
        "how": dice.choice(("log flushed", "log not flushed")),
        "log_attributes": int("crc=0" not in kind.mkfs and dice.random() < 0.5),
        "always": [tag for tag in HARMLESS_TAGS if dice.random() < 0.25],
        "tag": dice.choice(kind.steps()), "often": dice.choice((1, 1, 4, 30))}
    status, said = in_machine(
        disk, "python3 $JOB/in_guest.py make $MNT " + shlex.quote(json.dumps(orders)), "--write",
        "--crash", "--allow", "[sS]hut|goingdown|Injecting|rror", *mount_words(kind))
    # That the kernel fell over an assertion of its own cuts it off as well.
    if status not in (0, CRASHED):
        raise CannotJudge("seed %d, %s: status %d: %s" % (seed, kind.name, status, said[-1500:]))
    return disk, "%s; %s fails, one in %d" % (kind.name, orders["tag"], orders["often"])


class Recovered:
    """What the debug kernel said when it mounted and unmounted a disk, and what was seen
    meanwhile."""

    def __init__(self, disk, kind, looking):
        out = tempfile.mkdtemp(dir=os.path.dirname(disk.image))
        try:
            command = "python3 $JOB/in_guest.py look $MNT $OUT/look" if looking else "true"
            status, self.said = in_machine(disk, command, "--write", "--out", out,
                                           *mount_words(kind))
            self.failed = status != 0
            self.error = self.said.strip()[-600:] if self.failed else None
            messages = self._messages(out)
            self.replayed = "Starting recovery" in messages
            self.seen = None
            if looking and not self.failed:
                with open(os.path.join(out, "look"), "rb") as file:
                    self.seen, self.seen.quota = pickle.load(file)
        finally:
            shutil.rmtree(out, ignore_errors=True)

    @staticmethod
    def _messages(out):
        path = os.path.join(out, "dmesg.txt")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def problem(self):
        return self.error
