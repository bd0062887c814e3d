"""The lines by which a stage tells scripts/test what happened.

A stage prints `PASS name`, `FAIL name: why` and `SKIP name: reason`; every other line is passed
through. A name holds no colon followed by a blank, so that the reason can be told from it.
"""

import re
import subprocess
import sys

LINE = re.compile(r"^(PASS|FAIL|SKIP) (\S.*)$")


def clean_name(name):
    return re.sub(r":\s", " - ", " ".join(name.split()))


def clean_reason(reason):
    return " ".join(str(reason).split())[:2000] or "no reason given"


def passed(name):
    print("PASS " + clean_name(name), flush=True)


def failed(name, why):
    print("FAIL %s: %s" % (clean_name(name), clean_reason(why)), flush=True)


def skipped(name, reason):
    print("SKIP %s: %s" % (clean_name(name), clean_reason(reason)), flush=True)


def parse(line):
    """(verdict, name, reason) of a line, or None if it is no result line."""
    match = LINE.match(line)
    if not match:
        return None
    verdict, rest = match.groups()
    name, _, reason = rest.partition(": ")
    return verdict, name, reason.strip()


def check_command(name, command, **options):
    """Runs a command: one line, PASS when it ends with 0."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **options)
    if done.returncode == 0:
        passed(name)
    else:
        sys.stdout.write(done.stdout)
        failed(name, "exit status %d: %s" % (done.returncode, done.stdout[-500:]))
    return done.returncode == 0
