"""The filter on system calls: a list of what is allowed, and everything else is refused.

Allowed is what Python, numpy, torch, matplotlib and the programs of a shell do to themselves, to files that they can
reach and to sockets of their own, with room for other C libraries. What only a machine's administrator, a debugger or a
container needs is refused, as is what nobody knows yet. A refused call answers with an error and never kills:

* ENOSYS, "this kernel has no such call", for what is new enough that programs have another way, and for foreign ones;
* EPERM for the rest, as for somebody without the right.

``python -m autograder.sandbox.refused`` prints the whole list, or names what a notebook was refused.

Classic BPF as in seccomp(2) and Documentation/userspace-api/seccomp_filter.rst. Arguments are compared by their low
32 bits, which is all that the kernel reads of those looked at here.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from . import syscalls as sc
from .syscalls import NUMBERS, SHARED

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def _names(text: str) -> list[str]:
    return text.split()


ALLOWED = _names("""
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3
    open openat creat stat fstat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat statfs fstatfs
    getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir rename renameat renameat2 link linkat unlink unlinkat
    symlink symlinkat truncate ftruncate fallocate fadvise64 readahead fsync fdatasync sync_file_range flock umask
    sendfile copy_file_range splice getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
    pipe pipe2 poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
    eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime
    sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown getsockname getpeername setsockopt getsockopt
    mmap munmap mremap mprotect madvise msync mincore brk mlock mlock2 munlock mlockall munlockall membarrier
    execve execveat exit exit_group wait4 waitid futex set_robust_list set_tid_address rseq
    arch_prctl map_shadow_stack restart_syscall
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause
    alarm getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete
    time times gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep
    getpid getppid gettid getpgrp getpgid getsid getuid geteuid getgid getegid getresuid getresgid getgroups capget
    getrlimit setrlimit getrusage sysinfo uname getrandom getcpu getpriority ioprio_get sched_yield sched_getaffinity
    sched_getscheduler sched_getparam sched_getattr sched_get_priority_min sched_get_priority_max sched_rr_get_interval
""")
CHANGE_MODES = _names("chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat")
CHANGE_ATTRIBUTES = _names("setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr")
# Nothing that it writes is kept, and it has no access to the machine's other files.
PRETENDED = _names("sync syncfs")
# Allowed where all that is in reach is its own: without namespaces all processes of the user stay in reach, and
# Landlock has no say over these.
ALLOWED_ALONE = _names("connect bind listen accept accept4 setsid setpgid kill tkill tgkill")
OF_A_PROCESS = _names("prlimit64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler")
# The kernel has these, and programs have a fallback where they are missing.
MISSING = _names("memfd_create")

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET = 1, 2, 5
IPPROTO_TCP, IPPROTO_UDP = 6, 17
S_IFMT, S_IFREG, S_IFIFO, S_IFSOCK = 0xF000, 0x8000, 0x1000, 0xC000
PRIO_PROCESS, IOPRIO_WHO_PROCESS = 0, 1
BUFFERS = (7, 8, 32, 33)
"""SO_SNDBUF, SO_RCVBUF and those that force it: what lies in a socket is in nobody's memory, so it must stay little."""
SOL_SOCKET = 1
EVERYBODY = 0xFFFFFFFF
# A signal at the end; VM FS FILES SIGHAND VFORK THREAD SYSVSEM SETTLS PARENT_SETTID CHILD_CLEARTID DETACHED
# CHILD_SETTID. No new namespaces, and no CLONE_PARENT: a sibling is not found below the first process, nor weighed.
CLONE_THREAD = 0x10000
CLONE_FLAGS = 0xFF | 0x100 | 0x200 | 0x400 | 0x800 | 0x4000 | CLONE_THREAD | 0x40000
CLONE_FLAGS |= 0x80000 | 0x100000 | 0x200000 | 0x400000 | 0x1000000
# TCGETS TCGETS2 TIOCGWINSZ TIOCGPGRP TIOCGSID TIOCOUTQ FIONREAD FIONBIO FIONCLEX FIOCLEX, FICLONE FICLONERANGE
# FS_IOC_GETFLAGS, SIOCGIF: NAME CONF FLAGS ADDR BRDADDR NETMASK MTU HWADDR INDEX
IOCTLS = [
    0x5401, 0x802C542A, 0x5413, 0x540F, 0x5429, 0x5411, 0x541B, 0x5421, 0x5450, 0x5451, 0x40049409, 0x4020940D,
    0x80086601, 0x8910, 0x8912, 0x8913, 0x8915, 0x8919, 0x891B, 0x8921, 0x8927, 0x8933,
]  # fmt: skip
# F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_GETOWN F_GETSIG F_GETOWN_EX, F_OFD_…, F_GETLEASE
# F_DUPFD_QUERY F_DUPFD_CLOEXEC F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS. No F_SETLEASE: a lease on a file of
# Python's stops its owner, and everybody else of his, for most of a minute.
FCNTLS = [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 16, 36, 37, 38, 1025, 1027, 1030, 1031, 1032, 1033, 1034]
FCNTLS_ALONE = [8, 10, 15]  # F_SETOWN F_SETSIG F_SETOWN_EX: a signal to whom one likes
# PR_GET: PDEATHSIG DUMPABLE KEEPCAPS NAME SECCOMP SECUREBITS TIMERSLACK CHILD_SUBREAPER NO_NEW_PRIVS THP_DISABLE
# SPECULATION_CTRL AUXV, CAPBSET_READ; of a machine's arithmetic and addresses: SVE, SME, TAGGED_ADDR, PAC,
# SHADOW_STACK; PR_SET: NAME TIMERSLACK NO_NEW_PRIVS THP_DISABLE VMA
PRCTLS = [
    2, 3, 7, 16, 21, 27, 30, 37, 39, 42, 52, 0x41555856, 23, 50, 51, 63, 64, 55, 56, 54, 60, 61, 74, 75, 76,
    15, 29, 38, 41, 0x53564D41,
]  # fmt: skip

LOAD, EQUAL, AT_LEAST, ANY_BIT, MASK, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
ALLOW, ERRNO, ASK = 0x7FFF0000, 0x00050000, 0x7FC00000
SET_MODE_FILTER, NEW_LISTENER = 1, 8
NUMBER, ARCH, ARGUMENTS = 0, 4, 16

Instruction = tuple[int, int, int, int]
Test = list[Instruction]


def refuse(code: int) -> Instruction:
    return (RETURN, 0, 0, ERRNO | code)


def load(argument: int) -> Instruction:
    return (LOAD, 0, 0, ARGUMENTS + 8 * argument)


def one_of(values: Iterable[int], otherwise: Test) -> Test:
    """Go on behind `otherwise` if the number at hand is one of `values`, else through it."""
    wanted = list(values)
    beyond = range(len(wanted) + len(otherwise) - 1, 0, -1)
    return [*((EQUAL, far, 0, value & 0xFFFFFFFF) for far, value in zip(beyond, wanted, strict=False)), *otherwise]


class Program:
    """A filter in the making: what a call's arguments decide, and one answer for every other number."""

    def __init__(self, machine: str):
        self.numbers = NUMBERS[machine]
        self.answers = {
            number: ERRNO | (errno.EPERM if number < SHARED and name not in MISSING else errno.ENOSYS)
            for name, number in self.numbers.items()
        }
        self.code: Test = [
            (LOAD, 0, 0, ARCH), (EQUAL, 1, 0, ARCHITECTURE[machine]), refuse(errno.ENOSYS), (LOAD, 0, 0, NUMBER),
        ]  # fmt: skip

    def answer(self, names: list[str], action: int) -> None:
        """A name that the machine has no call for is passed over, here and in `look`."""
        self.answers |= {self.numbers[name]: action for name in names if name in self.numbers}

    def look(self, name: str, argument: int, test: Test) -> None:
        """For this call, `test` sees the argument; it returns, or falls through to "allowed"."""
        if name in self.numbers:
            body = [load(argument), *test, (RETURN, 0, 0, ALLOW)]
            self.code += [(EQUAL, 0, len(body), self.numbers[name]), *body]

    def only(self, name: str, argument: int, values: Sequence[int]) -> None:
        """Refuse the call unless the argument is one of `values`."""
        self.look(name, argument, one_of(values, [refuse(errno.EPERM)]))

    def done(self) -> bytes:
        """Numbers above the last are refused, those of the x32 ABI (from 0x40000000 on) among them."""
        code, first = list(self.code), 0
        every = [self.answers.get(n, ERRNO | errno.ENOSYS) for n in range(max(self.answers) + 1)]
        for action, run in groupby(every):
            first += len(list(run))
            code += [(AT_LEAST, 1, 0, first), (RETURN, 0, 0, action)]
        code.append(refuse(errno.ENOSYS))
        return b"".join(struct.pack("=HBBI", *one) for one in code)


def program(
    machine: str, *, beside: bool, signals: bool = True, processes: bool = True, truncate: bool = True
) -> bytes:
    """The filter for mode "namespaces", or for "landlock" (`beside` everybody else's processes).

    signals: it may signal any process that the kernel lets it; else only itself and its group. processes: it may
    start some; else threads only. truncate: Landlock has a say over truncate(2).
    """
    p = Program(machine)
    p.answer(ALLOWED, ALLOW)
    p.answer(PRETENDED, ERRNO)
    p.only("ioctl", 1, IOCTLS)
    p.only("fcntl", 1, FCNTLS if beside else FCNTLS + FCNTLS_ALONE)
    # A program's children may ask to die with it, and nothing here outlives the first one; that one must not stop
    # asking.
    at_death = [(EQUAL, 0, 3, sc.PR_SET_PDEATHSIG), load(1), (EQUAL, 1, 0, 0), refuse(0), refuse(errno.EPERM)]
    p.look("prctl", 0, one_of(PRCTLS, at_death))
    for name, argument in (("mknod", 1), ("mknodat", 2)):
        kinds = one_of([0, S_IFREG, S_IFIFO, S_IFSOCK], [refuse(errno.EPERM)])
        p.look(name, argument, [(MASK, 0, 0, S_IFMT), *kinds])
    # They may look as if they had been set.
    sizes = [load(2), *(step for option in BUFFERS for step in ((EQUAL, 0, 1, option), refuse(0)))]
    p.look("setsockopt", 1, [(EQUAL, 0, len(sizes), SOL_SOCKET), *sizes])
    flags = [(ANY_BIT, 0, 1, ~CLONE_FLAGS & 0xFFFFFFFF), refuse(errno.EPERM)]
    if not processes:
        flags += [(ANY_BIT, 1, 0, CLONE_THREAD), refuse(errno.EAGAIN)]
    p.look("clone", 0, flags)
    p.answer(["fork", "vfork"], ALLOW if processes else ERRNO | errno.EAGAIN)
    if beside:
        _beside(p, signals, truncate)
    else:
        _alone(p)
    return p.done()


def _alone(p: Program) -> None:
    p.answer(ALLOWED_ALONE + CHANGE_MODES + CHANGE_ATTRIBUTES + OF_A_PROCESS, ALLOW)
    p.answer(["setpriority", "ioprio_set"], ALLOW)
    # Another protocol, or a kind that stands for one, has the kernel load a module.
    inet = [
        load(1), (MASK, 0, 0, 0xF), *one_of([SOCK_STREAM, SOCK_DGRAM], [refuse(errno.EPERM)]),
        load(2), *one_of([0, IPPROTO_TCP, IPPROTO_UDP], [refuse(errno.EPERM)]),
    ]  # fmt: skip
    families = one_of([AF_INET, AF_INET6], [refuse(errno.EAFNOSUPPORT)])
    p.look("socket", 0, [(EQUAL, len(families) + len(inet), 0, AF_UNIX), *families, *inet])
    p.look("socketpair", 0, one_of([AF_UNIX], [refuse(errno.EAFNOSUPPORT)]))


def _beside(p: Program, signals: bool, truncate: bool) -> None:
    me = os.getpid()
    # A datagram socket of a pair could still be sent to any address; a stream can't.
    refused = [refuse(errno.EPERM)]
    kinds = [load(1), (MASK, 0, 0, 0xF), *one_of([SOCK_STREAM, SOCK_SEQPACKET], refused)]
    p.look("socketpair", 0, [*one_of([AF_UNIX], refused), *kinds])
    for name in OF_A_PROCESS:
        p.only(name, 0, [0, me])
    for name, itself in (("setpriority", PRIO_PROCESS), ("ioprio_set", IOPRIO_WHO_PROCESS)):
        p.look(name, 0, [*one_of([itself], refused), load(1), *one_of([0, me], refused)])
    if signals:
        p.look("kill", 0, [(EQUAL, 0, 1, EVERYBODY), *refused])
        p.answer(["tkill", "tgkill"], ALLOW)
    else:
        p.only("kill", 0, [0, me, -os.getpgrp()])
        p.only("tkill", 0, [me])
        p.only("tgkill", 0, [me])
    # It may look as if it had worked: `shutil.copy` sets modes and times, too.
    p.answer(CHANGE_MODES, ERRNO)
    p.answer(CHANGE_ATTRIBUTES, ERRNO | errno.ENOTSUP)
    if not truncate:
        p.answer(["truncate"], ERRNO | errno.EPERM)


def install(code: bytes) -> None:
    """Put the filter over this process and all that it starts. Needs ``no_new_privileges`` first."""
    with _in_memory(code) as head:
        sc.prctl(sc.PR_SET_SECCOMP, sc.SECCOMP_MODE_FILTER, head)


def install_with_listener(code: bytes) -> int:
    """As `install`, and a descriptor by which another process hears of each refused call, and must answer it."""
    told = b"".join(
        struct.pack("=HBBI", kind, yes, no, ASK if kind == RETURN and operand != ALLOW else operand)
        for kind, yes, no, operand in struct.iter_unpack("=HBBI", code)
    )
    with _in_memory(told) as head:
        return sc.call("seccomp", SET_MODE_FILTER, NEW_LISTENER, head)


@contextlib.contextmanager
def _in_memory(code: bytes) -> Iterator[int]:
    """The address of the kernel's ``struct sock_fprog``."""
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    held = ctypes.create_string_buffer(head, len(head))
    yield ctypes.addressof(held)


def outcome(code: bytes, machine: str, number: int, arguments: Sequence[int] = (), architecture: int = 0) -> int:
    """What the filter answers to a call: the action as in seccomp(2), whose low half is an error's number."""
    words = {NUMBER: number, ARCH: architecture or ARCHITECTURE[machine]}
    words |= {ARGUMENTS + 8 * i: value for i, value in enumerate(arguments)}
    program, at, value = list(struct.iter_unpack("=HBBI", code)), 0, 0
    while True:
        kind, yes, no, operand = program[at]
        at += 1
        if kind == RETURN:
            return operand
        if kind == LOAD:
            value = words[operand] & 0xFFFFFFFF
        elif kind == MASK:
            value &= operand
        else:
            holds = {EQUAL: value == operand, AT_LEAST: value >= operand, ANY_BIT: bool(value & operand)}[kind]
            at += yes if holds else no
