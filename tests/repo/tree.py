"""The files that the repository's rules look at."""

import ast
import os
import subprocess

import scanner

EXEMPT_DATA = ("fuzz/seeds/", "fuzz/corpus/")


class Tree:
    """Paths (with /, from the root) and their bytes; a test makes one from a dictionary."""

    def __init__(self, files, folders=(), root=None):
        self.data = {path: text if isinstance(text, bytes) else text.encode()
                     for path, text in files.items()}
        self.folders = set(folders)  # every folder that is not ignored
        self.root = root
        self._scans = {}

    def paths(self, *suffixes, under=""):
        return [path for path in sorted(self.data)
                if path.startswith(under) and (not suffixes or path.endswith(suffixes))]

    def cpp(self, under=""):
        return self.paths(".h", ".cc", under=under)

    def text(self, path):
        return self.data[path].decode("utf-8", "replace")

    def is_text(self, path):
        if path.startswith(EXEMPT_DATA) or b"\0" in self.data[path]:
            return False
        try:
            self.data[path].decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    def is_python(self, path):
        head = self.data[path][:80].split(b"\n")[0]
        return path.endswith(".py") or (head.startswith(b"#!") and b"python" in head)

    def scan(self, path):
        """The functions and types of a C++ file; ScanError when it cannot be understood."""
        if path not in self._scans:
            self._scans[path] = scanner.scan(self.text(path))
        return self._scans[path]

    def python_functions(self, path):
        nodes = ast.walk(ast.parse(self.text(path)))
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [scanner.Function(node.name, node.lineno, node.end_lineno - first_line(node) + 1)
                for node in nodes if isinstance(node, kinds)]


def first_line(node):
    return min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])


def listed(root, *arguments):
    command = ["git", "-C", root, "ls-files", "-z", *arguments]
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            check=False).stdout
    return [name for name in output.decode("utf-8", "surrogateescape").split("\0") if name]


def is_build_folder(path):
    return path.split("/")[0].startswith(("build", ".git", ".cache")) or "__pycache__" in path


def walk_files(root):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
            if not is_build_folder(path):
                yield path


def walk_folders(root, ignored):
    for folder, names, _ in os.walk(root):
        here = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if here == "." else here + "/"
        names[:] = [n for n in names if not is_build_folder(prefix + n)
                    and prefix + n + "/" not in ignored]
        yield from (prefix + name for name in names)


def load(root):
    """What git tracks or would add; in a tree without git, everything outside build folders."""
    paths = listed(root, "-co", "--exclude-standard") or list(walk_files(root))
    ignored = set(listed(root, "-o", "-i", "--exclude-standard", "--directory"))
    files = {}
    for path in paths:
        full = os.path.join(root, path)
        if os.path.isfile(full) and not os.path.islink(full):
            with open(full, "rb") as file:
                files[path] = file.read()
    return Tree(files, walk_folders(root, ignored), root)
