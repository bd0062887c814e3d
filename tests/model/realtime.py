"""Images with realtime files, which a kernel in a virtual machine makes and judges: the running one
may know no realtime devices."""
import gzip
import hashlib
import json
import os
import shlex
import shutil
import subprocess

import features
import files
from judging.errors import CannotJudge

HERE = os.path.dirname(os.path.abspath(__file__))
ORACLE = os.path.join(os.path.dirname(HERE), "oracle")
IMAGES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "images")
# Shipped images with realtime files, and blocks and extents of theirs.
SHIPPED = {"realtime": {"block": 1024, "extent": 5, "quota": 0},
           "rtgroups": {"block": 4096, "extent": 1, "quota": 1}}
SECONDS = 600


def vm(image, device, *options):
    """Gives both devices to the debug kernel. Raises CannotJudge with what it says is wrong."""
    done = subprocess.run([os.path.join(ORACLE, "vm", "vm-judge"), image, "--rt", device,
                           "--kernel", "uml", "--quiet", "--timeout", str(SECONDS), *options],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode:
        raise CannotJudge("virtual machine: " + done.stdout[-3000:])


def mount_options(row):
    return ["--mount-opts", "uquota,gquota,pquota"] if row["quota"] else []


def modules():
    """What guest.py imports."""
    yield from ("--file", os.path.join(HERE, "guest.py"), "--file", os.path.join(HERE, "files.py"))
    judging = os.path.join(ORACLE, "judging")
    for name in sorted(os.listdir(judging)):
        if name.endswith(".py"):
            yield from ("--file", "%s/%s:judging/%s" % (judging, name, name))


def full(text, block):
    """The block that guest.py made short."""
    if text is None:
        return None
    return text.encode() * (block // 64) if len(text) == 64 else bytes.fromhex(text)


def make(row, image, device, seed, folder):
    """Has the files made; {name: File} as Linux shows them."""
    first = os.path.join(folder, "first")
    with open(first, "w", encoding="utf-8") as script:
        script.write("mkfs.xfs -q -f --unsupported %s$RTDEV $DEV\n"
                     % shlex.join(features.realtime_options(row)))
    wanted = {"block": row["block"], "unit": row["extent"], "reflink": row["reflink"],
              "seed": seed, "owners": row["quota"]}
    vm(image, device, "--write", "--no-manifest", "--run-first", first, "--out", folder,
       "--command", "python3 $JOB/guest.py $MNT %s $OUT/files.json"
       % shlex.quote(json.dumps(wanted)), *modules(), *mount_options(row))
    with open(os.path.join(folder, "files.json"), encoding="utf-8") as told:
        found = json.load(told)
    return {name: files.File(row["block"], size, [(s, full(d, row["block"])) for s, d in blocks])
            for name, (size, blocks) in found.items()}


def unpack(name, image, device):
    for packed, path in ((name + ".img.gz", image), (name + ".rt.img.gz", device)):
        with gzip.open(os.path.join(IMAGES, packed)) as source, open(path, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)


def shipped_files(name, read):
    """{name: File} of the realtime files of a shipped image whose owners have no limits, as its
    manifest has them. READ(name) returns contents, which the manifest judges."""
    block, found = SHIPPED[name]["block"], {}
    with open(os.path.join(IMAGES, name + ".json"), encoding="utf-8") as manifest:
        entries = json.load(manifest)["entries"]
    for entry in entries:
        path = entry["path"].lstrip("/")
        if entry["type"] != "file" or not entry.get("xflags", 0) & 1 or path.startswith("rt/quota"):
            continue
        data = read(path)
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise CannotJudge("%s of %s is not what its manifest says" % (path, name))
        found[path] = files.of_mappings(block, data, entry["mappings"])
    return found


def digests(row, image, device, folder):
    """{name: SHA-256} of the files, after scrub and xfs_repair have found nothing."""
    vm(image, device, "--scrub", "ioctl", "--out", folder, *mount_options(row))
    found = {}
    with open(os.path.join(folder, "manifest.tsv"), encoding="utf-8") as manifest:
        for line in manifest:
            words = line.rstrip("\n").split("\t")
            if words[1] == "f":
                found[words[0].lstrip("/")] = words[-1]
    return found
