"""The root that a namespace's processes see: a tmpfs with read-only mounts, its own /proc, five devices, and one
writable tmpfs of limited size."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from . import syscalls as sc

INSIDE, OUTSIDE = 1000, 65534
SCRATCH = "/scratch"
WORK, HOME, TEMPORARY = f"{SCRATCH}/work", f"{SCRATCH}/home", "/tmp"
DEVICES = ("null", "zero", "full", "random", "urandom")
READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi", "driver", "tty")
BLANK = ("keys", "key-users", "kcore", "kmsg", "kallsyms", "timer_list", "sched_debug", "config.gz", "cmdline")
ETC = {
    "passwd": f"student:x:{INSIDE}:{INSIDE}::{HOME}:/bin/sh\nnobody:x:{OUTSIDE}:{OUTSIDE}::{HOME}:/bin/sh\n",
    "group": f"student:x:{INSIDE}:\nnobody:x:{OUTSIDE}:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
SHUT = sc.MS_RDONLY | sc.MS_NOSUID | sc.MS_NODEV
FLAGS = {
    "nosuid": sc.MS_NOSUID, "nodev": sc.MS_NODEV, "noexec": sc.MS_NOEXEC, "noatime": sc.MS_NOATIME,
    "nodiratime": sc.MS_NODIRATIME, "relatime": sc.MS_RELATIME,
}  # fmt: skip


def may_change_user() -> bool:
    """Whether this process may become OUTSIDE, who need not exist in a user namespace."""
    rights = sc.capabilities()
    if not (rights >> sc.CAP_SETUID & 1 and rights >> sc.CAP_SETGID & 1):
        return False
    return all(_known(Path(f"/proc/self/{name}").read_text()) for name in ("uid_map", "gid_map"))


def _known(table: str) -> bool:
    rows = [tuple(map(int, line.split())) for line in table.splitlines()]
    return any(first <= OUTSIDE < first + count for first, _, count in rows)


def build(
    folder: Path, shown: tuple[Path, ...], covered: tuple[Path, ...], disk_mb: int, uid: int, gid: int
) -> None:
    """Make the new root, with a copy of `folder`'s files for its owner (uid, gid), and go there; folders of what is
    shown that are `covered` are empty.

    Everything is opened before the first mount, because the course may lie below the place where the root is built.
    """
    links, opened = _open(shown)
    devices = {}
    for name in DEVICES:
        with contextlib.suppress(OSError):
            devices[name] = os.open(f"/dev/{name}", os.O_PATH)
    files = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    base = next(p for p in ("/tmp", "/mnt", "/usr") if os.path.isdir(p))
    sc.mount("none", "/", flags=sc.MS_REC | sc.MS_PRIVATE)
    sc.mount("tmpfs", base, "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "size=4m,nr_inodes=20000,mode=755")
    for name in ("dev", "dev/shm", "etc", "proc", "tmp", "scratch"):
        os.mkdir(f"{base}/{name}", 0o755)
    for name, text in ETC.items():
        Path(f"{base}/etc/{name}").write_text(text)
    _scratch(base, files, disk_mb, uid, gid)
    for path, target in links:
        os.makedirs(os.path.dirname(base + path), exist_ok=True)
        os.symlink(target, base + path)
    for path, fd in opened:
        _bind(fd, base + path)
        make_read_only(base + path)
        os.close(fd)
    for place in (f"{base}{path}" for path in covered if os.path.isdir(f"{base}{path}")):
        sc.mount("tmpfs", place, "tmpfs", SHUT, "size=4k,nr_inodes=1,mode=555")
    for name, fd in devices.items():
        Path(f"{base}/dev/{name}").touch()
        sc.mount(f"/proc/self/fd/{fd}", f"{base}/dev/{name}", flags=sc.MS_BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{base}/dev/{name}")
    _proc(base)
    sc.mount("none", base, flags=sc.MS_BIND | sc.MS_REMOUNT | SHUT)
    os.chdir(base)
    sc.pivot_root(".", ".")
    sc.detach(".")
    os.chdir(WORK)


def _open(shown: tuple[Path, ...]) -> tuple[list[tuple[str, str]], list[tuple[str, int]]]:
    """Symbolic links with their targets, and everything else, opened. What lies in something shown comes with it."""
    links: list[tuple[str, str]] = []
    opened: list[tuple[str, int]] = []
    taken: set[Path] = set()
    for path in sorted(shown):
        if taken.intersection(path.parents):
            continue
        with contextlib.suppress(OSError):
            if path.is_symlink():
                links.append((str(path), os.readlink(path)))
            else:
                opened.append((str(path), os.open(path, os.O_PATH)))
            taken.add(path)
    return links, opened


def _bind(fd: int, target: str) -> None:
    source = f"/proc/self/fd/{fd}"
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    sc.mount(source, target, flags=sc.MS_BIND | sc.MS_REC)


def make_read_only(place: str, old: bool = False) -> None:
    """All mounts from `place` down. Before Linux 5.12 (`old`) each by itself, keeping the flags that are locked."""
    if not old:
        try:
            sc.set_attributes(place, SHUT)
            return
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        where = fields[4].encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "surrogateescape")
        if where == place or where.startswith(place + "/"):
            kept = sum(FLAGS.get(name, 0) for name in fields[5].split(","))
            sc.mount("none", where, flags=sc.MS_BIND | sc.MS_REMOUNT | SHUT | kept)


def _scratch(base: str, files: int, disk_mb: int, uid: int, gid: int) -> None:
    place = base + SCRATCH
    sc.mount("tmpfs", place, "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, f"size={disk_mb}m,nr_inodes=50000,mode=755")
    copy_files(f"/proc/self/fd/{files}", base + WORK)
    for name in ("home", "tmp", "shm"):
        os.mkdir(f"{place}/{name}", 0o700)
    for top, folders, names in os.walk(place):
        for name in (*folders, *names):
            os.chown(os.path.join(top, name), uid, gid)
    sc.mount(f"{place}/tmp", base + TEMPORARY, flags=sc.MS_BIND)
    sc.mount(f"{place}/shm", f"{base}/dev/shm", flags=sc.MS_BIND)


def copy_files(source: str, target: str) -> None:
    """Plain files and folders; links and whatever else lies there stay behind."""
    os.mkdir(target, 0o755)
    for entry in os.scandir(source):
        if entry.is_dir(follow_symlinks=False):
            copy_files(entry.path, f"{target}/{entry.name}")
        elif entry.is_file(follow_symlinks=False):
            shutil.copyfile(entry.path, f"{target}/{entry.name}")


def _proc(base: str) -> None:
    """This process namespace's own. Where the host shows only a part of its /proc (in containers) there is none."""
    try:
        sc.mount("proc", f"{base}/proc", "proc", sc.MS_NOSUID | sc.MS_NODEV | sc.MS_NOEXEC)
    except PermissionError:
        return
    for name in READ_ONLY:
        place = f"{base}/proc/{name}"
        if os.path.exists(place):
            sc.mount(place, place, flags=sc.MS_BIND | sc.MS_REC)
            sc.mount("none", place, flags=sc.MS_BIND | sc.MS_REMOUNT | SHUT | sc.MS_NOEXEC)
    for name in BLANK:
        if os.path.exists(f"{base}/proc/{name}"):
            sc.mount(f"{base}/dev/null", f"{base}/proc/{name}", flags=sc.MS_BIND)
