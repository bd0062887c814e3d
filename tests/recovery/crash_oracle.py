#!/usr/bin/env python3
"""Power cuts while xfsx recovers: each disk that is left must recover to the same filesystem.

crash_oracle.py NAME... [--sample N] [--subsets N] [--keep DIRECTORY]
crash_oracle.py NAME --replay ID --state FILE
crash_oracle.py --campaign [--seconds S]        40 images; goes on where it was interrupted

NAME is a shipped image, a seed of dirty.py, or the path of a dirty image (beside it IMAGE.log, if
its log is external); a seed does not make the same image twice, so replay what was kept.
xfsx_recover_states records the writes of a recovery and makes the disks: each prefix of what was
written since a flush, and seeded subsets, in sectors.
Each is recovered by Linux, and by xfsx in memory, some by the program `xfsx recover` as well. Linux
must then show what it shows after a recovery that nothing disturbed, and say nothing; where the log
was so full that blocks had to go home first, Linux may refuse a disk (decision 19), but not xfsx.
Disks that come out equal are looked at once. What no kernel here mounts is recovered by xfsx alone,
and must be the same bytes each time. XFSX and XFSX_RECOVER_STATES are the programs (build/gcc).

A campaign takes every prefix of 14 shipped images and of seeds of each kind, and 60 subsets of each
image. Where blocks go home first there are tens of thousands of prefixes: 1500 of them are taken,
three of four at the end of a write. Figures go to docs/recovery-campaigns.md.

exit status: 0 all is as it should be   1 something is not   2 could not judge
"""
import argparse
import os
import signal
import subprocess
import sys
import time

import cuts
import cuts_campaign
import recover_oracle
from judging.errors import CannotJudge

EVERY_PREFIX = 1 << 40
HOME_FIRST_PREFIXES = 1500
SUBSETS = 60            # of each image of a campaign
BY_PROGRAM = 10         # of a campaign, too


def replay(judged, name, file):
    return subprocess.run(judged.command("--replay", name, "--keep", file), check=False).returncode


def judge(run, name, options, keep=None, ending=None, by_program=cuts.BY_PROGRAM):
    """(figures, words about the image, seconds)"""
    began = time.monotonic()
    target = cuts.Target(name, run.scratch, ending)
    try:
        figures = cuts.Cuts(run, target, options, by_program).judge()
        if figures.failed and keep:
            os.makedirs(keep, exist_ok=True)
            target.disk.copy(os.path.join(keep, "cuts-%s.img" % os.path.basename(name)))
    finally:
        target.remove()
    seconds = time.monotonic() - began
    words = target.words + ("" if target.mountable else ", no kernel here mounts it")
    print("%s %s: %s; %s; %.0f s" % ("FAILED" if figures.failed else "ok", name, words,
                                     figures.told(), seconds), flush=True)
    return figures, words, seconds


def campaign(run, arguments):
    options = ["--seed", str(arguments.seed), "--subsets", "4", "--sample", str(SUBSETS),
               "--prefixes", str(EVERY_PREFIX), "--home-first-prefixes", str(HOME_FIRST_PREFIXES)]

    def judge_one(name, ending):
        return judge(run, name, options, arguments.keep, ending, BY_PROGRAM)

    deadline = time.monotonic() + arguments.seconds if arguments.seconds else None
    failed = cuts_campaign.run(judge_one, cuts.STATES, deadline)
    if failed is None:
        print("the campaign goes on when it is run again")
        return 0
    print("campaign: %d failed; see %s" % (failed, cuts_campaign.PAGE))
    return 1 if failed else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--sample", type=int, default=60, help="states of all (0: all)")
    parser.add_argument("--subsets", type=int, default=20, help="for each prefix")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of states")
    parser.add_argument("--early", action="store_true",
                        help="inode clusters go home first, however few they are")
    parser.add_argument("--replay", metavar="ID", help="make this state again")
    parser.add_argument("--state", metavar="FILE", default="state.img", help="for --replay")
    parser.add_argument("--keep", metavar="DIRECTORY", help="keep dirty images with failing states")
    parser.add_argument("--campaign", action="store_true", help="many images; the figures go to "
                        "docs/recovery-campaigns.md")
    parser.add_argument("--seconds", type=float, help="begin no image of a campaign after that")
    arguments = parser.parse_args()
    if bool(arguments.names) == arguments.campaign:
        parser.error("either names or --campaign")
    return arguments


def main():
    arguments = parse()
    signal.signal(signal.SIGTERM, recover_oracle.end)
    options = ["--seed", str(arguments.seed), "--subsets", str(arguments.subsets),
               "--sample", str(arguments.sample), *(["--early"] if arguments.early else [])]
    run, good = cuts.Run(), True
    try:
        if arguments.campaign:
            return campaign(run, arguments)
        for name in arguments.names:
            if arguments.replay:
                target = cuts.Target(name, run.scratch)
                return replay(cuts.Cuts(run, target, options), arguments.replay, arguments.state)
            figures, _, _ = judge(run, name, options, arguments.keep)
            good = good and not figures.failed
    finally:
        run.close()
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotJudge as error:
        print("crash_oracle: %s" % error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(2)
