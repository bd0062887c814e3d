"""Filesystems that the running kernel refuses, filled by the kernel of tests/oracle/vm."""
import json
import os
import shlex
import subprocess
import tempfile

from judging.errors import CannotJudge

HERE = os.path.dirname(os.path.realpath(__file__))
ORACLE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "tests", "oracle")
SECONDS = 1800      # emulated processors are slow


def realtime_device(image):
    """Where the other device of IMAGE is while it is made."""
    return image + ".rt"


def _modules():
    """What guest.py imports, under the names by which it does."""
    for folder in (HERE, os.path.join(ORACLE, "judging")):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".py"):
                yield "--file", f"{folder}/{name}:{os.path.basename(folder)}/{name}"
    yield "--file", os.path.join(HERE, "guest.py")


def _judge(recipe, image, command, *options):
    words = [os.path.join(ORACLE, "vm", "vm-judge"), image, "--quiet", "--no-manifest",
             "--kernel", recipe.in_vm, "--timeout", str(SECONDS), "--command", command, *options]
    if recipe.rt_mib:
        words += ["--rt", realtime_device(image)]
    for pair in _modules():
        words += pair
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode:
        raise CannotJudge(f"{os.path.basename(image)}: virtual machine: {done.stdout.strip()}")


def _mount_options(recipe, more=()):
    return ["--mount-opts", ",".join([o for o in recipe.mount.split(",") if o] + list(more))]


def put_in(recipe, image):
    """Fills the image; a log that is to stay dirty is left by stopping the machine."""
    wanted = {"parts": recipe.parts, "options": recipe.options, "ending": recipe.ending}
    command = f"python3 $JOB/guest.py fill $MNT {shlex.quote(json.dumps(wanted))}"
    dirty = ["--crash", "--allow", "[sS]hut|goingdown|Injecting"] if recipe.left == "dirty" else []
    _judge(recipe, image, command, "--write", "--no-repair", *dirty, *_mount_options(recipe))


def read_back(recipe, image):
    """The entries and the quota that the kernel shows, after a replay where the log is dirty, and
    its release; and xfs_repair -n must find nothing. The image stays as it is."""
    more = [] if recipe.left == "dirty" else ["ro"]
    with tempfile.TemporaryDirectory() as out:
        _judge(recipe, image, "python3 $JOB/guest.py read $MNT $OUT/said.json", "--out", out,
               *_mount_options(recipe, more))
        with open(os.path.join(out, "said.json"), encoding="utf-8") as file:
            said = json.load(file)
        with open(os.path.join(out, "result.json"), encoding="utf-8") as file:
            kernel = json.load(file)["info"]["kernel"]
    return said["entries"], said["quota"], kernel
