"""Makes a filesystem dirty, or looks at it, inside the virtual machine of tests/oracle/vm.

    in_guest.py make ROOT ORDERS   ORDERS is JSON; injected.py gives them
    in_guest.py look ROOT FILE     pickles a looks.Look and the quota into FILE
"""
import json
import os
import pickle
import random
import sys
import threading
import time

import churn
import looks
import quotas
from judging import manifest

LOG_ATTRIBUTES = "/sys/fs/xfs/debug/larp"
PATIENCE = 3            # seconds until what does not fail by itself is shut down


def write_knob(path, value):
    with open(path, "w", encoding="ascii") as knob:
        knob.write("%d" % value)


def make(root, orders):
    """Works in several threads, until a step fails that was told to."""
    dice = random.Random(orders["seed"])
    tags = "/sys/fs/xfs/%s/errortag/" % os.path.basename(quotas.device_of(root))
    if orders["log_attributes"]:
        write_knob(LOG_ATTRIBUTES, 1)
    for tag, often in orders["always"]:
        write_knob(tags + tag, often)
    crowd = churn.Crowd(root, dice, orders["threads"], None)
    crowd.start()
    time.sleep(orders["seconds"])
    write_knob(tags + orders["tag"], orders["often"])
    limit = threading.Timer(PATIENCE, churn.shut_down, (root, orders["how"]))
    limit.start()
    crowd.join()
    limit.cancel()


def look(root, into):
    seen = looks.Look(root, manifest.Hashes()), quotas.all_quotas(root)
    with open(into, "wb") as file:
        pickle.dump(seen, file)


def main():
    verb, root, argument = sys.argv[1:]
    if verb == "make":
        make(root, json.loads(argument))
    else:
        look(root, argument)


main()
