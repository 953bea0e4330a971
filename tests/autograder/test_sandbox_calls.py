"""The filter on system calls: which numbers it knows, what it answers to each, and that the kernel heeds it."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox import LANDLOCK, NAMESPACES, seccomp
from autograder.sandbox import syscalls as sc
from autograder.sandbox.syscalls import NUMBERS
from tests.autograder.sandboxed import ORDINARY, REPOSITORY, Zygote, open_to_all

if not sys.platform.startswith("linux"):
    pytest.skip("the sandbox's modes are Linux's", allow_module_level=True)

ALLOW = 0x7FFF0000
ENOSYS, EPERM = 0x50000 | errno.ENOSYS, 0x50000 | errno.EPERM
HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}
FILTERS = {
    (machine, mode): seccomp.program(machine, beside=mode == "landlock")
    for machine in NUMBERS
    for mode in ("namespaces", "landlock")
}
MODES = {"namespaces": NAMESPACES, "landlock": LANDLOCK}
every_filter = pytest.mark.parametrize(("machine", "mode"), FILTERS)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play every user")


def asked(machine, mode, name, *arguments):
    return seccomp.outcome(FILTERS[machine, mode], machine, NUMBERS[machine][name], arguments)


@pytest.mark.promise("Linux on ARM | the same, by the kernel's tables |")
@pytest.mark.parametrize("machine", NUMBERS)
def test_the_numbers_are_the_kernels(machine):
    header = next((path for path in HEADERS[machine] if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    text = header.read_text().split("__NR_syscalls")[0]
    theirs = {m[1]: int(m[2]) for m in re.finditer(r"#define\s+__NR(?:3264)?_(\w+)\s+(\d+)$", text, re.M)}
    if machine == "aarch64":  # the header is every machine's: its own names and ranges are not this one's
        assert (theirs.pop("fstatat"), theirs.pop("sync_file_range2")) == (79, 84)
        theirs = {name: n for name, n in theirs.items() if not 244 <= n < 260 and not 403 <= n < 424}
        assert NUMBERS[machine]["newfstatat"] == 79
    newest = max(NUMBERS[machine].values())
    assert len(theirs) > 250
    assert {name: NUMBERS[machine].get(name) for name, n in theirs.items() if n <= newest} == {
        name: n for name, n in theirs.items() if n <= newest
    }


@pytest.mark.parametrize("machine", NUMBERS)
def test_no_number_has_two_names(machine):
    assert len(set(NUMBERS[machine].values())) == len(NUMBERS[machine])


NEEDED = """
read write openat close newfstatat statx lseek mmap munmap mprotect mremap brk madvise futex execve exit_group wait4
rt_sigaction rt_sigprocmask rt_sigreturn getrandom clock_gettime clock_nanosleep set_robust_list rseq sched_getaffinity
sched_yield getdents64 pipe2 dup3 ppoll epoll_pwait eventfd2 sendmsg recvmsg copy_file_range close_range faccessat2
"""
REFUSED = """
ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_open pidfd_getfd
pidfd_send_signal perf_event_open bpf seccomp userfaultfd keyctl add_key request_key io_uring_setup io_uring_enter
io_uring_register io_setup io_submit io_destroy mount umount2 pivot_root move_mount open_tree open_tree_attr fsopen
fsconfig fsmount fspick mount_setattr statmount listmount chroot unshare setns listns clone3 personality mbind
set_mempolicy get_mempolicy set_mempolicy_home_node migrate_pages move_pages cachestat memfd_create memfd_secret
vmsplice tee remap_file_pages mseal futex_waitv futex_wake futex_wait futex_requeue landlock_create_ruleset
landlock_add_rule landlock_restrict_self lsm_get_self_attr lsm_set_self_attr lsm_list_modules kexec_load
kexec_file_load init_module finit_module delete_module swapon swapoff reboot acct quotactl quotactl_fd syslog vhangup
sethostname setdomainname settimeofday clock_settime adjtimex clock_adjtime name_to_handle_at open_by_handle_at
fanotify_init fanotify_mark inotify_init1 inotify_add_watch lookup_dcookie nfsservctl shmget shmat shmctl semget semop
semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
setuid setgid setreuid setresuid setregid setresgid setgroups setfsuid setfsgid capset rt_sigqueueinfo
rt_tgsigqueueinfo get_robust_list pkey_alloc pkey_mprotect openat2 setxattrat removexattrat file_setattr
modify_ldt uselib ustat sysfs _sysctl iopl ioperm create_module query_module inotify_init epoll_ctl_old vserver security
uretprobe
"""


@pytest.mark.promise(
    "In both sandboxes a filter lets through the system calls that Python, numpy, torch, matplotlib and the programs "
    "of a shell make,"
)
@pytest.mark.promise(
    "kernel keyrings, tracing, mounting, other kinds of sockets, io_uring, typing into your terminal and the like."
)
@pytest.mark.promise("Linux on ARM | the same, by the kernel's tables |")
@every_filter
def test_what_is_needed_is_allowed_and_what_is_dangerous_is_not(machine, mode):
    for name in NEEDED.split():
        assert asked(machine, mode, name) == ALLOW, name
    for name in set(REFUSED.split()) & set(NUMBERS[machine]):
        assert asked(machine, mode, name) in (EPERM, ENOSYS), name
    assert set(REFUSED.split()) <= set(NUMBERS["x86_64"]) | {"nfsservctl"}


@pytest.mark.promise("and refuses all others, also those that nobody knows yet:")
@pytest.mark.promise("A refused call answers with an error and ends nobody.")
@every_filter
def test_every_number_is_answered_and_none_kills(machine, mode):
    code, names = FILTERS[machine, mode], {n: name for name, n in NUMBERS[machine].items()}
    odd = [n | 0x40000000 for n in range(600)] + [0x3FFFFFFF, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 16]
    for number in (*range(601), *odd):
        for values in ([0] * 6, [0xFFFFFFFF] * 6, [1 << 63] * 6):
            answer = seccomp.outcome(code, machine, number, values)
            assert answer == ALLOW or 0x50000 <= answer < 0x50000 + 4096
            if number not in names:
                assert answer == ENOSYS, number
    allowed = {names[n] for n in range(601) if seccomp.outcome(code, machine, n, [0] * 6) == ALLOW}
    assert 150 < len(allowed) < 260
    other = {0xC000003E, 0xC00000B7, 0x40000003, 0x40000028} - {seccomp.ARCHITECTURE[machine]}  # i386 and 32-bit ARM
    for architecture in other:
        for number in range(601):
            assert seccomp.outcome(code, machine, number, [0] * 6, architecture) == ENOSYS


ME, SOMEBODY = os.getpid(), 1
FREE = ALLOW
SPECIAL = [
    # call, arguments, answer in mode "namespaces" and in mode "landlock"
    ("clone", [0x1200011], ALLOW, ALLOW),  # fork
    ("clone", [0x4111], ALLOW, ALLOW),  # vfork
    ("clone", [0x3D0F00], ALLOW, ALLOW),  # a thread of glibc's, and of musl's
    ("clone", [0x7D0F00], ALLOW, ALLOW),
    *[("clone", [flag | 17], EPERM, EPERM) for flag in (
        0x8000, 0x1000, 0x2000, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000,
    )],
    ("ioctl", [0, 0x5401], ALLOW, ALLOW),  # is it a terminal?
    ("ioctl", [0, 0x5412], EPERM, EPERM),
    ("ioctl", [0, 0x541C], EPERM, EPERM),
    ("ioctl", [0, 0x8901], EPERM, EPERM),
    ("ioctl", [0, 1 << 32 | 0x5412], EPERM, EPERM),
    ("ioctl", [0, 0xB701], EPERM, EPERM),  # NS_GET_USERNS
    ("fcntl", [0, 1030], ALLOW, ALLOW),
    ("fcntl", [0, 1024], EPERM, EPERM),  # leases
    ("fcntl", [0, 1026], EPERM, EPERM),
    *[("fcntl", [0, command], ALLOW, EPERM) for command in (8, 10, 15)],
    ("prctl", [15], ALLOW, ALLOW),
    ("prctl", [0x53564D41], ALLOW, ALLOW),
    ("prctl", [1, 2], 0x50000, 0x50000),
    ("prctl", [1, 0], EPERM, EPERM),
    *[("prctl", [option], EPERM, EPERM) for option in (4, 8, 22, 24, 28, 31, 35, 36, 47, 59, 62, 67, 0x59616D61, 999)],
    ("mknodat", [0, 0, 0o10600], ALLOW, ALLOW),
    ("mknodat", [0, 0, 0o100600], ALLOW, ALLOW),
    ("mknodat", [0, 0, 0o20600], EPERM, EPERM),
    ("mknodat", [0, 0, 0o60600], EPERM, EPERM),
    ("socket", [1, 1, 0], ALLOW, EPERM),
    ("socket", [1, 0x80005, 0], ALLOW, EPERM),
    ("socket", [2, 0x80801, 6], ALLOW, EPERM),
    ("socket", [10, 2, 17], ALLOW, EPERM),
    ("socket", [2, 3, 0], EPERM, EPERM),  # raw
    ("socket", [2, 5, 0], EPERM, EPERM),  # SCTP, DCCP, SCTP, MPTCP, ICMP
    ("socket", [2, 6, 0], EPERM, EPERM),
    ("socket", [2, 1, 132], EPERM, EPERM),
    ("socket", [10, 1, 262], EPERM, EPERM),
    ("socket", [2, 2, 1], EPERM, EPERM),
    *[("socket", [family, 3, 0], 0x50000 | errno.EAFNOSUPPORT, EPERM) for family in (16, 17, 31, 38, 40, 44)],
    ("socketpair", [1, 1, 0], ALLOW, ALLOW),
    ("socketpair", [1, 0x80005, 0], ALLOW, ALLOW),
    ("socketpair", [1, 2, 0], ALLOW, EPERM),
    ("socketpair", [2, 1, 0], 0x50000 | errno.EAFNOSUPPORT, EPERM),
    ("kill", [SOMEBODY, 9], ALLOW, ALLOW),  # Landlock refuses it, see below
    ("kill", [0xFFFFFFFF, 9], ALLOW, EPERM),
    ("setpriority", [0, 0, 5], ALLOW, ALLOW),
    ("setpriority", [0, ME, 5], ALLOW, ALLOW),
    ("setpriority", [0, SOMEBODY, 5], ALLOW, EPERM),
    ("setpriority", [1, 0, 5], ALLOW, EPERM),
    ("setpriority", [2, 0, 5], ALLOW, EPERM),  # all processes of the user
    ("ioprio_set", [1, 0, 5], ALLOW, ALLOW),
    ("ioprio_set", [3, 0, 5], ALLOW, EPERM),
    *[(name, [0], ALLOW, ALLOW) for name in seccomp.OF_A_PROCESS],
    *[(name, [ME], ALLOW, ALLOW) for name in seccomp.OF_A_PROCESS],
    *[(name, [SOMEBODY], ALLOW, EPERM) for name in seccomp.OF_A_PROCESS],
    ("fchmodat", [0, 0, 0], ALLOW, 0x50000),
    ("setxattr", [0, 0, 0], ALLOW, 0x50000 | errno.ENOTSUP),
    ("setsid", [], ALLOW, EPERM),
    ("connect", [], ALLOW, EPERM),
    ("sync", [], 0x50000, 0x50000),
    *[("setsockopt", [0, 1, option], 0x50000, 0x50000) for option in (7, 8, 32, 33)],  # larger buffers
    ("setsockopt", [0, 1, 2], ALLOW, ALLOW),
    ("setsockopt", [0, 6, 7], ALLOW, ALLOW),
    ("vmsplice", [], EPERM, EPERM),  # pages in pipes are in nobody's memory
]  # fmt: skip


@pytest.mark.promise(
    "kernel keyrings, tracing, mounting, other kinds of sockets, io_uring, typing into your terminal and the like."
)
@pytest.mark.parametrize("machine", NUMBERS)
@pytest.mark.parametrize(("name", "arguments", "alone", "beside"), SPECIAL)
def test_arguments_decide(machine, name, arguments, alone, beside):
    given = [*arguments, *[0] * (6 - len(arguments))]
    assert asked(machine, "namespaces", name, *given) == alone
    assert asked(machine, "landlock", name, *given) == beside


def test_a_landlock_that_can_less_leaves_more_to_the_filter():
    old = seccomp.program("x86_64", beside=True, signals=False, processes=False, truncate=False)

    def answer(name, *arguments):
        return seccomp.outcome(old, "x86_64", NUMBERS["x86_64"][name], [*arguments, *[0] * 6])

    assert [answer("kill", pid) for pid in (0, ME, -os.getpgrp() & (1 << 64) - 1, SOMEBODY)] == [ALLOW] * 3 + [EPERM]
    for name in ("tkill", "tgkill"):
        assert [answer(name, pid) for pid in (ME, SOMEBODY)] == [ALLOW, EPERM]
    assert [answer("clone", 17), answer("clone", 0x3D0F00)] == [0x50000 | errno.EAGAIN, ALLOW]
    assert {answer("fork"), answer("vfork")} == {0x50000 | errno.EAGAIN}
    assert answer("truncate") == EPERM
    assert answer("ftruncate") == ALLOW


def test_a_jump_too_far_is_no_filter():
    p = seccomp.Program("x86_64")
    p.only("ioctl", 1, range(252))
    assert seccomp.outcome(p.done(), "x86_64", NUMBERS["x86_64"]["ioctl"], [0, 251]) == ALLOW
    p.only("fcntl", 1, range(253))
    with pytest.raises(Exception, match="255"):
        p.done()


TRY = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *values):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(v) for v in (*values, *[0] * 6)[:6]])
    return ctypes.get_errno() if result == -1 else result
"""


@pytest.mark.promise("and refuses all others, also those that nobody knows yet:")
@pytest.mark.promise("A refused call answers with an error and ends nobody.")
@as_root
@pytest.mark.parametrize("mode", MODES)
def test_the_kernel_gives_the_same_answers(mode, tmp_path):
    """Every refused number, with arguments that mean nothing; and those that arguments decide, where refused."""
    machine = sc.machine()
    plain, chosen = {}, []
    for number in {*range(601)} - {NUMBERS[machine].get("uretprobe"), NUMBERS[machine].get("uprobe")}:
        # (these two are between the kernel and its own code: no filter sees them, and whoever else calls them dies)
        try:
            answer = seccomp.outcome(FILTERS[machine, mode], machine, number)
        except KeyError:
            continue
        if answer != ALLOW:
            plain[number] = answer & 0xFFFF
    for name, arguments, alone, beside in SPECIAL:
        answer = alone if mode == "namespaces" else beside
        if answer != ALLOW and name in NUMBERS[machine]:
            chosen.append([NUMBERS[machine][name], arguments, answer & 0xFFFF])
    for number in (0x40000000 | NUMBERS[machine]["getpid"], 0xFFFFFFFF, 0x7FFFFFFF):
        chosen.append([number, [], errno.ENOSYS])
    assert len(plain) > 350
    open_to_all(tmp_path, 0o777)
    code = f"""
{TRY}
import json
say([(n, call(n), e) for n, e in {list(plain.items())!r} if call(n) != e])
say([(n, a, call(n, *a), e) for n, a, e in json.loads({json.dumps(chosen)!r}) if call(n, *a) != e])
say([call({NUMBERS[machine]["getpid"]}) == os.getpid(), call({NUMBERS[machine]["getppid"]}) == os.getppid()])
"""
    with Zygote(MODES[mode], "", ORDINARY) as zygote:
        assert zygote.run(tmp_path, code) == [[], [], [True, True]]


@as_root
def test_it_does_not_take_hold_of_others_of_its_user(tmp_path):
    """All that Landlock has no say over: the priorities of all its user's processes, leases on their files, and
    children that are not found below it."""
    open_to_all(tmp_path, 0o777)
    victim = subprocess.Popen(["sleep", "60"], user=64321, group=64321)
    code = f"""
{TRY}
import fcntl
say([call({NUMBERS[sc.machine()]["setpriority"]}, 2, 0, 19), call({NUMBERS[sc.machine()]["clone"]}, 0x8011)])
with open("mine", "w"): pass
with open("mine") as file:
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        say("leased")
    except PermissionError:
        say("refused")
"""
    try:
        with Zygote(LANDLOCK, "", ORDINARY) as zygote:
            assert zygote.run(tmp_path, code) == [[errno.EPERM, errno.EPERM], "refused"]
        assert os.getpriority(os.PRIO_PROCESS, victim.pid) == os.getpriority(os.PRIO_PROCESS, 0)
    finally:
        victim.kill()
        victim.wait()


@pytest.mark.promise("`python -m autograder.sandbox.refused` prints the list;")
@pytest.mark.parametrize("machine", NUMBERS)
def test_the_list_can_be_printed(machine):
    from autograder.sandbox import refused

    lines = {line.split()[1]: line.split()[2:] for line in refused.table(machine)}
    assert lines["read"] == ["allowed", "allowed"]
    assert lines["keyctl"] == ["EPERM", "EPERM"]
    assert lines["clone3"] == ["ENOSYS", "ENOSYS"]
    assert lines["sync"] == ["pretended", "pretended"]
    assert lines["setsid"] == ["allowed", "EPERM"]
    assert lines["socket"] == ["by", "its", "arguments", "EPERM"]
    assert len(lines) == len(NUMBERS[machine]) + 1


NOTEBOOK = [
    "import ctypes, os, pathlib, shutil\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(open('data.csv').read())",
    f"{TRY}\npathlib.Path('said').write_text(str([call(135, -1), call(451)]))\nassert call(135, -1) == 1",
    "%alias_magic t time\nimport socket\nsocket.socket(40, socket.SOCK_STREAM)",
    "assert pathlib.Path('said').read_text() == '[1, 38]'\nfor _ in range(3): call(135, -1)",
    "import subprocess\nsubprocess.Popen(['sleep', '100'])",
    "os._exit(3)",
]


@pytest.mark.promise("with a notebook or a script it runs that in the sandbox and names what was refused there.")
@as_root
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the notebook calls by x86_64's numbers")
@pytest.mark.parametrize(
    ("mode", "prelude"),
    [("namespaces", ()), ("landlock", ORDINARY)],
    ids=["namespaces, root", "landlock, ordinary user"],
)
def test_what_a_notebook_was_refused_is_named(mode, prelude, tmp_path):
    """And it goes on as if nobody had watched; nothing of it stays."""
    import nbformat
    from nbformat import v4

    open_to_all(tmp_path, 0o777)
    (tmp_path / "data.csv").write_text("1,2")
    cells = [v4.new_markdown_cell("# Text"), *map(v4.new_code_cell, NOTEBOOK)]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "hand-in.ipynb")
    command = [sys.executable, "-m", "autograder.sandbox.refused", str(tmp_path / "hand-in.ipynb"), "--sandbox", mode]
    done = subprocess.run(
        [*prelude, *command], capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=True,
        env={"PATH": os.defpath, "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    for expected in ("personality: EPERM", "cachestat: ENOSYS"):
        assert lines.count(expected) == 1, done
    assert lines.index("personality: EPERM") < lines.index("cachestat: ENOSYS")
    family = "socket(0x28, 0x80001, 0x0, …): EAFNOSUPPORT" if mode == "namespaces" else "socket: EPERM"
    assert family in lines
    assert [line.split(":")[0] for line in lines if "failed" in line] == ["code cell 3 failed"]
    assert {p.name for p in tmp_path.iterdir()} == {"data.csv", "hand-in.ipynb"}
