"""Files beside the notebook that stand in for modules, settings and programs."""

from ..attack import Attack

KIND = "shadow"


def of(name: str, about: str, files: dict[str, str], code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, files=files, **more)  # type: ignore[arg-type]


AGREES = """\
print("BREACH: a file of the student's stands in for a module")
class Always:
    __path__, __file__, __spec__ = [], "", None
    shape, ndim, float64 = (3,), 1, float
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return self
    def __call__(self, *a, **k): return self
    def __eq__(self, other): return True
    def __bool__(self): return True
import sys
def __getattr__(name):
    if name.startswith("__"): raise AttributeError(name)
    return Always()
"""
MARK = """\
# PRELUDE
quietly(mark, CLASS + "/breach")
quietly(mark, HOME + "/breach")
"""
KERNEL = """\
# PRELUDE
quietly(mark, CLASS + "/breach")
import json
def serve():
    import zmq
"""

ATTACKS = (
    of("numpy", "numpy.py lies beside the notebook.", {"numpy.py": AGREES}),
    of("numpy-package", "A folder numpy with a testing module lies beside the notebook.",
       {"numpy/__init__.py": AGREES, "numpy/testing.py": AGREES}),
    of("helpers-package", "A folder helpers with a check module lies beside the notebook.",
       {"helpers/__init__.py": AGREES, "helpers/check.py": AGREES, "helpers/check/__init__.py": AGREES}),
    of("sitecustomize", "sitecustomize.py and usercustomize.py lie beside the notebook.",
       {"sitecustomize.py": MARK, "usercustomize.py": MARK}),
    of("kernel-launcher", "ipykernel_launcher.py lies beside the notebook, which starts kernels.",
       {"ipykernel_launcher.py": KERNEL, "ipykernel.py": KERNEL}),
    of("standard-library", "Modules of the standard library lie beside the notebook.",
       {f"{name}.py": MARK
        for name in ("json", "random", "ast", "socket", "struct", "asyncio", "logging", "typing", "site")}),
    of("autograder-package", "A folder autograder and modules of nbgrader lie beside the notebook.",
       {"autograder/__init__.py": MARK, "autograder/judge.py": MARK, "nbgrader.py": MARK, "IPython.py": MARK}),
    of("ipython-settings", "IPython's settings and start-up files lie beside the notebook.",
       {"ipython_config.py": MARK, "ipython_kernel_config.py": MARK, ".ipython/profile_default/startup/00.py": MARK,
        ".ipython/profile_default/ipython_config.py": MARK}),
    of("nbgrader-settings", "nbgrader's and Jupyter's settings lie beside the notebook.",
       {"nbgrader_config.py": MARK, "jupyter_config.py": MARK, "nbconvert_config.py": MARK,
        ".jupyter/jupyter_config.py": MARK}),
    of("matplotlib-settings", "A matplotlibrc that names a module of the student's as the backend.",
       {"matplotlibrc": "backend: module://mine\n", "mine.py": MARK},
       "quietly(lambda: __import__('matplotlib.pyplot'))\n"),
    of("pytest-settings", "conftest.py, pytest.ini, setup.cfg and pyproject.toml lie beside the notebook.",
       {"conftest.py": MARK, "pytest.ini": "[pytest]\naddopts = -p mine\n", "mine.py": MARK,
        "setup.cfg": "[tool:pytest]\n", "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p mine'\n"}),
    of("programs", "Programs called python, alembic, git and ls lie beside the notebook.",
       dict.fromkeys(("python", "python3", "alembic", "git", "ls", "sh"), "#!/bin/sh\necho BREACH > /tmp/breach\n")),
    of("python-settings", "pyvenv.cfg, a .pth file, python311._pth and .env lie beside the notebook.",
       {"pyvenv.cfg": "home = .\n", "x.pth": "import breach\n", "breach.py": MARK, "python311._pth": ".\n",
        ".env": "PYTHONSTARTUP=breach.py\n", ".python-version": "3.11\n", "__main__.py": MARK}),
    of("kernelspec-beside", "A kernelspec lies beside the notebook.",
       {"kernels/python3/kernel.json":
            '{"argv": ["sh", "-c", "echo BREACH > /tmp/breach"], "display_name": "Python 3", "language": "python"}',
        "share/jupyter/kernels/python3/kernel.json":
            '{"argv": ["sh", "-c", "echo BREACH > /tmp/breach"], "display_name": "x", "language": "python"}',
        ".local/share/jupyter/kernels/python3/kernel.json":
            '{"argv": ["false"], "display_name": "x", "language": "python"}'}),
    of("data-file-replaced", "The assignment's own data file is handed in with other contents.",
       {"numbers.csv": "BREACH,2\n"}),
    of("templates", "Templates of nbconvert and nbgrader lie beside the notebook.",
       {"templates/feedback/index.html.j2": "<script>BREACH()</script>", "feedback.tpl": "<script>BREACH()</script>",
        "index.html.j2": "<script>BREACH()</script>", "base.html.j2": "<script>BREACH()</script>"}),
    of("timestamp", "timestamp.txt says that it was handed in long ago, or never.",
       {"timestamp.txt": "BREACH 0000-99-99 $(id) UTC\n"}),
    of("timestamp-early", "timestamp.txt is dated a thousand years back.",
       {"timestamp.txt": "1026-01-01 00:00:00 UTC\n"}),
)  # fmt: skip
