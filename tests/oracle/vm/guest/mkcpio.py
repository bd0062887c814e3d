#!/usr/bin/env python3
"""Pack parts of an unpacked Debian root into an initramfs (newc cpio).

    mkcpio.py modules  ROOT OUT    XFS/virtio/dm modules, decompressed, with a
                                   load order computed from their own metadata
    mkcpio.py userland ROOT OUT    busybox, python3, xfsprogs and their libraries
"""
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

# Loaded at boot; the others are there for scripts (load-extra).
CORE = 'virtio_pci virtio_blk virtio_console crc32c_generic xfs'.split()
EXTRA = 'loop dm_mod dm_flakey dm_log_writes'.split()
PROGRAMS = """xfs_io xfs_db xfs_repair xfs_scrub xfs_quota xfs_spaceman xfs_logprint
              xfs_mdrestore xfs_copy xfs_growfs mkfs.xfs xfs_rtcp xfs_metadump xfs_bmap
              xfs_info xfs_admin xfs_ncheck xfs_freeze dmsetup python3""".split()
PYTHON_SKIP = re.compile(r'/(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|pydoc_data'
                         r'|curses|venv|wsgiref|xmlrpc|sqlite3|dbm|_pyrepl|unittest|xml|email/test'
                         r'|__pycache__|config-[^/]*)(/|$)')
PYTHON_KEEP = re.compile(r'(_ctypes|_json|_hashlib|_multiprocessing|_posixshmem|_queue|_uuid'
                         r'|_lzma|_bz2|termios|resource|mmap)\b')
LIBDIR = 'usr/lib/x86_64-linux-gnu'


class Cpio:
    """Minimal newc writer; everything is owned by root, times are zero."""

    def __init__(self, path):
        self.out = open(path, 'wb')
        self.ino = 0
        self.seen = set()

    def _entry(self, name, mode, data=b'', rdev=(0, 0)):
        name = name.strip('/')
        if name in self.seen:
            return
        self.seen.add(name)
        parent = os.path.dirname(name)
        if parent and parent not in self.seen:
            self.seen.discard(name)
            self._entry(parent, 0o40755)
            self.seen.add(name)
        self.ino += 1
        nlink = 2 if stat.S_ISDIR(mode) else 1
        raw = name.encode() + b'\0'
        fields = (self.ino, mode, 0, 0, nlink, 0, len(data), 0, 0, *rdev, len(raw), 0)
        head = b'070701' + b''.join(b'%08x' % f for f in fields) + raw
        self.out.write(head + b'\0' * (-len(head) % 4))
        self.out.write(data)
        self.out.write(b'\0' * (-len(data) % 4))

    def dir(self, name):
        self._entry(name, 0o40755)

    def file(self, name, data, mode=0o644):
        self._entry(name, 0o100000 | mode, data)

    def link(self, name, target):
        self._entry(name, 0o120777, target.encode())

    def char(self, name, major, minor):
        self._entry(name, 0o20600, b'', (major, minor))

    def close(self):
        self.ino = 0
        self._entry('TRAILER!!!', 0)
        self.out.write(b'\0' * (-self.out.tell() % 512))
        self.out.close()


def read_module(path):
    data = open(path, 'rb').read()
    if path.endswith('.xz'):
        data = lzma.decompress(data)
    elif path.endswith('.zst'):
        data = subprocess.run(['zstd', '-dc', path], stdout=subprocess.PIPE, check=True).stdout
    # Checking the signature of xfs.ko costs seconds on an emulated processor,
    # and these kernels load unsigned modules as well.
    magic = b'~Module signature appended~\n'
    if data.endswith(magic):
        head = data[-len(magic) - 12:-len(magic)]
        data = data[:-len(magic) - 12 - int.from_bytes(head[8:], 'big') - head[3] - head[4]]
    # The type information costs another second; only tracers use it.
    if shutil.which('objcopy'):
        with tempfile.NamedTemporaryFile() as f:
            f.write(data)
            f.flush()
            subprocess.run(['objcopy', '-R', '.BTF', '-R', '.BTF.base', '--strip-debug',
                            f.name], check=True)
            data = open(f.name, 'rb').read()
    return data


def pack_modules(root, out):
    paths = {}
    for top, _, files in os.walk(root):
        for f in files:
            m = re.match(r'(.*)\.ko(\.xz|\.zst)?$', f)
            if m:
                paths[m.group(1).replace('-', '_')] = os.path.join(top, f)
    if 'xfs' not in paths:
        sys.exit('mkcpio: no xfs module in ' + root)
    order, data = [], {}

    def need(name):
        if name in data or name not in paths:
            return                      # loaded already, or built in
        data[name] = read_module(paths[name])
        i = data[name].find(b'\0depends=')
        if data[name].startswith(b'depends='):
            i = -1
        deps = data[name][i + 9:data[name].index(b'\0', i + 9)].decode() if i >= 0 else ''
        for pre in re.findall(rb'softdep=pre: ([a-z0-9_ -]+)', data[name]):
            deps += ',' + pre.decode().replace(' ', ',')
        for d in deps.replace('-', '_').split(','):
            if d:
                need(d)
        order.append(name)

    c = Cpio(out)
    for group, listing in ((CORE, 'order'), (EXTRA, 'extra')):
        first = len(order)
        for m in group:
            need(m)
        for m in order[first:]:
            c.file('modules/%s.ko' % m, data[m])
        c.file('modules/' + listing, ''.join(m + '\n' for m in order[first:]).encode())
    c.close()
    print('mkcpio: modules', ' '.join(order), file=sys.stderr)


def find(root, name):
    for d in ('usr/sbin', 'usr/bin', 'sbin', 'bin'):
        p = os.path.join(root, d, name)
        if os.path.lexists(p):
            return p
    return None


def resolve(root, path):
    """Follow symbolic links inside root."""
    while os.path.islink(path):
        t = os.readlink(path)
        path = os.path.join(root, t.lstrip('/')) if t.startswith('/') \
            else os.path.normpath(os.path.join(os.path.dirname(path), t))
    return path


def pack_python(c, root, loader, libpath, python_version):
    """The standard library, byte-compiled so that the guest does not have to; returns the
    extension modules, whose libraries are needed too."""
    extensions = []
    pyroot = os.path.join(root, 'usr/lib', python_version)
    subprocess.run([loader, '--library-path', libpath, resolve(root, find(root, 'python3')),
                    '-I', '-S',
                    '-m', 'compileall', '-q', '-b', '--invalidation-mode', 'unchecked-hash',
                    '-s', root, '-x', PYTHON_SKIP.pattern, pyroot],
                   env={'PYTHONHOME': os.path.join(root, 'usr')}, check=False)
    for top, dirs, files in os.walk(pyroot):
        rel = os.path.relpath(top, root)
        if PYTHON_SKIP.search('/' + rel + '/'):
            dirs[:] = []
            continue
        for f in files:
            full = os.path.join(top, f)
            if f.endswith('.py') and os.path.exists(full + 'c'):
                continue
            if os.path.islink(full) or not f.endswith(('.py', '.pyc', '.so')):
                continue
            if f.endswith('.so'):
                if not PYTHON_KEEP.match(f.split('.')[0]):
                    continue
                if f.startswith('_hashlib'):
                    continue            # builtin hashes do; avoids libcrypto
                extensions.append(full)
            c.file(os.path.join(rel, f), open(full, 'rb').read(),
                   0o755 if f.endswith('.so') else 0o644)
    return extensions


def pack_userland(root, out):
    loader = None
    for p in (LIBDIR + '/ld-linux-x86-64.so.2', 'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
              'usr/lib64/ld-linux-x86-64.so.2', 'lib64/ld-linux-x86-64.so.2'):
        if os.path.exists(resolve(root, os.path.join(root, p))):
            loader = resolve(root, os.path.join(root, p))
            break
    libpath = ':'.join(os.path.join(root, d) for d in
                       (LIBDIR, 'lib/x86_64-linux-gnu', 'usr/lib', 'lib'))

    def needed(elf):
        r = subprocess.run([loader, '--library-path', libpath, '--list', elf],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return re.findall(r'=> (/\S+)', r.stdout.decode())

    c = Cpio(out)
    for d in ('bin', 'sbin', 'lib', 'lib64'):
        if d == 'lib64':
            c.link('lib64', 'usr/lib64')
        else:
            c.link(d, 'usr/' + d)
    for d in ('proc', 'sys', 'dev', 'run', 'tmp', 'mnt', 'out', 'root',
              'var/lib/xfsprogs', 'etc', 'job'):
        c.dir(d)
    c.char('dev/console', 5, 1)
    c.char('dev/null', 1, 3)
    c.link('etc/mtab', '/proc/self/mounts')
    c.file('etc/passwd', b'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n')
    c.file('etc/group', b'root:x:0:\nnogroup:x:65534:\n')
    c.file('usr/lib64/ld-linux-x86-64.so.2', open(loader, 'rb').read(), 0o755)

    libs = set()
    busybox = find(root, 'busybox')
    c.file('usr/bin/busybox', open(busybox, 'rb').read(), 0o755)
    for prog in PROGRAMS:
        p = find(root, prog)
        if p is None:
            if prog == 'python3':
                sys.exit('mkcpio: no python3')
            continue
        real = resolve(root, p)
        data = open(real, 'rb').read()
        c.file('usr/sbin/' + prog if prog != 'python3' else 'usr/bin/python3', data, 0o755)
        if data.startswith(b'\x7fELF'):
            libs.update(needed(real))
        if prog == 'python3':
            python_version = os.path.basename(real)
    for extension in pack_python(c, root, loader, libpath, python_version):
        libs.update(needed(extension))
    for lib in sorted(libs):
        real = os.path.realpath(lib)
        c.file(LIBDIR + '/' + os.path.basename(lib), open(real, 'rb').read(), 0o755)
    c.link('usr/lib/python3-version', python_version)
    c.close()
    print('mkcpio: userland %.1f MB' % (os.path.getsize(out) / 1e6), file=sys.stderr)


if __name__ == '__main__':
    if len(sys.argv) != 4 or sys.argv[1] not in ('modules', 'userland'):
        sys.exit(__doc__)
    (pack_modules if sys.argv[1] == 'modules' else pack_userland)(sys.argv[2], sys.argv[3])
