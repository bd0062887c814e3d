"""What a person at a terminal sees: names and bytes that cannot steer it, progress, and how far a
verb is when it is asked."""

import os
import pty
import signal
import subprocess
import time
import tty
import unittest

import support

IMAGE = "debian12"
LARGE = "/swap/many-a"
NEWLINE_AND_TAB = "\n\t"


def on_terminal(*words):
    """The exit status, and what the program wrote to a terminal that was its stdout."""
    reader, terminal = pty.openpty()
    tty.setraw(terminal)                # the bytes as they were written
    with subprocess.Popen([os.environ["XFSX"], *words], stdin=subprocess.DEVNULL, stdout=terminal,
                          stderr=subprocess.PIPE) as program:
        os.close(terminal)
        out = bytearray()
        while True:
            try:
                part = os.read(reader, 65536)
            except OSError:             # nobody has the terminal open any more
                break
            if not part:
                break
            out += part
        program.stderr.read()
    os.close(reader)
    return program.returncode, bytes(out)


def shown(raw, kept, backslash):
    """How `raw` must look: an independent version of the rule that --help tells."""
    text = ""
    for c in raw.decode("utf-8", "surrogateescape"):
        control = ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0
        no_text = 0xdc80 <= ord(c) < 0xdd00
        plain = c in kept or not (control or no_text or (backslash and c == "\\"))
        text += c if plain else "".join("\\%03o" % b for b in c.encode("utf-8", "surrogateescape"))
    return text.encode()


def slowly(words, seconds, between=None):
    """Runs a verb whose reader falls asleep after its first bytes. (status, bytes read, stderr)"""
    with subprocess.Popen([os.environ["XFSX"], *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as program:
        count = len(os.read(program.stdout.fileno(), 4096))
        if between:
            between(program)
        time.sleep(seconds)
        while part := os.read(program.stdout.fileno(), 1 << 20):
            count += len(part)
        err = program.stderr.read().decode()
    return program.returncode, count, err


class Terminal(unittest.TestCase):
    def test_names_are_escaped(self):
        status, out = on_terminal("ls", support.image(IMAGE), "/names")
        names = sorted(os.path.basename(path) for path in support.entries(IMAGE)
                       if os.path.dirname(path) == b"/names")
        self.assertEqual(status, 0)
        self.assertEqual(out, b"".join(shown(name, "", True) + b"\n" for name in names))
        self.assertIn(b"esc\\033[31mred\n", out)
        self.assertIn(b"new\\012line\n", out)

    def test_targets_of_links_are_escaped(self):
        status, out = on_terminal("ls", "-lR", support.image(IMAGE), "/")
        self.assertEqual(status, 0)
        self.assertEqual([b for b in out if b < 0x20 and b != 0x0a], [])

    def test_names_for_programs_are_not(self):
        status, out = on_terminal("ls", "-0", support.image(IMAGE), "/names")
        self.assertEqual(status, 0)
        self.assertIn(b"esc\x1b[31mred\0", out)

    def test_contents_are_escaped(self):
        image = support.image(IMAGE)
        for path in ("/names/esc\x1b[31mred", "/swap/twenty-a"):
            raw = support.xfsx("cat", image, path, text=False).out
            status, out = on_terminal("cat", image, path)
            self.assertEqual(status, 0)
            self.assertTrue(set(raw) & set(b"\x1b\x07\x00\x9b"), "no control bytes to escape")
            self.assertEqual(out, shown(raw, NEWLINE_AND_TAB, False))


class Progress(unittest.TestCase):
    def test_always(self):
        words = ["--progress=always", "cat", support.image(IMAGE), LARGE]
        status, count, err = slowly(words, 1.2)
        self.assertEqual((status, count), (0, support.entries(IMAGE)[LARGE.encode()]["size"]))
        self.assertRegex(err, r"\A(xfsx: [^\n]*: bytes read: \d+ of %d\n)+\Z" % count)

    def test_not_without_a_terminal(self):
        for words in (["cat"], ["--progress=never", "cat"]):
            status, _, err = slowly([*words, support.image(IMAGE), LARGE], 1.2)
            self.assertEqual((status, err), (0, ""))

    def test_asked_in_the_middle(self):
        status, count, err = slowly(["cat", support.image(IMAGE), LARGE], 0.2,
                                    lambda program: program.send_signal(signal.SIGUSR1))
        self.assertEqual(status, 0)
        self.assertRegex(err, r"\Axfsx: [^\n]*: bytes read: \d+ of %d\n\Z" % count)


if __name__ == "__main__":
    unittest.main()
