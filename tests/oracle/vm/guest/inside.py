"""Runs inside the guest: mounts the image, looks at it from every side, and
hands the findings back.  Driven by /job/job.json, which vm-judge writes."""
import errno
import fcntl
import glob
import hashlib
import json
import os
import re
import stat
import struct
import subprocess
import time

JOB, OUT, MNT = '/job', '/out', '/mnt'
T0 = time.monotonic()
result = {'steps': {}, 'fail': [], 'info': {}}


# ------------------------------------------------------------------- channels
def ports():
    found = {}
    for p in glob.glob('/sys/class/virtio-ports/*/name'):
        found[open(p).read().strip()] = '/dev/' + p.split('/')[-2]
    return found


class Channel:
    """Where progress and result files go: virtio ports, or a host directory."""

    def __init__(self, job):
        self.hostdir = None
        if job.get('hostfs'):
            os.makedirs('/host', exist_ok=True)
            subprocess.run(['mount', '-t', 'hostfs', 'none', '/host', '-o', job['hostfs']],
                           check=True)
            self.hostdir = '/host'
            self.live = open('/host/live.txt', 'wb', buffering=0)
            return
        for _ in range(200):
            p = ports()
            if 'live' in p and 'files' in p and os.path.exists(p['files']):
                break
            time.sleep(0.02)
        self.live = open(p['live'], 'wb', buffering=0)
        self.files = p['files']

    def say(self, text):
        self.live.write(text.encode('utf-8', 'backslashreplace') + b'\n')

    def finish(self):
        if self.hostdir:
            subprocess.run('cd /out && tar cf /host/files.tar . && sync', shell=True)
        else:
            subprocess.run('cd /out && tar cf %s .' % self.files, shell=True)
        self.say('@done')


job = json.load(open(JOB + '/job.json'))
os.makedirs(OUT, exist_ok=True)
chan = Channel(job)


def fail(kind, text):
    result['fail'].append([kind, text])
    chan.say('FAIL %s: %s' % (kind, text))


def sh(name, args, **kw):
    """Run a command; output goes to OUT/name and the live channel."""
    t = time.monotonic()
    with open('%s/%s' % (OUT, name), 'ab') as f:
        p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, **kw)
        for line in p.stdout:
            f.write(line)
            chan.live.write(b'| ' + line)
        rc = p.wait()
    chan.say('step %s: rc %d, %.2f s' % (name, rc, time.monotonic() - t))
    result['steps'][name] = {'rc': rc, 'seconds': round(time.monotonic() - t, 2)}
    return rc


def script(name):
    """The command for a script: itself, or the shell if it names no interpreter."""
    path = JOB + '/' + name
    with open(path, 'rb') as f:
        return [path] if f.read(2) in (b'#!', b'\x7fE') else ['sh', path]


def text_of(name):
    try:
        return open('%s/%s' % (OUT, name), encoding='utf-8', errors='replace').read()
    except FileNotFoundError:
        return ''


# -------------------------------------------------------------------- devices
def device(role):
    want = job['devices'].get(role)
    if want is None:
        return None
    if want.startswith('serial:'):
        for p in glob.glob('/sys/block/*/serial'):
            if open(p).read().strip() == want[7:]:
                return '/dev/' + p.split('/')[-2]
        raise SystemExit('no block device with serial ' + want[7:])
    return '/dev/' + want


# ------------------------------------------------------------ kernel messages
BAD = re.compile(r'''corrupt|Assertion\ failed|Internal\ error|CRC\ error|I/O\ [Ee]rror
    |[Ss]hutting\ down|has\ been\ shut\ down|Failed\ to\ recover|[Rr]ecovery\ failed|run\ xfs_repair
    |log\ mount/recovery|mount\ failed|Failed\ to|WARNING:|BUG:|Oops|general\ protection
    |blocked\ for\ more\ than|scrub\ detected|inconsisten''', re.X)
GOOD = re.compile(r'EXPERIMENTAL|User initiated shutdown')


class Kmsg:
    def __init__(self):
        self.fd = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
        self.lines = []

    def poll(self):
        new = []
        while True:
            try:
                rec = os.read(self.fd, 8192).decode('utf-8', 'replace')
            except BlockingIOError:
                break
            except OSError as e:
                if e.errno == errno.EPIPE:
                    continue
                break
            head, _, body = rec.partition(';')
            t = int(head.split(',')[2]) / 1e6
            for line in body.splitlines():
                if line and not line.startswith(' '):
                    new.append('[%9.4f] %s' % (t, line))
        self.lines += new
        return new

    def check(self, where):
        allow = re.compile(job['allow']) if job.get('allow') else None
        for line in self.poll():
            if 'XFS' in line or BAD.search(line):
                chan.say('kernel: ' + line)
            if BAD.search(line) and not GOOD.search(line) and not (allow and allow.search(line)):
                result['fail'].append(['kernel', '%s: %s' % (where, line)])


# ------------------------------------------------------------------- manifest
def quote(raw):
    return ''.join(chr(b) if 33 <= b < 127 and b != 92 else '\\x%02x' % b for b in raw)


FS_IOC_FSGETXATTR = 0x801c581f


def fsxattr(path, mode):
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return 0, 0, 0
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NOATIME)
    try:
        buf = bytearray(28)
        fcntl.ioctl(fd, FS_IOC_FSGETXATTR, buf)
        xflags, extsize, _, projid, _ = struct.unpack_from('=IIIII', buf)
        return xflags, projid, extsize
    except OSError:
        return 0, 0, 0
    finally:
        os.close(fd)


def digest(path, size, limit):
    if limit and size > limit:
        return '-'
    h = hashlib.sha256()
    with open(path, 'rb', buffering=0) as f:
        while True:
            b = f.read(1 << 20)
            if not b:
                break
            h.update(b)
    return h.hexdigest()


def xattrs(path):
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False), key=os.fsencode)
    except OSError as e:
        return 'E' + errno.errorcode.get(e.errno, '?')
    if not names:
        return '-'
    h = hashlib.sha256()
    for n in names:
        v = os.getxattr(path, n, follow_symlinks=False)
        raw = os.fsencode(n)
        h.update(struct.pack('<II', len(raw), len(v)) + raw + v)
    return '%d:%s' % (len(names), h.hexdigest()[:16])


TYPES = {stat.S_IFREG: 'f', stat.S_IFDIR: 'd', stat.S_IFLNK: 'l', stat.S_IFCHR: 'c',
         stat.S_IFBLK: 'b', stat.S_IFIFO: 'p', stat.S_IFSOCK: 's'}


def manifest(root):
    """One line per object: path type mode uid gid nlink size mtime xflags
    projid extsize xattrs content, separated by tabs, in byte order of paths."""
    paths = [b'']
    raw_root = os.fsencode(root)
    for top, dirs, files in os.walk(raw_root):
        rel = top[len(raw_root):]
        paths += [rel + b'/' + n for n in dirs + files]
    bad = 0
    with open(OUT + '/manifest.tsv', 'w') as out:
        for rel in sorted(paths):
            p = raw_root + rel
            try:
                s = os.lstat(p)
                kind = TYPES.get(stat.S_IFMT(s.st_mode), '?')
                xflags, projid, extsize = fsxattr(p, s.st_mode)
                if kind == 'f':
                    what = digest(p, s.st_size, job['hash_limit'])
                elif kind == 'l':
                    what = quote(os.readlink(p))
                elif kind in 'cb':
                    what = '%d:%d' % (os.major(s.st_rdev), os.minor(s.st_rdev))
                else:
                    what = '-'
                size = 0 if kind == 'd' else s.st_size
                out.write('\t'.join([quote(rel or b'/'), kind, '%04o' % stat.S_IMODE(s.st_mode),
                                     str(s.st_uid), str(s.st_gid), str(s.st_nlink), str(size),
                                     '%d.%09d' % divmod(s.st_mtime_ns, 10**9), '%x' % xflags,
                                     str(projid), str(extsize), xattrs(p), what]) + '\n')
            except OSError as e:
                bad += 1
                out.write('%s\t!\t%s\n' % (quote(rel), errno.errorcode.get(e.errno, e)))
    result['info']['objects'] = len(paths)
    return bad


# ---------------------------------------------------------------------- scrub
SCRUB_METADATA = 0xc040583c
FSGEOMETRY = 0x8100587e
BULKSTAT = 0x8040587f
TYPE = dict(probe=0, sb=1, agf=2, agfl=3, agi=4, bnobt=5, cntbt=6, inobt=7, finobt=8, rmapbt=9,
            refcountbt=10, inode=11, bmapbtd=12, bmapbta=13, bmapbtc=14, directory=15, xattr=16,
            symlink=17, parent=18, rtbitmap=19, rtsummary=20, usrquota=21, grpquota=22, prjquota=23,
            fscounters=24, quotacheck=25, nlinks=26, healthy=27, dirtree=28, metapath=29,
            rgsuper=30, rtrmapbt=31, rtrefcbt=32)
FLAGS = [(2, 'CORRUPT'), (4, 'preen'), (8, 'XFAIL'), (16, 'XCORRUPT'),
         (32, 'incomplete'), (64, 'warning')]
PER_AG = 'sb agf agfl agi bnobt cntbt inobt finobt rmapbt refcountbt'.split()
PER_RG = 'rgsuper rtbitmap rtsummary rtrmapbt rtrefcbt'.split()
PER_INODE = 'inode bmapbtd bmapbta bmapbtc directory xattr symlink parent dirtree'.split()
PER_FS = 'fscounters usrquota grpquota prjquota quotacheck nlinks'.split()
METAPATH = ['probe', 'rtdir', 'rtbitmap', 'rtsummary', 'quotadir', 'usrquota', 'grpquota',
            'prjquota', 'rtrmapbt', 'rtrefcountbt']


class Scrub:
    def __init__(self, fd):
        self.fd = fd
        self.count = {}
        self.log = open(OUT + '/scrub.txt', 'w')
        self.bad = []

    def one(self, kind, ino=0, gen=0, agno=0, label=''):
        buf = bytearray(struct.pack('<IIQIIQQQQQ', TYPE[kind], 0, ino, gen, agno, 0, 0, 0, 0, 0))
        try:
            fcntl.ioctl(self.fd, SCRUB_METADATA, buf)
            flags = struct.unpack_from('<I', buf, 4)[0]
            said = [n for bit, n in FLAGS if flags & bit]
        except OSError as e:
            said = [errno.errorcode.get(e.errno, str(e.errno))]
        key = ','.join(said) or 'ok'
        self.count.setdefault(kind, {}).setdefault(key, 0)
        self.count[kind][key] += 1
        self.log.write('%-11s %-24s %s\n' % (kind, label, key))
        # ENOENT: this file system has no such metadata.  preen: could be tidier.
        if set(said) - {'ENOENT', 'preen'}:
            self.bad.append('%s %s: %s' % (kind, label, key))
        return said


def scrub(fd):
    s = Scrub(fd)
    if 'EOPNOTSUPP' in s.one('probe') or 'ENOTTY' in s.one('probe'):
        result['info']['scrub'] = 'not supported by this kernel'
        fail('scrub', 'XFS_IOC_SCRUB_METADATA is not supported by this kernel')
        return
    geo = bytearray(256)
    fcntl.ioctl(fd, FSGEOMETRY, geo)
    agcount = struct.unpack_from('<I', geo, 12)[0]
    rtblocks, = struct.unpack_from('<Q', geo, 40)
    flags, = struct.unpack_from('<I', geo, 92)
    metadir = flags >> 26 & 1
    rgcount, = struct.unpack_from('<I', geo, 124)
    for ag in range(agcount):
        for k in PER_AG:
            s.one(k, agno=ag, label='ag %d' % ag)
    if metadir:
        for rg in range(rgcount):
            for k in PER_RG:
                s.one(k, agno=rg, label='rtgroup %d' % rg)
        for i, name in enumerate(METAPATH):
            if 'rt' in name and name not in ('rtdir',) and not name.endswith('quota'):
                for rg in range(rgcount):
                    s.one('metapath', ino=i, agno=rg, label='%s %d' % (name, rg))
            else:
                s.one('metapath', ino=i, label=name)
    elif rtblocks:
        for k in ('rtbitmap', 'rtsummary'):
            s.one(k, label='realtime')
    n, start = 0, 0
    while True:
        req = bytearray(64 + 192 * 64)
        struct.pack_into('<QIIII', req, 0, start, 4 | (8 if metadir else 0), 64, 0, 0)
        fcntl.ioctl(fd, BULKSTAT, req)
        got = struct.unpack_from('<I', req, 16)[0]
        if not got:
            break
        for i in range(got):
            ino, = struct.unpack_from('<Q', req, 64 + 192 * i)
            gen, = struct.unpack_from('<I', req, 64 + 192 * i + 64)
            mode, = struct.unpack_from('<H', req, 64 + 192 * i + 132)
            for k in PER_INODE:
                if k == 'symlink' and not stat.S_ISLNK(mode):
                    continue
                if k in ('directory', 'dirtree') and not stat.S_ISDIR(mode):
                    continue
                s.one(k, ino=ino, gen=gen, label='inode %d' % ino)
            n += 1
        start, = struct.unpack_from('<Q', req, 0)
    for k in PER_FS + ['healthy']:
        s.one(k, label='fs')
    s.log.close()
    result['info']['scrub'] = s.count
    result['info']['scrub_inodes'] = n
    for b in s.bad[:20]:
        fail('scrub', b)
    if len(s.bad) > 20:
        fail('scrub', '%d more' % (len(s.bad) - 20))


# ----------------------------------------------------------------------- main
def step(name, call, *args):
    t = time.monotonic()
    r = call(*args)
    chan.say('step %s: %.2f s' % (name, time.monotonic() - t))
    result['steps'][name] = {'seconds': round(time.monotonic() - t, 2)}
    return r


def umount():
    for _ in range(10):
        if sh('umount.txt', ['umount', MNT]) == 0:
            return True
        time.sleep(0.5)
    fail('umount', text_of('umount.txt').strip().splitlines()[-1])
    return False


def judge():
    data, rt, log = device('data'), device('rt'), device('log')
    env = dict(os.environ, MNT=MNT, DEV=data or '', RTDEV=rt or '', LOGDEV=log or '',
               OUT=OUT, JOB=JOB)
    kmsg.check('boot')
    if job.get('run_first') and sh('run_first.txt', script(job['run_first']), env=env, cwd=OUT):
        fail('run', 'the first script failed')
    if data is None:
        return
    if job['mount']:
        opts = [o for o in job['mount_opts'].split(',') if o]
        if rt:
            opts.append('rtdev=' + rt)
        if log:
            opts.append('logdev=' + log)
        cmd = ['mount', '-t', 'xfs'] + (['-o', ','.join(opts)] if opts else []) + [data, MNT]
        rc = sh('mount.txt', cmd)
        kmsg.check('mount')
        if rc:
            fail('mount', text_of('mount.txt').strip() or 'mount failed')
        else:
            if job.get('run') and sh('run.txt', script(job['run']), env=env, cwd=MNT):
                fail('run', 'the script failed')
            kmsg.check('run')
            if job.get('crash'):
                return
            if job['manifest'] and step('manifest', manifest, MNT):
                fail('manifest', 'some objects could not be read')
            kmsg.check('manifest')
            if 'ioctl' in job['scrub']:
                fd = os.open(MNT, os.O_RDONLY)
                step('scrub', scrub, fd)
                os.close(fd)
                kmsg.check('scrub')
            if 'program' in job['scrub']:
                rc = sh('xfs_scrub.txt', ['xfs_scrub', '-n', '-v', '-T', MNT], env=env)
                if rc & ~2:
                    fail('xfs_scrub', 'exit status %d' % rc)
                kmsg.check('xfs_scrub')
            umount()
            kmsg.check('umount')
    if job['repair']:
        cmd = ['xfs_repair', '-n']
        if job.get('force_geometry'):
            cmd += ['-o', 'force_geometry']
        if rt:
            cmd += ['-r', rt]
        if log:
            cmd += ['-l', log]
        if sh('repair.txt', cmd + [data]):
            fail('repair', 'xfs_repair -n is not satisfied')
        kmsg.check('repair')
    if job.get('run_last') and sh('run_last.txt', script(job['run_last']), env=env, cwd=OUT):
        fail('run', 'the last script failed')


kmsg = Kmsg()
try:
    u = os.uname()
    result['info']['kernel'] = u.release
    result['info']['boot_seconds'] = round(float(open('/proc/uptime').read().split()[0]), 2)
    chan.say('kernel %s, up %.2f s' % (u.release, result['info']['boot_seconds']))
    judge()
except BaseException as e:                          # report, never hang
    import traceback
    fail('inside', '%s: %s' % (type(e).__name__, e))
    chan.say(traceback.format_exc())
finally:
    kmsg.poll()
    open(OUT + '/dmesg.txt', 'w').write('\n'.join(kmsg.lines) + '\n')
    result['info']['inside_seconds'] = round(time.monotonic() - T0, 2)
    result['verdict'] = 'ok' if not result['fail'] else result['fail'][0][0]
    json.dump(result, open(OUT + '/result.json', 'w'), indent=1)
    chan.finish()
