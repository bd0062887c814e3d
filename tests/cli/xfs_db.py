"""xfs_db's answers, many to a run, and its way of printing as a dictionary."""

import os
import re
import subprocess

# Debian 12's own knows less; this is where scripts/setup --oracles puts newer ones.
NEWER = os.path.join(os.environ.get("XFSX_XFSPROGS", "/opt/xfsprogs"), "bin", "xfs_db-6.13")
NEWEST = NEWER.replace("6.13", "sid")       # knows all that metadata directories may hold
METADIR = 1 << 8                            # in features_incompat
MARK = "=-=-= "
FIELD = re.compile(r"([A-Za-z0-9_.\[\]-]+) = ?(.*)")
RANGE = re.compile(r"\[\d+-\d+\]$|\[\d+\]$")
ROW = re.compile(r"(\d+):\[(.*)\]\s*$")
COMMANDS_A_RUN = 600


def fields(text):
    """Printed fields by path. The rows of a table become values of path[n].column."""
    found, table, columns = {}, None, []
    for line in text.splitlines():
        row = ROW.match(line)
        if row and table is not None:
            for name, cell in zip(columns, row.group(2).split(",")):
                found["%s[%s].%s" % (table, row.group(1), name)] = cell
            continue
        match = FIELD.match(line)
        if not match:
            continue
        path, value = match.group(1), match.group(2).strip()
        table = None
        if value.startswith("[") and value.endswith("]") and RANGE.search(path):
            table, columns = RANGE.sub("", path), value[1:-1].split(",")
        else:
            found[path] = value
    return found


def is_newer():
    return os.access(NEWER, os.X_OK)


def is_newest():
    return os.access(NEWEST, os.X_OK)


def needs_newest(image):
    with open(image, "rb") as file:
        file.seek(216)
        return int.from_bytes(file.read(4), "big") & METADIR != 0


def knows(image):
    """Whether an xfs_db that is here can read the image."""
    return is_newest() or not needs_newest(image)


def program(image):
    return NEWEST if needs_newest(image) else NEWER if is_newer() else "xfs_db"


def ask(image, questions):
    """The fields that each question (a list of commands ending in a print) is answered with."""
    answers = []
    for start in range(0, len(questions), COMMANDS_A_RUN):
        answers += ask_some(image, questions[start:start + COMMANDS_A_RUN])
    return answers


def ask_some(image, questions):
    words = [program(image), "-r"]
    device = image[:-len(".img")] + ".rt.img"
    if os.path.exists(device) and words[0] != "xfs_db":
        words += ["-R", device]
    for question in questions:
        words += ["-c", "echo " + MARK]
        for command in question:
            words += ["-c", command]
    done = subprocess.run([*words, image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, "TZ": "UTC"}, check=True)
    parts = done.stdout.decode("latin-1").split(MARK)
    return [fields(part) for part in parts[1:]]
