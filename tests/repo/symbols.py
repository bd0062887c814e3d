"""The shared library exports what the list says and nothing else.

Strong symbols are compared one by one. Weak ones (templates and inline functions that the compiler
chose to emit) come and go with optimisation: they are not compared, but must belong to xfsx or to
one of the libraries whose templates we instantiate.
"""

import os
import re
import subprocess

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "exported-symbols.txt")
WEAK = "WVvwu"
LINKER = re.compile(r"_init|_fini|_edata|_end|__bss_start|XFSX_\d.*")
OURS = re.compile(r"\bxfsx::|\bxfsx_")
# Asio has one inline function with C linkage.
TEMPLATES_OF = re.compile(r"\b(?:std|boost|fmt|__gnu_cxx)::|DW\.ref\.__gxx|^boost_asio_")


def library_in(build):
    for folder in (build, os.path.join(build, "libxfsx")):
        path = os.path.join(folder, "libxfsx.so")
        if os.path.exists(path):
            return path
    return None


def exported(library):
    """[(kind, demangled name)] as nm tells them."""
    output = subprocess.run(["nm", "-DC", "--defined-only", library], stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    return parse(output)


def parse(output):
    found = []
    for line in output.split("\n"):
        match = re.match(r"[0-9a-f]*\s+(\S)\s+(.*)$", line)
        if match:
            found.append((match.group(1), re.sub(r"@@?\S+$", "", match.group(2))))
    return found


def strong(symbols):
    return sorted({name for kind, name in symbols
                   if kind not in WEAK and not LINKER.fullmatch(name)})


def compare(symbols, expected):
    have = set(strong(symbols))
    found = ["exported, but not in the list: " + name for name in sorted(have - set(expected))]
    found += ["in the list, but not exported: " + name for name in sorted(set(expected) - have)]
    found += ["not ours, and exported: " + name for name in sorted(have) if not OURS.search(name)]
    found += ["a weak symbol of nobody we know: " + name for kind, name in symbols
              if kind in WEAK and not OURS.search(name) and not TEMPLATES_OF.search(name)]
    return found


def read_list(path=LIST):
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return [line.rstrip("\n") for line in file if line.strip() and not line.startswith("#")]


def update(library, path=LIST):
    with open(path, "w") as file:
        file.write("# The strong symbols of libxfsx.so, written by tests/repo/check --update.\n")
        file.writelines(name + "\n" for name in strong(exported(library)))


def exported_symbols(library):
    expected = read_list()
    if expected is None:
        return ["tests/repo/exported-symbols.txt is missing: tests/repo/check --update writes it"]
    return compare(exported(library), expected)
