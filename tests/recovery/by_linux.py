#!/usr/bin/env python3
"""Recovers an image by mounting and unmounting it: what stands in for `xfsx recover`.

by_linux.py IMAGE [--log-dev LOG]
"""
import argparse
import sys

from disks import Disk, Mounted


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("--log-dev")
    arguments = parser.parse_args()
    with Mounted(Disk(arguments.image, arguments.log_dev)) as m:
        if not m.mounted:
            print("by_linux: %s: %s" % (arguments.image, m.error), file=sys.stderr)
            return 1
        m.unmount()
    return 0


if __name__ == "__main__":
    sys.exit(main())
