"""The library for C: its header, and its answers, which are those of the Python package."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.rows import reviews
from support.students import uneven

from sparsedistill import Student
from sparsedistill.compression import Floor
from sparsedistill.model.compact import CompactWeights
from sparsedistill.model.config import COMPACT_LAYOUT

ROOT = Path(__file__).parents[2]
HEADER = ROOT / "core" / "c" / "sparsedistill.h"
LIBRARY = ROOT / "build" / "c" / "libsparsedistill.so"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not LIBRARY.exists(), reason="make c builds it")]

_NUMBERS = ("max_ngram", "boundaries", "min_characters", "max_characters", "closed", "slots")
_SIZES = ("wide", "dim", "hidden", "outputs", "table_dim")
_COUNTED = ("lines", "line_count", "character_filter", "filter_words", "rows", "row_count")
_FLOATS = ("scale", "centre", "basis", "hidden_weight", "hidden_bias", "output_weight", "output_bias")


class Arrays(ctypes.Structure):
    """sparsedistill_arrays."""

    _fields_ = [
        ("size", ctypes.c_uint64),
        *((name, ctypes.c_int32) for name in _NUMBERS),
        *((name, ctypes.c_uint64) for name in _SIZES),
        *((name, ctypes.c_uint64 if i % 2 else ctypes.c_void_p) for i, name in enumerate(_COUNTED)),
        *((name, ctypes.c_void_p) for name in _FLOATS),
    ]


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    found = ctypes.CDLL(str(LIBRARY))
    found.sparsedistill_error.restype = ctypes.c_char_p
    return found


@pytest.fixture(scope="module")
def texts(shared_data: Path) -> list[str]:
    return [*reviews(shared_data, 1500), "", "\0", "unspeakablee é 東京"]


def arrays_of(student: Student) -> Arrays:
    """The arrays of a compact student, which must outlive the result."""
    weights, tokenizer = student.weights, student.vocabulary.tokenizer
    assert isinstance(weights, CompactWeights)
    arrays = Arrays(size=ctypes.sizeof(Arrays))
    for name in ("max_ngram", "boundaries", "min_characters", "max_characters"):
        setattr(arrays, name, int(getattr(tokenizer, name)))
    arrays.closed, arrays.slots, arrays.wide = int(student.vocabulary.closed), weights.slots, weights.wide
    arrays.dim, arrays.hidden, arrays.outputs = (
        len(array) for array in (weights.scale, weights.hidden_bias, weights.output_bias)
    )
    arrays.table_dim = 0 if weights.basis is None else len(weights.basis)
    for name, count in (("lines", "line_count"), ("character_filter", "filter_words"), ("rows", "row_count")):
        array = getattr(weights, name)
        setattr(arrays, name, None if array is None else array.ctypes.data)
        setattr(arrays, count, 0 if array is None else len(array))
    for name in _FLOATS:
        array = getattr(weights, name)
        setattr(arrays, name, None if array is None else array.ctypes.data)
    return arrays


def sides(texts: list[str]) -> tuple[Any, Any]:
    """Texts as pointers and sizes."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    pointers = (ctypes.c_char_p * len(texts))(*encoded)
    return pointers, (ctypes.c_uint64 * len(texts))(*map(len, encoded))


def opened(library: ctypes.CDLL, student: Student) -> ctypes.c_void_p:
    handle = ctypes.c_void_p()
    arrays = arrays_of(student)
    assert library.sparsedistill_open(ctypes.byref(arrays), ctypes.byref(handle)) == 0, (
        library.sparsedistill_error()
    )
    return handle


@pytest.mark.parametrize(("characters", "pair"), [(0, False), (4, False), (3, True)])
def test_answers_are_those_of_python(
    library: ctypes.CDLL, texts: list[str], characters: int, pair: bool
) -> None:
    trained = uneven(texts[:1500], characters=characters, pair=pair)
    pairs = texts[::-1] if pair else None
    student = trained.compress(texts, pairs, floor=Floor(0.2, 1, float("inf")))
    handle = opened(library, student)
    logits: NDArray[np.float32] = np.empty((len(texts), 2), np.float32)
    coverage: NDArray[np.float32] = np.empty(len(texts), np.float32)
    first, second = sides(texts), (None, None) if pairs is None else sides(pairs)
    answers = (ctypes.c_void_p(logits.ctypes.data), ctypes.c_void_p(coverage.ctypes.data))
    for threads in (1, 3):
        count = ctypes.c_uint64(len(texts))
        code = library.sparsedistill_score(handle, *first, *second, count, ctypes.c_uint64(threads), *answers)
        assert code == 0, library.sparsedistill_error()
        expected = student.score(texts, pairs)
        np.testing.assert_array_equal(logits, expected.logits)
        np.testing.assert_array_equal(coverage, expected.coverage)
    found = np.empty_like(logits)
    rows, classes = ctypes.c_uint64(len(texts)), ctypes.c_uint64(2)
    place = ctypes.c_void_p(found.ctypes.data)
    assert library.sparsedistill_probabilities(answers[0], rows, classes, 0, place) == 0
    np.testing.assert_array_equal(found, expected.probabilities)
    other = (None, None) if pair else sides(texts)
    count = ctypes.c_uint64(len(texts))
    assert library.sparsedistill_score(handle, *first, *other, count, ctypes.c_uint64(1), *answers) != 0
    assert b"texts" in library.sparsedistill_error()
    library.sparsedistill_close(handle)
    library.sparsedistill_close(None)


class Item(ctypes.Structure):
    """sparsedistill_item."""

    _fields_ = [
        ("size", ctypes.c_uint64),
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint64),
        ("unknown", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("places", ctypes.POINTER(ctypes.c_uint64)),
        ("place_count", ctypes.c_uint64),
        ("numbers", ctypes.POINTER(ctypes.c_double)),
    ]


def test_items_are_those_of_an_explanation(library: ctypes.CDLL, texts: list[str]) -> None:
    student = uneven(texts[:1500], characters=4).compress(texts, floor=Floor(0.2, 1, float("inf")))
    handle, text = opened(library, student), "An unspeakablee film, and a fine film"
    items, count = ctypes.c_void_p(), ctypes.c_uint64()
    answers = (ctypes.byref(items), ctypes.byref(count))
    assert library.sparsedistill_read(handle, text.encode(), ctypes.c_uint64(len(text)), *answers) == 0
    found = []
    for i in range(count.value):
        item = Item(size=ctypes.sizeof(Item))
        assert library.sparsedistill_get(items, ctypes.c_uint64(i), ctypes.byref(item)) == 0
        places = [(item.places[2 * k], item.places[2 * k + 1]) for k in range(item.place_count)]
        found.append(
            (ctypes.string_at(item.name, item.name_size).decode(), tuple(places), bool(item.unknown))
        )
    assert found == [(span.ngram, span.places, span.characters) for span in student.explain(text).spans]
    assert any(unknown for *_, unknown in found)
    item = Item(size=ctypes.sizeof(Item))
    assert library.sparsedistill_get(items, count, ctypes.byref(item)) != 0
    assert library.sparsedistill_get(items, ctypes.c_uint64(0), ctypes.byref(Item(size=8))) != 0
    library.sparsedistill_release(items)
    library.sparsedistill_close(handle)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 8}, b"another version"),
        ({"lines": None}, b"missing"),
        ({"line_count": 0}, b"lines"),
        ({"line_count": 2**63}, b"too large"),
        ({"slots": 0}, b"slots"),
        ({"slots": 11}, b"slots"),
        ({"max_ngram": 0}, b"max_ngram"),
        ({"max_characters": 4}, b"filter"),
        ({"wide": 2**40}, b"size"),
        ({"dim": 2**40}, b"size"),
        ({"dim": 0}, b"rows are empty"),
        ({"hidden": 2**63}, b"size"),
        ({"outputs": 0}, b"layer"),
        ({"scale": None}, b"missing"),
        ({"output_bias": None}, b"missing"),
        ({"table_dim": 3}, b"missing"),
        ({"filter_words": 4}, b"missing"),
    ],
)
def test_wrong_arrays_are_refused(
    library: ctypes.CDLL, texts: list[str], changes: dict[str, Any], message: bytes
) -> None:
    student = uneven(texts[:300]).compress(texts[:300], floor=Floor(0.2, 1, float("inf")))
    arrays = arrays_of(student)
    for name, value in changes.items():
        setattr(arrays, name, value)
    handle = ctypes.c_void_p(1)
    assert library.sparsedistill_open(ctypes.byref(arrays), ctypes.byref(handle)) != 0
    assert message in library.sparsedistill_error()
    assert handle.value is None


def test_the_block_of_the_manual_compiles(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "guides" / "browser.md").read_text()
    program = tmp_path / "block.c"
    program.write_text("\n".join(re.findall(r"```c\n(.*?)```", page, re.DOTALL)))
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{HEADER.parent}"]
    subprocess.run(["gcc", *strict, "-c", program, "-o", tmp_path / "block.o"], check=True)


def test_the_header_is_c_and_names_what_the_library_has(library: ctypes.CDLL, tmp_path: Path) -> None:
    header = HEADER.read_text()
    declared = set(re.findall(r"SPARSEDISTILL_API .*?(sparsedistill_[a-z]+)\(", header))
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True
    )
    assert declared == set(re.findall(r" T (\w+)", listed.stdout))
    assert library.sparsedistill_abi() == int(re.findall(r"SPARSEDISTILL_ABI (\d+)", header)[0])
    assert int(re.findall(r"SPARSEDISTILL_LAYOUT (\d+)", header)[0]) == COMPACT_LAYOUT
    program = tmp_path / "program.c"
    program.write_text(
        '#include "sparsedistill.h"\n#include <stdio.h>\n'
        'int main(void) { printf("%d %zu\\n", (int)sparsedistill_abi(), sizeof(sparsedistill_arrays)); }\n'
    )
    compiler = shutil.which("gcc") or shutil.which("cc")
    assert compiler is not None
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    paths = [f"-I{HEADER.parent}", f"-L{LIBRARY.parent}", f"-Wl,-rpath,{LIBRARY.parent}"]
    binary = tmp_path / "program"
    subprocess.run([compiler, *strict, *paths, program, "-lsparsedistill", "-o", binary], check=True)
    said = subprocess.run([binary], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["1", str(ctypes.sizeof(Arrays))]
