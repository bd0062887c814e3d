"""Fills an image, or reads its manifest, inside the virtual machine of tests/oracle/vm.

    guest.py fill ROOT OPTIONS    OPTIONS is JSON: parts, options, ending
    guest.py read ROOT FILE       writes the entries and the quota to FILE
"""
import json
import sys

from imaging import endings, fill, quotas, realtime
from judging import manifest


def put_in(root, wanted):
    filler = fill.Filler(root, wanted["options"])
    for part in wanted["parts"]:
        (fill.PARTS | realtime.PARTS)[part](filler)
    if wanted["ending"]:
        endings.ENDINGS[wanted["ending"]](root)


def main():
    verb, root, argument = sys.argv[1:]
    if verb == "fill":
        put_in(root, json.loads(argument))
    else:
        with open(argument, "w", encoding="utf-8") as file:
            json.dump({"entries": manifest.walk(root), "quota": quotas.all_quotas(root)}, file)


main()
