# make demo      the whole job on real text, in its own virtual environment (10 minutes on 2 cores)
# make test      the quick tests, in the same environment with the development tools; make test K=NAME runs
#                those whose name contains NAME (an expression of pytest -k)
# make test-slow the slow tests
# make check     layers, linters, types, formats and docstrings; the same as the pre-commit hooks
# make core      the tests of the core under AddressSanitizer and UndefinedBehaviorSanitizer
# make tidy      clang-tidy over the core
# make coverage  branch coverage of the Python package and line and branch coverage of the core
# make bench     the benchmarks, with the compared engines in their own environment; pass options of
#                benchmarks/peers.py as PEERS="--student DIR --teacher DIR"
# make paper     all recipes, and the ablations of two, into docs/results.md (hours; resumes); pass options of
#                sparsedistill report as PAPER="--data-dir DIR"

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
PEERS_VENV := build/peers-venv
ABLATED := recipes/sst2.toml recipes/trec.toml
CORE_FILES := $(shell find core -name "*.?pp" -o -name "*.inc" ! -name unicode_tables.inc)
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(CORE_FILES)

# The encoder and the texts of the demo come from packages: no model hub is used.
export HF_HUB_OFFLINE := 1

.PHONY: demo test test-slow check core tidy coverage bench paper clean

demo: $(VENV)/demo.stamp
	$(BIN)/python demo.py

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(if $(K),-k '$(K)',-n auto)

test-slow: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m slow

check: $(VENV)/dev.stamp
	$(BIN)/lint-imports
	$(BIN)/python .ci/structure.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(CORE_FILES)

core: $(VENV)/dev.stamp
	$(BIN)/cmake -S . -B build/sanitized -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	  -DSPARSEDISTILL_TESTS=ON -DSPARSEDISTILL_ROOFLINE=ON -DSPARSEDISTILL_SANITIZE=ON
	$(BIN)/cmake --build build/sanitized
	build/sanitized/core_tests

tidy: $(VENV)/dev.stamp
	$(BIN)/cmake -S . -B build/tidy -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	  -DSPARSEDISTILL_TESTS=ON -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
	$(BIN)/clang-tidy --quiet -p build/tidy $(filter-out core/bindings/% core/tools/%,$(filter %.cpp,$(CORE_FILES)))

# The quick tests once more, with coverage measured: they are slower so.
coverage: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --quiet -n auto --cov --cov-branch --cov-report=term:skip-covered
	$(BIN)/cmake -S . -B build/coverage -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	  -DSPARSEDISTILL_TESTS=ON -DSPARSEDISTILL_COVERAGE=ON
	$(BIN)/cmake --build build/coverage
	build/coverage/core_tests
	$(BIN)/gcovr --gcov-ignore-parse-errors=negative_hits.warn --root core --exclude core/tests build/coverage

bench: $(PEERS_VENV)/peers.stamp $(VENV)/dev.stamp
	$(PEERS_VENV)/bin/python benchmarks/peers.py $(PEERS)
	$(PEERS_VENV)/bin/python benchmarks/vocabulary.py
	$(PEERS_VENV)/bin/python benchmarks/predict.py
	$(PEERS_VENV)/bin/python benchmarks/characters.py
	$(PEERS_VENV)/bin/python benchmarks/train.py
	$(BIN)/python benchmarks/neighbour.py
	$(BIN)/python benchmarks/opening.py
	$(BIN)/python benchmarks/roofline.py

# Encoders, and data without a local copy, come from the Hub.
paper: export HF_HUB_OFFLINE := 0
paper: $(VENV)/paper.stamp
	$(BIN)/sparsedistill report $(ABLATED) --ablations $(PAPER)
	$(BIN)/sparsedistill report --preamble docs/teachers.md $(PAPER)

$(VENV)/demo.stamp: $(SOURCES)
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) --editable ".[demo]"
	touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp
	$(PIP) --editable ".[dev]"
	touch $@

$(VENV)/paper.stamp: $(VENV)/demo.stamp
	$(PIP) --editable ".[report,datasets]"
	touch $@

# The benchmarks measure the package as it installs from this tree.
$(PEERS_VENV)/peers.stamp: $(SOURCES) benchmarks/requirements.txt $(shell find src -name "*.py*")
	@echo "Installing the engines to compare with into $(PEERS_VENV) (some minutes the first time) ..."
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PEERS_VENV)/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	$(PEERS_VENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps .
	touch $@

clean:
	rm -rf $(VENV) build dist demo
