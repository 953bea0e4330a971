"""The filter on system calls: what namespaces and Landlock leave open is closed here.

Classic BPF as in seccomp(2) and Documentation/userspace-api/seccomp_filter.rst. Arguments are compared by their low
32 bits, which is all that the kernel reads of those looked at here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from . import syscalls as sc

# name: (x86_64, aarch64); None where the machine has no such call
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "accept": (43, 202), "accept4": (288, 242), "acct": (163, 89), "add_key": (248, 217), "bind": (49, 200),
    "bpf": (321, 280), "chmod": (90, None), "chown": (92, None), "chroot": (161, 51), "clone": (56, 220),
    "clone3": (435, 435), "connect": (42, 203), "delete_module": (176, 106), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "fchown": (93, 55), "fchownat": (260, 54), "fcntl": (72, 25), "finit_module": (313, 273), "fork": (57, None),
    "fremovexattr": (199, 16), "fsconfig": (431, 431), "fsetxattr": (190, 7), "fsmount": (432, 432),
    "fsopen": (430, 430), "fspick": (433, 433), "futimesat": (261, None), "init_module": (175, 105),
    "inotify_add_watch": (254, 27), "inotify_init": (253, None), "inotify_init1": (294, 26), "ioctl": (16, 29),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "io_uring_setup": (425, 425),
    "ioprio_set": (251, 30), "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104),
    "keyctl": (250, 219), "kill": (62, 129), "lchown": (94, None), "listen": (50, 201),
    "lookup_dcookie": (212, 18), "lremovexattr": (198, 15), "lsetxattr": (189, 6), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "migrate_pages": (256, 238), "mount": (165, 40), "mount_setattr": (442, 442),
    "move_mount": (429, 429), "move_pages": (279, 239), "mq_getsetattr": (245, 185), "mq_notify": (244, 184),
    "mq_open": (240, 180), "mq_timedreceive": (243, 183), "mq_timedsend": (242, 182), "mq_unlink": (241, 181),
    "msgctl": (71, 187), "msgget": (68, 186), "msgrcv": (70, 188), "msgsnd": (69, 189),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "pidfd_getfd": (438, 438), "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "pivot_root": (155, 41), "prctl": (157, 167), "prlimit64": (302, 261),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "reboot": (169, 142), "removexattr": (197, 14), "request_key": (249, 218), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "semctl": (66, 191), "semget": (64, 190),
    "semop": (65, 193), "semtimedop": (220, 192), "setdomainname": (171, 162), "sethostname": (170, 161),
    "setns": (308, 268), "setpgid": (109, 154), "setpriority": (141, 140), "setsid": (112, 157),
    "setsockopt": (54, 208), "setxattr": (188, 5), "shmat": (30, 196), "shmctl": (31, 195), "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199), "swapoff": (168, 225), "swapon": (167, 224), "syslog": (103, 116),
    "tgkill": (234, 131), "tkill": (200, 130), "truncate": (76, 45), "umount2": (166, 39), "unshare": (272, 97),
    "userfaultfd": (323, 282), "utime": (132, None), "utimensat": (280, 88), "utimes": (235, None),
    "vfork": (58, None), "vhangup": (153, 58),
}  # fmt: skip
NEWEST = 462
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def _names(text: str) -> list[str]:
    return text.split()


DENIED = _names(
    "keyctl add_key request_key bpf perf_event_open mount umount2 pivot_root move_mount open_tree fsopen fsconfig "
    "fsmount fspick mount_setattr unshare setns chroot ptrace process_vm_readv process_vm_writev process_madvise "
    "process_mrelease kcmp pidfd_getfd userfaultfd kexec_load kexec_file_load init_module finit_module delete_module "
    "open_by_handle_at name_to_handle_at fanotify_init fanotify_mark lookup_dcookie swapon swapoff reboot acct "
    "quotactl quotactl_fd syslog vhangup sethostname setdomainname mq_open mq_unlink mq_timedsend mq_timedreceive "
    "mq_notify mq_getsetattr shmget shmat shmctl semget semop semctl semtimedop msgget msgsnd msgrcv msgctl"
)
MISSING = _names("clone3 io_uring_setup io_uring_enter io_uring_register memfd_create memfd_secret")
# Without namespaces all processes of the user stay in reach, and Landlock has no say over these.
DENIED_BESIDE = _names(
    "socket connect bind listen accept accept4 setsid setpgid pidfd_open pidfd_send_signal tkill rt_sigqueueinfo "
    "rt_tgsigqueueinfo migrate_pages move_pages inotify_init inotify_init1 inotify_add_watch"
)
ONLY_MYSELF = _names("prlimit64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler")
ONLY_MYSELF_SECOND = _names("setpriority ioprio_set")
# It may look as if it had worked: `shutil.copy` sets modes and times, too.
PRETENDED = _names("chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat")
NO_ATTRIBUTES = _names("setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr")

NEW_SPACES = (
    sc.CLONE_NEWNS | sc.CLONE_NEWCGROUP | sc.CLONE_NEWUTS | sc.CLONE_NEWIPC
    | sc.CLONE_NEWUSER | sc.CLONE_NEWPID | sc.CLONE_NEWNET
)  # fmt: skip
CLONE_THREAD = 0x10000
AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
SOCK_STREAM, SOCK_SEQPACKET = 1, 5
BUFFERS = (7, 8, 32, 33)
"""SO_SNDBUF, SO_RCVBUF and those that force it: what lies in a socket is in nobody's memory, so it must stay little."""
TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP = 0x5412, 0x541C, 0x8901, 0x8902
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15
EVERYBODY = 0xFFFFFFFF

LOAD, EQUAL, ABOVE, ANY_BIT, MASK, RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCH = 0, 4

Instruction = tuple[int, int, int, int]


class Program:
    """A filter in the making: rules are tried in order, the first that fits decides, and the rest is allowed."""

    def __init__(self, machine: str):
        self.column = ("x86_64", "aarch64").index(machine)
        self.code: list[Instruction] = [
            (LOAD, 0, 0, ARCH), (EQUAL, 1, 0, ARCHITECTURE[machine]), (RETURN, 0, 0, KILL),
            (LOAD, 0, 0, NUMBER), (ABOVE, 0, 1, NEWEST), (RETURN, 0, 0, ERRNO | errno.ENOSYS),
        ]  # fmt: skip

    def refuse(self, name: str, code: int) -> None:
        number = NUMBERS[name][self.column]
        if number is not None:
            self.code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | code)]

    def look(self, name: str, argument: int, test: list[Instruction]) -> None:
        """For this call, `test` sees the argument; it returns, or falls through to "allowed"."""
        number = NUMBERS[name][self.column]
        if number is not None:
            body = [(LOAD, 0, 0, 16 + 8 * argument), *test, (RETURN, 0, 0, ALLOW)]
            self.code += [(EQUAL, 0, len(body), number), *body]

    def only(self, name: str, argument: int, values: list[int], code: int) -> None:
        """Refuse the call unless the argument is one of `values`."""
        test = [(EQUAL, len(values) - i, 0, value & 0xFFFFFFFF) for i, value in enumerate(values)]
        self.look(name, argument, [*test, (RETURN, 0, 0, ERRNO | code)])

    def none_of(self, name: str, argument: int, values: list[int], code: int) -> None:
        test: list[Instruction] = []
        for value in values:
            test += [(EQUAL, 0, 1, value), (RETURN, 0, 0, ERRNO | code)]
        self.look(name, argument, test)

    def done(self) -> bytes:
        return b"".join(struct.pack("=HBBI", *one) for one in [*self.code, (RETURN, 0, 0, ALLOW)])


def program(
    machine: str, *, beside: bool, signals: bool = True, processes: bool = True, truncate: bool = True
) -> bytes:
    """The filter for mode "namespaces", or for "landlock" (`beside` everybody else's processes).

    signals: it may signal any process that the kernel lets it; else only itself and its group. processes: it may
    start some; else threads only. truncate: Landlock has a say over truncate(2).
    """
    p = Program(machine)
    for name in DENIED:
        p.refuse(name, errno.EPERM)
    for name in MISSING:
        p.refuse(name, errno.ENOSYS)
    p.none_of("ioctl", 1, [TIOCSTI, TIOCLINUX, *((FIOSETOWN, SIOCSPGRP) if beside else ())], errno.EPERM)
    p.none_of("prctl", 0, [sc.PR_SET_PDEATHSIG, sc.PR_SET_CHILD_SUBREAPER], errno.EPERM)
    p.none_of("setsockopt", 2, list(BUFFERS), 0)  # which looks as if it had worked
    flags: list[Instruction] = [(ANY_BIT, 0, 1, NEW_SPACES), (RETURN, 0, 0, ERRNO | errno.EPERM)]
    if not processes:
        flags += [(ANY_BIT, 1, 0, CLONE_THREAD), (RETURN, 0, 0, ERRNO | errno.EAGAIN)]
        p.refuse("fork", errno.EAGAIN)
        p.refuse("vfork", errno.EAGAIN)
    p.look("clone", 0, flags)
    if beside:
        _beside(p, signals, truncate)
    else:
        p.only("socket", 0, [AF_UNIX, AF_INET, AF_INET6], errno.EAFNOSUPPORT)
        p.only("socketpair", 0, [AF_UNIX], errno.EAFNOSUPPORT)
    return p.done()


def _beside(p: Program, signals: bool, truncate: bool) -> None:
    me = os.getpid()
    for name in DENIED_BESIDE:
        p.refuse(name, errno.EPERM)
    # A datagram socket of a pair could still be sent to any address; a stream can't.
    kinds = [(EQUAL, 1, 0, SOCK_STREAM), (EQUAL, 0, 1, SOCK_SEQPACKET), (RETURN, 0, 0, ALLOW)]
    refused = (RETURN, 0, 0, ERRNO | errno.EPERM)
    p.look("socketpair", 0, [(EQUAL, 1, 0, AF_UNIX), refused, (LOAD, 0, 0, 24), (MASK, 0, 0, 0xF), *kinds, refused])
    for name in ONLY_MYSELF:
        p.only(name, 0, [0, me], errno.EPERM)
    for name in ONLY_MYSELF_SECOND:
        p.only(name, 1, [0, me], errno.EPERM)
    if signals:
        p.none_of("kill", 0, [EVERYBODY], errno.EPERM)
    else:
        p.only("kill", 0, [0, me, -os.getpgrp()], errno.EPERM)
        p.only("tgkill", 0, [me], errno.EPERM)
    p.none_of("fcntl", 1, [F_SETOWN, F_SETSIG, F_SETOWN_EX], errno.EPERM)
    for name in PRETENDED:
        p.refuse(name, 0)
    for name in NO_ATTRIBUTES:
        p.refuse(name, errno.ENOTSUP)
    if not truncate:
        p.refuse("truncate", errno.EPERM)


def install(code: bytes) -> None:
    """Put the filter over this process and all that it starts. Needs ``no_new_privileges`` first."""
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    held = ctypes.create_string_buffer(head, len(head))
    sc.prctl(sc.PR_SET_SECCOMP, sc.SECCOMP_MODE_FILTER, ctypes.addressof(held))
