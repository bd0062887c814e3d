"""Manual pages and completions say what --help says, and the programs that read them agree."""

import os
import re
import subprocess
import unittest

import support
from support import xfsx

IMAGE = support.packed("debian12")
XFSX = os.path.abspath(os.environ["XFSX"])
OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")


def verbs():
    listed = xfsx("--help").out.split("Subcommands:")[1].split("\n\n")[0]
    return re.findall(r"^  ([a-z-]+) ", listed, re.M)


def run(*words, **how):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **how).stdout


class Manual(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.join(support.scratch(), "man1")
        self.assertEqual(xfsx("manual", "--out", self.folder).status, 0)

    def page(self, name):
        with open(os.path.join(self.folder, name + ".1"), encoding="ascii") as file:
            return file.read()

    def test_every_verb_and_option_has_its_place(self):
        names = {"xfsx"} | {"xfsx-" + verb for verb in verbs()}
        self.assertEqual({name[:-2] for name in os.listdir(self.folder)}, names)
        self.assertGreater(len(names), 10)
        for verb in verbs():
            page = self.page("xfsx-" + verb).replace("\\-", "-")
            self.assertEqual(page, xfsx("manual", verb).out.replace("\\-", "-"))
            said = xfsx(verb, "--help").out
            for option in OPTION.findall(said.split("\nOptions:\n")[1].split("\n\n")[0]):
                self.assertIn("\\fB%s\\fR" % option, page, verb)
        whole = self.page("xfsx").replace("\\-", "-")
        self.assertEqual([v for v in verbs() if "\\fB%s\\fR\n" % v not in whole], [])

    @unittest.skipUnless(support.have("groff"), "needs groff")
    def test_pages_are_good_roff(self):
        for name in sorted(os.listdir(self.folder)):
            path = os.path.join(self.folder, name)
            self.assertEqual(run("groff", "-man", "-Tutf8", "-ww", "-z", path), "", name)
        text = run("groff", "-man", "-Tascii", "-P-cbou", os.path.join(self.folder, "xfsx-swap.1"))
        self.assertRegex(text, r"(?m)^ +-n, --dry-run$")
        self.assertRegex(text, r"(?m)^EXIT STATUS$")

    def test_what_is_not_there(self):
        done = xfsx("manual", "frobnicate")
        self.assertEqual((done.status, done.out), (16, ""))
        self.assertIn("no verb 'frobnicate'", done.err)
        self.assertEqual(xfsx("manual", "--out", "/proc/nowhere").status, 8)


class Completion(unittest.TestCase):
    """Each shell completes a verb, an option's value, and a path inside of an image."""
    lines = ((["sw"], "swap"), (["ls", "--io", "u"], "uring"),
             (["stat", IMAGE, "/swap/one-"], "/swap/one-a"), (["swap", IMAGE, "/sw"], "/swap/"))

    def script(self, shell):
        path = os.path.join(support.scratch(), "completion." + shell)
        with open(path, "w", encoding="ascii") as file:
            file.write(xfsx("completion", shell).out)
        return path

    def test_bash(self):
        for words, wanted in self.lines:
            said = run("bash", "-c", 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); '
                       '_xfsx; printf "%s\\n" "${COMPREPLY[@]}"', "bash", self.script("bash"),
                       XFSX, *words)
            self.assertIn(wanted, said.splitlines(), words)
        said = run("bash", "-c", 'cd "$2"; source "$1"; COMP_WORDS=("$3" ls xfsx); COMP_CWORD=2; '
                   '_xfsx; echo "${COMPREPLY[@]}"', "bash", self.script("bash"),
                   os.path.dirname(XFSX), XFSX)
        self.assertIn("xfsx", said.split())

    @unittest.skipUnless(support.have("fish"), "needs fish")
    def test_fish(self):
        folder = os.path.dirname(XFSX)
        for words, wanted in self.lines:
            said = run("fish", "-c", 'source $argv[1]; complete -C "xfsx $argv[2..-1]"',
                       self.script("fish"), *words,
                       env={**os.environ, "PATH": folder + ":" + os.environ["PATH"]})
            self.assertIn(wanted, [line.split("\t")[0] for line in said.splitlines()], words)

    @unittest.skipUnless(support.have("zsh"), "needs zsh")
    def test_zsh(self):
        for words, wanted in self.lines:
            said = run("zsh", "-f", "-c",
                       'compdef() { :; }; source "$1"; shift; words=("$@"); CURRENT=$#; '
                       'compadd() { print -l -- "${@[(I)--]}" "$@"; }; '
                       '_xfsx', "zsh", self.script("zsh"), XFSX, *words)
            self.assertIn(wanted, said.splitlines(), words)

    def test_what_is_not_there(self):
        for words in ((), ("tcsh",), ("bash", "zsh")):
            done = xfsx("completion", *words)
            self.assertEqual((done.status, done.out), (16, ""))


if __name__ == "__main__":
    unittest.main()
