"""Fills an image, or reads its manifest, inside the virtual machine of tests/oracle/vm.

    guest.py fill ROOT OPTIONS    OPTIONS is JSON: parts, options, left
    guest.py read ROOT FILE       writes the entries to FILE
"""
import json
import sys

from imaging import fill
from judging import manifest


def put_in(root, wanted):
    filler = fill.Filler(root, wanted["options"])
    for part in wanted["parts"]:
        fill.PARTS[part](filler)
    if wanted["left"] == "dirty":
        fill.sync_filesystem(root)
        fill.pending_changes(root)


def main():
    verb, root, argument = sys.argv[1:]
    if verb == "fill":
        put_in(root, json.loads(argument))
    else:
        with open(argument, "w", encoding="utf-8") as file:
            json.dump(manifest.walk(root), file)


main()
