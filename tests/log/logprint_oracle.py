#!/usr/bin/env python3
"""Compares what xfsx log shows with xfs_logprint: type, count, order and ids of everything.

The logs are those of a kernel at work: files are written, cloned, exchanged, renamed and removed
while others force the log out, and every now and then superblock and log are copied as they are.
So intents stand in other checkpoints than their done items, and some are open. What recovery would
read is compared item by item, the whole log record by record.
"""
import collections
import fcntl
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import judge
from judge import Wrong

XFSX = os.environ.get('XFSX', 'xfsx')
FICLONE = 0x40049409
KINDS = {
    'default': (['-l', 'size=16m'], ''),
    'everything': (['-l', 'size=16m', '-m', 'rmapbt=1,reflink=1', '-i', 'exchange=1',
                    '-n', 'parent=1'], ''),
    'su256k': (['-l', 'su=256k,size=32m', '-m', 'rmapbt=1'], 'logbsize=256k'),
    'sector4k': (['-s', 'size=4096', '-m', 'rmapbt=1'], ''),
}
CI = ('default', 'everything')
# Both versions of the log, on filesystems of version 4; intents left open; items of quota.
SHIPPED = ('v4-dirty', 'v4-dirty-old', 'v4-block1k', 'v4-old', 'intents-exchange',
           'intents-exchange-step', 'intents-clone', 'intents-free', 'intents-parents',
           'intents-attribute', 'quota', 'staging', 'unlinked')
# Version 6.13 does not know their items.
BY_NEWEST = ('intents-realtime-clone', 'intents-realtime-free', 'rtgroups', 'zoned')
IMAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'images')
OURS = ('inode', 'buffer', 'icreate')
EXTENT = re.compile(r'\(s: (0x[0-9a-f]+), l: (\d+)')


def number(text):
    return int(text, 0)


# ---- xfs_logprint's side -------------------------------------------------------------------------

ITEMS = [
    (re.compile(r'\s*INODE: #regs:\s*(\d+)\s+ino:\s*(\S+)\s+flags:\s*(\S+)\s+'
                r'dsize:\s*(\d+)'), 'inode'),
    (re.compile(r'\s*BUF:\s+#regs:\s*(\d+)\s+start blkno:\s*(\S+)\s+len:\s*(\d+)\s+'
                r'bmap size:\s*(\d+)\s+flags:\s*(\S+)'), 'buffer'),
    (re.compile(r'\s*ICR:\s+#ag:\s*(\d+)\s+agbno:\s*(\S+)\s+len:\s*(\d+)'), 'icreate'),
    (re.compile(r'\s*(EFI|RUI|CUI|BUI|EFD)(?:_RT)?:\s+#regs:\s*(\d+)\s+num_extents:\s*(\d+)\s+'
                r'id:\s*(0x[0-9a-f]+)'), 'extents'),
    (re.compile(r'\s*(ATTRI|XMI):\s+#regs:\s*(\d+)\b.*\bid:\s*(0x[0-9a-f]+)'), 'intent'),
    (re.compile(r'\s*(RUD|CUD|BUD|ATTRD|XMD)(?:_RT)?:\s+#regs:\s*(\d+)\s+.*'
                r'id:\s*(0x[0-9a-f]+)'), 'done'),
]
ANNOUNCED = re.compile(r'([A-Z_]+): cnt:(\d+) total:(\d+)')


def item_of(line):
    for pattern, kind in ITEMS:
        found = pattern.match(line)
        if not found:
            continue
        words = found.groups()
        if kind in OURS:
            return (kind,) + tuple(number(w) for w in words)
        return (words[0],) + tuple(number(w) for w in words[1:])
    return None


def theirs_pending(program, image):
    """Transactions between tail and head: (tid, regions, items)."""
    said = judge.run(program, '-t', image).stdout
    transactions, announced = [], 0
    for line in said.split('\n'):
        found = re.match(r'TRANS: tid:(0x[0-9a-f]+)\s+#items:(\d+)', line)
        if found:
            transactions.append((int(found[1], 16), int(found[2]), []))
        elif ANNOUNCED.match(line):
            announced += 1
        else:
            item = item_of(line)
            if item:
                transactions[-1][2].append(item)
            extent = EXTENT.match(line.strip())
            if extent and transactions[-1][2][-1][0] in ('RUI', 'CUI', 'BUI'):
                items = transactions[-1][2]
                items[-1] += (number(extent[1]), int(extent[2]))
    count = sum(len(t[2]) for t in transactions)
    if count != announced:
        raise Wrong('%d items were understood of %d' % (count, announced))
    return transactions


def theirs_records(program, image):
    said = judge.run(program, image, check=False).stdout
    pattern = (r'^cycle: (\d+)\s+version: \d+\s+lsn: (\d+),(\d+)\s+tail_lsn: (\d+),(\d+)\n'
               r'length of Log Record: (\d+)\s+prev offset: \S+\s+num ops: (\d+)')
    return [(int(f[1]), int(f[2]), int(f[5]), int(f[6]))
            for f in re.findall(pattern, said, re.M)]


# ---- our side ------------------------------------------------------------------------------------

def ours(image, *options):
    done = subprocess.run([XFSX, '--json', 'log', *options, image], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Wrong('xfsx log: exit %d: %s' % (done.returncode, done.stderr[:500]))
    return json.loads(done.stdout)


def our_item(item):
    if 'problem' in item:
        raise Wrong(item['problem'])
    kind, form = item['type'].replace('_RT', ''), item['format']
    if kind == 'inode':
        return kind, form['size'], int(form['ino']), form['fields'], form['dsize']
    if kind == 'buffer':
        return (kind, form['size'], int(form['blkno']), form['len'], form['map_size'],
                form['flags'])
    if kind == 'icreate':
        return kind, form['ag'], form['agbno'], form['length']
    found = (kind, form['size'])
    if 'nextents' in form:
        found += (form['nextents'],)
    found += (int(form['id']),)
    if kind in ('RUI', 'CUI', 'BUI'):
        for extent in item['extents']:
            found += (int(extent['startblock']), extent['len'])
    return found


def our_pending(document):
    return [(e['tid'], e['regions'], [our_item(i) for i in e['items']])
            for e in document['entries'] if e['kind'] == 'transaction' and e['committed']]


def our_records(document):
    return [(e['lsn']['cycle'], e['lsn']['block'], e['bytes'], e['operations'])
            for e in document['entries'] if e['kind'] == 'record']


# ---- comparing -----------------------------------------------------------------------------------

def first_difference(a, b):
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return 'number %d: ours %s, xfs_logprint %s' % (i, str(x)[:600], str(y)[:600])
    return 'ours %d, xfs_logprint %d' % (len(a), len(b))


def open_intents(transactions):
    pairs = {'EFD': 'EFI', 'RUD': 'RUI', 'CUD': 'CUI', 'BUD': 'BUI', 'ATTRD': 'ATTRI', 'XMD': 'XMI'}
    left = []
    for _, _, items in transactions:
        for item in items:
            if item[0] in pairs:
                done = (pairs[item[0]], item[3] if item[0] == 'EFD' else item[2])
                if done in left:
                    left.remove(done)
            elif item[0] in pairs.values():
                left.append((item[0], item[2] if item[0] in ('ATTRI', 'XMI') else item[3]))
    return left


def compare(name, program, image, seen):
    document = ours(image, '--pending')
    mine, other = our_pending(document), theirs_pending(program, image)
    if mine != other:
        for a, b in zip(mine, other):
            if a != b and a[:2] == b[:2]:
                raise Wrong('%s: transaction %x: %s' % (name, a[0], first_difference(a[2], b[2])))
        raise Wrong('%s: %s' % (name, first_difference(mine, other)))
    left = [(i['type'].removesuffix('_RT'), int(i['id'])) for i in document['open_intents']]
    if left != open_intents(other):
        raise Wrong('%s: left open: ours %s, by xfs_logprint %s'
                    % (name, left, open_intents(other)))
    whole = ours(image)
    records, their_records = our_records(whole), theirs_records(program, image)
    if records != their_records:
        raise Wrong('%s: records: %s' % (name, first_difference(records, their_records)))
    kinds = collections.Counter(item[0] for _, _, items in mine for item in items)
    seen.update(kinds)
    seen['open'] += len(left)
    print('ok %-22s %4d records, %3d transactions pending, %d left open; %s'
          % (name, len(records), len(mine), len(left),
             ' '.join('%s %d' % pair for pair in sorted(kinds.items()))))


# ---- a kernel at work ----------------------------------------------------------------------------

class Gate:
    """Lets those who work go on or end, and those who force the log out pause."""

    def __init__(self):
        self.stop, self.open = False, threading.Event()
        self.open.set()

    def go_on(self):
        return not self.stop


def churn(point, number_, gate):
    """Cloning, copying on write, renaming and removing."""
    turn = 0
    while gate.go_on():
        name = '%s/%d_%d' % (point, number_, turn % 30)
        clone = '%s/c%d_%d' % (point, number_, turn % 30)
        with open(name, 'wb') as file:
            for hole in range(6):
                file.seek(hole * 16384)
                file.write(os.urandom(8192))
        with open(clone, 'wb') as to, open(name, 'rb') as source:
            try:
                fcntl.ioctl(to, FICLONE, source.fileno())
            except OSError:
                to.write(b'q' * 70000)
        os.setxattr(clone, 'user.x', b'y' * 900)
        with open(clone, 'r+b') as file:
            file.seek(4096)
            file.write(b'z' * 9000)
        os.replace(clone, name)
        if turn % 3 == 0:
            os.unlink(name)
        turn += 1


def exchange(point, gate):
    program = judge.versions('xfs_io').get('6.13')
    names = [point + '/x1', point + '/x2']
    for name in names:
        with open(name, 'wb') as file:
            for hole in range(60):
                file.seek(hole * 16384)
                file.write(os.urandom(4096))
    while program and gate.go_on():
        judge.run(program, '-c', 'exchangerange ' + names[1], names[0], check=False)


def force(point, gate):
    fd = os.open(point, os.O_RDONLY)
    while gate.open.wait() and gate.go_on():
        os.sync()
        os.fsync(fd)
    os.close(fd)


def copy_log(image, target, places):
    """Superblock and log as they are now; the rest reads as zeros. True if they held still."""
    with open(image, 'rb') as source, open(target, 'wb') as to:
        to.truncate(os.path.getsize(image))
        parts = []
        for _ in range(2):
            for offset, length in places:
                source.seek(offset)
                parts.append(source.read(length))
        for (offset, _), part in zip(places, parts):
            to.seek(offset)
            to.write(part)
    return parts[:len(places)] == parts[len(places):]


def life(directory, kind, snapshots, program, seen):
    options, mount_options = KINDS[kind]
    image, copy = os.path.join(directory, 'image'), os.path.join(directory, 'copy')
    sector = 4096 if kind == 'sector4k' else None
    judge.mkfs(image, 400 << 20, *options, version='6.13')
    compare(kind + '/fresh', program, image, collections.Counter())
    about = ours(image)['log']
    places = ((0, 65536), (int(about['start_daddr']) * 512, about['basic_blocks'] * 512))
    with judge.mounted(image, mount_options, sector) as (point, _, _):
        gate = Gate()
        work = [threading.Thread(target=churn, args=(point, n, gate)) for n in range(3)]
        work += [threading.Thread(target=exchange, args=(point, gate)),
                 threading.Thread(target=force, args=(point, gate))]
        for thread in work:
            thread.start()
        try:
            for snapshot in range(snapshots):
                time.sleep(0.8)
                # Work goes on, but hardly anybody writes to the log while it is copied.
                gate.open.clear()
                time.sleep(0.1)
                still = any(copy_log(image, copy, places) for _ in range(5))
                gate.open.set()
                if still:
                    compare('%s/%d' % (kind, snapshot), program, copy, seen)
                else:
                    print('%s/%d: the log was never still' % (kind, snapshot))
        finally:
            gate.stop = True
            gate.open.set()
            for thread in work:
                thread.join()
    compare(kind + '/clean', program, image, seen)


def shipped(directory, name, program, seen):
    """The log of a filesystem that the running kernel may not know."""
    image = os.path.join(directory, name)
    with gzip.open(os.path.join(IMAGES, name + '.img.gz')) as packed, open(image, 'wb') as out:
        shutil.copyfileobj(packed, out)
    compare('shipped/' + name, program, image, seen)
    os.unlink(image)


def main():
    judge.skip_unless_able()
    program = judge.versions('xfs_logprint').get('6.13')
    if not program:
        print('SKIP xfsprogs 6.13 or later is not here')
        return judge.SKIP
    full = os.environ.get('XFSX_FULL') == '1'
    kinds = sys.argv[1:] or (KINDS if full else CI)
    seen, failed = collections.Counter(), 0
    works = [lambda d, k=kind: life(d, k, 30 if full else 4, program, seen) for kind in kinds]
    newest = judge.versions('xfs_logprint').get('7.2')
    by_newest = BY_NEWEST if newest else ()
    works += [lambda d, n=name: shipped(d, n, program, seen) for name in SHIPPED]
    works += [lambda d, n=name: shipped(d, n, newest, seen) for name in by_newest]
    with tempfile.TemporaryDirectory(dir=os.environ.get('XFSX_ORACLE_TMP')) as directory:
        for kind, work in zip([*kinds, *SHIPPED, *by_newest], works):
            try:
                work(directory)
            except Wrong as e:
                failed += 1
                print('FAILED', kind, str(e)[:2000])
    print('compared: ' + ' '.join('%s %d' % pair for pair in sorted(seen.items())))
    missing = [kind for kind in OURS + ('RUI', 'RUD', 'CUI', 'CUD', 'EFI', 'EFD', 'BUI', 'BUD',
                                     'open')
               if 'everything' in kinds and not seen[kind]]
    if missing:
        failed += 1
        print('FAILED no log held', ' '.join(missing))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
