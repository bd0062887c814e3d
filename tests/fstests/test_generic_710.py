"""generic/710: an exchange by which an owner would exceed a limit is refused."""

import quota_rows
from quota_rows import swap
import support

REFUSED = 1     # exit status


class Generic710(quota_rows.QuotaRow):
    def refused(self, path, *patterns):
        """Each way of asking, and not a byte has changed."""
        before = support.digest(path)
        for words in (("/a", "/b"), ("/b", "/a"), ("/a", "/b", "-n")):
            done = swap(path, *words)
            self.assertEqual(done.status, REFUSED, done.err)
            for pattern in patterns:
                self.assertRegex(done.err, pattern)
        self.assertEqual(support.digest(path), before)

    def limited(self, words):
        return self.make("plain", "xfs_quota -x -c 'limit %s' $MNT\n" % words)

    def test_a_hard_limit(self):
        self.refused(self.limited("-u bhard=70k 5002"), "user 5002", "blk_hardlimit", "EDQUOT")
        self.refused(self.limited("-g bhard=70k 6002"), "group 6002", "EDQUOT")

    def test_a_project_is_out_of_space(self):
        self.refused(self.limited("-p bhard=70k 12"), "project 12", "ENOSPC")

    def test_the_limit_of_all_others(self):
        self.refused(self.limited("-u -d bhard=130k"), "user 5002", "EDQUOT")

    def test_a_soft_limit_lets_pass_and_starts_a_timer(self):
        path = self.limited("-u bsoft=70k 5002")
        self.assertEqual(swap(path, "/a", "/b").status, 0)
        self.assert_silent(path)
        self.assertEqual(self.recounted(path), self.used(path))

    def test_what_is_not_enforced_does_not_bind(self):
        path = self.limited("-u bhard=70k 5002")
        self.in_vm(path, "true", "--write", mount="uqnoenforce,gquota,pquota")
        self.assertEqual(swap(path, "/a", "/b").status, 0)
        self.assert_silent(path)
