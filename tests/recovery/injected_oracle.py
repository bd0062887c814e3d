#!/usr/bin/env python3
"""Images that a debug kernel made dirty by failing on purpose, recovered by it and by xfsx.

injected_oracle.py SEED... [--keep DIRECTORY]     seeds or ranges of seeds, such as 1-20
injected_oracle.py --campaign [--seconds S]       many; a run goes on where the last ended

The kinds of filesystem are those of injected.py: what the running kernel may not know is among
them. What is compared is what recover_oracle.py compares, and the quota; scrub has to be silent
about what xfsx recovered.

XFSX is the program (build/gcc/cli/xfsx). XFSX_ORACLE_TMP is where images are made.

exit status: 0 all as they should be   1 some are not   2 could not judge
"""
import argparse
import os
import shutil
import signal
import sys
import tempfile
import time

import campaign
import injected
import machine
import recover_oracle
import space
from disks import linux, xfsprogs
from judging.errors import CannotJudge

CAMPAIGN = 520          # seeds
# When a limit was passed, and what was warned of, is a matter of the clock.
OF_THE_CLOCK = ("itimer", "btimer", "rtbtimer", "iwarns", "bwarns", "rtbwarns")


class Court(recover_oracle.Court):
    """The debug kernel mounts the images of one seed."""

    def __init__(self, scratch, repairs, kind):
        self.scratch, self.repairs, self.kind, self.scrub = scratch, repairs, kind, True
        self.machine_words = injected.mount_words(kind)

    def recovered(self, disk, looking=False):
        return injected.Recovered(disk, self.kind, looking)


class Judged(recover_oracle.Judged):
    """With the quota."""

    def counted_anew(self):
        """Before version 5, freed inodes make Linux count anew, and when it looks at all files for
        that it gives back what blocks they have beyond their ends."""
        return not space.knows(self.ours.image)

    def by_linux(self):
        super().by_linux()
        self.their_quota = getattr(self.their_look, "quota", {})

    def compare(self, look):
        super().compare(look)
        if not self.their_look:
            return
        for kind in sorted(set(self.their_quota) | set(look.quota)):
            theirs, ours = (self.of_ids(quota.get(kind, ()))
                            for quota in (self.their_quota, look.quota))
            for ident in sorted(set(theirs) | set(ours)):
                if theirs.get(ident) != ours.get(ident):
                    self.fail("%s quota of %d: Linux %s, here %s" % (
                        kind, ident, theirs.get(ident), ours.get(ident)))

    def of_ids(self, rows):
        """Without what is nought: whether an id is remembered is a matter of history."""
        left_out = OF_THE_CLOCK + (("bcount", "rtbcount") if self.counted_anew() else ())
        kept = {}
        for row in rows:
            said = {name: value for name, value in row.items()
                    if value and name != "id" and name not in left_out}
            if said:
                kept[row["id"]] = said
        return kept


def judge_seed(seed, scratch, repairs, tally, keep):
    kind = injected.kind_of(seed)
    disk, words = injected.build(seed, os.path.join(scratch, "dirty.img"))
    try:
        recover_oracle.judge(Court(scratch, repairs, kind), tally, "seed %d" % seed, disk, words,
                             keep, Judged)
    finally:
        disk.remove()


def run_campaign(scratch, repairs, arguments):
    def judge_one(_, seed):
        tally = recover_oracle.Tally()
        judge_seed(seed, scratch, repairs, tally, arguments.keep)
        return tally

    deadline = time.monotonic() + arguments.seconds if arguments.seconds else None
    failed, through = campaign.run(judge_one, {campaign.INJECTED: CAMPAIGN}, deadline)
    print("campaign: %d failed %s; see %s%s" % (
        len(failed), " ".join(failed), campaign.PAGE,
        "" if through else "; it goes on when it is run again"))
    return 1 if failed else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="*", metavar="SEED")
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep the images of what fails")
    parser.add_argument("--campaign", action="store_true", help="%d seeds; the figures go to "
                        "docs/recovery-campaigns.md" % CAMPAIGN)
    parser.add_argument("--seconds", type=float, help="begin no image after that")
    return parser.parse_args()


def main():
    arguments = parse()
    signal.signal(signal.SIGTERM, recover_oracle.end)
    if not machine.debug_kernels():
        raise CannotJudge("no debug kernel: tests/oracle/vm/build-debug-kernel")
    repairs = xfsprogs.choose("all")
    scratch = tempfile.mkdtemp(prefix="xfsx-injected.", dir=linux.scratch_directory())
    tally, began = recover_oracle.Tally(), time.monotonic()
    try:
        if arguments.campaign:
            return run_campaign(scratch, repairs, arguments)
        for seed in recover_oracle.seeds_of(arguments.seeds):
            if arguments.seconds and time.monotonic() - began > arguments.seconds:
                break
            judge_seed(seed, scratch, repairs, tally, arguments.keep)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print("recovered: %s; %.0f s" % (tally.told(), time.monotonic() - began))
    return 1 if tally.failed or not tally.images else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotJudge as error:
        print("injected_oracle: %s" % error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(2)
