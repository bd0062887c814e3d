"""Fuzz targets, what they are run on, and what libFuzzer says about it."""

import os
import random
import re
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
REGRESSIONS = os.path.join(ROOT, "fuzz", "regressions")
DISK = ".disk.gz"
LIMITS = ["-timeout=25", "-rss_limit_mb=2048", "-max_len=512",
          "-dict=" + os.path.join(ROOT, "fuzz", "xfsx.dict")]
IMAGES, KINDS, STRUCTURES = 8, 16, 3
# What scripts of recovery begin with, and how many composed logs there are.
RECOVERED_IMAGES, ADD_ITEM, ITEM_KINDS = 24, 3, 18
PAIRS = [(first, second) for first in (0, 5, 10, 15) for second in (3, 8, 13)]
SANITIZERS = {
    # A small quarantine: fresh memory for every block would cost more than the blocks.
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:"
                    "quarantine_size_mb=8:malloc_context_size=8",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "XFSX_FUZZ_IMAGES": os.path.join(ROOT, "images"),
}


def targets():
    """Each source file below fuzz/ is one."""
    return sorted(name[:-3] for name in os.listdir(os.path.join(ROOT, "fuzz"))
                  if name.endswith(".cc") and name != "replay.cc")


def common_seeds():
    """Three bytes name an image, a kind and a structure; nothing is changed. Five name an image, no
    change, two files of it and how they are exchanged."""
    seeds = [bytes([image, kind, structure]) for image in range(IMAGES) for kind in range(KINDS)
             for structure in range(STRUCTURES)]
    seeds += [bytes([image, 0, first, second, 0]) for image in range(IMAGES)
              for first, second in PAIRS]
    return seeds


def recovery_seeds():
    """Each image as it is, recovered and salvaged, with a broken record, and with a made item of
    each kind (fuzz/support/made_items.h) out of noise that is the same every time."""
    noise = random.Random(19)
    for image in range(RECOVERED_IMAGES):
        yield from (bytes([image, how]) for how in (0x00, 0x20, 0xe0))
        for kind in range(ITEM_KINDS):
            yield bytes([image, 1, ADD_ITEM, kind]) + noise.randbytes(48)


MORE_SEEDS = {"recovery": recovery_seeds}


def write_seeds(folder):
    """Writes the seeds of all targets and of some, see seed_folders()."""
    for name, seeds in [("common", common_seeds), *MORE_SEEDS.items()]:
        os.mkdir(os.path.join(folder, name))
        for script in seeds():
            with open(os.path.join(folder, name, script[:60].hex()), "wb") as seed:
                seed.write(script)


def seed_folders(folder, name):
    """Where write_seeds() has put those of a target."""
    return [os.path.join(folder, which)
            for which in ["common"] + [own for own in MORE_SEEDS if own == name]]


def kept(name):
    folder = os.path.join(REGRESSIONS, name)
    if not os.path.isdir(folder):
        return []
    return [os.path.join(folder, file) for file in sorted(os.listdir(folder))]


def scripts(name):
    return [path for path in kept(name) if not path.endswith(DISK)]


def disks():
    return [path for name in sorted(os.listdir(REGRESSIONS)) for path in kept(name)
            if path.endswith(DISK)]


def run(command, **options):
    env = dict(os.environ, **SANITIZERS)
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, env=env, **options)


def why(done):
    """The line of a sanitizer or of libFuzzer that says what happened."""
    said = re.findall(r"^.*(?:ERROR: |runtime error|SUMMARY: ).*$", done.stdout, re.M)
    return "exit status %d: %s" % (done.returncode, said[0] if said else done.stdout[-500:])


def keep_found(name, scratch, done):
    """Copies what was found to build/fuzz-found, where it outlives the run."""
    found = os.path.join(ROOT, "build", "fuzz-found")
    os.makedirs(found, exist_ok=True)
    for file in sorted(os.listdir(scratch)):
        if file.startswith(("crash-", "leak-", "timeout-", "oom-", "slow-unit-")):
            with open(os.path.join(scratch, file), "rb") as source:
                with open(os.path.join(found, name + "-" + file), "wb") as copy:
                    copy.write(source.read())
    with open(os.path.join(found, name + ".txt"), "w") as log:
        log.write(done.stdout)
    return "see build/fuzz-found"


def fuzz(name, program, corpus, scratch, options, more):
    """(None or why it failed, figures) of one run of libFuzzer."""
    began = time.monotonic()
    done = run([program, *LIMITS, "-print_final_stats=1", "-artifact_prefix=" + scratch + "/",
                *options, corpus, *more])
    took = time.monotonic() - began
    if done.returncode != 0:
        return "%s; %s" % (why(done), keep_found(name, scratch, done)), {}
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stdout)
    edges = re.findall(r"cov: (\d+)", done.stdout)
    memory = re.search(r"stat::peak_rss_mb:\s*(\d+)", done.stdout)
    return None, {"inputs": int(runs.group(1)) if runs else 0,
                  "edges": int(edges[-1]) if edges else 0, "seconds": took,
                  "memory": int(memory.group(1)) if memory else 0}
