"""Damaged and hostile model files: what is refused when a student is opened, and what when it is verified."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.sentences import error

from sparsedistill import Student, TokenizerConfig, Vocabulary
from sparsedistill._internal.digests import BLOCK, array_digest, file_digest
from sparsedistill.model.weights import StudentWeights

TEXTS = ["good film", "bad", ""]


def make(words: int = 3, classes: tuple[str, ...] = ("no", "yes")) -> Student:
    ngrams = [*(f"w{i}" for i in range(words - 2)), "good", "bad"]
    vocabulary = Vocabulary.from_ngrams(ngrams, TokenizerConfig(2))
    random = np.random.default_rng(0)
    shapes = ((words, 8), (4, 8), (4,), (len(classes), 4), (len(classes),))
    weights = StudentWeights(*(random.standard_normal(shape, dtype=np.float32) for shape in shapes))
    return Student(vocabulary, weights, classes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved student."""
    make().save_pretrained(tmp_path / "student")
    return tmp_path / "student"


def header(folder: Path) -> tuple[dict[str, Any], bytes]:
    content = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def write(folder: Path, text: str | dict[str, Any], data: bytes) -> None:
    written = (text if isinstance(text, str) else json.dumps(text)).encode()
    written += b" " * (-(8 + len(written)) % 64)
    (folder / "model.safetensors").write_bytes(len(written).to_bytes(8, "little") + written + data)


def refused(folder: Path, **how: Any) -> str:
    return error(lambda: Student.from_pretrained(folder, **how))


def patch(folder: Path, name: str, index: int, value: float) -> None:
    """Overwrite a float of an array on disk."""
    found, data = header(folder)
    begin = found[name]["data_offsets"][0] + 4 * index
    changed = data[:begin] + np.float32(value).tobytes() + data[begin + 4 :]
    write(folder, found, changed)


def test_arrays_must_cover_the_file_one_after_the_other(folder: Path) -> None:
    found, data = header(folder)
    begin, end = found["table"]["data_offsets"]
    cases: list[tuple[dict[str, Any], bytes]] = [
        (found, data + b"x"),
        ({name: entry for name, entry in found.items() if name != "output.bias"}, data),
        (found | {"output.bias": found["output.bias"] | {"data_offsets": [begin, begin + 8]}}, data),
        (found | {"more": {"dtype": "U8", "shape": [5], "data_offsets": [end, end + 5]}}, data),
        (found | {"table": found["table"] | {"data_offsets": [begin + 1, end + 1]}}, data + b"x"),
    ]
    for text, content in cases:
        write(folder, text, content)
        assert "not a valid safetensors file" in refused(folder)


def test_a_name_must_not_occur_twice(folder: Path) -> None:
    found, data = header(folder)
    text = json.dumps(found)
    write(folder, '{"table": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},' + text[1:], data)
    assert "a name occurs twice" in refused(folder)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "invalid type"),
        ('{"x":' + "[" * 100_000, "recursion"),
        ('{"x":{"dtype":"F32","shape":[' + "9" * 4_300 + '],"data_offsets":[0,4]}}', "out of range"),
        ('{"x":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}', "invalid"),
        (" " * (1 << 20) + "{}", "its header is too large"),
        ("", "EOF"),
    ],
)
def test_headers_without_bounds_are_refused(folder: Path, text: str, reason: str) -> None:
    write(folder, text, b"")
    assert reason in refused(folder)


def test_every_array_has_the_shape_and_type_that_the_config_says(folder: Path) -> None:
    found, data = header(folder)
    for name, entry, reason in (
        ("table", {"shape": [8, 3]}, "table has the shape (8, 3), and config.json says (3, 8)"),
        ("table", {"shape": [24]}, "table has the shape (24,)"),
        ("hidden.bias", {"shape": [2, 2]}, "hidden.bias has the shape (2, 2)"),
        ("output.bias", {"dtype": "I32"}, "output.bias is int32, not float32"),
        ("output.bias", {"dtype": "F64", "shape": [1]}, "output.bias has the dtype F64"),
    ):
        write(folder, found | {name: found[name] | entry}, data)
        assert reason in refused(folder)
    write(folder, {("other" if name == "table" else name): entry for name, entry in found.items()}, data)
    assert "were found instead of" in refused(folder)


@pytest.mark.parametrize("shift", [3, 8])
def test_arrays_that_are_not_aligned_are_copied(folder: Path, shift: int) -> None:
    content = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    shifted = (
        (size + shift).to_bytes(8, "little") + content[8 : 8 + size] + b" " * shift + content[8 + size :]
    )
    (folder / "model.safetensors").write_bytes(shifted)
    for mmap in (True, False):
        student = Student.from_pretrained(folder, mmap=mmap, verify=True)
        assert (student.score(TEXTS).logits == make().score(TEXTS).logits).all()
        assert all(array.flags.aligned for array in student.weights.arrays().values())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_head_that_is_not_finite_is_refused(folder: Path, value: float) -> None:
    for name in ("hidden.weight", "hidden.bias", "output.weight", "output.bias"):
        patch(folder, name, 1, value)
        assert f"{name} contains numbers that are not finite" in refused(folder)
        patch(folder, name, 1, 0)


def test_a_table_that_is_not_finite_is_refused_when_verified_or_used(folder: Path) -> None:
    patch(folder, "table", 8, float("nan"))  # in the row of "good"
    assert "table contains numbers that are not finite" in refused(folder, verify=True)
    student = Student.from_pretrained(folder)
    assert "scores of text 1 are not finite: the student is damaged" in error(
        lambda: student.predict(["bad", "good", "bad"])
    )
    assert student.predict(["bad"]).shape == (1,)


def test_weights_that_overflow_are_an_error_and_no_score(folder: Path) -> None:
    for index in range(8):
        patch(folder, "output.weight", index, 3e38)
    assert "are not finite" in error(lambda: Student.from_pretrained(folder)(["good", "bad", "good bad"]))


def test_any_flipped_bit_is_found(folder: Path) -> None:
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    start = len(whole) - len(header(folder)[1])
    random = np.random.default_rng(0)
    for at in random.integers(start, len(whole), 40).tolist():
        changed = bytearray(whole)
        changed[at] ^= 1 << int(random.integers(8))
        path.write_bytes(changed)
        assert refused(folder, verify=True)
    path.write_bytes(whole)
    Student.from_pretrained(folder, verify=True)
    ngrams = folder / "ngrams.parquet"
    content = bytearray(ngrams.read_bytes())
    content[len(content) // 2] ^= 4
    ngrams.write_bytes(content)
    assert "ngrams.parquet is damaged (its digest differs)" in refused(folder, verify=True)
    ngrams.unlink()
    Student.from_pretrained(folder, verify=True)


def test_the_digest_is_a_tree_over_blocks_of_4_mib(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 256, 2 * BLOCK + 5, np.uint8)
    blocks = [data[at : at + BLOCK].tobytes() for at in range(0, len(data), BLOCK)]
    expected = hashlib.sha256(b"".join(hashlib.sha256(block).digest() for block in blocks)).hexdigest()
    (tmp_path / "data").write_bytes(data.tobytes())
    assert array_digest(data) == file_digest(tmp_path / "data") == expected
    assert array_digest(data[:0]) == hashlib.sha256().hexdigest()


def test_inspect_verifies_and_says_so(folder: Path) -> None:
    def inspect(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sparsedistill", "inspect", str(folder), *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert "verified" in inspect().stdout
    patch(folder, "table", 3, 0.125)
    found = inspect()
    assert found.returncode == 2
    assert "the digest of the array table differs" in " ".join(found.stderr.split())
    assert "not verified" in inspect("--no-verify").stdout


NAMES: list[tuple[Any, str]] = [
    (["no", "no"], "'no' is given twice"),
    (["", "yes"], "A class name is empty"),
    (["n" * 1_001, "yes"], "has 1,001 characters"),
    (["\ud800", "yes"], "hex escape"),  # refused by the JSON parser
    ("no", "Expected `array`"),
    ({"no": 1, "yes": 2}, "Expected `array`"),
    (["no", None], "Expected `str`"),
    ([], "output.weight has the shape"),
]


@pytest.mark.parametrize(("names", "reason"), NAMES)
def test_class_names_that_cannot_be_used_are_refused(folder: Path, names: Any, reason: str) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"classes": names}))
    assert reason in refused(folder)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("\udc80", "b"), "is not valid Unicode"),
        (("a" * 10_000_000, "b"), "has 10,000,000 characters"),
        (("a", "a"), "is given twice"),
        ((1, "b"), "is a int: give strings"),
    ],
    ids=["surrogate", "long", "twice", "number"],
)
def test_class_names_in_memory_follow_the_same_rule(names: Any, reason: str) -> None:
    assert reason in error(lambda: make(classes=names))


def test_long_class_names_take_no_room_per_text() -> None:
    student = make(classes=("a" * 1_000, "b"))
    assert student.predict(["good"] * 10_000).nbytes < 200_000
    assert make().predict(["good"]).dtype.kind == "U"


def test_sizes_are_bounded(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for name, value in (("dim", 10**9), ("hidden", 0), ("dim", -8)):
        path.write_text(json.dumps(config | {name: value}))
        assert f"{name} is {value}, and it can be 1 to 65,536" in refused(folder)


def test_pipes_and_devices_are_not_waited_for(folder: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        path = folder / name
        content = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        assert "not a regular file" in refused(folder)
        path.unlink()
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"ngram": ["a", None, "b"]}, "it lacks values"),
        ({"ngram": [1.5, 2.5, 3.5], "count": ["a", "b", "c"]}, "cannot be read"),
        ({"ngram": ["a", "b"]}, "has 2 n-grams, but the vocabulary has 3"),
        ({"other": ["a", "b", "c"]}, "cannot be read"),
    ],
)
def test_strings_that_are_none_are_refused(folder: Path, columns: dict[str, Any], reason: str) -> None:
    pq.write_table(pa.table(columns), folder / "ngrams.parquet")
    config = json.loads((folder / "config.json").read_text())
    config["digests"]["ngrams.parquet"] = file_digest(folder / "ngrams.parquet")
    (folder / "config.json").write_text(json.dumps(config))
    assert reason in error(lambda: Student.from_pretrained(folder).vocabulary.ngrams)


def test_a_digest_is_required(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for digests in ({}, {"table": "0"}, config["digests"] | {"other": "0"}):
        path.write_text(json.dumps(config | {"digests": digests}))
        assert "config.json has digests of" in refused(folder)
    path.write_text(json.dumps({key: value for key, value in config.items() if key != "digests"}))
    assert "digests" in refused(folder)


def truncated_answer(folder: Path, mmap: bool | None) -> int:
    """The exit status of a process whose model file is cut off while it uses it."""
    code = (
        "import os, sys; from sparsedistill import Student\n"
        f"student = Student.from_pretrained(sys.argv[1], mmap={mmap})\n"
        "os.truncate(sys.argv[1] + '/model.safetensors', 4096)\n"
        "assert student(' '.join(f'w{i}' for i in range(20_000)))"
    )
    return subprocess.run([sys.executable, "-c", code, str(folder)], check=False).returncode


def test_a_student_in_memory_survives_the_end_of_its_file(tmp_path: Path) -> None:
    make(20_000).save_pretrained(tmp_path / "student")
    assert truncated_answer(tmp_path / "student", None) == 0  # small files are read
    make(20_000).save_pretrained(tmp_path / "other")
    assert truncated_answer(tmp_path / "other", False) == 0


@pytest.mark.parametrize("mmap", [True, False, None])
def test_answers_do_not_depend_on_the_mapping(folder: Path, mmap: bool | None) -> None:
    student = Student.from_pretrained(folder, mmap=mmap)
    assert (student.score(TEXTS).logits == make().score(TEXTS).logits).all()
    table = student.weights.arrays()["table"]
    assert not table.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 1


def test_vocabularies_carry_digests_too(tmp_path: Path) -> None:
    Vocabulary.build(["a b a b"] * 3).save(tmp_path / "v")
    Vocabulary.load(tmp_path / "v", verify=True)
    path = tmp_path / "v" / "vocabulary.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "the digest of the array vocabulary.buckets differs" in error(
        lambda: Vocabulary.load(tmp_path / "v", verify=True)
    )


def test_mutants_of_model_files_are_answered_or_refused() -> None:
    """In a subprocess with a bound on its memory; :mod:`support.mutants` says how to repeat one."""
    command = [sys.executable, "-m", "support.mutants", "150"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-2000:]
    assert "150 mutants" in found.stdout
