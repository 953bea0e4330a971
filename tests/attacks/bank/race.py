"""Odd files in the hand-in, and files that change while they are graded."""

import os
import shutil
import socket
from pathlib import Path

from ..attack import Attack, Places
from ..course import NAME

KIND = "race"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


def pipe(folder: Path, places: Places) -> None:
    os.mkfifo(folder / "numbers.csv")
    os.mkfifo(folder / "timestamp.txt")


def notebook_pipe(folder: Path, places: Places) -> None:
    (folder / f"{NAME}.ipynb").unlink()
    os.mkfifo(folder / f"{NAME}.ipynb")


def unix_socket(folder: Path, places: Places) -> None:
    here = os.getcwd()
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("numbers.csv")
    os.chdir(here)


def ring(folder: Path, places: Places) -> None:
    (folder / "a").symlink_to(".")
    (folder / "b").symlink_to("b")
    (folder / "up").symlink_to("..")


def dangling(folder: Path, places: Places) -> None:
    (folder / f"{NAME}.ipynb").unlink()
    (folder / f"{NAME}.ipynb").symlink_to("nowhere")


def device(folder: Path, places: Places) -> None:
    (folder / "numbers.csv").symlink_to("/dev/zero")
    (folder / "timestamp.txt").symlink_to("/dev/zero")


def endless_notebook(folder: Path, places: Places) -> None:
    (folder / f"{NAME}.ipynb").unlink()
    (folder / f"{NAME}.ipynb").symlink_to("/dev/zero")


def unreadable(folder: Path, places: Places) -> None:
    (folder / "numbers.csv").write_text("1")
    (folder / "numbers.csv").chmod(0)


def folder_for_notebook(folder: Path, places: Places) -> None:
    (folder / f"{NAME}.ipynb").unlink()
    (folder / f"{NAME}.ipynb").mkdir()


def strange_bytes(folder: Path, places: Places) -> None:
    for name in (b"\xff\xfe.csv", "\u202egpj.exe".encode(), b"CON", b"a" * 250, b"nul.csv\x01"):
        with open(os.fsencode(folder) + b"/" + name, "w") as file:
            file.write("1")


def folder_link(folder: Path, places: Places) -> None:
    """The student's folder is a link into ada's hand-in."""
    shutil.rmtree(folder)
    folder.symlink_to(places.class_dir / "submitted" / "ada" / NAME)


SWAP = """
def act():
    pid = os.fork()
    if pid == 0:
        os.setsid()
        end = time.time() + 8
        while time.time() < end:
            quietly(swap)
            time.sleep(0.002)
        os._exit(0)
"""

ATTACKS = (
    of("pipe-handed-in", "Data file and timestamp are named pipes: who reads them waits for ever.",
       folder=pipe, slow=True),
    of("pipe-for-notebook", "The notebook is a named pipe.", folder=notebook_pipe, slow=True),
    of("socket-handed-in", "The data file is a Unix socket.", folder=unix_socket),
    of("ring-of-links", "Symbolic links in a ring.", folder=ring),
    of("notebook-nowhere", "The notebook is a symbolic link to nowhere.", folder=dangling),
    of("endless-file", "Data file and timestamp are links to a device that never ends.", folder=device, slow=True),
    of("endless-notebook", "The notebook is a link to a device that never ends.", folder=endless_notebook, slow=True),
    of("unreadable-file", "A file that nobody may read.", folder=unreadable),
    of("folder-for-notebook", "A folder is called like the notebook.", folder=folder_for_notebook),
    of("strange-names", "File names that are not text, very long, or turn the writing round.", folder=strange_bytes),
    of("hand-in-swapped",
       "The own hand-in is exchanged for a link to another's, again and again, while it is graded.", SWAP + """
def swap():
    for base in glob.glob(CLASS + "/submitted/" + ME):
        os.rename(base, base + "-away")
        os.symlink(CLASS + "/submitted/ada", base)
        time.sleep(0.002)
        os.unlink(base)
        os.rename(base + "-away", base)
act()
""", linger=1.0),
    of("result-swapped",
       "The autograded notebook is replaced by one with full marks until the scores are read.", SWAP + """
def swap():
    for path in glob.glob(CLASS + "/autograded/" + ME + "/*/*.ipynb") + glob.glob("*.ipynb"):
        text = open(path).read()
        if '"error"' in text:
            os.chmod(path, 0o644)
            open(path, "w").write(text.replace(
                '"output_type": "error"', '"output_type": "display_data", "data": {}, "metadata": {}'))
act()
""", linger=1.0),
    of("gradebook-swapped", "The gradebook is exchanged for a link while the writer writes.", SWAP + """
def swap():
    path = CLASS + "/gradebook.db"
    os.rename(path, path + "-away")
    os.symlink("/dev/null", path)
    time.sleep(0.001)
    os.unlink(path)
    os.rename(path + "-away", path)
act()
""", linger=1.0),
    of("temporary-files-guessed", "Temporary files and links are put where the grader will make its own.", """
import tempfile
top = tempfile.gettempdir()
for name in ("grade-", "class-", "course-", "model-", "feedback-"):
    for i in range(50): quietly(os.symlink, CLASS + "/submitted/zoe", f"{top}/{name}{i}")
for folder in glob.glob("/tmp/*") + glob.glob(top + "/*"):
    for path in glob.glob(folder + "/**/*.ipynb", recursive=True):
        quietly(os.chmod, path, 0o644)
        quietly(mark, path)
"""),
    of("folder-is-a-link", "The whole hand-in is a symbolic link to another student's.", folder=folder_link),
    of("working-directory-gone", "The working directory is removed and exchanged for a link.", """
import shutil
here = os.getcwd()
os.chdir("/")
shutil.rmtree(here, ignore_errors=True)
quietly(os.symlink, CLASS, here)
"""),
)  # fmt: skip
