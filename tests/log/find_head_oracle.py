#!/usr/bin/env python3
"""Compares the head and tail that xfsx finds with xfs_logprint's and with what Linux does at mount.

The images come from mkfs.xfs and kernels at work: fresh, mounted once and often, with logs that
have wrapped, of several stripe units, buffer and sector sizes, left clean and left dirty.
"""
import os
import sys
import tempfile

import judge
from judge import Wrong

KINDS = {
    'default': (['-d', 'agcount=4'], ''),
    'su32k': (['-l', 'su=32k'], ''),
    'su256k': (['-l', 'su=256k'], 'logbsize=256k'),
    'buffers256k': ([], 'logbsize=256k'),
    'sector4k': (['-s', 'size=4096'], ''),
    'block1k': (['-b', 'size=1024'], ''),
}


def compare(name, image, sector, wrap_seen):
    ours = judge.state(image)
    theirs = judge.logprint_state(image)
    pair = {'tail': ours['tail'][1], 'head': ours['head'][1], 'clean': ours['clean']}
    if pair != theirs:
        raise Wrong('%s: ours %s, xfs_logprint %s' % (name, pair, theirs))
    copy = image + '.copy'
    judge.run('cp', '--sparse=always', image, copy)
    try:
        kind, said = judge.mount_kind(copy, sector=sector)
    finally:
        os.unlink(copy)
    if (kind == 'clean') != ours['clean']:
        raise Wrong('%s: ours clean=%s, Linux: %s %s' % (name, ours['clean'], kind, said))
    if ours['head'][0] > 1:
        wrap_seen.add(name)
    print('ok %-28s head %d:%d tail %d:%d %s' % (name, *ours['head'], *ours['tail'],
                                                 'clean' if ours['clean'] else 'dirty'))


def life(directory, kind, version, wraps):
    options, mount_options = KINDS[kind]
    image = os.path.join(directory, 'image')
    sector = 4096 if kind == 'sector4k' else None
    size = 400 << 20
    log = [] if '-l' in options else ['-l', 'size=16m']
    if '-l' in options:
        options = ['-l', options[1] + (',size=32m' if kind == 'su256k' else ',size=16m')]
    judge.mkfs(image, size, *options, *log, version=version)
    name = '%s/%s/' % (version, kind)
    compare(name + 'fresh', image, sector, wraps)
    with judge.mounted(image, mount_options, sector):
        pass
    compare(name + 'once', image, sector, wraps)
    for _ in range(5):
        with judge.mounted(image, mount_options, sector) as (point, _, _):
            judge.work(point, 20)
    compare(name + 'often', image, sector, wraps)
    for round_ in range(2):
        with judge.mounted(image, mount_options, sector) as (point, _, _):
            while_wrapping(point)
        compare(name + 'wrapped%d' % round_, image, sector, wraps)
    for round_, flush in enumerate(('-f', '', '-f')):
        with judge.mounted(image, mount_options, sector) as (point, _, _):
            judge.work(point, 150 + 40 * round_)
            with open(point + '/last%d' % round_, 'w') as f:
                f.write('x' * 5000)
            judge.run('xfs_io', '-x', '-c', ('shutdown ' + flush).strip(), point)
        compare(name + 'dirty%d' % round_, image, sector, wraps)
        with judge.mounted(image, mount_options, sector):
            pass
        compare(name + 'recovered%d' % round_, image, sector, wraps)


def while_wrapping(point):
    """About 20 MiB of log: attributes of many files, forced out now and then."""
    os.makedirs(point + '/x', exist_ok=True)
    for batch in range(12):
        for i in range(250):
            path = '%s/x/%d' % (point, i)
            with open(path, 'a'):
                pass
            os.setxattr(path, 'user.a', os.urandom(200))
            os.setxattr(path, 'user.b', os.urandom(1800))
        judge.run('sync', '-f', point)


def main():
    judge.skip_unless_able()
    kinds = sys.argv[1:] or list(KINDS)
    wraps, failed = set(), 0
    with tempfile.TemporaryDirectory(dir=os.environ.get('XFSX_ORACLE_TMP')) as directory:
        for kind in kinds:
            for version in ('6.1', '6.13'):
                if version not in judge.versions('mkfs.xfs'):
                    print('SKIP mkfs.xfs %s is not here' % version)
                    continue
                try:
                    life(directory, kind, version, wraps)
                except Wrong as e:
                    failed += 1
                    print('FAILED', kind, version, str(e)[:2000])
    print('%d comparisons on logs past their first cycle' % len(wraps))
    if not wraps:
        failed += 1
        print('FAILED no log wrapped')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
