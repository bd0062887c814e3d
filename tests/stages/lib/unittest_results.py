"""Runs a Python unittest suite and prints a result line for each test."""

import unittest

import results


def last_line(error):
    kind, value, _ = error
    return "%s: %s" % (kind.__name__, value)


class LineResult(unittest.TestResult):
    """Python reports a test's subtests one by one: the first that fails gives the reason."""

    def startTest(self, test):
        super().startTest(test)
        self.reason = None

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(err)

    def addSuccess(self, test):
        super().addSuccess(test)
        results.passed(name_of(test))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.tell(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        results.skipped(name_of(test), reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        results.failed(name_of(test), "expected failures are not used here: mend it or drop it")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        results.failed(name_of(test), "expected failures are not used here: mend it or drop it")

    def note(self, err):
        if getattr(self, "reason", None) is None:
            self.reason = last_line(err)

    def tell(self, test, err):
        print(self._exc_info_to_string(err, test))
        results.failed(name_of(test), last_line(err))

    def stopTest(self, test):
        if self.reason is not None:
            results.failed(name_of(test), self.reason)
        super().stopTest(test)


def name_of(test):
    return test.id() if hasattr(test, "id") else str(test)


def run(suite):
    if suite.countTestCases() == 0:
        results.failed("suite", "no test was found")
        return False
    outcome = LineResult()
    suite.run(outcome)
    return outcome.wasSuccessful()
