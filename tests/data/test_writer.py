"""Writing of rows: round trips, standard output, failures and full disks."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rows import inside
from support.sentences import error

from sparsedistill.data import Columns, Corpus, RowWriter

FILES = [form + codec for form in ("csv", "tsv", "jsonl") for codec in ("", ".gz", ".zst")] + ["parquet"]


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"])),
            st.floats(width=32, allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
    )
)
def test_written_rows_are_read_back(name: str, rows: list[tuple[str, float]]) -> None:
    texts = [text for text, _ in rows]
    scores = np.array([score for _, score in rows], dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{name}"
        with RowWriter(path) as writer:
            writer.write(pa.record_batch({"text": texts[:1], "score": scores[:1]}))
            writer.write(
                pa.record_batch(
                    {"text": texts[1:], "score": scores[1:]},
                    schema=pa.schema([("text", pa.string()), ("score", pa.float32())]),
                )
            )
        assert inside(folder) == [path.name]
        (batch,) = Corpus(path, Columns(weight=None, scores=("score",))).batches()
    if name.startswith("tsv"):
        texts = [re.sub(r"[\t\r\n]", " ", text) for text in texts]
    assert batch.texts.to_pylist() == texts
    assert batch.scores is not None
    np.testing.assert_array_equal(batch.scores[:, 0], scores)


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for form in ("jsonl", "tsv"):
        with RowWriter("-", form) as writer:
            writer.write(pa.record_batch({"text": ["é\t"], "score": pa.array([0.1], pa.float32())}))
    assert capfdbinary.readouterr().out == '{"text": "é\\t", "score": 0.1}\ntext\tscore\né \t0.1\n'.encode()


def test_lists_are_written_as_json(tmp_path: Path) -> None:
    scores = pa.array([[0.1, 2], None], pa.list_(pa.float32()))
    for name, expected in (
        ("a.jsonl", '{"s": [0.1, 2.0]}\n{"s": null}\n'),
        ("a.tsv", "s\n[0.1, 2.0]\nnull\n"),
    ):
        with RowWriter(tmp_path / name) as writer:
            writer.write(pa.record_batch({"s": scores}))
        assert (tmp_path / name).read_text() == expected


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv.zst", "a.jsonl", "a.parquet"])
def test_a_failed_writer_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("before")

    def interrupted() -> None:
        with RowWriter(tmp_path / name) as writer:
            writer.write(pa.record_batch({"text": ["a"]}))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert inside(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "before"


def test_formats_that_cannot_be_written(tmp_path: Path) -> None:
    assert "no columns" in error(lambda: RowWriter(tmp_path / "a.txt"))
    assert "known format" in error(lambda: RowWriter(tmp_path / "a.xls"))
    assert "Standard output" in error(lambda: RowWriter("-", "parquet"))
    assert "Standard output" in error(lambda: RowWriter("-", "jsonl.gz"))
    assert "format of standard input or output" in error(lambda: RowWriter("-"))


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.jsonl.zst", "a.parquet"])
def test_a_full_disk(tmp_path: Path, name: str) -> None:
    """A limit on the file size simulates a full disk."""
    script = f"""
import pyarrow as pa, numpy as np
from sparsedistill.data.writer import RowWriter
texts = np.random.default_rng(0).integers(0, 10**18, 100_000).astype(str)
try:
    with RowWriter({str(tmp_path / name)!r}) as writer:
        for part in np.array_split(texts, 4):
            writer.write(pa.record_batch({{"text": part.tolist()}}))
except ValueError as error:
    print(type(error).__name__, error)
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert run.stdout.startswith(f"InputError {tmp_path / name} could not be written because")
    assert "free space" in run.stdout
    assert inside(tmp_path) == []
