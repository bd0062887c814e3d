"""One image judged: the log, the mount, the kernel's words, every file, xfs_repair."""
import gzip
import os
import shutil
import subprocess
import tempfile

from . import expectation, linux, manifest, xfsprogs
from .errors import CannotJudge
from .known import KnownDisks

HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
LOOK_AGAIN = 50     # one of so many disks is looked at although an equal one is known


class Verdict:
    def __init__(self, image):
        self.image, self.state, self.problems, self.notes = image, None, [], []

    def as_json(self):
        return {"schema": 1, "image": self.image,
                "verdict": "fail" if self.problems else "pass", "state": self.state,
                "problems": self.problems, "notes": self.notes}

    def as_text(self):
        head = "FAIL" if self.problems else "PASS"
        state = f" {self.state}" if self.state else ""
        return f"{head}{state} {self.image} ({', '.join(self.notes)})" + "".join(
            f"\n  {p}" for p in self.problems)


def unpack(source, target):
    """A private copy of an image, which may be packed by gzip."""
    if not os.path.isfile(source):
        raise CannotJudge(f"{source}: no such file")
    if not source.endswith(".gz"):
        linux.sparse_copy(source, target)
        return
    with gzip.open(source, "rb") as src, open(target, "wb") as dst:
        while piece := src.read(1 << 20):
            if piece.strip(b"\0"):
                dst.write(piece)
            else:
                dst.seek(len(piece), os.SEEK_CUR)
        dst.truncate()


class Court:
    """Holds what is the same for all images of a run."""

    def __init__(self, options):
        self.options = options
        linux.need_root()
        self.repairs = xfsprogs.choose(options.repair)
        self.hashes = manifest.Hashes()
        self.messages = linux.KernelMessages()
        self.scratch = tempfile.mkdtemp(prefix="judge.", dir=linux.scratch_directory())
        self.base, self.base_free = None, None
        if options.base:
            self._open_base()
        self.known, self.judged = KnownDisks(options.known) if options.equal_once else None, 0
        self.old = self.new = self.superblock = None
        self.grown = 0      # blocks that files occupy beyond those of the base
        if options.manifest:
            told = manifest.load(options.manifest)
            self.superblock = told["superblock"]
            self.old = expectation.keyed(told["entries"])
            new = expectation.swapped(self.old, options.swapped)
            new = expectation.with_ranges(new, options.range, self.base)
            new = expectation.swapped_attributes(new, options.swapped_attributes)
            self.new = expectation.swapped_forks(new, options.swapped_forks)

    def close(self):
        self.messages.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _open_base(self):
        self.base = os.path.join(self.scratch, "base")
        unpack(self.options.base, self.base)
        with linux.Mounted(self.base) as m:     # read-write, as the image will be: the kernel
            if not m.mounted:                   # takes its reserve from the free blocks
                raise CannotJudge(f"{self.options.base}: {m.error}")
            self.base_used = linux.blocks_in_use(m.root)
        # Not what statvfs says, which leaves out what the kernel keeps for its trees.
        self.base_free = manifest.superblock(self.base)["fdblocks"]

    def judge(self, image):
        verdict = Verdict(image)
        copy = os.path.join(self.scratch, "image")
        if self.options.in_place:
            copy = image
        else:
            unpack(image, copy)
        try:
            self._decide(copy, verdict)
        finally:
            if not self.options.in_place:
                os.unlink(copy)
        if self.options.uml:
            self._in_debug_kernel(image, verdict)
        return verdict

    def _look_at(self, copy, verdict):
        self._before(copy, verdict)
        self._mount(copy, verdict)
        if not verdict.problems or not self.options.first:
            self._after(copy, verdict)
        if self.known is not None and not verdict.problems:
            self._remember(copy, verdict)

    def _remember(self, copy, verdict):
        known = self.known.find(copy)
        if known is None:
            self.known.add(copy, verdict)
        elif known.state != verdict.state:
            verdict.problems.append(f"is {verdict.state}, but an equal disk was {known.state}")

    def _decide(self, copy, verdict):
        self.judged += 1
        if self.known is None or self.judged % LOOK_AGAIN == 0:
            self._look_at(copy, verdict)
        elif not self._as_known(copy, verdict):
            with self.known.turn():     # meanwhile another judge may have looked at such a disk
                if not self._as_known(copy, verdict):
                    self._look_at(copy, verdict)

    def _as_known(self, copy, verdict):
        """Whether Linux mounts the disk and leaves one that is known. If not, the disk has been
        recovered and is still to be looked at."""
        if verdict.problems or not self.known.any():
            return False
        self._mount(copy, verdict, read=False)
        known = None if verdict.problems else self.known.find(copy)
        if known is None:
            return False
        verdict.state = known.state
        verdict.notes.append("then equal to a disk judged before")
        return True

    def _before(self, copy, verdict):
        if self.options.crash_state:
            return
        clean, head, _ = xfsprogs.log_state(copy)
        if clean is None:
            verdict.problems.append("xfs_logprint cannot find the log's head and tail")
        elif clean:
            verdict.notes.append(f"log clean at {head}")
            self._repair(copy, verdict, "before the mount")
            if self.base_free is None:
                self._check_superblock(copy, verdict, "before the mount")
        elif self.options.dirty_ok:
            verdict.notes.append("log dirty")
        else:
            verdict.problems.append("the log is dirty")

    def _mount(self, copy, verdict, read=True):
        self.messages.skip()
        entries = None
        with linux.Mounted(copy) as m:
            if m.mounted:
                if self.base_free is not None:
                    self.grown = linux.blocks_in_use(m.root) - self.base_used
                if read:
                    entries = manifest.walk(m.root, not self.options.no_mappings, self.hashes)
                m.unmount()
            else:
                verdict.problems.append(f"mount failed: {m.error}")
            said = self.messages.about(m.loop.path)
        if self.base_free is not None:
            self._check_free(copy, verdict)
        bad = linux.complaints(said)
        if bad:
            verdict.problems.append("kernel messages:" + "".join(f"\n    {x}" for x in bad[:20]))
        replayed = linux.recovered(said)
        verdict.notes.append("log replayed" if replayed else "no recovery")
        if replayed and self.options.expect_clean:
            verdict.problems.append("the kernel ran log recovery")
        if entries is not None:
            self._compare(expectation.keyed(entries), verdict)

    def _check_free(self, copy, verdict):
        """Files may come to occupy more or fewer blocks of mapping btrees; the others are free."""
        free = manifest.superblock(copy)["fdblocks"]
        if free + self.grown != self.base_free:
            verdict.problems.append(f"free blocks: expected {self.base_free} less {self.grown} "
                                    f"more in use, found {free}")

    def _compare(self, got, verdict):
        verdict.notes.append(f"{len(got)} paths")
        unreadable = [e for e in got.values() if e["type"] == "error"]
        verdict.problems += [f"unreadable: {e['path']}: {e['message']}" for e in unreadable]
        if self.old is None:
            return
        ignore = self.options.ignore
        if self.options.old_or_new:
            not_old = expectation.differences(self.old, got, ignore)
            if not not_old:
                verdict.state = "old"
                return
            not_new = expectation.differences(self.new, got, ignore)
            if not not_new:
                verdict.state = "new"
                return
            verdict.state = "neither"
            verdict.problems.append("neither old nor new; from old:" + _listed(not_old)
                                    + "\n    from new:" + _listed(not_new))
            return
        found = expectation.differences(self.new, got, ignore)
        if found:
            verdict.problems.append("not as the manifest says:" + _listed(found))

    def _check_superblock(self, copy, verdict, when):
        if self.superblock is None:
            return
        found = manifest.superblock(copy)
        found["fdblocks"] += self.grown
        for key, want in self.superblock.items():
            if found[key] != want:
                verdict.problems.append(f"sb_{key} {when}: expected {want}, found {found[key]}")

    def _after(self, copy, verdict):
        self._repair(copy, verdict, "after the mount")
        self._check_superblock(copy, verdict, "after the mount")

    def _repair(self, copy, verdict, when):
        asked, bad = xfsprogs.repair_complaints(copy, self.repairs, when)
        verdict.problems += bad
        if self.repairs and not asked:
            verdict.problems.append(f"no xfs_repair that is here knows the features, {when}")
        elif asked:
            verdict.notes.append(f"xfs_repair {' '.join(asked)} {when}")

    def _in_debug_kernel(self, image, verdict):
        program = os.path.join(HERE, "vm", "vm-judge")
        source = image
        if image.endswith(".gz"):
            source = os.path.join(self.scratch, "for-uml")
            unpack(image, source)
        done = subprocess.run([program, source, "--kernel", "uml", "--scrub=both"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode in (64, 124):
            raise CannotJudge(f"{program}: exit status {done.returncode}: {done.stdout[-2000:]}")
        if done.returncode:
            verdict.problems.append(f"debug kernel: exit status {done.returncode}:\n    "
                                    + done.stdout[-3000:].replace("\n", "\n    "))
        else:
            verdict.notes.append("debug kernel and scrub")


def _listed(lines):
    more = f"\n    ... and {len(lines) - 20} more" if len(lines) > 20 else ""
    return "".join(f"\n    {line}" for line in lines[:20]) + more
