"""ls, stat, cat, readlink and bmap say what the manifests say, on every shipped image whose log is
clean."""

import base64
import hashlib
import json
import unittest
from concurrent.futures import ThreadPoolExecutor

import support
import xfs_db

TYPES = {"file": "regular", "dir": "directory", "char": "character"}
# Every file of an image has its facts checked; so many have their bytes read through cat.
FILES_READ = 20
# So many have their mappings and attributes looked at one by one: more than any shipped image has.
FILES_LOOKED_AT = 4000


def names():
    return [name for name in support.v5_names() if support.manifest(name)["log"] == "clean"]


def document(*words):
    done = support.xfsx("--json", *words)
    return (json.loads(done.out) if done.out else None), done


def name_of(entry):
    return base64.b64decode(entry["name_bytes"]) if "name_bytes" in entry \
        else entry["name"].encode()


def first_of_each_inode(entries):
    """One path of each inode."""
    seen = {}
    for path, entry in entries.items():
        seen.setdefault(entry["ino"], path)
    return [(path, entries[path]) for path in seen.values()]


def some(files):
    """All of them, or every so manieth."""
    return files[::len(files) // FILES_LOOKED_AT + 1]


def expected_mappings(entry):
    """The manifest's mappings as (offset, device, length, unwritten), joined where they go on:
    bmap and the kernel cut at different places where sharing begins."""
    return joined((start, disk, size, "u" in flags)
                  for start, disk, size, flags in entry.get("mappings", []))


def joined(mappings):
    found = []
    for offset, disk, size, unwritten in mappings:
        if found:
            last = found[-1]
            if (last[0] + last[2], last[1] + last[2], last[3]) == (offset, disk, unwritten):
                found[-1] = (last[0], last[1], last[2] + size, unwritten)
                continue
        found.append((offset, disk, size, unwritten))
    return found


def realtime_place(image, block):
    """A function that tells for a realtime block the byte of the device where it lies."""
    sb = xfs_db.fields(support.xfsx("inspect", image, "sb").out)
    start, log = int(sb.get("rtstart", 0)), int(sb.get("rgblklog", 63))
    group_blocks = int(sb.get("rgextents", 0)) * int(sb["rextsize"])

    def byte(number):
        group, inside = number >> log, number & ((1 << log) - 1)
        return (start + group * group_blocks + inside) * block
    return byte


class Manifests(unittest.TestCase):
    maxDiff = 2000

    def check_status(self, path, entry, said):
        wanted = {"type": TYPES.get(entry["type"], entry["type"]), "inode": str(entry["ino"]),
                  "mode": int(entry["mode"], 8), "uid": entry["uid"], "gid": entry["gid"],
                  "links": entry["nlink"], "size": str(entry["size"]),
                  "modified": entry["mtime_ns"], "changed": entry["ctime_ns"]}
        found = {key: said.get(key) for key in wanted}
        for key in ("modified", "changed"):
            found[key] = int(said[key]["sec"]) * 10**9 + said[key]["nsec"]
        if "rdev" in entry:
            wanted["rdev"] = entry["rdev"]
            found["rdev"] = [said["device_major"], said["device_minor"]]
        self.assertEqual(found, wanted, path)

    def test_names_and_facts(self):
        for name in names():
            with self.subTest(name):
                image, entries = support.image(name), support.entries(name)
                listed, done = document("ls", "-lR", image)
                self.assertEqual((done.status, done.err), (0, ""))
                found = {b"/" + name_of(e): e for e in listed["entries"]}
                self.assertEqual(set(found) | {b"/"}, set(entries))
                for path, entry in entries.items():
                    if path != b"/":
                        self.check_status(path, entry, found[path])
                    if entry["type"] == "symlink":
                        target = base64.b64decode(entry["target_bytes"]) \
                            if "target_bytes" in entry else entry["target"].encode()
                        done = support.xfsx("readlink", image, path, text=False)
                        self.assertEqual(done.out, target + b"\n", path)

    def check_attributes(self, image, path, entry):
        # Linux shows an ACL a second time, in a form of its own.
        wanted = {x["name"]: (x["size"], x["sha256"]) for x in entry.get("xattrs", [])
                  if not x["name"].startswith("system.")}
        said, done = document("xattr", image, path)
        self.assertEqual((done.status, done.err), (0, ""), path)
        found = {}
        for one in said["attributes"]:
            value = base64.b64decode(one["value_bytes"]) if "value_bytes" in one \
                else one["value"].encode()
            found[one["name"]] = (one["size"], hashlib.sha256(value).hexdigest())
        self.assertEqual(found, wanted, path)
        return wanted

    def test_attributes(self):
        """In every form: in the inode, in leaves, under nodes, with values in blocks of their
        own."""
        sizes = set()
        for name in names():
            with self.subTest(name):
                image = support.image(name)
                inodes = first_of_each_inode(support.entries(name))
                chosen = some([pair for pair in inodes if "xattrs" in pair[1]])
                for path, entry in chosen + inodes[:5]:
                    wanted = self.check_attributes(image, path, entry)
                    sizes.update(size for size, _ in wanted.values())
        if support.SHIPPED:
            self.assertTrue(min(sizes) < 100 and max(sizes) > 4096, sizes)

    @support.shipped_only
    def test_the_value_of_an_attribute_is_raw(self):
        image, entries = support.image("debian12"), support.entries("debian12")
        path, entry = next((p, e) for p, e in entries.items() if e.get("xattrs"))
        one = next(x for x in entry["xattrs"] if not x["name"].startswith("system."))
        done = support.xfsx("xattr", image, path, one["name"], text=False)
        self.assertEqual((hashlib.sha256(done.out).hexdigest(), done.err), (one["sha256"], ""))
        done = support.xfsx("xattr", image, path, "user.no such name")
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertIn("[ENODATA]", done.err)

    @support.shipped_only
    def test_a_compressed_image_is_read_as_it_is(self):
        packed, image = support.packed("debian12"), support.image("debian12")
        for words in (["ls", "-R"], ["inspect", "agf", "0"], ["cat", "/swap/many-a"]):
            verb, rest = words[0], words[1:]
            of_packed = support.xfsx(verb, packed, *rest, text=False)
            of_image = support.xfsx(verb, image, *rest, text=False)
            self.assertEqual((of_packed.status, of_packed.err), (0, ""), words)
            self.assertEqual(of_packed.out, of_image.out, words)

    def test_lines_are_raw_and_sorted(self):
        for name in names():
            with self.subTest(name):
                image, entries = support.image(name), support.entries(name)
                done = support.xfsx("ls", "-0", image, "/names" if b"/names" in entries else "/",
                                    text=False)
                prefix = b"/names/" if b"/names" in entries else b"/"
                wanted = sorted(p[len(prefix):] for p in entries
                                if p.startswith(prefix) and p != prefix
                                and b"/" not in p[len(prefix):])
                self.assertEqual(done.out.split(b"\0")[:-1], wanted)

    def test_bytes(self):
        for name in names():
            with self.subTest(name):
                image = support.image(name)
                files = [(p, e) for p, e in first_of_each_inode(support.entries(name))
                         if "sha256" in e]
                step = max(1, len(files) // FILES_READ)
                for path, entry in files[::step]:
                    done = support.xfsx("cat", *support.realtime(image), image, path, text=False)
                    self.assertEqual((done.status, done.err), (0, ""), path)
                    self.assertEqual(hashlib.sha256(done.out).hexdigest(), entry["sha256"], path)

    def test_mappings(self):
        def mapped(image, path):
            said, done = document("bmap", image, path)
            self.assertEqual((done.status, done.err), (0, ""), path)
            return said["mappings"]

        for name in names():
            with self.subTest(name), ThreadPoolExecutor(2) as pool:
                image = support.image(name)
                info, _ = document("info", image)
                block = info["geometry"]["block_size"]
                realtime_byte = realtime_place(image, block)
                files = [(p, e) for p, e in first_of_each_inode(support.entries(name))
                         if e["type"] == "file"]
                files = some(files)
                for (path, entry), said in zip(files, pool.map(
                        lambda item, im=image: mapped(im, item[0]), files)):
                    found = joined((int(m["offset"]) * block,
                                    realtime_byte(int(m["fsblock"])) if m["realtime"]
                                    else int(m["daddr"]) * 512,
                                    int(m["length"]) * block, m["state"] == "unwritten")
                                   for m in said)
                    self.assertEqual(found, expected_mappings(entry), path)
                    shared = any("s" in flags for *_, flags in entry.get("mappings", []))
                    self.assertEqual(any(m["shared"] for m in said), shared, path)


if __name__ == "__main__":
    unittest.main()
