"""Rows as their files have them: to the byte, and in step with the texts."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rows import put, texts_of
from support.sentences import error

from sparsedistill.data import Columns, Corpus
from sparsedistill.data.readers import quotes, records
from sparsedistill.data.readers.records import ParquetHead


def read(path: Path, columns: Columns | None = None) -> tuple[object, list[bytes], list[str]]:
    """Head, rows and texts of a file, from the blocks of its records."""
    blocks = list(Corpus(path, columns).rows(records=True))
    found = [block.records for block in blocks if block.records is not None]
    assert len(found) == len(blocks)
    assert [len(one) for one in found] == [len(block.table) for block in blocks]
    rows = [row for one in found for row in one.rows.to_pylist()]
    return found[0].head, rows, [text for block in blocks for text in block.table["text"].to_pylist()]


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


@st.composite
def files(draw: st.DrawFn, form: str) -> tuple[str, list[str], str, str]:
    """Head, rows (blank lines among them) and end of line of a file, and the same as one string."""
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    inside = 'a é日 ",{\t' + ("\r\n" if end != "\r" else "")
    values = st.text(st.sampled_from(inside), max_size=8)
    flat = values.map(lambda value: "".join(c for c in value if c not in "\t\r\n"))
    rows = {
        "csv": st.tuples(
            values.map(quoted), values.map(quoted) | flat.map(lambda v: "z" + v.replace(",", ""))
        ).map(",".join),
        "tsv": st.tuples(flat, flat).map("\t".join),
        "jsonl": st.builds(
            lambda text, ascii_: json.dumps({"id": 10**30, "text": text}, ensure_ascii=ascii_),
            values,
            st.booleans(),
        ),
        "txt": flat,
    }[form]
    found = draw(st.lists(rows, max_size=8))
    head = draw(st.sampled_from(["", "\ufeff"])) + {"csv": "id,text" + end, "tsv": "id\ttext" + end}.get(
        form, ""
    )
    lines = [row + end for row in found]
    if lines and found[-1] and draw(st.booleans()):
        lines[-1] = found[-1]
    blanks = [draw(st.booleans()) and form != "txt" for _ in lines]
    content = head + "".join(end * blank + line for blank, line in zip(blanks, lines, strict=True))
    return head, lines, end, content


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "txt"])
@pytest.mark.parametrize("size", [7, 4 << 20])
def test_rows_are_what_the_file_has(form: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (records, quotes):
        monkeypatch.setattr(module, "CHUNK", size)

    @settings(max_examples=30, deadline=None)
    @given(files(form))
    def check(drawn: tuple[str, list[str], str, str]) -> None:
        head, lines, _, content = drawn
        with tempfile.TemporaryDirectory() as folder:
            path = put(Path(folder) / f"a.{form}.gz", content)
            if not lines:
                assert "has no rows" in error(lambda: read(path))
                return
            found = read(path)
            assert found == (head.encode(), [line.encode() for line in lines], texts_of(Corpus(path)))

    check()


def test_rows_of_parquet_have_all_columns(tmp_path: Path) -> None:
    table = pa.table({"id": pa.array([1, 2], pa.int16()), "text": ["one", "two"]}, metadata={"made": "here"})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", compression="gzip")
    head, *blocks = Corpus(tmp_path / "a.parquet").rows(records=True)
    assert head.records is not None
    assert isinstance(head.records.head, ParquetHead)
    assert head.records.head.codec == "gzip"
    assert head.records.head.schema.equals(table.schema, check_metadata=True)
    assert [block.records.rows.to_pylist() for block in blocks if block.records] == [table.to_pylist()]


def test_objects_that_are_not_one_in_a_line(tmp_path: Path) -> None:
    """Arrow reads these, but they are not the rows of two lines."""
    for content in (
        '{"text":"a"}{"text":"b"}\n\n',
        '{"text":"a"}\n{"text":\n"b"}\n\n',
        '{"text":"a"}{"text":"b"}\n{"text":\n"c"}\n',
    ):
        path = put(tmp_path / "a.jsonl", content)
        assert "not valid JSON" in error(lambda path=path: read(path))  # type: ignore[misc]
    path = put(tmp_path / "a.jsonl", '[{"text":"a"}]')
    assert "one JSON array, of which rows cannot be copied" in error(lambda: read(path))


def test_damaged_files(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", 'id,text\n1,a\n2,"b\n3,c\n')
    assert f"{path}, line 3: a quote opens here and is never closed" in error(lambda: read(path))
    path = put(tmp_path / "a.csv", 'id,text\n1,"a\nb"\n2,b,c\n')
    assert f"{path}, line 4: 3 fields" in error(lambda: read(path))
    path = put(tmp_path / "a.tsv", "id\ttext\n1\ta\n2\n")
    assert f"{path}, line 3: 1 field," in error(lambda: read(path))
    whole = put(
        tmp_path / "a.jsonl.gz", "".join(f'{{"text":"text {i}"}}\n' for i in range(10_000))
    ).read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    assert "truncated or damaged" in error(lambda: read(tmp_path / "a.jsonl.gz"))


def test_errors_name_the_line_in_which_a_row_starts(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", 'n,text\n"1\n2",a\n\n"x\ny",b\n')
    columns = Columns(weight="n")
    assert f"{path}, line 2: 'n' is '1\\n2'" in error(lambda: list(Corpus(path, columns).rows(records=True)))


def test_headers_in_the_middle_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, content in (
        ("a.csv", "id,text\n1,a\nid,text\n2,b\n"),
        ("a.tsv", "id\ttext\n1\ta\nid\ttext\n2\tb\n"),
    ):
        head, rows, texts = read(put(tmp_path / name, content))
        first, *lines = content.splitlines(keepends=True)
        assert (head, rows, texts) == (first.encode(), [lines[0].encode(), lines[2].encode()], ["a", "b"])
    assert "repeats its header in 1 row" in caplog.text


def test_rows_of_many_megabytes(tmp_path: Path) -> None:
    long = "long " * 4_000_000
    for name, head, lines in (
        ("a.csv", "id,text\n", ["1,a\n", f'2,"{long}\n"\n', "3,c\n"]),
        ("a.jsonl.gz", "", ['{"text":"a"}\n', json.dumps({"text": long}) + "\n", '{"text":"b"}']),
    ):
        found = read(put(tmp_path / name, head + "".join(lines)))
        assert found[:2] == (head.encode(), [line.encode() for line in lines])
