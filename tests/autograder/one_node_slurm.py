"""A Slurm cluster of one node in a folder: munged, slurmctld and slurmd in the foreground, without systemd."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
CONF = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why there can be no Slurm here, or "" if there can."""
    paths = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    gone = [p for p in PROGRAMS if not shutil.which(p, path=paths)]
    return f"Slurm is not installed here ({', '.join(gone)} not found; on Debian: slurm-wlm munge)" if gone else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Slurm:
    """`environ` has what sbatch and the others need to find this cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, []
        folder.chmod(0o755)
        for part in ("state", "spool"):
            (folder / part).mkdir(mode=0o755)
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        names = {"host": socket.gethostname().split(".")[0], "ctld": free_port(), "slurmd": free_port(),
                 "cpus": os.cpu_count(), "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
                 "user": pwd.getpwuid(os.getuid()).pw_name, "folder": folder}  # fmt: skip
        (folder / "slurm.conf").write_text(CONF.format(**names))
        self.environ = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
        self.environ["PATH"] += ":/usr/sbin:/sbin"
        try:
            self.start("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
                       f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log",
                       f"--seed-file={folder}/munged.seed")  # fmt: skip
            self.until(lambda: (folder / "munge.socket").exists(), "munged")
            self.start("slurmctld", "-D", "-i")
            self.start("slurmd", "-D")
            self.until(lambda: self.ask("sinfo", "-h", "-o", "%T").strip() == "idle", "the node")
        except BaseException:
            self.end()
            raise

    def start(self, *command: str) -> None:
        with open(self.folder / f"{command[0]}.out", "wb") as log:
            self.processes.append(
                subprocess.Popen(command, env=self.environ, stdout=log, stderr=log, start_new_session=True)
            )

    def ask(self, *command: str) -> str:
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=20).stdout

    def until(self, true, what: str, seconds: float = 30.0) -> None:
        limit = time.monotonic() + seconds
        while not true():
            if time.monotonic() > limit or any(p.poll() is not None for p in self.processes):
                logs = {p.name: p.read_text(errors="replace")[-600:] for p in self.folder.glob("*.out")}
                raise RuntimeError(f"{what} did not start: {logs}")
            time.sleep(0.1)

    def end(self) -> None:
        if len(self.processes) == 3:
            with contextlib.suppress(subprocess.SubprocessError):
                self.ask("scancel", "--user", str(os.getuid()))
                limit = time.monotonic() + 10
                while self.ask("squeue", "-h") and time.monotonic() < limit:
                    time.sleep(0.1)
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
