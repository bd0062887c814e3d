"""Runs a doctest binary and says of each test case whether it passed, failed or was skipped.

A test case that cannot run on this machine says so with `MESSAGE("SKIPPED: <reason>")`, or by
printing the line `XFSX-SKIP <test case>: <reason>`, and returns. A test case that neither checks
anything nor says why not is a failure: it could never have told us anything.

The binary's report is read even if the binary died while it was written: the case that was
running has then failed, and so has each one that never had its turn.
"""

import concurrent.futures
import os
import re
import signal
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree

import results

PARTS = 8   # for each process
SKIP_LINE = re.compile(r"^XFSX-SKIP (.*)$")


class Case:
    def __init__(self, name):
        self.name = name
        self.finished = False
        self.success = False
        self.asserts = 0
        self.skip_reason = None
        self.why = None


def text_of(element, tag):
    found = element.find(tag)
    return " ".join((found.text or "").split()) if found is not None else ""


def describe(element):
    """One sentence for an <Expression> or <Exception> of the report."""
    if element.tag == "Exception":
        return "exception: " + " ".join((element.text or "").split())
    where = "%s:%s" % (element.get("filename"), element.get("line"))
    info = [" ".join((i.text or "").split()) for i in element.findall("Info")]
    thrown = text_of(element, "Exception")
    said = "%s %s(%s)" % (where, element.get("type"), text_of(element, "Original"))
    said += " threw " + thrown if thrown else " is " + text_of(element, "Expanded")
    return said + (" [%s]" % "; ".join(info) if info else "")


class Report:
    """Takes the events of the XML report in turn."""

    def __init__(self):
        self.cases = {}
        self.current = None
        self.suite = ""

    def start(self, element):
        if element.tag == "TestSuite":
            self.suite = element.get("name", "")
        if element.tag == "TestCase" and element.get("skipped") != "true":
            name = full_name(self.suite, element.get("name", ""))
            self.current = self.cases[name] = Case(name)

    def end(self, element):
        case = self.current
        if element.tag == "TestSuite":
            self.suite = ""
        if case is None:
            return
        if element.tag == "TestCase":
            self.current = None
        elif element.tag == "OverallResultsAsserts":
            case.finished = True
            case.success = element.get("test_case_success") == "true"
            case.asserts = int(element.get("successes", 0)) + int(element.get("failures", 0))
        elif element.tag == "Expression" or (element.tag == "Exception" and element.get("crash")):
            case.why = case.why or describe(element)
        elif element.tag == "Message":
            said = text_of(element, "Text")
            if said.startswith("SKIPPED:"):
                case.skip_reason = said[len("SKIPPED:"):].strip()
            elif element.get("type") in ("ERROR", "FATAL ERROR"):
                case.why = case.why or said


def full_name(suite, name):
    return "%s / %s" % (suite, name) if suite else name


def legible(data):
    """The report may quote bytes that XML does not allow."""
    text = data.decode("utf-8", "replace")
    return re.sub(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]", "\uFFFD", text)


def read_report(data):
    report = Report()
    parser = ElementTree.XMLPullParser(["start", "end"])
    try:
        parser.feed(legible(data))
    except ElementTree.ParseError:
        pass  # It breaks off where the binary died: what came before counts.
    try:
        for event, element in parser.read_events():
            (report.start if event == "start" else report.end)(element)
    except ElementTree.ParseError:
        pass
    return report.cases


def apply_skip_lines(cases, output):
    for line in output.splitlines():
        match = SKIP_LINE.match(line)
        if not match:
            continue
        said = match.group(1)
        owners = [case for case in cases.values() if said.startswith(bare(case.name) + ": ")]
        owner = max(owners, key=lambda case: len(case.name), default=None)
        if owner is None:
            results.failed("skip line", "no test case is called so: " + said)
        else:
            owner.skip_reason = said[len(bare(owner.name)) + 2:]


def bare(name):
    return name.split(" / ", 1)[-1]


def ending(status):
    if status < 0:
        return "was killed by " + signal.Signals(-status).name
    return "ended with status %d" % status


def tell(label, case, status, tail):
    name = "%s %s" % (label, case.name)
    if not case.finished:
        results.failed(name, "the binary %s in it: %s" % (ending(status), tail))
    elif not case.success:
        results.failed(name, case.why or "doctest says that it failed")
    elif case.skip_reason is not None:
        results.skipped(name, case.skip_reason)
    elif case.asserts == 0:
        results.failed(name, "checks nothing and does not say why")
    else:
        results.passed(name)


def list_cases(binary, env):
    command = [binary, "--list-test-cases", "--reporters=xml", "--no-colors"]
    listed = subprocess.run(command, stdout=subprocess.PIPE, env=env, check=True).stdout
    root = ElementTree.fromstring(legible(listed))
    return [full_name(c.get("testsuite") or "", c.get("name")) for c in root.iter("TestCase")
            if c.get("skipped") != "true"]


def run(label, binary, arguments=(), env=None, jobs=1):
    """Runs all test cases of `binary`, `jobs` parts of them at a time, and prints a line for each;
    True when none failed."""
    env = env or os.environ
    try:
        names = list_cases(binary, env)
    except (OSError, subprocess.CalledProcessError, ElementTree.ParseError) as error:
        results.failed(label, "its test cases cannot be listed: %s" % error)
        return False
    # Some take a hundred times as long as others, so there are more parts than processes.
    size = max(1, len(names) // (PARTS * jobs)) if jobs > 1 else max(1, len(names))
    parts = [(at + 1, names[at:at + size]) for at in range(0, len(names), size)] or [(1, [])]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        ended = pool.map(lambda part: run_part(binary, part, arguments, env), parts)
        return all([tell_part(label, part[1], done) for part, done in zip(parts, ended)])


def run_part(binary, part, arguments, env):
    """(cases, exit status, output) of the test cases of one part."""
    first, names = part
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.xml")
        command = [binary, "--reporters=xml", "--out=" + path, "--no-colors", *arguments,
                   "--first=%d" % first, "--last=%d" % (first + len(names) - 1)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                              check=False)
        with open(path, "rb") as report:
            cases = read_report(report.read())
    return cases, done.returncode, done.stdout.decode("utf-8", "replace")


def tell_part(label, names, done):
    cases, status, output = done
    # Those of other parts are in the report, too, but did nothing.
    cases = {name: case for name, case in cases.items() if name in names}
    apply_skip_lines(cases, output)
    if status != 0:
        print(output)
    return tell_all(label, names, cases, status, output[-1000:])


def tell_all(label, names, cases, status, tail):
    for case in cases.values():
        tell(label, case, status, tail)
    silent = [name for name in names if name not in cases]
    for name in silent:
        results.failed("%s %s" % (label, name), "never ran: the binary " + ending(status))
    told = any(not case.success for case in cases.values()) or bool(silent)
    if not cases:
        results.failed(label, "no test case ran: the binary " + ending(status))
    elif status != 0 and not told:
        # A leak found at exit, for example.
        results.failed(label + " at exit", "%s: %s" % (ending(status), tail))
    return status == 0 and not told
