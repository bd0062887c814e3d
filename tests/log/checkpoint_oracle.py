#!/usr/bin/env python3
"""Checkpoints that xfsx wrote, replayed by Linux; logs that xfsx left clean, mounted by it.

checkpoint_oracle.py [replay] [inodes] [largest] [cycles] [torn]; without a word, all.
replay   a label logged on logs of each kind, at places near the end of the log, in records of 32
         and 256 KiB, must be there after a mount, and every xfs_repair -n silent.
inodes   inodes with forks of each format logged, and emptied in their homes: replay must bring back
         what was there.
largest  the same with a checkpoint as large as free_blocks() allows on a log of 64 MiB; with
         XFSX_VM_JUDGE set, judged by the kernels named in XFSX_VM_KERNELS too.
cycles   20 times: a checkpoint and an unmount record of ours, then a mount that changes things.
torn     sectors of an unfinished checkpoint missing, or wrong: the old label, no refused mount.
"""
import json
import os
import random
import re
import sys
import tempfile
import time

import judge
from judge import Wrong

OPTIONS = {
    'default': ['-l', 'size=16m'],
    'su32k': ['-l', 'su=32k,size=16m'],
    'su256k': ['-l', 'su=256k,size=32m'],
    'sector4k': ['-s', 'size=4096', '-l', 'size=16m'],
    'nrext64': ['-i', 'nrext64=1', '-l', 'size=16m'],
}


# Without XFSX_FULL=0 everything; with it, what a few minutes allow.
FULL = os.environ.get('XFSX_FULL') != '0'
SHORT = ('default', 'su256k', 'sector4k')
KINDS = [kind for kind in OPTIONS if FULL or kind in SHORT]


def sector_of(kind):
    return 4096 if kind == 'sector4k' else None


def tool(verb, image, **options):
    words = []
    for name, value in options.items():
        words += ['--' + name.replace('_', '-'), value]
    out = judge.run(judge.TOOL, verb, image, *words).stdout
    return json.loads(out) if out.startswith('{') else None


def copy_of(image, name='copy'):
    copy = os.path.join(os.path.dirname(image), name)
    judge.run('cp', '--sparse=always', image, copy)
    return copy


def replayed(image, kind, label):
    """Mounts the image: the log must be replayed and the label be there."""
    began = time.time()
    how, said = judge.mount_kind(image, sector=sector_of(kind))
    took = time.time() - began
    if how != 'recovered':
        raise Wrong('the log was not replayed: %s %s' % (how, said))
    if judge.label_of(image) != label:
        raise Wrong('label %r, not %r' % (judge.label_of(image), label))
    judge.repair_silent(image)
    return took


def places(state):
    unit = state['unit'] // 512
    blocks = state['blocks']
    if unit > 1:
        yield from ((cycle, blocks - n * unit) for cycle in (1, 2) for n in (1, 2, 3))
        yield 2, 0
        return
    yield from ((1, blocks - n) for n in (1, 2, 3, 8, 9, 16))
    yield from ((cycle, blocks - n) for cycle in (2, 3) for n in (1, 5, 8))
    yield 2, 0


def seek(image, cycle, target, **more):
    for _ in range(cycle - 1):
        tool('seek', image, target=judge.state(image)['blocks'] // 2, **more)
        tool('seek', image, target=judge.state(image)['unit'] // 512 * 8, **more)
    tool('seek', image, target=target, **more)
    now = judge.state(image)
    if now['head'][1] != target or not now['clean']:
        raise Wrong('the head is at %s' % now)
    return now


def replay_at(image, kind, what):
    done = 0
    for record in (32768, 262144):
        if record < judge.state(image)['unit']:
            continue
        for fillers in (0, 700):
            copy = copy_of(image)
            label = 'l%d' % random.randrange(10**6)
            wrote = tool('label', copy, label=label, record=record, fillers=fillers)
            ours = judge.state(copy)
            if ours['clean'] or ours['head'] != wrote['head'] or ours['tail'] != wrote['start']:
                raise Wrong('%s: wrote %s, found %s' % (what, wrote, ours))
            try:
                replayed(copy, kind, label)
            except Wrong as e:
                raise Wrong('%s record %d fillers %d: %s' % (what, record, fillers, e))
            done += 1
    return done


def test_replay(directory):
    done = 0
    image = os.path.join(directory, 'image')
    for kind in KINDS:
        options = OPTIONS[kind]
        version = '6.13' if kind == 'nrext64' else '6.1'
        judge.mkfs(image, 400 << 20, *options, version=version)
        done += replay_at(image, kind, kind + '/fresh')
        with judge.mounted(image, sector=sector_of(kind)) as (point, _, _):
            judge.work(point)
        done += replay_at(image, kind, kind + '/used')
        base = copy_of(image, 'base')
        for cycle, target in list(places(judge.state(base)))[::1 if FULL else 4]:
            judge.run('cp', '--sparse=always', base, image)
            now = seek(image, cycle, target)
            done += replay_at(image, kind, '%s/%d:%d' % (kind, *now['head']))
        print('ok replay', kind, done, 'so far', flush=True)
    return '%d checkpoints replayed' % done


def fragmented(path, extents):
    with open(path, 'wb') as f:
        for i in range(extents):
            f.seek(i * 8192)
            f.write(b'%d' % i * 700)
            os.fsync(f.fileno())


def populate(point):
    """A file of each kind; their names."""
    with open(point + '/empty', 'w'):
        pass
    fragmented(point + '/extents', 6)
    fragmented(point + '/btree', 500)
    os.symlink('x' * 61, point + '/symlink')
    os.mkdir(point + '/shortdir')
    for i in range(3):
        with open('%s/shortdir/%s' % (point, 'n' * (5 + i)), 'w'):
            pass
    os.mknod(point + '/device', 0o20600, os.makedev(7, 300))
    fragmented(point + '/attrs_local', 3)
    os.setxattr(point + '/attrs_local', 'user.a', b'v' * 21)
    fragmented(point + '/attrs_block', 300)
    for i in range(20):
        os.setxattr(point + '/attrs_block', 'user.%d' % i, b'w' * 900)
    return sorted(os.listdir(point))


def look(path):
    """What is known of a file without its owner and times."""
    st = os.lstat(path)
    attrs = {} if os.path.islink(path) else {
        a: os.getxattr(path, a) for a in os.listxattr(path)}
    what = [st.st_ino, st.st_mode, st.st_size, st.st_blocks, st.st_rdev, st.st_mtime_ns,
            st.st_ctime_ns, attrs]
    if os.path.islink(path):
        return what + [os.readlink(path)]
    if os.path.isdir(path):
        return what + [sorted((e.name, e.inode()) for e in os.scandir(path))]
    if os.path.isfile(path):
        with open(path, 'rb') as f:
            return what + [f.read()]
    return what


def test_inodes(directory):
    image = os.path.join(directory, 'image')
    done = 0
    for name, options in {'default': [], 'nrext64': ['-i', 'nrext64=1'],
                          'no bigtime': ['-m', 'bigtime=0'], 'large': ['-i', 'size=2048'],
                          'block1k': ['-b', 'size=1024']}.items():
        judge.mkfs(image, 400 << 20, *options)
        with judge.mounted(image) as (point, _, _):
            names = populate(point)
        with judge.mounted(image, 'noatime') as (point, _, _):
            before = {n: look(os.path.join(point, n)) for n in names}
        for n in names:
            copy = copy_of(image)
            tool('inode', copy, inode=before[n][0])
            with judge.mounted(copy, 'noatime') as (point, device, since):
                said = judge.messages(device, since)
                if any(judge.BAD.search(m) for m in said):
                    raise Wrong('%s %s: %s' % (name, n, said))
                path = os.path.join(point, n)
                if os.lstat(path).st_uid != 4242:
                    raise Wrong('%s %s: not replayed' % (name, n))
                if look(path) != before[n]:
                    raise Wrong('%s %s: not as it was' % (name, n))
            judge.repair_silent(copy)
            done += 1
        print('ok inodes', name, flush=True)
    return '%d inodes replayed' % done


def btree_block(image):
    """Address of the root of AG 0's free space btree, 512-byte blocks."""
    out = judge.run('xfs_db', '-r', '-c', 'agf 0', '-c', 'p bnoroot', '-c', 'sb 0',
                    '-c', 'p blocksize', image).stdout
    size = int(re.search(r'blocksize = (\d+)', out)[1])
    return int(re.search(r'bnoroot = (\d+)', out)[1]) * size // 512, size


def in_machine(image, kernel, label):
    began = time.time()
    done = judge.run(os.environ['XFSX_VM_JUDGE'], image, '--kernel', kernel, '--timeout', 500,
                     '-c', 'xfs_io -r -c "label" $MNT | grep -F %s' % label, check=False)
    if done.returncode != 0:
        raise Wrong('%s: exit %d\n%s' % (kernel, done.returncode, done.stdout[-3000:]))
    return '%s agrees (%.0f s with boot)' % (kernel, time.time() - began)


def test_largest(directory):
    image = os.path.join(directory, 'image')
    lines = []
    for record in (262144, 32768):
        judge.mkfs(image, 400 << 20, '-l', 'size=64m')
        with judge.mounted(image) as (point, _, _):
            judge.work(point)
        now = judge.state(image)
        seek(image, 1, now['blocks'] // 2 + 77)
        block, size = btree_block(image)
        label = 'largest%d' % (record >> 10)
        wrote = tool('label', image, label=label, record=record, leave=1, block=block,
                     block_size=size)
        now = judge.state(image)
        share = wrote['bytes'] / (now['blocks'] * 512)
        if share < 0.93 or wrote['head'][0] == wrote['start'][0]:
            raise Wrong('not as large as it should be, or not wrapping: %s' % wrote)
        copy = copy_of(image)
        took = replayed(copy, 'default', label)
        os.unlink(copy)
        line = '%d KiB records: %d bytes (%.1f %% of the log), %d records, %d flushes, ' \
            'from %d:%d to %d:%d; host mount %.2f s' % (record >> 10, wrote['bytes'], share * 100,
                                             wrote['records'], wrote['flushes'], *wrote['start'],
                                             *wrote['head'], took)
        for kernel in os.environ.get('XFSX_VM_KERNELS', '').split():
            line += '; ' + in_machine(image, kernel, label)
        print('ok largest', line, flush=True)
        lines.append(line)
    if not os.environ.get('XFSX_VM_KERNELS'):
        print('SKIP largest in virtual machines: XFSX_VM_KERNELS is not set')
    return '%d checkpoints' % len(lines)


def test_cycles(directory):
    image = os.path.join(directory, 'image')
    rounds = 0
    for kind in KINDS:
        judge.mkfs(image, 400 << 20, *OPTIONS[kind])
        records = [r for r in (32768, 262144) if r >= judge.state(image)['unit']]
        for i in range(20 if FULL else 11):
            label = 'c%d' % i
            tool('commit', image, label=label, record=records[i % len(records)],
                 fillers=(0, 3000, 9000)[i % 3] * 512 // (sector_of(kind) or 512))
            if not judge.logprint_state(image)['clean'] or not judge.state(image)['clean']:
                raise Wrong('%s round %d: the log is not clean' % (kind, i))
            with judge.mounted(image, sector=sector_of(kind)) as (point, device, since):
                said = judge.messages(device, since)
                if not any('Ending clean mount' in m for m in said) or \
                        any(judge.BAD.search(m) for m in said):
                    raise Wrong('%s round %d: %s' % (kind, i, said))
                judge.work(point, 60 + i)
            if judge.label_of(image) != label:
                raise Wrong('%s round %d: label %s' % (kind, i, judge.label_of(image)))
            if i % 5 == 4:
                judge.repair_silent(image)
            rounds += 1
        now = judge.state(image)
        if now['head'][0] < (3 if FULL else 2):
            raise Wrong('%s: the log wrapped too seldom: %s' % (kind, now))
        print('ok cycles', kind, 'head %d:%d' % tuple(now['head']), flush=True)
    return '%d rounds' % rounds


def torn_states(wrote, state, rng):
    """Sets of log blocks of the checkpoint that do not arrive; and blocks that arrive wrong."""
    first, blocks = wrote['start'][1], wrote['bytes'] // 512
    every = [(first + i) % state['blocks'] for i in range(blocks)]
    step = max(1, state['sector'] // 512)
    groups = [every[i:i + step] for i in range(0, blocks, step)]
    yield 'all', set(every), set()
    for n in (0, 1, len(groups) // 2, -2, -1):
        yield 'drop%d' % n, set(groups[n]), set()
    yield 'head half', {b for g in groups[:len(groups) // 2] for b in g}, set()
    yield 'tail half', {b for g in groups[len(groups) // 2:] for b in g}, set()
    for i in range(6):
        some = [g for g in groups if rng.random() < (0.02, 0.5, 0.9)[i % 3]] or [groups[-1]]
        yield 'random%d' % i, {b for g in some for b in g}, set()
    yield 'wrong last', set(), {groups[-1][-1]}


def test_torn(directory):
    image = os.path.join(directory, 'image')
    rng = random.Random(int(os.environ.get('XFSX_SEED', '1')))
    states = 0
    for kind in KINDS:
        judge.mkfs(image, 400 << 20, '-L', 'old', *OPTIONS[kind])
        base = copy_of(image, 'base')
        blocks, unit = judge.state(image)['blocks'], judge.state(image)['unit'] // 512
        spots = ((0, 0), (1, blocks - unit), (2, blocks - 2 * unit), (2, 0))
        for cycle, target in spots if FULL else spots[1:2]:
            judge.run('cp', '--sparse=always', base, image)
            if cycle:
                seek(image, cycle, target, label='old')
            # Where stale blocks were cleared, the old state has them so, as they are durable before
            # the first record; a checkpoint below 1 MiB has no other flush before the commit.
            for record in (32768, 262144):
                if record < judge.state(image)['unit']:
                    continue
                states += torn_at(image, kind, record, rng)
        print('ok torn', kind, states, 'states so far', flush=True)
    return '%d states' % states


def torn_at(image, kind, record, rng):
    before = copy_of(image, 'before')
    now = judge.state(before)
    now['sector'] = sector_of(kind) or 512
    after = copy_of(image, 'after')
    wrote = tool('label', after, label='new', record=record, fillers=900 * 512 // now['sector'])
    start = now['start'] * 512
    count = 0
    with open(before, 'rb') as f:
        f.seek(start)
        old_log = f.read(now['blocks'] * 512)
    old_log = cleared(old_log, after, wrote, now)
    for name, lost, wrong in torn_states(wrote, now, rng):
        state = copy_of(after, 'state')
        with open(state, 'r+b') as f:
            for block in lost:
                f.seek(start + block * 512)
                f.write(old_log[block * 512:block * 512 + 512])
            for block in wrong:
                f.seek(start + block * 512 + 200)
                f.write(b'\x55' * 100)
        how, said = judge.mount_kind(state, sector=sector_of(kind), allow_bad=True)
        if how == 'refused' or judge.label_of(state) != 'old':
            raise Wrong('%s record %d at %d:%d, %s: %s, label %s, %s' % (
                kind, record, *wrote['start'], name, how, judge.label_of(state), said))
        judge.repair_silent(state)
        count += 1
    return count


def cleared(log, after, wrote, state):
    """The log before the checkpoint, with the blocks ahead of its head as cleared: the writer left
    such blocks behind the checkpoint, and those before them differ only in their own number. Where
    the writer found nothing stale it cleared nothing, and the block behind is as it was."""
    head, n = wrote['head'][1], state['blocks']
    with open(after, 'rb') as f:
        f.seek(state['start'] * 512 + head * 512)
        sample = bytearray(f.read(512))
    if sample == log[head * 512:head * 512 + 512]:
        return log
    if sample[:4] != b'\xfe\xed\xba\xbe':
        raise Wrong('what lies behind the checkpoint is neither as before nor cleared')
    log = bytearray(log)
    cycle = wrote['start'][0] - 1
    for i in range(wrote['bytes'] // 512):
        block = wrote['start'][1] + i
        own = cycle if block < n else cycle + 1
        block %= n
        sample[4:8] = own.to_bytes(4, 'big')
        sample[16:24] = own.to_bytes(4, 'big') + block.to_bytes(4, 'big')
        log[block * 512:block * 512 + 512] = sample
    return bytes(log)


TESTS = {'replay': test_replay, 'inodes': test_inodes, 'largest': test_largest,
         'cycles': test_cycles, 'torn': test_torn}


def main():
    judge.skip_unless_able()
    for missing in {'6.1', '6.13', '7.2'} - set(judge.versions('xfs_repair')):
        print('SKIP xfs_repair %s is not here' % missing)
    failed = 0
    with tempfile.TemporaryDirectory(dir=os.environ.get('XFSX_ORACLE_TMP')) as directory:
        for name in sys.argv[1:] or TESTS:
            try:
                print('ok', name, TESTS[name](directory), flush=True)
            except Wrong as e:
                failed += 1
                print('FAILED', name, str(e)[:3000], flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
