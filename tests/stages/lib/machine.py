"""What this machine can judge: found out by trying, not by asking for versions."""

import ctypes
import glob
import os
import platform
import re
import shutil
import subprocess

SYS_IO_URING_SETUP = 425


def is_root():
    return os.geteuid() == 0


def has_loop():
    """Whether a loop device can be had; a container may show the control file and refuse."""
    if not shutil.which("losetup"):
        return False
    return subprocess.run(["losetup", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def kernel_has_xfs():
    with open("/proc/filesystems") as known:
        if any(line.split()[-1] == "xfs" for line in known):
            return True
    return subprocess.run(["modprobe", "-n", "-q", "xfs"], check=False).returncode == 0 \
        if shutil.which("modprobe") else False


def has_fuse():
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
        return True
    except OSError:
        return False


def io_uring_state():
    """None when a ring can be made, otherwise why not."""
    libc = ctypes.CDLL(None, use_errno=True)
    parameters = ctypes.create_string_buffer(120)
    ring = libc.syscall(SYS_IO_URING_SETUP, 4, parameters)
    if ring < 0:
        return os.strerror(ctypes.get_errno())
    os.close(ring)
    return None


def xfsprogs():
    """{version: path of xfs_repair}: the system's, and what setup --oracles unpacked."""
    prefix = os.environ.get("XFSX_XFSPROGS", "/opt/xfsprogs")
    programs = sorted(glob.glob(os.path.join(prefix, "bin", "xfs_repair-[0-9]*")))
    own = shutil.which("xfs_repair") or shutil.which("xfs_repair", path="/usr/sbin:/sbin")
    found = {}
    for program in ([own] if own else []) + programs:
        said = subprocess.run([program, "-V"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False).stdout
        match = re.search(r"version (\S+)", said)
        if match:
            found.setdefault(match.group(1), program)
    return found


def debug_kernels():
    folder = os.environ.get("XFSX_VM_DIR", "/opt/xfsx-vm")
    pattern = os.path.join(folder, "kernels", "uml-*-debug", "linux")
    return sorted(kernel.split("/")[-2] for kernel in glob.glob(pattern))


def stock_kernels():
    folder = os.environ.get("XFSX_VM_DIR", "/opt/xfsx-vm")
    kernels = glob.glob(os.path.join(folder, "kernels", "[0-9]*"))
    return sorted(os.path.basename(kernel) for kernel in kernels)


def describe():
    """Lines that say what can be judged here."""
    ring = io_uring_state()

    def yes(value):
        return "yes" if value else "no"

    return [
        "root            " + yes(is_root()),
        "loop devices    " + yes(has_loop()),
        "kernel          %s, XFS: %s" % (platform.release(), yes(kernel_has_xfs())),
        "xfs_repair      " + (", ".join(xfsprogs()) or "none"),
        "io_uring        " + ("yes" if ring is None else "no (%s)" % ring),
        "FUSE            " + yes(has_fuse()),
        "debug kernel    " + (", ".join(debug_kernels()) or "none"),
        "VM kernels      " + (", ".join(stock_kernels()) or "none"),
        "processors      %d" % (os.cpu_count() or 1),
    ]
