"""Linux and xfsprogs as judges of logs: what the oracle tests of the log share.

Needs root, loop devices and a kernel with XFS. XFSX_XFSPROGS (default /opt/xfsprogs) is where
other versions of xfsprogs are; those that are missing are left out and named.
"""
import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

PREFIX = os.environ.get('XFSX_XFSPROGS', '/opt/xfsprogs')
TOOL = os.environ.get('XFSX_LOG_TOOL', 'log_tool')
MOUNTS = os.environ.get('XFSX_ORACLE_MNT', '/mnt/xfsx-log')
SKIP = 77


class Wrong(Exception):
    """The thing under test failed."""


def run(*command, check=True, **kw):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', **kw)
    if check and done.returncode != 0:
        raise Wrong('%s: exit %d\n%s' % (' '.join(map(str, command)), done.returncode, done.stdout))
    return done


def skip_unless_able():
    """Ends the program with the status that says "skipped" where the kernel cannot judge."""
    why = None
    if os.geteuid() != 0:
        why = 'not root'
    elif not shutil.which('mkfs.xfs'):
        why = 'no mkfs.xfs'
    elif not any(line.split()[-1] == 'xfs' for line in open('/proc/filesystems')):
        if subprocess.run(['modprobe', 'xfs'], capture_output=True).returncode != 0:
            why = 'the kernel has no xfs'
    elif subprocess.run(['losetup', '-f'], capture_output=True).returncode != 0:
        why = 'no loop devices'
    if why:
        print('SKIP %s: %s' % (os.path.basename(sys.argv[0]), why))
        sys.exit(SKIP)


@functools.lru_cache(maxsize=None)
def _of_host(tool):
    """The version of the host's program, such as 6.1; None if there is none."""
    if not shutil.which(tool):
        return None
    said = re.search(r'version (\d+\.\d+)', run(tool, '-V', check=False).stdout)
    return said[1] if said else 'host'


def versions(tool):
    """The host's program and those of other suites."""
    found = {_of_host(tool): tool} if _of_host(tool) else {}
    for version in ('6.1', '6.13', '7.2'):
        path = '%s/bin/%s-%s' % (PREFIX, tool, version)
        if os.access(path, os.X_OK):
            found[version] = path
    return found


def mkfs(image, size, *options, version='6.1'):
    if os.path.exists(image):
        os.unlink(image)
    with open(image, 'wb') as f:
        f.truncate(size)
    program = versions('mkfs.xfs').get(version, 'mkfs.xfs')
    return run(program, '-q', '-f', '--unsupported', *options, image)


def state(image):
    return json.loads(run(TOOL, 'state', image).stdout.lower())


@contextlib.contextmanager
def loop(image, sector=None):
    options = ['--sector-size', str(sector)] if sector else []
    device = run('losetup', '-f', '--show', *options, image).stdout.strip()
    try:
        yield device
    finally:
        run('losetup', '-d', device, check=False)


def messages(device, since):
    """Kernel messages about the device after the marker."""
    name = os.path.basename(device)
    text = run('dmesg').stdout
    text = text[text.rfind(since) + len(since):] if since in text else text
    return [line.split('] ', 1)[-1] for line in text.splitlines() if '(%s)' % name in line]


def mark():
    text = 'xfsx-log-test %d %s' % (os.getpid(), os.urandom(4).hex())
    with open('/dev/kmsg', 'w') as f:
        f.write(text + '\n')
    return text


@contextlib.contextmanager
def mounted(image, options='', sector=None):
    """Mounts a writable image; yields (mount point, device, marker in the kernel's messages)."""
    os.makedirs(MOUNTS, exist_ok=True)
    point = tempfile.mkdtemp(dir=MOUNTS)
    since = mark()
    with loop(image, sector) as device:
        try:
            done = run('mount', '-t', 'xfs', '-o', 'rw' + (',' + options if options else ''),
                       device, point, check=False)
            if done.returncode != 0:
                raise Wrong('mount: %s\n%s' % (done.stdout, '\n'.join(messages(device, since))))
            try:
                yield point, device, since
            finally:
                run('umount', point)
        finally:
            os.rmdir(point)


BAD = re.compile(r'corrupt|error|shut ?down|assert|torn|fail|inconsistent|WARN', re.I)


def mount_kind(image, options='', sector=None, allow_bad=False):
    """Mounts and unmounts: 'clean', 'recovered', or 'refused'; and what the kernel said."""
    since = mark()
    said = []
    try:
        with mounted(image, options, sector) as (_, device, since):
            said = messages(device, since)
    except Wrong as e:
        return 'refused', str(e).splitlines()
    bad = [m for m in said if BAD.search(m)]
    if bad and not allow_bad:
        raise Wrong('the kernel complains: ' + '; '.join(bad))
    if any('Ending clean mount' in m for m in said):
        return 'clean', said
    if any('Ending recovery' in m for m in said):
        return 'recovered', said
    raise Wrong('unknown end of mount: ' + '; '.join(said))


PROGRESS = re.compile(
    r'^(Phase \d|\s+- (zero log|scan |found root|process known|check for inodes|setting up|agno|'
    r'traversing|traversal|process newly|moving disconnected|rebuild|verify|\d\d:\d\d)|'
    r'No modify flag set|Cannot get host filesystem geometry|Repair may fail if there is a sector|'
    r'the image and the host filesystem|\s*$)')


def repair_silent(image):
    for version, program in versions('xfs_repair').items():
        done = run(program, '-n', image, check=False)
        loud = [line for line in done.stdout.splitlines() if not PROGRESS.match(line)]
        if done.returncode != 0 or loud:
            raise Wrong('xfs_repair %s -n: exit %d: %s' % (version, done.returncode, loud[:10]))


def logprint_state(image, version='6.1'):
    """Head, tail and cleanness as xfs_logprint -t finds them."""
    text = run(versions('xfs_logprint').get(version, 'xfs_logprint'), '-t', image).stdout
    m = re.search(r'log tail: (-?\d+) head: (-?\d+) state: <(\w+)>', text)
    if not m:
        raise Wrong('xfs_logprint says: ' + text[:600])
    return {'tail': int(m[1]), 'head': int(m[2]), 'clean': m[3] == 'CLEAN'}


def label_of(image):
    return run('xfs_db', '-r', '-c', 'sb 0', '-c', 'p fname', image).stdout.split('"')[1] \
        .split('\\000')[0]


def work(point, files=200, size=3000):
    """Changes that fill some log."""
    os.makedirs(point + '/w', exist_ok=True)
    for i in range(files):
        with open('%s/w/f%d' % (point, i), 'wb') as f:
            f.write(bytes([i % 251]) * (size + i))
    for i in range(0, files, 3):
        os.rename('%s/w/f%d' % (point, i), '%s/w/g%d' % (point, i))
    run('sync', '-f', point)
