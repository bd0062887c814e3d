"""The rules that need nothing but the text of the files.

Each rule takes a Tree and returns findings, one string each; RULES names them all.
"""

import re

import scanner

FUNCTION_LINES = 70
FILE_LINES = 800
COLUMNS = 100
LARGE_FILE = 2 << 20

# Written in two halves: this file obeys its own rule.
BANNED_WORDS = re.compile(r"\b(?:%s)\b" % "|".join(["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"]))
MACHINE_PATHS = re.compile("|".join([r"(?<![\w.-])/wor" "k/", "/var/tmp/" r"w\b",
                                     r"(?<![\w.-])/hom" "e/"]))

# Long by nature: names that a compiler makes, values that a program wrote.
FREE_WIDTH = re.compile(r"LICENSE|images/.*\.json|tests/repo/exported-symbols\.txt")
FREE_LENGTH = re.compile(r"LICENSE|images/.*\.json|tests/repo/exported-symbols\.txt")

VIEW = "libxfsx/base/view.h"
RESULT = "include/xfsx/result.h"
OUTCOME = ("boost/outcome/basic_result.hpp", "boost/outcome/try.hpp")
HEAVY = re.compile(r"boost/asio|asio\.hpp|asio/|nlohmann/(?!json_fwd)|boost/json|CLI/")


def long_functions(tree):
    found = []
    for path in tree.cpp():
        try:
            functions = tree.scan(path).functions
        except scanner.ScanError as error:
            found.append("%s: cannot be judged: %s" % (path, error))
            continue
        found += too_long(path, functions)
    for path in tree.paths():
        if tree.is_python(path):
            try:
                found += too_long(path, tree.python_functions(path))
            except SyntaxError as error:
                found.append("%s: is not Python: %s" % (path, error))
    return found


def too_long(path, functions):
    return ["%s:%d: function %s has %d lines, at most %d"
            % (path, f.line, f.name, f.lines, FUNCTION_LINES)
            for f in functions if f.lines > FUNCTION_LINES]


def long_files(tree):
    found = []
    for path in tree.paths():
        if tree.is_text(path) and not FREE_LENGTH.fullmatch(path):
            lines = tree.text(path).count("\n")
            if lines > FILE_LINES:
                found.append("%s: %d lines, at most %d" % (path, lines, FILE_LINES))
    return found


def is_table_row(path, line):
    """A row of a Markdown table cannot be broken."""
    return path.endswith(".md") and line.startswith("|")


def wide_lines(tree):
    found = []
    for path in tree.paths():
        if not tree.is_text(path) or FREE_WIDTH.fullmatch(path):
            continue
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            width = len(line.expandtabs(8))
            if width > COLUMNS and not is_table_row(path, line):
                found.append("%s:%d: %d columns, at most %d" % (path, number, width, COLUMNS))
    return found


def pragma_once(tree):
    """But for headers that are compiled on their own, of which g++ warns."""
    return ["%s: a header without #pragma once" % path for path in tree.paths(".h")
            if not path.startswith("libxfsx/pch/")
            and not re.search(r"^#pragma once$", scanner.blank(tree.text(path), True), re.M)]


def file_names(tree):
    found = []
    for path in tree.paths(".c", ".cpp", ".cxx", ".hh", ".hpp", ".h", ".cc"):
        if not re.fullmatch(r"[a-z0-9_]+\.(?:h|cc)", path.split("/")[-1]):
            found.append("%s: C++ files are called snake_case.h or snake_case.cc" % path)
    return found


def casts(tree):
    found = []
    for path in tree.cpp():
        if path == VIEW:
            continue
        text = scanner.blank(tree.text(path), True)
        for match in re.finditer(r"\breinterpret_cast\b", text):
            line = text.count("\n", 0, match.start()) + 1
            found.append("%s:%d: reinterpret_cast outside %s" % (path, line, VIEW))
    return found


def heavy_headers(tree):
    """Asio, JSON and CLI11 cost seconds a file: they stay out of headers; Outcome comes in once."""
    found = []
    for path in tree.paths(".h"):
        for line, _, target in scanner.includes(tree.text(path)):
            where = "%s:%d: " % (path, line)
            if HEAVY.match(target):
                found.append(where + "a header includes " + target)
            if target.startswith("boost/outcome") and (path != RESULT or target not in OUTCOME):
                found.append(where + "Outcome comes through <xfsx/result.h> alone")
    return found


def banned_words(tree):
    found = []
    for path in tree.paths():
        if not tree.is_text(path):
            continue
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            for match in list(BANNED_WORDS.finditer(line)) + list(MACHINE_PATHS.finditer(line)):
                found.append("%s:%d: %s" % (path, number, match.group()))
    return found


def empty_folders(tree):
    full = {"/".join(path.split("/")[:depth]) for path in tree.data
            for depth in range(1, path.count("/") + 1)}
    return ["%s: an empty folder" % folder for folder in sorted(tree.folders - full)]


def large_files(tree):
    return ["%s: %d bytes, at most %d outside images/" % (path, len(data), LARGE_FILE)
            for path, data in sorted(tree.data.items())
            if len(data) > LARGE_FILE and not path.startswith("images/")]


def disk_structures(tree):
    """[(path, line, name)] of the structures that libxfsx/disk declares at namespace level."""
    found = []
    for path in tree.paths(".h", under="libxfsx/disk/"):
        if path.endswith(("/field.h", "/structures.h")):
            continue
        try:
            types = tree.scan(path).types
        except scanner.ScanError:
            continue  # long_functions tells
        for item in types:
            plain = re.fullmatch(r"\w+", item.name)
            template = re.match(r"template\b", item.head)
            if item.keyword == "struct" and item.depth == 0 and plain and not template:
                found.append((path, item.line, item.name))
    return found


def field_tables(tree):
    code = "\n".join(scanner.blank(tree.text(path)) for path in tree.paths(
        ".h", under="libxfsx/disk/"))
    tied = r"\bLayout\s*<\s*(?:disk::)?%s\s*>|\bXFSX_LAYOUT\w*\s*\(\s*%s\b"
    return ["%s:%d: struct %s has no field table (XFSX_LAYOUT)" % (path, line, name)
            for path, line, name in disk_structures(tree)
            if not re.search(tied % (name, name), code)]


def fuzz_targets(tree):
    code = "\n".join(scanner.blank(tree.text(path)) for path in tree.paths(".cc", under="fuzz/"))
    return ["%s:%d: no fuzz target names disk::%s" % (path, line, name)
            for path, line, name in disk_structures(tree)
            if not re.search(r"\bdisk::%s\b" % name, code)]


def documented(tree):
    """Every structure has a row in the registry, from which its page is made."""
    registry = "libxfsx/inspect/registry.cc"
    code = scanner.blank(tree.text(registry)) if registry in tree.data else ""
    return ["%s:%d: %s does not list disk::%s" % (path, line, registry, name)
            for path, line, name in disk_structures(tree)
            if not re.search(r"\brow<disk::%s>" % name, code)]


RULES = {
    "function length": long_functions,
    "file length": long_files,
    "columns": wide_lines,
    "pragma once": pragma_once,
    "file names": file_names,
    "casts": casts,
    "heavy headers": heavy_headers,
    "banned words": banned_words,
    "empty folders": empty_folders,
    "large files": large_files,
    "field tables": field_tables,
    "fuzz targets": fuzz_targets,
    "format registry": documented,
}
