"""Which room may include which: includes point down only."""

import posixpath

import scanner

# From the ground up: a room may include itself and every room before it.
TOWER = ["base", "disk", "format", "device", "cache", "log", "txn", "btree", "ag", "inode", "dir",
         "rt", "quota", "attr", "symlink", "exchange", "undo", "recovery", "fs", "check", "repair",
         "cli"]

# Beside the tower: a room of its own that includes these.
BESIDE = {
    "inspect": ["base", "disk", "format"],
    "testing": ["base", "disk", "format", "device"],
    "pch": [],
}

# Who may include a room that stands beside the tower.
ABOVE_BESIDE = {"inspect": ["fs", "check", "repair", "cli"], "testing": [], "pch": []}

# These see everything, the rooms' private headers included.
FREE = ("tests/", "fuzz/")

# An embedding program sees no more than <xfsx/...>.
OUTSIDE = ("examples/",)


def allowed(room):
    if room in BESIDE:
        return set(BESIDE[room]) | {room}
    below = set(TOWER[:TOWER.index(room) + 1])
    return below | {beside for beside, users in ABOVE_BESIDE.items() if room in users}


def room_of(path):
    """The room of a file, 'public' for include/xfsx, None for what is in no room."""
    parts = path.split("/")
    if path.startswith("include/xfsx/"):
        return "public"
    if parts[0] == "cli" and len(parts) > 1:
        return "cli"
    if parts[0] == "libxfsx" and len(parts) > 2:
        return parts[1]
    return None


def resolve(tree, path, bracket, target):
    """The repository's file that an include means, or None."""
    if target.startswith("xfsx/"):
        return "include/" + target if "include/" + target in tree.data else None
    if bracket == "<":
        return None
    places = [posixpath.dirname(path), "libxfsx", ""]
    if path.startswith(FREE):
        places += [path.split("/")[0]]
    for place in places:
        candidate = posixpath.normpath(posixpath.join(place, target))
        if candidate in tree.data:
            return candidate
    return None


def judge(tree, path, room, line, bracket, target):
    where = "%s:%d: " % (path, line)
    meant = resolve(tree, path, bracket, target)
    if meant is None:
        if bracket == '"' or target.startswith("xfsx/"):
            return where + "there is no " + target
        return None
    if target.startswith("xfsx/"):
        return None if bracket == "<" else where + "public headers are included with <>"
    if room == "public":
        return where + "a public header includes a private one: " + target
    if path.startswith(OUTSIDE):
        return where + "an example includes a private header: " + target
    if path.startswith(FREE):
        return None
    other = room_of(meant)
    if other is None or other not in allowed(room):
        return where + "%s may not include %s (%s)" % (room, other or "what is in no room", target)
    return None


def layering(tree):
    found = []
    for path in tree.cpp():
        room = room_of(path)
        in_library = path.startswith(("libxfsx/", "cli/"))
        if in_library and room not in TOWER and room not in BESIDE:
            found.append("%s: is in no room that tests/repo/layers.py knows" % path)
            continue
        if room is None and not path.startswith(FREE + OUTSIDE):
            found.append("%s: C++ outside the folders that tests/repo/layers.py knows" % path)
            continue
        for line, bracket, target in scanner.includes(tree.text(path)):
            said = judge(tree, path, room, line, bracket, target)
            if said:
                found.append(said)
    return found
