"""Files of texts and labels for the tests of data."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from sparsedistill._internal.ledger import LEDGER
from sparsedistill.data import Columns, Corpus, TextBatch
from support.sentences import error


def put(path: Path, content: bytes | str) -> Path:
    """Write a file, compressed according to its name."""
    raw = content.encode() if isinstance(content, str) else content
    if path.suffix == ".gz":
        raw = gzip.compress(raw)
    if path.suffix == ".zst":
        raw = pa.Codec("zstd").compress(raw, asbytes=True)
    path.write_bytes(raw)
    return path


def write(path: Path, texts: Sequence[str], labels: Sequence[str]) -> None:
    """Write texts and labels without sparsedistill, in the format of the file's name."""
    form = path.name.split(".")[1]
    if form == "parquet":
        pyarrow.parquet.write_table(pa.table({"label": labels, "text": texts}), path)
    elif form == "jsonl":
        rows = zip(texts, labels, strict=True)
        put(path, "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    elif form == "csv":
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows([("label", "text"), *zip(labels, texts, strict=True)])
        put(path, buffer.getvalue())
    elif form == "tsv":
        put(path, "label\ttext\n" + "".join(f"{b}\t{a}\n" for a, b in zip(texts, labels, strict=True)))
    else:
        put(path, "".join(text + "\n" for text in texts))


def texts_of(corpus: Corpus, size: int = 8192) -> list[str]:
    """All texts of a corpus."""
    return [text for batch in corpus.batches(size) for text in batch.texts.to_pylist()]


def labels_of(batch: TextBatch) -> list[str]:
    """The labels of a batch."""
    assert batch.labels is not None
    labels: list[str] = batch.labels.to_pylist()
    return labels


def inside(folder: str | Path) -> list[str]:
    """Names in a directory."""
    return [path.name for path in Path(folder).iterdir()]


def tree(folder: Path) -> dict[str, bytes]:
    """The bytes of the files below a folder, without its ledger."""
    files = (path for path in folder.rglob("*") if path.is_file())
    names = ((str(path.relative_to(folder)), path) for path in files)
    return {name: path.read_bytes() for name, path in names if not name.startswith(LEDGER)}


def reviews(shared_data: Path, count: int) -> list[str]:
    """The first texts of the test data of IMDB."""
    with gzip.open(shared_data / "imdb" / "test.tsv.gz", "rt", encoding="utf-8", newline="\n") as rows:
        next(rows)  # the names of the columns
        return [row.partition("\t")[0] for _, row in zip(range(count), rows, strict=False)]


def reading_error(path: Path, columns: Columns | None = None, **options: Any) -> str:
    """The error message of reading a file."""
    return error(lambda: list(Corpus(path, columns, **options).batches()))
