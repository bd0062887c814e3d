"""The reference programs: which versions are there, and what they say about an image."""
import os
import re
import shutil
import subprocess

from .errors import CannotJudge

# What xfs_repair -n prints about a sound filesystem.
USUAL = re.compile(
    r"^\s*$|^Phase \d|^\s+- |^No modify flag set|^\s*\d+:\d+:\d+: |"
    r"^Metadata CRC error workaround|^Cannot get host filesystem geometry|"
    r"^Repair may fail if there is a sector size mismatch|^the image and the host filesystem")
UNKNOWN_FEATURES = re.compile(r"^Found unsupported filesystem features\.|"
                              r"not compatible with realtime device\. Please try a newer xfsprogs",
                              re.M)
FEATURES_INCOMPAT_AT, METADIR = 216, 1 << 8
TIMEOUT = float(os.environ.get("XFSX_ORACLE_TIMEOUT", "300"))


def directory():
    return os.path.join(os.environ.get("XFSX_XFSPROGS", "/opt/xfsprogs"), "bin")


def newer(program):
    """The newest PROGRAM that tests/oracle/install-xfsprogs has put there."""
    return os.path.join(directory(), program + "-sid")


def run(command, check=True):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIMEOUT, text=True,
                              errors="replace", check=False)
    except FileNotFoundError:
        raise CannotJudge(f"{command[0]}: not found") from None
    except subprocess.TimeoutExpired:
        raise CannotJudge(f"{' '.join(command)}: still running after {TIMEOUT:g} s") from None
    if check and done.returncode:
        raise CannotJudge(f"{' '.join(command)}: exit status {done.returncode}: "
                          f"{done.stdout.strip()}")
    return done


def repairs():
    """{version: program} of every xfs_repair on this machine, the host's included."""
    found = {}
    if os.path.isdir(directory()):
        for name in sorted(os.listdir(directory())):
            match = re.fullmatch(r"xfs_repair-(\d+\.\d+)", name)
            if match and os.access(os.path.join(directory(), name), os.X_OK):
                found[match[1]] = os.path.join(directory(), name)
    host = shutil.which("xfs_repair") or shutil.which("xfs_repair", path="/usr/sbin:/sbin")
    if host:
        version = re.search(r"(\d+\.\d+)", run([host, "-V"]).stdout)
        found.setdefault(version[1] if version else "host", host)
    return found


def choose(wanted):
    """The versions that WANTED names: all, none, or a comma-separated list."""
    have = repairs()
    if wanted == "none":
        return {}
    if wanted == "all":
        if not have:
            raise CannotJudge("no xfs_repair is installed")
        return have
    missing = [v for v in wanted.split(",") if v not in have]
    if missing:
        raise CannotJudge(f"xfs_repair {', '.join(missing)}: not installed (have: "
                          f"{', '.join(have) or 'none'})")
    return {v: have[v] for v in wanted.split(",")}


def has_groups(image):
    """Whether it has realtime groups, or could have."""
    with open(image, "rb") as file:
        file.seek(FEATURES_INCOMPAT_AT)
        return int.from_bytes(file.read(4), "big") & METADIR != 0


def knows_groups(version):
    """Older versions do not come so far that they would look at the feature."""
    return [int(n) for n in re.findall(r"\d+", version)[:2]] >= [6, 13]


def repair_complaints(image, programs, when, realtime=None, log=None):
    """(versions that know the image's features, what they find wrong); they run side by side.

    That an older version does not know a feature is no verdict on the image: whether the
    feature words are the right ones is for the manifest to say. REALTIME and LOG: the image's
    realtime device and external log, if it has them.
    """
    if realtime and has_groups(image):
        programs = {v: p for v, p in programs.items() if knows_groups(v)}
    devices = ["-r", realtime, image] if realtime else [image]
    devices = ["-l", log, *devices] if log else devices
    started = [(version, subprocess.Popen(
        [program, "-n", *devices], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace"))
        for version, program in programs.items()]
    asked, found = [], []
    for version, process in started:
        try:
            said = process.communicate(timeout=TIMEOUT)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            found.append(f"xfs_repair {version} -n {when}: still running after {TIMEOUT:g} s")
            continue
        if UNKNOWN_FEATURES.search(said):
            continue
        asked.append(version)
        odd = [line for line in said.split("\n") if not USUAL.search(line)]
        if process.returncode or odd:
            found.append(f"xfs_repair {version} -n {when}: exit status {process.returncode}"
                         + "".join(f"\n    {line}" for line in odd[:40]))
    return asked, found


def log_state(image, program="xfs_logprint", log=None):
    """(clean, head, tail) by xfs_logprint; clean is None where it cannot tell. LOG: the image's
    external log, if it has one."""
    said = run([program, "-t", *(["-l", log] if log else []), image], check=False).stdout
    match = re.search(r"log tail: (\d+) head: (\d+) state: <(CLEAN|DIRTY)>", said)
    if not match:
        return None, None, None
    return match[3] == "CLEAN", int(match[2]), int(match[1])
