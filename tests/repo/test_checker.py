"""The checker itself: every rule must let good files pass and must catch bad ones."""

import os
import subprocess
import tempfile
import unittest

import headers
import layers
import rules
import scanner
import symbols
import tree as trees

CAST = "reinterpret_" + "cast"  # the rules read this file too


def tree(files, folders=(), root=None):
    return trees.Tree(files, folders, root)


def function(lines, head="int f(int x)"):
    return head + " {\n" + "  x();\n" * (lines - 2) + "}\n"


class Scanner(unittest.TestCase):
    def lengths(self, text):
        return [(f.name, f.lines) for f in scanner.scan(text).functions]

    def test_plain_function(self):
        self.assertEqual(self.lengths(function(5)), [("f", 5)])

    def test_comment_above_does_not_count_and_signature_does(self):
        text = "// why\n/// more\nauto f(int a,\n       int b)\n    -> int {\n  return a;\n}\n"
        self.assertEqual(self.lengths(text), [("f", 5)])

    def test_braces_in_literals_and_comments(self):
        text = ("void f() {\n  g('{', \"}\\\"{\", R\"x(}} )\" })x\");  // {\n  /* { */\n"
                "  int n = 1'000'000;\n}\n")
        self.assertEqual(self.lengths(text), [("f", 5)])

    def test_constructor_with_braced_initialisers(self):
        text = "S::S(int a)\n    : b_{a},\n      c_(a),\n      d_{a} {\n  go();\n}\n"
        self.assertEqual(self.lengths(text), [("S::S", 6)])

    def test_namespaces_types_and_values_are_no_functions(self):
        text = ("namespace a::inline v0 {\nstruct S : B<int> {\n  int x{1};\n"
                "  enum class E : u8 {\n"
                "    p\n  };\n};\nconstexpr int t[] = {\n  1,\n};\nstd::vector<int> v{1};\n}\n")
        self.assertEqual(self.lengths(text), [])

    def test_members_operators_and_templates(self):
        text = ("template <class T, int N = (3 > 2)>\n  requires requires(T t) { t.x(); }\n"
                "int f(T t) {\n  return 1;\n}\nstruct S {\n"
                "  bool operator()(int) const { return 1; }\n"
                "  S& operator=(S const&) noexcept {\n    return *this;\n  }\n};\n")
        self.assertEqual([lines for _, lines in self.lengths(text)], [5, 1, 3])

    def test_lambda_at_namespace_level(self):
        text = "constexpr auto f = [](int a) {\n  return a;\n};\n" \
               "auto r = add(\"x\", [](int) {\n  return 1;\n});\n"
        self.assertEqual([lines for _, lines in self.lengths(text)], [3, 3])

    def test_default_argument_with_braces(self):
        self.assertEqual(self.lengths("void f(V v = {}, int y = 3) {\n  if (y) {\n  }\n}\n"),
                         [("f", 4)])

    def test_doctest_cases_in_a_suite(self):
        text = "TEST_SUITE(\"a\") {\nTEST_CASE(\"b {\") {\n  CHECK(1);\n}\n}\n"
        self.assertEqual(self.lengths(text), [("TEST_CASE", 3)])

    def test_macro_of_several_lines(self):
        text = "#define M(x) \\\n  do { \\\n    x; \\\n  } while (0)\n#define N 1\n"
        self.assertEqual(self.lengths(text), [("#define M", 4)])

    def test_unbalanced_is_an_error(self):
        for text in ("void f() {\n", "}\n", "void f() { \"abc\n }\n", "/* x\n", "int a[] = (1;\n"):
            with self.subTest(text), self.assertRaises(scanner.ScanError):
                scanner.scan(text)

    def test_includes_skip_comments(self):
        text = "// #include \"a.h\"\n/*\n#include \"b.h\"\n*/\n#include \"c.h\"\n # include <d.h>\n"
        self.assertEqual(scanner.includes(text), [(5, '"', "c.h"), (6, "<", "d.h")])


class TextRules(unittest.TestCase):
    def check(self, rule, good, bad):
        for files in good:
            with self.subTest("good"):
                self.assertEqual(rule(tree(files)), [])
        for files in bad:
            with self.subTest("bad"):
                self.assertEqual(len(rule(tree(files))), 1, rule(tree(files)))

    def test_function_length(self):
        python = "def f():\n" + "    x()\n" * 70
        self.check(rules.long_functions,
                   [{"a.cc": function(70)}, {"a.py": python[:-8]}],
                   [{"a.cc": function(71)}, {"a.h": "struct S {\n" + function(71) + "};\n"},
                    {"a.py": python}, {"tool": "#!/usr/bin/env python3\n" + python},
                    {"a.cc": "void f() {\n"}, {"a.py": "def f(:\n"},
                    {"a.cc": function(71, "S::S(int x) : a{x}, b(x)")},
                    {"a.cc": "auto f = [](int x) {\n" + "x();\n" * 80 + "};\n"}])

    def test_file_length(self):
        self.check(rules.long_files, [{"a.md": "x\n" * 800}, {"LICENSE": "x\n" * 900},
                                      {"images/a.json": "x\n" * 900}],
                   [{"a.sh": "x\n" * 801}, {"images/a.md": "x\n" * 801}])

    def test_columns(self):
        self.check(rules.wide_lines, [{"a.md": "x" * 100 + "\n"}, {"LICENSE": "x" * 101},
                                      {"a.gz": b"\0" + b"x" * 200}, {"a.md": "\u00e9" * 100}],
                   [{"a.md": "x" * 101}, {"meson.build": "\t" + "x" * 93}])

    def test_pragma_once(self):
        self.check(rules.pragma_once, [{"a.h": "// why\n#pragma once\n"}, {"a.cc": ""}],
                   [{"a.h": "int x;\n"}, {"a.h": "// #pragma once\n"},
                    {"a.h": "/*\n#pragma once\n*/\n"}])

    def test_file_names(self):
        self.check(rules.file_names, [{"libxfsx/a/find_head.cc": ""}],
                   [{"a.cpp": ""}, {"a.hpp": ""}, {"FindHead.cc": ""}, {"find-head.h": ""}])

    def test_casts(self):
        cast = "auto x = %s<int*>(p);\n" % CAST
        self.check(rules.casts, [{"libxfsx/base/view.h": cast}, {"a.cc": "// " + cast},
                                 {"a.cc": 's = "%s";' % CAST}],
                   [{"libxfsx/base/endian.h": cast}, {"tests/a.cc": cast},
                    {"a.h": "#define CAST " + cast}])

    def test_heavy_headers(self):
        self.check(rules.heavy_headers,
                   [{"a.cc": "#include <boost/asio.hpp>\n"}, {"a.h": "#include <span>\n"},
                    {rules.RESULT: "#include <boost/outcome/try.hpp>\n"}],
                   [{"a.h": "#include <boost/asio.hpp>\n"}, {"a.h": "#include <CLI/CLI.hpp>\n"},
                    {"a.h": "#include <nlohmann/json.hpp>\n"},
                    {"a.h": "#include <boost/outcome/try.hpp>\n"},
                    {rules.RESULT: "#include <boost/outcome.hpp>\n"}])

    def test_banned_words(self):
        words = ["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK", "/wor" "k/x", "/var/tmp/" "w/x",
                 "/hom" "e/x"]
        self.check(rules.banned_words,
                   [{"a.md": "mktemp x.XXXXXX, hacked, work/home"}, {"a.gz": b"\0" + b"TO" b"DO"}],
                   [{"a.sh": "# %s\n" % word} for word in words])

    def test_empty_folders(self):
        self.assertEqual(rules.empty_folders(tree({"a/b/c": ""}, ["a", "a/b"])), [])
        self.assertEqual(len(rules.empty_folders(tree({"a/b/c": ""}, ["a", "a/b", "a/d"]))), 1)

    def test_large_files(self):
        big = b"\0" * (rules.LARGE_FILE + 1)
        self.check(rules.large_files, [{"images/a.gz": big}, {"a": big[1:]}], [{"a": big}])

    def test_tables_and_targets(self):
        struct = "namespace xfsx::disk {\nstruct Agf {\n  struct Inner { int x; };\n};\n"
        table = "template <>\nstruct Layout<Agf> {\n};\n"
        good = {"libxfsx/disk/agf.h": struct + table + "}\n",
                "fuzz/agf.cc": "auto t = fuzz_struct<disk::Agf>();\n",
                "libxfsx/disk/field.h": "struct Field {};\n"}
        bare = {"libxfsx/disk/agf.h": struct + "}\n// Layout<Agf>\n",
                "fuzz/agf.cc": "// disk::Agf\n"}
        short = dict(good)
        short["libxfsx/disk/agf.h"] = struct + 'XFSX_LAYOUT(Agf, "agf", agf_fields, "x");\n}\n'
        self.check(rules.field_tables, [good, short], [bare])
        listed = {**good, "libxfsx/inspect/registry.cc": "row<disk::Agf>(),\n"}
        self.check(rules.documented, [listed],
                   [good, {**good, "libxfsx/inspect/registry.cc": "// row<disk::Agf>(),\n"}])
        self.check(rules.fuzz_targets, [good], [bare, {"libxfsx/disk/a.h": struct + "}\n"}])


class Layers(unittest.TestCase):
    def found(self, path, include, others=()):
        files = {path: include + "\n"}
        files.update({other: "" for other in others})
        return layers.layering(tree(files))

    def test_down_is_allowed(self):
        for path, target in (("libxfsx/log/a.cc", "cache/b.h"), ("libxfsx/txn/a.cc", "log/b.h"),
                             ("libxfsx/btree/a.h", "txn/b.h"), ("libxfsx/fs/a.cc", "inspect/b.h"),
                             ("libxfsx/testing/a.h", "device/b.h"), ("tests/log/a.cc", "fs/b.h")):
            with self.subTest(path):
                self.assertEqual(
                    self.found(path, '#include "%s"' % target, ["libxfsx/" + target]), [])

    def test_up_is_not(self):
        for path, target in (("libxfsx/cache/a.cc", "log/b.h"), ("libxfsx/log/a.cc", "txn/b.h"),
                             ("libxfsx/txn/a.h", "btree/b.h"), ("libxfsx/fs/a.cc", "repair/b.h"),
                             ("libxfsx/inspect/a.cc", "fs/b.h"),
                             ("libxfsx/dir/a.cc", "inspect/b.h"),
                             ("libxfsx/fs/a.cc", "testing/b.h"), ("cli/a.cc", "testing/b.h"),
                             ("libxfsx/testing/a.cc", "txn/b.h"), ("include/xfsx/a.h", "base/b.h"),
                             ("examples/a.cc", "base/b.h")):
            with self.subTest(path):
                found = self.found(path, '#include "%s"' % target, ["libxfsx/" + target])
                self.assertEqual(len(found), 1, found)

    def test_public_headers(self):
        for path in ("include/xfsx/a.h", "libxfsx/base/a.h", "cli/a.cc", "examples/a.cc"):
            with self.subTest(path):
                self.assertEqual(
                    self.found(path, "#include <xfsx/b.h>", ["include/xfsx/b.h"]), [])
        self.assertTrue(self.found("cli/a.cc", '#include "xfsx/b.h"', ["include/xfsx/b.h"]))

    def test_what_does_not_exist(self):
        self.assertTrue(self.found("cli/a.cc", '#include "base/gone.h"'))
        self.assertTrue(self.found("cli/a.cc", "#include <xfsx/gone.h>"))

    def test_unknown_places(self):
        for path in ("libxfsx/attic/a.cc", "libxfsx/a.cc", "src/a.cc", "a.cc"):
            with self.subTest(path):
                self.assertTrue(self.found(path, "#include <span>"))


class Headers(unittest.TestCase):
    def test_a_header_that_leans_on_others(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "libxfsx/base"))
            os.makedirs(os.path.join(root, "build"))
            files = {"libxfsx/base/good.h": "#pragma once\n#include <span>\nstd::span<int> f();\n",
                     "libxfsx/base/user.h": '#pragma once\n#include "base/good.h"\n',
                     "libxfsx/base/bad.h": "#pragma once\nstd::span<int> f();\n"}
            for path, text in files.items():
                with open(os.path.join(root, path), "w") as file:
                    file.write(text)
            for _ in range(2):  # the second time from the cache: what failed is compiled again
                found = headers.self_contained(tree(files, root=root), os.path.join(root, "build"))
                self.assertEqual(len(found), 1, found)
                self.assertIn("bad.h", found[0])

    def test_digest_follows_includes(self):
        files = {"libxfsx/a/x.h": '#include "b/y.h"\n', "libxfsx/b/y.h": "int y;\n"}
        before = headers.digest(tree(files), "libxfsx/a/x.h", [])
        self.assertEqual(before, headers.digest(tree(files), "libxfsx/a/x.h", []))
        files["libxfsx/b/y.h"] = "int z;\n"
        self.assertNotEqual(before, headers.digest(tree(files), "libxfsx/a/x.h", []))
        self.assertNotEqual(before, headers.digest(tree(files), "libxfsx/a/x.h", ["-DX"]))

    def test_flags_of_a_build(self):
        command = {"directory": "/b", "command": "ccache g++ -Ilibxfsx -I../include -isystem /q "
                                                 "-DNAME=1 -Wall -O2 -c ../libxfsx/a/x.cc"}
        self.assertEqual(headers.kept_flags(command), [
            "-I/b/libxfsx", "-I/b/../include", "-isystem", "/q", "-DNAME=1"])


class Symbols(unittest.TestCase):
    NM = ("0000000000001000 T xfsx::v0::open(int)\n0000000000001010 W xfsx::v0::inlined()\n"
          "0000000000001020 W std::vector<int>::push_back(int&&)\n"
          "0000000000000000 A XFSX_0\n0000000000001030 T _init\n"
          "0000000000001040 V typeinfo for boost::system::error_category\n")

    def test_same(self):
        self.assertEqual(symbols.compare(symbols.parse(self.NM), ["xfsx::v0::open(int)"]), [])

    def test_more_less_and_foreign(self):
        parse = symbols.parse
        self.assertEqual(len(symbols.compare(parse(self.NM), [])), 1)
        self.assertEqual(len(symbols.compare(
            parse(self.NM), ["xfsx::v0::close()", "xfsx::v0::open(int)"])), 1)
        foreign = self.NM + "0000000000001050 T crc32c\n"
        self.assertEqual(len(symbols.compare(
            parse(foreign), ["crc32c", "xfsx::v0::open(int)"])), 1)
        weak = self.NM + "0000000000001050 W CLI::App::run()\n"
        self.assertEqual(len(symbols.compare(parse(weak), ["xfsx::v0::open(int)"])), 1)

    def test_a_real_library(self):
        with tempfile.TemporaryDirectory() as folder:
            library = os.path.join(folder, "libxfsx.so")
            subprocess.run(["g++", "-shared", "-fPIC", "-x", "c++", "-", "-o", library], check=True,
                           input="namespace xfsx { int f(int) { return 1; } }\n", text=True)
            self.assertEqual(symbols.strong(symbols.exported(library)), ["xfsx::f(int)"])
            path = os.path.join(folder, "list")
            symbols.update(library, path)
            self.assertEqual(symbols.read_list(path), ["xfsx::f(int)"])


class Loading(unittest.TestCase):
    def test_a_tree_on_disk(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "full"))
            os.makedirs(os.path.join(root, "bare"))
            os.makedirs(os.path.join(root, "build/gcc"))
            for path in ("full/a.cc", "build/gcc/b.cc"):
                with open(os.path.join(root, path), "w") as file:
                    file.write("int x;\n")
            loaded = trees.load(root)
            self.assertEqual(sorted(loaded.data), ["full/a.cc"])
            self.assertEqual(rules.empty_folders(loaded), ["bare: an empty folder"])


if __name__ == "__main__":
    unittest.main()
