"""Inode numbers of the files of shipped images, from their manifests."""

import functools
import json
import os

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "images")


@functools.lru_cache(maxsize=None)
def numbers(name):
    with open(os.path.join(FOLDER, name + ".json"), encoding="utf-8") as file:
        return {entry["path"]: entry["ino"] for entry in json.load(file)["entries"]}


def number(name, path):
    return numbers(name)[path]
