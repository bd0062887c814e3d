"""Who else has the image: each holder is found and named. And the signals that arrive while the
disk keeps a write waiting: the first is answered when the exchange is whole, the second at once."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

import support

IMAGE = "debian12"
FILES = ("/swap/one-a", "/swap/one-b")
TOLD = "interrupted while the image was being written: it may be changed in part"
PARTITION_START = 2048          # sectors
F_OFD_SETLK = 37
PATIENCE = 20       # seconds


def run(*words):
    return subprocess.run(words, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)


def run_patiently(*words):
    """Again for a while: the kernel lets go of a disk some time after a process that used it."""
    until = time.monotonic() + PATIENCE
    while (done := run(*words)).returncode and time.monotonic() < until:
        time.sleep(0.2)
    return done


def unmount(folder):
    if os.path.ismount(folder):
        run_patiently("umount", folder)


def locks_of_qemu(path):
    """A process that has the locks of a guest that writes, until it is killed."""
    program = ("import fcntl, os, struct, sys, time\n"
               "fd = os.open(sys.argv[1], os.O_RDWR)\n"
               "for byte in (100, 101, 201, 203):\n"
               "    lock = struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, byte, 1, 0)\n"
               "    fcntl.fcntl(fd, %d, lock)\n"
               "print('locked', flush=True)\n"
               "time.sleep(600)\n" % F_OFD_SETLK)
    holder = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
    holder.stdout.readline()
    return holder


class Held(unittest.TestCase):
    def copy(self):
        path = support.copy_of(IMAGE)
        self.addCleanup(os.unlink, path)
        return path

    def refused(self, target, holder):
        done = support.xfsx("swap", target, *FILES)
        self.assertEqual(done.status, 8, done.err)
        self.assertRegex(done.err, r"\Axfsx: " + re.escape(target) + r": "
                         + holder + r" \[EBUSY\]\n\Z")

    def accepted(self, target):
        done = support.xfsx("swap", target, *FILES)
        self.assertEqual((done.status, done.err), (0, ""))


class Locked(Held):
    def test_locks_of_qemu(self):
        path = self.copy()
        holder = locks_of_qemu(path)
        try:
            self.refused(path, r"the image is locked by another program: "
                         r"lock on byte \d+, as qemu takes")
            self.assertEqual(support.xfsx("info", path).status, 0)
        finally:
            holder.kill()
            holder.stdout.close()
            holder.wait()
        self.accepted(path)


class OnLoops(Held):
    def loop(self, path, *options):
        done = run("losetup", "-f", "--show", *options, path)
        if done.returncode:
            self.skipTest("no free loop device")
        device = done.stdout.strip()
        self.addCleanup(run, "losetup", "-d", device)
        return device

    def mounted(self, device, kind="xfs", options="nouuid"):
        folder = os.path.join(support.scratch(), "mounted-" + os.path.basename(device))
        os.makedirs(folder, exist_ok=True)
        done = run_patiently("mount", "-t", kind, "-o", options, device, folder)
        if done.returncode:
            self.skipTest("this kernel does not mount %s: %s" % (kind.upper(), done.stderr.strip()))
        self.addCleanup(unmount, folder)
        return folder


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class HeldDevices(OnLoops):
    def test_mounted(self):
        path = self.copy()
        device = self.loop(path)
        folder = self.mounted(device)
        self.refused(device, "the device is mounted: " + folder)
        self.refused(path, "in use by a loop device: %s on %s" % (device, folder))
        unmount(folder)
        self.accepted(device)

    def test_a_partition(self):
        """The disk is held by the mount of its partition, and the partition by the same."""
        image = self.copy()
        path = image + ".disk"
        self.addCleanup(os.unlink, path)
        sectors = os.path.getsize(image) // 512
        run("truncate", "-s", str((PARTITION_START + sectors) * 512), path)
        done = run("dd", "if=" + image, "of=" + path, "bs=%d" % (PARTITION_START * 512), "seek=1",
                   "conv=notrunc,sparse")
        self.assertEqual(done.returncode, 0, done.stderr)
        device = self.loop(path, "--partscan")
        done = run("addpart", device, "1", str(PARTITION_START), str(sectors))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(run, "delpart", device, "1")
        with open("/sys/class/block/%sp1/dev" % os.path.basename(device),
                  encoding="ascii") as file:
            major, minor = map(int, file.read().split(":"))
        part = os.path.join(support.scratch(), "part")
        os.mknod(part, 0o60600, os.makedev(major, minor))
        self.addCleanup(os.unlink, part)
        folder = self.mounted(part)
        self.refused(part, "the device is mounted: " + folder)
        self.refused(device, "[^\n]*" + folder)
        unmount(folder)
        self.accepted(part)

    def test_device_mapper(self):
        if not shutil.which("dmsetup") or run("dmsetup", "version").returncode:
            self.skipTest("no device mapper")
        device = self.loop(self.copy())
        sectors = run("blockdev", "--getsz", device).stdout.strip()
        name = "xfsx-test-%d" % os.getpid()
        done = run("dmsetup", "create", name, "--table", "0 %s linear %s 0" % (sectors, device))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(run, "dmsetup", "remove", "--retry", name)
        self.refused(device, r"the device is held: dm-\d+")
        self.accepted("/dev/mapper/" + name)


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class StuckDisk(OnLoops):
    """A loop device on a filesystem that is frozen: reads pass, the first write waits."""

    def setUp(self):
        if not (shutil.which("mkfs.ext4") and shutil.which("fsfreeze")):
            self.skipTest("no mkfs.ext4 or fsfreeze")
        host = os.path.join(support.scratch(), "host.img")
        run("truncate", "-s", "200M", host)
        self.addCleanup(os.unlink, host)
        self.assertEqual(run("mkfs.ext4", "-qF", host).returncode, 0)
        self.folder = self.mounted(self.loop(host), "ext4", "defaults")
        self.path = os.path.join(self.folder, "image")
        shutil.copyfile(support.image(IMAGE), self.path)
        self.device = self.loop(self.path)
        run("sync", "-f", self.folder)

    def stuck_swap(self):
        """A swap whose write to the log waits for the disk."""
        self.assertEqual(run("fsfreeze", "-f", self.folder).returncode, 0)
        self.addCleanup(run, "fsfreeze", "-u", self.folder)
        program = subprocess.Popen([os.environ["XFSX"], "swap", self.device, *FILES],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.stderr.close)
        until = time.monotonic() + PATIENCE
        while not self.is_stuck(program.pid):
            self.assertLess(time.monotonic(), until, "the swap did not come to its first write")
            time.sleep(0.05)
        return program

    @staticmethod
    def is_stuck(pid):
        """For a while nothing but waiting for the disk."""
        for _ in range(5):
            with open("/proc/%d/stat" % pid, encoding="ascii") as file:
                if file.read().rsplit(") ", 1)[1][0] != "D":
                    return False
            time.sleep(0.05)
        return True

    def thaw(self):
        self.assertEqual(run("fsfreeze", "-u", self.folder).returncode, 0)

    def digests(self):
        folder = self.mounted(self.device)
        found = [support.digest(folder + path) for path in FILES]
        unmount(folder)
        return found

    def test_the_first_signal_waits_for_the_whole(self):
        before = self.digests()
        program = self.stuck_swap()
        program.send_signal(signal.SIGINT)
        time.sleep(0.1)
        self.thaw()
        out, err = program.communicate(timeout=PATIENCE)
        self.assertEqual((program.returncode, err), (0, ""))
        self.assertIn("exchanged", out)
        self.assertEqual(self.digests(), before[::-1])

    def test_the_second_signal_leaves_at_once(self):
        before = self.digests()
        program = self.stuck_swap()
        program.send_signal(signal.SIGINT)
        time.sleep(0.1)
        program.send_signal(signal.SIGTERM)
        # It speaks while the disk still has its write.
        self.assertRegex(program.stderr.readline(), r"\Axfsx: %s[^\n]*\[EINTR\]\n\Z" % TOLD)
        self.thaw()
        self.assertEqual(program.wait(PATIENCE), 8)
        self.assertIn(self.digests(), (before, before[::-1]))


class SecondSignal(unittest.TestCase):
    def test_before_the_first_write(self):
        """Both are there when the program starts: it leaves, and has not touched the image."""
        path = support.copy_of(IMAGE)
        self.addCleanup(os.unlink, path)
        before = support.digest(path)

        def both():
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)

        done = support.xfsx("swap", path, *FILES, preexec_fn=both)
        self.assertEqual((done.status, done.err), (32, "xfsx: interrupted [EINTR]\n"))
        self.assertEqual(support.digest(path), before)


if __name__ == "__main__":
    unittest.main()
