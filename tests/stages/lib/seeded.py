"""Oracles that make a filesystem of some kind, change it at random by a seed, and judge it."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "log")]
import judge  # noqa: E402
import machine  # noqa: E402
import results  # noqa: E402

SEEDS = 40          # of the long campaign


def why_not(version):
    """Why nothing can be judged that mkfs.xfs of VERSION makes, or None."""
    if not machine.is_root():
        return "needs root"
    if not machine.has_loop():
        return "no free loop device"
    if not machine.kernel_has_xfs():
        return "the kernel has no XFS"
    if version not in judge.versions("mkfs.xfs"):
        return "xfsprogs %s or later is not here" % version
    return None


def run(what, script, kinds):
    """SCRIPT KIND --seed N for each of KINDS, {kind: the version of mkfs.xfs that it needs}."""
    first = int(os.environ.get("XFSX_SEED") or 1)
    seeds = range(first, first + (SEEDS if os.environ.get("XFSX_FULL") == "1" else 1))
    for kind, version in kinds.items():
        lacking = why_not(version)
        if lacking:
            results.skipped("%s - %s" % (what, kind), lacking)
            continue
        for seed in seeds:
            results.check_command("%s - %s seed %d" % (what, kind, seed),
                                  [sys.executable, os.path.join(ROOT, "tests", script), kind,
                                   "--seed", str(seed)])


def build():
    """Where the programs of the g++ build are."""
    return os.environ.get("XFSX_BUILD") or os.path.join(ROOT, "build", "gcc")
