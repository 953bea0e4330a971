# The verbs of the course. Each builds .venv first where it is missing or older than the lock.
ASSIGNMENT ?= network_from_scratch
SAMPLE     ?= build/sample_class/$(ASSIGNMENT)
FUZZ       ?= 3000
BIN        := .venv/bin
# The first Python that is new enough and can make environments (Debian has ensurepip in a package of its own).
SERVES     := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON     ?= $(firstword $(foreach python,python3.11 python3.12 python3.13 python3.14 python3,$(shell \
                $(python) -c '$(SERVES)' >/dev/null 2>&1 && echo $(python))))

.DEFAULT_GOAL := help
.PHONY: help lab grade test release handout solutions study figures bench browser mistakes strangers attacks lint lock prove fuzz clean pytest

help:  ## list the verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || { test -n "$(PYTHON)" && $(PYTHON) -c '$(SERVES)' >/dev/null 2>&1; } || { echo "No Python \
	here serves: it takes 3.11 or newer with venv and ensurepip (Debian, Ubuntu: apt install python3-venv), and \
	PYTHON=/path/to/python names one."; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p .venv/etc/ipython && cp helpers/ipython_kernel_config.py .venv/etc/ipython/  # an editable install leaves it out
	@touch $@

lab: .venv/.ready  ## copy the student's notebooks to work/, or merge new ones in, and open JupyterLab there
	$(BIN)/python -m autograder lab

SOURCES = $(wildcard solutions/$(ASSIGNMENT)/*.py solutions/$(ASSIGNMENT)/*.toml notebooks/$(ASSIGNMENT)/* autograder/*.py autograder/authoring/*.py)

build/.released-$(ASSIGNMENT): .venv/.ready $(SOURCES)
	$(BIN)/python -m autograder release $(ASSIGNMENT)
	@mkdir -p build && touch $@

release: build/.released-$(ASSIGNMENT)  ## generate the student's notebook from solutions/

handout: build/.released-$(ASSIGNMENT)  ## make the zip that a class gets: build/handout/ASSIGNMENT.zip
	$(BIN)/python -m autograder handout $(ASSIGNMENT)

solutions: .venv/.ready  ## execute the model solution and keep its notebook
	$(BIN)/python -m autograder solutions $(ASSIGNMENT)

grade: build/.released-$(ASSIGNMENT)  ## make a sample class, grade it, show the result
	$(BIN)/python -m autograder sample $(ASSIGNMENT) --class-dir $(SAMPLE)
	$(BIN)/python -m autograder grade $(ASSIGNMENT) --class-dir $(SAMPLE) --timeout 30

# Each process that a test starts would compile the course anew.
unexport PYTHONDONTWRITEBYTECODE
test: .venv/.ready  ## run all tests
	$(MAKE) --no-print-directory -j 2 lint pytest

# Three, because many tests wait, for a limit of time or for a process that ends.
PYTEST = $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder
pytest: .venv/.ready
	$(PYTEST)

prove: .venv/.ready  ## run the slow tests, too: all sample classes, stock nbgrader beside ours, thousands of spoiled notebooks
	FUZZ=$(FUZZ) $(PYTEST) -m "slow or not slow"

browser: .venv/.ready  ## walk through notebooks, reports and formgrader in Chromium; pictures go to build/browser/
	$(BIN)/python -m pytest -rs tests/browser

fuzz: .venv/.ready  ## spoil notebooks at random: FUZZ=3000 graded 1000 times and rebuilt 12,000 times
	FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/autograder/test_fuzz.py

study: .venv/.ready  ## redraw every figure of an assignment's study, at full size
	$(BIN)/python -m helpers.study $(ASSIGNMENT)

figures: .venv/.ready  ## draw the README's pictures of a check and of a class report; needs Chromium or Chrome
	$(BIN)/python -m autograder.readme_figures

bench: .venv/.ready  ## measure our speed beside PyTorch's
	$(BIN)/python -m helpers.bench all --json

mistakes: .venv/.ready  ## run wrong and right solutions through the checks, write their totals to docs/mistakes.md
	$(BIN)/python -m autograder mistakes --write docs/mistakes.md

strangers: .venv/.ready  ## run the checks on work by people who have not seen them
	$(BIN)/python -m tests.strangers

attacks: .venv/.ready  ## attack our grading and stock nbgrader's, write docs/attacks.md
	$(BIN)/python -m tests.attacks --write docs/attacks.md

lint: .venv/.ready  ## style and types only
	$(BIN)/ruff check .
	$(BIN)/mypy

# Made with Python 3.11, the oldest that the course knows; newer ones install the same. soupsieve 3 needs Python 3.11.5,
# and Debian 12 has 3.11.2. triton: the version that torch's CUDA build demands. pip-compile leaves out where there are
# wheels of torch and triton.
TRITON = ; sys_platform == "linux" and platform_machine == "x86_64"
TORCH  = ; (sys_platform != "darwin" or platform_machine != "x86_64") and (sys_platform != "win32" or platform_machine != "ARM64")
EXTRAS = notebook torch course cluster dev gpu  # not `usual`: what hand-ins may import without our needing it
lock:  ## pin all dependencies anew
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet pip-tools
	build/lock/bin/pip-compile --quiet $(EXTRAS:%=--extra=%) --strip-extras --allow-unsafe --no-emit-index-url \
	  --no-emit-find-links --no-emit-trusted-host --no-header --annotation-style=line \
	  -P torch==2.13.0 -P triton==3.7.1 -P 'soupsieve<3' -o build/lock/requirements.txt pyproject.toml
	{ sed -n '/^#/p' requirements.lock; sed -e 's/+cpu//' -e '/^#/d' -e '/^$$/d' -e 's/^\(triton==[^ ]*\) */\1 $(TRITON)  /' \
	  -e 's/^\(torch==[^ ]*\) */\1 $(TORCH)  /' \
	  build/lock/requirements.txt; } > build/lock/new
	mv build/lock/new requirements.lock

clean:  ## remove what the verbs built (never your class)
	rm -rf build .venv
