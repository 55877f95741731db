# Everything runs from a fresh clone with Python 3.11 to 3.13, git and make: the environment in .venv is
# made from requirements.lock (every file checked against its digest) and reused while it is current.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.current
# The tests of a file stay together, so that what they share is made once.
TESTS = $(RUN) pytest -n auto --maxprocesses 4 --dist loadfile
CODE := proteomr cli tests benchmarks docs data/schemas
RUN := $(BIN)/python -m

.DEFAULT_GOAL := help
.PHONY: help setup test lint types contracts bytecode unit thorough docs fuzz demo bench bench-quick lock clean
.DELETE_ON_ERROR:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(STAMP) ## make .venv, or bring it up to date

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11 to 3.13 is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1); name another: make PYTHON=python3.12" >&2; exit 1; }
	@want=$$(cat requirements.lock pyproject.toml | cksum) ; \
	if [ "$$(cat $(STAMP) 2>/dev/null)" = "$$want" ] && $(BIN)/python -c '' 2>/dev/null; then touch $(STAMP); exit 0; fi; \
	echo "making $(VENV)" && rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) && \
	$(RUN) pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock && \
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . && \
	$(RUN) compileall -q proteomr cli data/schemas && \
	echo "$$want" > $(STAMP)

test: lint types contracts unit ## everything that must hold before a change lands

lint: $(STAMP) ## style
	$(BIN)/ruff check $(wildcard $(CODE))
	$(BIN)/ruff format --check $(wildcard $(CODE))

types: $(STAMP) ## static types
	$(BIN)/mypy $(wildcard $(CODE))

contracts: $(STAMP) ## who may import whom
	$(BIN)/lint-imports

# Each command that a test starts would compile all that it imports anew, a second of processor.
bytecode: $(STAMP)
	@$(RUN) compileall -q $(wildcard $(CODE))

unit: bytecode ## the tests and every example in a docstring
	$(TESTS)

thorough: bytecode ## the tests with every design of their searches, some minutes more
	PROTEOMR_THOROUGH=1 $(TESTS)

docs: $(STAMP) ## the pages as HTML in build/pages, offline; a warning is an error
	$(RUN) docs.build

fuzz: $(STAMP) ## damage small files of every format, 20,000 times: each is read, or refused in one line
	$(RUN) tests.fuzz --cases 20000 --seed $(or $(SEED),1)

demo: $(STAMP) ## simulate a small study, scan it, print the hits beside the truth
	$(BIN)/proteomr demo

bench: $(STAMP) ## the benchmarks at the size of the paper
	$(RUN) benchmarks.run
	$(RUN) benchmarks.rows
	$(RUN) benchmarks.growth
	$(RUN) benchmarks.ingest
	$(RUN) benchmarks.report

bench-quick: $(STAMP) ## the benchmarks at reduced size: fails where a number is wrong or speed is lost
	$(RUN) benchmarks.run --quick
	$(RUN) benchmarks.rows --quick
	$(RUN) benchmarks.growth --quick
	$(RUN) benchmarks.ingest --quick
	$(RUN) benchmarks.study

lock: ## choose the versions anew and write requirements.lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	.venv-lock/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	  --fork-strategy fewest --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	  --extra dev --extra docs --extra plot --output-file requirements.lock
	rm -rf .venv-lock

clean: ## remove what can be made again
	rm -rf .venv .venv-lock build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find $(wildcard $(CODE)) -name __pycache__ -type d -prune -exec rm -rf {} +
