# make demo    the whole job on real text, in a virtual environment of its own (ten minutes on 2 cores)
# make test    the tests, in the same environment with the development tools
# make check   linters, types and formats
# make core    the core's own tests under AddressSanitizer and UndefinedBehaviorSanitizer
# make bench   the benchmarks, with the engines that are compared in an environment of their own; with
#              PEERS="--student DIR --teacher DIR" options of benchmarks/peers.py
# make paper   all recipes, and the ablations of two, into docs/results.md (hours; goes on where it was); with
#              PAPER="--data-dir DIR" options of sparsedistill report

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
PEERS_VENV := build/peers-venv
ABLATED := recipes/sst2.toml recipes/trec.toml
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(wildcard core/*.?pp core/*.inc)

# The encoder and the text of the demo come from packages: nothing is looked up on a model hub.
export HF_HUB_OFFLINE := 1

.PHONY: demo test test-slow check core bench paper clean

demo: $(VENV)/demo.stamp
	$(BIN)/python demo.py

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

test-slow: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m slow

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror core/*.hpp core/*.cpp core/compact_kernel.inc core/tests/*.cpp \
	  core/tools/roofline.cpp core/tools/roofline.inc

core: $(VENV)/dev.stamp
	$(BIN)/cmake -S . -B build/sanitized -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	  -DSPARSEDISTILL_TESTS=ON -DSPARSEDISTILL_ROOFLINE=ON -DSPARSEDISTILL_SANITIZE=ON
	$(BIN)/cmake --build build/sanitized
	build/sanitized/core_tests

bench: $(PEERS_VENV)/peers.stamp $(VENV)/dev.stamp
	$(PEERS_VENV)/bin/python benchmarks/peers.py $(PEERS)
	$(PEERS_VENV)/bin/python benchmarks/vocabulary.py
	$(PEERS_VENV)/bin/python benchmarks/predict.py
	$(PEERS_VENV)/bin/python benchmarks/train.py
	$(BIN)/python benchmarks/opening.py
	$(BIN)/python benchmarks/roofline.py

# Encoders, and data that there are no local copies of, come from the Hub.
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

# What is measured is the package as it installs from this tree, not the tree.
$(PEERS_VENV)/peers.stamp: $(SOURCES) benchmarks/requirements.txt $(shell find src -name "*.py*")
	@echo "Installing the engines to compare with into $(PEERS_VENV) (some minutes the first time) ..."
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PEERS_VENV)/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	$(PEERS_VENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps .
	touch $@

clean:
	rm -rf $(VENV) build dist demo
