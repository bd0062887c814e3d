"""Every header compiles alone.

Compiling is slow, so a header that passed is remembered in the build folder under a hash of its
contents, of every header of ours that it reaches, and of the flags.
"""

import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess

import layers
import scanner

DEFAULT_FLAGS = ["-std=c++20", "-I", "include", "-I", "libxfsx"]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-const-variable"]
FLAGS_KEPT = ("-I", "-D", "-isystem", "-std=", "-m")


def flags_of(root, build):
    """The include paths and definitions that the build gives a file of libxfsx."""
    path = os.path.join(build or "", "compile_commands.json")
    if not build or not os.path.exists(path):
        return DEFAULT_FLAGS
    with open(path) as file:
        commands = json.load(file)
    for command in commands:
        source = os.path.join(command["directory"], command["file"])
        if os.path.relpath(os.path.realpath(source), root).startswith("libxfsx/"):
            return ["-std=c++20"] + kept_flags(command) + DEFAULT_FLAGS[1:]
    return DEFAULT_FLAGS


def kept_flags(command):
    words = command.get("arguments") or shlex.split(command["command"])
    kept, take_next = [], False
    for word in words:
        if take_next or word.startswith(FLAGS_KEPT):
            prefix = next((p for p in ("-I", "-isystem") if word.startswith(p)), None)
            folder = word[len(prefix):] if prefix and not take_next else word
            if folder and (prefix or take_next):
                folder = os.path.join(command["directory"], folder)
                kept.append(folder if take_next else prefix + folder)
            else:
                kept.append(word)
            take_next = word in ("-I", "-isystem")
    return kept


def reached(tree, path, seen):
    """`path` and every header of ours that it includes, directly or not."""
    if path in seen:
        return seen
    seen.add(path)
    for _, bracket, target in scanner.includes(tree.text(path)):
        meant = layers.resolve(tree, path, bracket, target)
        if meant:
            reached(tree, meant, seen)
    return seen


def digest(tree, path, flags):
    state = hashlib.sha256("\0".join(flags).encode())
    for name in sorted(reached(tree, path, set())):
        state.update(b"\0" + name.encode() + b"\0" + tree.data[name])
    return state.hexdigest()


def compile_alone(root, path, flags):
    command = ["g++", *flags, *WARNINGS, "-fsyntax-only", "-x", "c++", "-"]
    source = '#include "%s"\n' % os.path.join(root, path)
    done = subprocess.run(command, input=source, cwd=root, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode == 0:
        return None
    first = next((line for line in done.stdout.split("\n") if "error" in line), done.stdout[:200])
    return "%s: does not compile alone: %s" % (path, first.replace(root + "/", ""))


def self_contained(tree, build=None, jobs=2):
    headers = tree.paths(".h", under="include/") + tree.paths(".h", under="libxfsx/") \
        + tree.paths(".h", under="cli/")
    flags = flags_of(os.path.realpath(tree.root), build)
    cache = os.path.join(build, "self-contained-headers") if build else None
    known = set()
    if cache and os.path.exists(cache):
        with open(cache) as file:
            known = set(file.read().split())
    digests = {path: digest(tree, path, flags) for path in headers}
    wanted = [path for path in headers if digests[path] not in known]
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        said = list(pool.map(lambda path: compile_alone(tree.root, path, flags), wanted))
    if cache:
        bad = {digests[path] for path, what in zip(wanted, said) if what}
        with open(cache, "w") as file:
            file.write("\n".join(sorted(set(digests.values()) - bad)) + "\n")
    return [what for what in said if what]
