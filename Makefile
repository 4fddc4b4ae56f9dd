# make demo    the whole job on real text, in a virtual environment of its own (ten minutes on 2 cores)
# make test    the tests, in the same environment with the development tools
# make check   linters, types and formats
# make core    the core's own tests under AddressSanitizer and UndefinedBehaviorSanitizer
# make bench   the benchmarks

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(wildcard core/*.?pp core/*.inc)

# The encoder and the text of the demo come from packages: nothing is looked up on a model hub.
export HF_HUB_OFFLINE := 1

.PHONY: demo test test-slow check core bench clean

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

bench: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/vocabulary.py
	$(BIN)/python benchmarks/predict.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/opening.py
	$(BIN)/python benchmarks/roofline.py

$(VENV)/demo.stamp: $(SOURCES)
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) --editable ".[demo]"
	touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp
	$(PIP) --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist demo
