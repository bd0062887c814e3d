"""What is installed is enough: a program outside the tree, built with pkg-config, swaps files."""

import glob
import gzip
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = ("/swap/many-a", "/swap/many-b")


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          **options)
    if done.returncode != 0:
        raise AssertionError("%s: exit status %d\n%s" % (
            " ".join(command), done.returncode, (done.stdout + done.stderr).decode("utf-8",
                                                                                   "replace")))
    return done.stdout


class Installed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="xfsx-install-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.image = os.path.join(self.folder, "image")
        with gzip.open(os.path.join(ROOT, "images", "debian12.img.gz")) as packed:
            with open(self.image, "wb") as out:
                shutil.copyfileobj(packed, out)

    def install(self):
        """Installs below a folder of its own; the environment in which pkg-config finds it."""
        below = os.path.join(self.folder, "installed")
        build = os.path.dirname(os.path.dirname(os.environ["XFSX"]))
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet",
            env=dict(os.environ, DESTDIR=below))
        found = glob.glob(os.path.join(below, "**", "xfsx.pc"), recursive=True)
        self.assertEqual(len(found), 1)
        return dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(found[0]),
                    PKG_CONFIG_SYSROOT_DIR=below,
                    LD_LIBRARY_PATH=os.path.dirname(os.path.dirname(found[0])))

    def contents(self):
        return [run(os.environ["XFSX"], "cat", self.image, name) for name in FILES]

    def test_a_program_swaps_through_its_own_device(self):
        env = self.install()
        flags = run("pkg-config", "--cflags", "--libs", "xfsx", env=env).decode().split()
        program = os.path.join(self.folder, "swap")
        run("g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-o", program,
            os.path.join(ROOT, "examples", "swap_on_own_device.cc"), *flags)
        before = self.contents()
        self.assertNotEqual(before[0], before[1])
        said = run(program, self.image, *FILES, env=env).decode()
        self.assertIn("swap\n", said)
        self.assertIn("exchanged, lsn ", said)
        self.assertEqual(self.contents(), before[::-1])
        # The log is clean again: a second exchange is possible, and undoes the first.
        run(program, self.image, *FILES, env=env)
        self.assertEqual(self.contents(), before)
        self.check_manual_and_completions()

    def check_manual_and_completions(self):
        below = os.path.join(self.folder, "installed")
        for name in ("man/man1/xfsx.1", "man/man1/xfsx-swap.1", "bash-completion/completions/xfsx",
                     "zsh/site-functions/_xfsx", "fish/vendor_completions.d/xfsx.fish"):
            found = glob.glob(os.path.join(below, "**", "share", name), recursive=True)
            self.assertEqual(len(found), 1, name)


if __name__ == "__main__":
    unittest.main()
