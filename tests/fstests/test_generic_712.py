"""generic/712: an exchange sets the times of both files."""

import unittest

import rows

LENGTH = 256 << 10


def fill(root):
    rows.fill(root + "/a", 0x58, LENGTH)
    rows.punch_alternating(root + "/a", 4096)
    rows.fill(root + "/b", 0x59, LENGTH)


class Generic712(rows.Row):
    def test_both_times_of_both_files_advance(self):
        image = self.image(fill)
        before = [image.inode(name) for name in ("/a", "/b")]
        image.exchange("/a", "/b")
        image.judge()
        for name, old in zip(("/a", "/b"), before):
            new = image.inode(name)
            for kind in ("mtime", "ctime"):
                fields = [field for field in old if field.startswith("core." + kind)]
                self.assertNotEqual([new[field] for field in fields],
                                    [old[field] for field in fields], (name, kind))
            self.assertGreater(int(new["v3.change_count"]), int(old["v3.change_count"]))

    def test_times_that_are_kept(self):
        image = self.image(fill)
        before = [image.inode(name) for name in ("/a", "/b")]
        image.swap("/a", "/b", "--keep-times")
        for name, old in zip(("/a", "/b"), before):
            new = image.inode(name)
            times = [field for field in old if "time" in field]
            self.assertGreaterEqual(len(times), 4)
            self.assertEqual([new[field] for field in times], [old[field] for field in times])
            self.assertGreater(int(new["v3.change_count"]), int(old["v3.change_count"]))


if __name__ == "__main__":
    unittest.main()
