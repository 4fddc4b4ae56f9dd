"""Which reader a file gets, and that a new format is one class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from support.rows import put
from support.sentences import error

from sparsedistill.data.fields import Field
from sparsedistill.data.file_options import FileOptions
from sparsedistill.data.readers import READERS, RawColumns, Reader, Source, format_of, is_known, source_of

TEXT = [Field("text", "text", "text")]


def test_every_format_is_registered_under_its_name_and_endings() -> None:
    assert list(READERS) == ["txt", "csv", "tsv", "jsonl", "fasttext", "parquet"]
    endings = [ending for reader in READERS.values() for ending in reader.endings]
    assert len(endings) == len(set(endings))
    for name, reader in READERS.items():
        assert reader.format == name
        assert name in reader.endings
        for ending in reader.endings:
            assert format_of(f"a.{ending.upper()}", None) == (reader, None)
            assert is_known(Path(f"x.y.{ending}"))


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("a.csv.gz", None, ("csv", "gzip")),
        ("a.tab.ZST", None, ("tsv", "zstd")),
        ("a.csv", "jsonl", ("jsonl", None)),
        ("a.csv.gz", "jsonl", ("jsonl", "gzip")),
        ("a", "ndjson.zst", ("jsonl", "zstd")),
        ("-", ".txt", ("txt", None)),
        ("a.b/c.pq", None, ("parquet", None)),
    ],
)
def test_format_and_compression(path: str, given: str | None, expected: tuple[str, str | None]) -> None:
    reader, codec = format_of(path, given)
    assert (reader.format, codec) == expected


@pytest.mark.parametrize(
    ("path", "given", "message"),
    [
        ("a.doc", None, "a.doc does not end in a known format: rename it or give its format (txt, csv, tsv,"),
        ("a.gz", None, "a.gz does not end in a known format"),
        (
            "a",
            "word",
            "word is not a known format: use txt, csv, tsv, jsonl, fasttext or parquet, all but parquet also",
        ),
        ("-", None, "The format of standard input or output is not known"),
        ("a.parquet.gz", None, "a.parquet.gz is parquet with another compression"),
        ("a.gz", "parquet", "a.gz is parquet with another compression"),
    ],
)
def test_unknown_formats(path: str, given: str | None, message: str) -> None:
    assert message in error(lambda: format_of(path, given))
    assert given is not None or not is_known(Path(path)) or "parquet" in path


def test_quoting_depends_on_the_format() -> None:
    assert source_of("a.csv").quoting
    assert not source_of("a.tsv").quoting
    assert source_of("a.tsv", FileOptions(quoting=True)).quoting
    assert "standard input" in error(lambda: source_of("-", FileOptions("parquet")))


class ShoutingReader(Reader):
    """A new format: words that are separated by exclamation marks."""

    format = "shout"
    endings = ("shout",)

    def read(self, source: Source, fields: Sequence[Field], *, records: bool = False) -> Iterator[RawColumns]:
        assert not records
        with source.opened() as stream:
            for word in stream.read().split(b"!"):
                yield RawColumns({field.name: pa.array([word], pa.binary()) for field in fields})


def test_a_new_format_is_one_class(tmp_path: Path) -> None:
    source = Source(str(put(tmp_path / "a.shout", b"\xef\xbb\xbfone!two!\xff")), ShoutingReader())
    rows = source.read(TEXT)
    assert [next(rows).table["text"].to_pylist() for _ in range(2)] == [["one"], ["two"]]
    assert re.search(r"a\.shout, row 3: 'text' is not valid UTF-8", error(lambda: next(rows)))
