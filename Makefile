# Two commands do everything on a fresh machine with Python 3.11, git and make:
#   make demo    runs the sample territory and says where its page is
#   make test    lint, types, imports and tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BUNDLE := viz/_bundle/SOURCES.sha256
export TWIN_REAL_DATA ?= $(abspath ../shared/data)

.PHONY: demo test validate bench lint kernels clean install

install: $(STAMP)

# One install serves all targets; it is made again when what it depends on changes.
$(STAMP): pyproject.toml hatch_build.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

# The page's code, bundled by the install; again when its sources change.
$(BUNDLE): $(STAMP) $(wildcard viz/web/*.* viz/web/src/*)
	$(BIN)/python hatch_build.py
	@touch $@

demo: $(BUNDLE)
	$(BIN)/twin demo --out runs/demo --overwrite

lint: $(BUNDLE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python hatch_build.py --types

# Compiled once, before workers would each compile what they need: seconds where it is done already.
kernels: $(STAMP)
	$(BIN)/python -m twin bench --warm

# Two workers of one numba thread each; what tests the threads themselves has the cores alone, afterwards.
test: $(BUNDLE)
	@$(MAKE) --no-print-directory -j 2 lint kernels
	NUMBA_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not validate and not threads"
	NUMBA_NUM_THREADS=2 $(BIN)/python -m pytest -m "threads and not slow and not validate"

# What is slow, and the properties once more with examples drawn anew (hypothesis marks its tests itself).
validate: $(BUNDLE)
	HYPOTHESIS_PROFILE=random $(BIN)/python -m pytest -m "slow or validate or hypothesis"

bench: $(STAMP)
	$(BIN)/python -m pytest benchmarks

clean:
	rm -rf $(VENV) viz/_bundle build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
