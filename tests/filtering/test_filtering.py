"""Filtering: rows stay as they are, in every format, and scores are added to them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.rows import inside, put
from support.sentences import error
from support.students import good_or_bad, rating, three_questions

from sparsedistill import (
    CallableTeacher,
    Cascade,
    Columns,
    Corpus,
    FileOptions,
    FilterConfig,
    FilterReport,
    MultiHeadStudent,
    Student,
    filter_corpus,
)
from sparsedistill._internal.ledger import LEDGER

GOOD = FilterConfig("good >= 0.9")
WORDS = [f"w{i}" for i in range(100)]


def run(
    paths: Path | Sequence[Path],
    output: Path,
    config: FilterConfig = GOOD,
    student: Student | MultiHeadStudent | None = None,
    **options: Any,
) -> FilterReport:
    return filter_corpus(student or good_or_bad(), Corpus(paths), output, config, **options)


def content(path: Path) -> bytes:
    """The bytes of a file, decompressed according to its name."""
    codec = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    data: bytes = pa.input_stream(path, compression=codec).read()
    return data


JSON_LINES = [
    b'{"id": 123456789012345678901234567890, "text": "a good film", "n": {"a": [1, 2.50], "z": null}}\r\n',
    '{"text":"good \\u00e9 日","x":1e400 }  \n'.encode(),
    b"\n",
    b'{"text": "a bad film", "id": 2}\n',
    b' {"id":"}","text":"good }"\t}\t\n',
    b'{"text": ""}\n',
    b'{"text": "good", "last": true}',
]


@pytest.mark.parametrize("codec", ["", ".gz", ".zst"])
def test_lines_of_jsonl_keep_their_bytes(tmp_path: Path, codec: str) -> None:
    path = put(tmp_path / f"a.jsonl{codec}", b"\xef\xbb\xbf" + b"".join(JSON_LINES))
    output, excluded = tmp_path / f"o.jsonl{codec}", tmp_path / f"x.jsonl{codec}"
    report = run(path, output, excluded=excluded)
    assert (report.total.texts, report.total.kept) == (6, 4)
    written = content(output)
    assert written.startswith(b"\xef\xbb\xbf{")
    lines = written.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    for line, original in zip(lines, [JSON_LINES[i] for i in (0, 1, 4, 6)], strict=True):
        end = original.rindex(b"}")
        assert line.startswith(original[:end])
        assert line.endswith(original[end:])
        added = line[end : len(line) - len(original) + end]
        assert json.loads(b"{" + added.removeprefix(b", ") + b"}") == {
            "label": "good",
            "score": pytest.approx(0.98166, abs=1e-4),
            "p_good": pytest.approx(0.98166, abs=1e-4),
        }
    assert [json.loads(line)["label"] for line in content(excluded)[3:].splitlines()] == ["bad", "good"]


def test_rows_of_jsonl_without_scores_are_those_of_the_file(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", b"".join(JSON_LINES))
    run(path, tmp_path / "o.jsonl", FilterConfig("good >= 0.9", scores=False))
    assert content(tmp_path / "o.jsonl") == b"".join(JSON_LINES[i] for i in (0, 1, 4, 6))


@pytest.mark.parametrize(
    ("name", "head", "rows", "chosen", "added"),
    [
        (
            "a.csv",
            b"id,text",
            [b'1,"good\n""x"", y"', b"2,bad", b"007,  good ,"[:-1]],
            [0, 2],
            b",label,score,p_good",
        ),
        (
            "a.csv.gz",
            b'\xef\xbb\xbf"te""xt",text',
            ['"é\r\n",good'.encode(), b",bad"],
            [0],
            b",label,score,p_good",
        ),
        ("a.tsv", b"text\tid", [b'good "x\t1', b"bad\t2", b"good\t"], [0, 2], b"\tlabel\tscore\tp_good"),
        ("a.tsv.zst", b"text", [b"good", b"", "日 good".encode()], [0, 2], b"\tlabel\tscore\tp_good"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_rows_of_delimited_files_keep_their_bytes(
    tmp_path: Path, name: str, head: bytes, rows: list[bytes], chosen: list[int], added: bytes, end: bytes
) -> None:
    path = put(tmp_path / name, head + end + end.join(rows))
    output = tmp_path / f"o{name[1:]}"
    assert run(path, output).total.kept == len(chosen)
    delimiter = added[:1]
    values = delimiter.join([b"", b"good", b"0.9816611", b"0.9816611"])
    kept = [head + added, *(rows[i] + values for i in chosen)]
    assert content(output) == end.join(kept) + (b"" if chosen[-1] == len(rows) - 1 else end)
    run(path, output, FilterConfig("good >= 0.9", scores=False))
    expected = end.join([head, *(rows[i] for i in chosen)]) + (b"" if chosen[-1] == len(rows) - 1 else end)
    assert content(output) == expected


def test_names_and_classes_are_quoted_if_they_must_be(tmp_path: Path) -> None:
    student = good_or_bad(('so,\n"good"', "bad\tor\nnot"))
    config = FilterConfig("score >= 0.9", probabilities=True, prefix="a b_")
    run(put(tmp_path / "a.csv", "text,n\ngood,1\nbad,2\n"), tmp_path / "o.csv", config, student)
    rows = list(csv.reader(io.StringIO((tmp_path / "o.csv").read_text(), newline="")))
    assert rows[0] == ["text", "n", "a b_label", "a b_score", 'a b_p_so,\n"good"', "a b_p_bad\tor\nnot"]
    assert [row[2] for row in rows[1:]] == ['so,\n"good"', "bad\tor\nnot"]
    run(put(tmp_path / "a.tsv", "text\tn\ngood\t1\nbad\t2\n"), tmp_path / "o.tsv", config, student)
    lines = [line.split("\t") for line in (tmp_path / "o.tsv").read_text().splitlines()]
    assert [len(line) for line in lines] == [6, 6, 6]
    assert [line[2] for line in lines[1:]] == ['so, "good"', "bad or not"]


def test_lines_of_text_stay_text(tmp_path: Path) -> None:
    lines = [b"good  film \r\n", b"\r\n", b"bad\r\n", "é good".encode()]
    path = put(tmp_path / "a.txt.gz", b"".join(lines))
    run(path, tmp_path / "o.txt.gz", excluded=tmp_path / "x.txt.gz")
    assert content(tmp_path / "o.txt.gz") == lines[0] + lines[3]
    assert content(tmp_path / "x.txt.gz") == lines[1] + lines[2]
    run(path, tmp_path / "o.txt.gz", FilterConfig("good >= 0.9", scores=True))
    added = b"\tgood\t0.9816611\t0.9816611"
    assert content(tmp_path / "o.txt.gz") == lines[0][:-2] + added + b"\r\n" + lines[3] + added
    fasttext = put(tmp_path / "a.ft", "__label__x good\n__label__y bad\n")
    run(fasttext, tmp_path / "o.ft")
    assert content(tmp_path / "o.ft") == b"__label__x good\n"
    returns = put(tmp_path / "b.txt", "good\rbad\rgood")
    run(returns, tmp_path / "o.txt")
    assert content(tmp_path / "o.txt") == b"good\rgood"


def test_columns_of_parquet_keep_types_and_metadata(tmp_path: Path) -> None:
    count = 20_000
    good = np.arange(count) % 3 == 0
    fields = [
        pa.field("text", pa.large_string(), nullable=False, metadata={"a": "b"}),
        pa.field("id", pa.uint64()),
        pa.field("price", pa.decimal128(30, 2)),
        pa.field("when", pa.timestamp("us", "UTC")),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("meta", pa.struct([("n", pa.int8()), ("raw", pa.binary())])),
        pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
    ]
    table = pa.table(
        [
            pa.array(
                [f"a {'good' if one else 'bad'} film {i}" for i, one in enumerate(good)], pa.large_string()
            ),
            pa.array([2**64 - 1 - i for i in range(count)], pa.uint64()),
            pa.array([Decimal(10**27 + i) for i in range(count)], pa.decimal128(30, 2)),
            pa.array(range(count), pa.timestamp("us", "UTC")),
            pa.array([None if i % 5 else ["x", None] for i in range(count)], pa.list_(pa.string())),
            pa.array([{"n": i % 100, "raw": b"\xff"} for i in range(count)], fields[5].type),
            pa.array(["k", None] * (count // 2)).dictionary_encode(),
        ],
        schema=pa.schema(fields, metadata={"made": "here", "pandas": "{}"}),
    )
    pq.write_table(table, tmp_path / "a.parquet", compression="brotli")
    run(tmp_path / "a.parquet", tmp_path / "o.parquet")
    with pq.ParquetFile(tmp_path / "o.parquet") as file:
        assert file.metadata.num_row_groups == 1
        assert file.metadata.row_group(0).column(0).compression == "BROTLI"
    written = pq.read_table(tmp_path / "o.parquet")
    expected = pq.read_table(tmp_path / "a.parquet").filter(pa.array(good))
    assert written.column_names[-3:] == ["label", "score", "p_good"]
    rest = written.select(table.column_names)
    assert rest.schema.equals(expected.schema, check_metadata=True)
    assert rest.equals(expected)
    assert written["score"].type == pa.float32()


def test_nothing_kept_and_files_without_rows(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    put(folder / "a.csv", "id,text\n1,bad\n")
    put(folder / "b.csv", "id,text\n")
    put(folder / "c.csv", "")
    put(folder / "d.jsonl", '{"text":"bad"}\n')
    put(folder / "e.txt.gz", "bad\n")
    pq.write_table(pa.table({"text": ["bad"], "n": pa.array([1], pa.int8())}), folder / "f.parquet")
    (folder / "g.parquet").write_bytes(b"")
    report = run(folder, tmp_path / "out")
    assert (report.total.texts, report.total.kept, report.total.share) == (4, 0, 0)
    out = tmp_path / "out"
    names = ["a.csv", "b.csv", "c.csv", "d.jsonl", "e.txt.gz", "f.parquet", "g.parquet"]
    assert sorted(inside(out)) == [LEDGER, *names]
    assert content(out / "a.csv") == content(out / "b.csv") == b"id,text,label,score,p_good\n"
    assert content(out / "c.csv") == content(out / "d.jsonl") == content(out / "e.txt.gz") == b""
    assert (out / "g.parquet").read_bytes() == b""
    assert pq.read_schema(out / "f.parquet").names == ["text", "n", "label", "score", "p_good"]
    assert pq.read_table(out / "f.parquet").num_rows == 0


def test_several_files_keep_their_names(tmp_path: Path) -> None:
    for name in ("in/x/a.txt", "in/y/a.txt", "in/y/z/b.txt.gz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        put(tmp_path / name, f"good {name}\nbad\n")
    report = run([tmp_path / "in"], tmp_path / "out", excluded=tmp_path / "not")
    for name in ("x/a.txt", "y/a.txt", "y/z/b.txt.gz"):
        assert content(tmp_path / "out" / name) == f"good in/{name}\n".encode()
        assert content(tmp_path / "not" / name) == b"bad\n"
    assert [(one.output, one.texts, one.kept) for one in report.files] == [
        (str(tmp_path / "out" / name), 2, 1) for name in ("x/a.txt", "y/a.txt", "y/z/b.txt.gz")
    ]


def test_the_rest_of_damaged_files_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    put(tmp_path / "in" / "a.csv", "id,title\n1,good\n")
    put(tmp_path / "in" / "b.jsonl", '{"text":"good"}\n{"text":"bad"}\n')
    columns = Columns(files=FileOptions(skip_damaged=True))
    report = filter_corpus(good_or_bad(), Corpus(tmp_path / "in", columns), tmp_path / "out", GOOD)
    assert [Path(one.output).name for one in report.files] == ["b.jsonl"]
    assert len(content(tmp_path / "out" / "b.jsonl").splitlines()) == 1
    assert "no column 'text'" in error(lambda: run(tmp_path / "in", tmp_path / "other"))


def test_delimiters_and_quoting_are_kept(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "id;text\n1;good, film\n2;bad\n")
    columns = Columns(files=FileOptions(delimiter=";", quoting=False))
    filter_corpus(good_or_bad(), Corpus(path, columns), tmp_path / "o.csv", GOOD)
    assert content(tmp_path / "o.csv").startswith(b"id;text;label;score;p_good\n1;good, film;good;0.98")


def test_members_that_are_no_json_are_an_error(tmp_path: Path) -> None:
    row = b'{"text":"good","x":"\\u0041","\xff":1}\n'
    path = put(tmp_path / "a.jsonl", row)
    assert "JSON" in error(lambda: run(path, tmp_path / "o.jsonl"))
    deep = '{"text":"good","label2":' + "[" * 900 + "]" * 900 + ',"y":"\\u0041"}\n'
    run(put(tmp_path / "b.jsonl", deep), tmp_path / "o.jsonl")
    assert len(content(tmp_path / "o.jsonl")) > 1800


def test_the_best_share_by_two_passes_and_by_a_sample(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(100)
    path = put(tmp_path / "a.jsonl.gz", "".join(f'{{"text":"w{i}"}}\n' for i in order))
    student = rating(WORDS)
    report = run(path, tmp_path / "o.jsonl", FilterConfig(share=0.1), student)
    kept = [json.loads(line) for line in content(tmp_path / "o.jsonl").splitlines()]
    assert [row["text"] for row in kept] == [f"w{i}" for i in order if i >= 90]
    assert (report.by, report.sample, report.total.kept) == ("score", None, 10)
    assert min(row["score"] for row in kept) == pytest.approx(report.threshold)
    thresholds: dict[int, float] = {}
    for seed in (0, 0, 1, 2):
        found = run(path, tmp_path / "o.jsonl", FilterConfig(share=0.1, sample=30, seed=seed), student)
        assert found.sample == 30
        assert thresholds.setdefault(seed, found.threshold) == found.threshold
    assert len(set(thresholds.values())) > 1
    best = run(path, tmp_path / "o.jsonl", FilterConfig(share=0.1, sample=1000), student)
    assert (best.sample, best.threshold) == (100, report.threshold)


def test_texts_of_the_same_score_are_kept_together(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", "good\n" * 3 + "bad\n" * 7)
    report = run(path, tmp_path / "o.txt", FilterConfig(share=0.1, by="good"))
    assert report.total.kept == 3


def test_a_report_by_source_with_examples(tmp_path: Path) -> None:
    rows = [{"text": f"w{i}", "from": ("web", "books", None)[i % 3], "k": i} for i in range(99)]
    path = put(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    report = run(path, tmp_path / "o.jsonl", FilterConfig("score >= 2", by_source="from"), rating(WORDS))
    scores = rating(WORDS).predict([str(row["text"]) for row in rows])
    assert list(report.sources) == ["", "books", "web"]
    for name, summary in report.sources.items():
        own = scores[[(row["from"] or "") == name for row in rows]]
        assert (summary.texts, summary.kept) == (33, int((own >= 2).sum()))
        assert summary.quantiles["0.5"] == pytest.approx(np.sort(own)[16], rel=3e-3)
        assert sum(summary.histogram) == 33
    near = sorted(range(99), key=lambda i: abs(scores[i] - 2))
    for kept in (True, False):
        found = [example.text for example in report.examples if example.kept == kept]
        assert found == [f"w{i}" for i in near if (scores[i] >= 2) == kept][:5]
    assert report.edges[0] <= scores.min()
    assert report.edges[-1] >= scores.max()


def test_many_sources_are_counted_together(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "text,host\n" + "".join(f"good,h{i}\n" for i in range(1000)))
    report = run(path, tmp_path / "o.csv", FilterConfig("good >= 0.9", by_source="host"))
    assert len(report.sources) == 201
    assert next(iter(report.sources)) == "(others)"
    assert report.sources["(others)"].texts == 800


def test_pairs_several_labels_and_nested_fields(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '{"d":{"text":"good"}}\n{"d":{"text":"bad good"}}\n')
    student = good_or_bad(problem="multi_label")
    corpus = Corpus(path, Columns("d.text"))
    filter_corpus(student, corpus, tmp_path / "o.jsonl", FilterConfig("bad >= 0.9 and good >= 0.9"))
    (row,) = map(json.loads, content(tmp_path / "o.jsonl").splitlines())
    assert row["d"] == {"text": "bad good"}
    assert row["labels"] == ["good", "bad"]
    assert set(row) == {"d", "labels", "p_bad", "p_good"}


SEVERAL = "text\ngood\nbad\nneither\ngood bad\n"
KEEP = 'edu >= 1 and toxicity == "ok" and topic."computer science" < 0.5'


def test_one_pass_answers_several_questions(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", SEVERAL)
    report = run(path, tmp_path / "o.csv", FilterConfig(KEEP), three_questions())
    (row,) = csv.DictReader(io.StringIO((tmp_path / "o.csv").read_text()))
    assert {name: value for name, value in row.items() if not name.startswith("topic_p")} == {
        "text": "good",
        "edu": "2.9851642",
        "toxicity": "ok",
        "toxicity_score": "0.98096555",
        "topic": '["science"]',
    }
    assert list(row)[-1] == "topic_p_computer science"
    assert (report.by, report.threshold, report.total.kept) == ("edu", 1.0, 1)
    assert report.edges[-1] > 1
    assert report.total.highest == pytest.approx(2.985, abs=1e-3)
    share = run(path, tmp_path / "o.csv", FilterConfig('toxicity == "very bad"'), three_questions())
    assert (share.by, share.threshold) == ("toxicity.very bad", 0.5)
    assert share.edges[-1] == 1
    head = (tmp_path / "o.csv").read_text().splitlines()[0]
    assert head == "text,edu,toxicity,toxicity_score,topic,toxicity_p_very bad"


@pytest.mark.parametrize(
    ("by", "kept"),
    [
        ("edu", ["good"]),
        ("toxicity.score", ["good", "bad"]),
        ("topic.science", ["good"]),
        ("topic.computer science", ["bad"]),
        ("topic.'computer science'", ["bad"]),
        ("toxicity.'score'", ["neither"]),
    ],
)
def test_a_share_by_a_score_of_a_head(tmp_path: Path, by: str, kept: list[str]) -> None:
    path = put(tmp_path / "a.txt", SEVERAL.removeprefix("text\n"))
    run(path, tmp_path / "o.txt", FilterConfig(share=0.25, by=by), three_questions())
    assert (tmp_path / "o.txt").read_text().splitlines() == kept


def test_columns_of_several_questions_in_every_format(tmp_path: Path) -> None:
    student = three_questions()
    config = FilterConfig("edu >= 1", probabilities=True, prefix="s_")
    expected = ["s_" + column for head in student.heads for column in head.columns]
    expected += ["s_" + column for head in student.heads for column in head.probability_columns]
    run(put(tmp_path / "a.jsonl", '{"text":"good"}\n'), tmp_path / "o.jsonl", config, student)
    row = json.loads((tmp_path / "o.jsonl").read_text())
    assert list(row) == ["text", *expected]
    assert (row["s_toxicity"], row["s_topic"]) == ("ok", ["science"])
    pq.write_table(pa.table({"text": ["good", "bad"]}), tmp_path / "a.parquet")
    run(tmp_path / "a.parquet", tmp_path / "o.parquet", config, student)
    table = pq.read_table(tmp_path / "o.parquet")
    assert table.column_names == ["text", *expected]
    (written,) = [row for row in table.to_pylist() if row["text"] == "good"]
    for column, value in row.items():
        assert written[column] == (pytest.approx(value) if isinstance(value, float) else value)
    path = put(tmp_path / "b.csv", "text,toxicity_score\ngood,1\n")
    message = error(lambda: run(path, tmp_path / "o.csv", FilterConfig("edu >= 1"), student))
    assert "has a column 'toxicity_score' already: give a prefix" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 0.5}, "Say which score to rank the texts by: one of edu, toxicity, toxicity.score,"),
        ({"share": 0.5, "by": "toxicity"}, "Texts cannot be ranked by toxicity, which is a class"),
        ({"share": 0.5, "by": "topic"}, "'topic' is not a score of this student: use one of edu,"),
        ({"keep": "score >= 1"}, "'score' is not a score of this student: use one of edu,"),
    ],
)
def test_wrong_names_of_heads(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    path = put(tmp_path / "a.csv", SEVERAL)
    config = FilterConfig(**options)
    assert message in error(lambda: run(path, tmp_path / "o.csv", config, three_questions()))
    assert inside(tmp_path) == ["a.csv"]


def test_a_student_of_one_number_is_ranked_by_it(tmp_path: Path) -> None:
    student = MultiHeadStudent.joined({"edu": three_questions().head("edu")})
    path = put(tmp_path / "a.csv", SEVERAL)
    report = run(path, tmp_path / "o.csv", FilterConfig(share=0.25), student)
    assert (report.by, report.threshold, report.total.kept) == ("edu", report.total.highest, 1)
    config = FilterConfig("edu > 1", probabilities=True)
    assert "which have no probabilities" in error(lambda: run(path, tmp_path / "o.csv", config, student))


def test_a_cascade_says_which_texts_its_teacher_scored(tmp_path: Path) -> None:
    def teacher(texts: Sequence[str]) -> Any:
        return np.tile(np.array([[5, 0]], np.float32), (len(texts), 1))

    cascade = Cascade(good_or_bad(), CallableTeacher(teacher, ("good", "bad")), 0.9)
    path = put(tmp_path / "a.csv", "text\ngood\nbad\nneither\n")
    filter_corpus(cascade, Corpus(path), tmp_path / "o.csv", FilterConfig("label == good"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "o.csv").read_text())))
    assert [(row["text"], row["deferred"]) for row in rows] == [("good", "false"), ("neither", "true")]


@pytest.mark.parametrize(
    ("name", "data", "options", "message"),
    [
        ("a.csv", "text,score\ngood,1\n", {}, "has a column 'score' already: give a prefix"),
        ("a.tsv", "text\tlabel\ngood\t1\n", {}, "has a column 'label' already"),
        ("a.jsonl", '{"text":"good"}\n{"text":"good","p_good":1}\n', {}, "has a column 'p_good' already"),
        ("a.jsonl", '{"text":"good","\\u0073core":1}\n', {}, "has a column 'score' already"),
        ("a.csv", "text,s_score\ngood,1\n", {"prefix": "s_"}, "has a column 's_score' already"),
        ("a.csv", "text\ngood\n", {"by_source": "host"}, "has no column 'host': use one of 'text'"),
        ("a.txt", "good\n", {"by_source": "host"}, "is plain text, which has no column 'host'"),
        ("a.csv", "text\ngood\n", {"keep": "nice > 1"}, "'nice' is not a score of this student: use one of"),
        ("a.csv", "text\ngood\n", {"by": "label"}, "Texts cannot be ranked by label, which is a class"),
        ("a.csv", "text\ngood\n", {"by": "nice"}, "'nice' is not a score"),
        ("a.csv", 'text\n"good\n', {}, "line 2: a quote opens here and is never closed"),
        ("a.json", '[{"text":"good"}]', {}, "one JSON array, of which rows cannot be copied"),
        ("a.csv", "text\n", {}, "has no rows"),
    ],
)
def test_errors_leave_no_file(
    tmp_path: Path, name: str, data: str, options: dict[str, Any], message: str
) -> None:
    path = put(tmp_path / name, data)
    config = FilterConfig(**{"keep": "good >= 0.9", **options})
    output = tmp_path / f"o.{name.split('.')[1]}"
    assert message in error(lambda: run(path, output, config))
    assert inside(tmp_path) == [name]


def test_a_column_of_parquet_that_is_there_already(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["good"], "label": ["x"]}), tmp_path / "a.parquet")
    assert "has a column 'label' already" in error(
        lambda: run(tmp_path / "a.parquet", tmp_path / "o.parquet")
    )
    run(tmp_path / "a.parquet", tmp_path / "o.parquet", FilterConfig("good >= 0.9", prefix="student_"))
    assert pq.read_schema(tmp_path / "o.parquet").names == [
        "text",
        "label",
        "student_label",
        "student_score",
        "student_p_good",
    ]


def test_outputs_that_cannot_be(tmp_path: Path) -> None:
    a, b = put(tmp_path / "a.csv", "text\ngood\n"), put(tmp_path / "b.csv", "text\ngood\n")
    (tmp_path / "link.csv").symlink_to(a)
    (tmp_path / "hard.csv").hardlink_to(a)
    for output in (a, tmp_path / "link.csv", tmp_path / "hard.csv"):
        assert "is both read and written" in error(lambda output=output: run(a, output))  # type: ignore[misc]
    same = tmp_path / "o.csv"
    assert "is to be written twice" in error(lambda: run(a, same, excluded=same))
    assert "name it " + str(tmp_path / "o.csv") in error(lambda: run(a, tmp_path / "o"))
    assert "o.jsonl is jsonl and" in error(lambda: run(a, tmp_path / "o.jsonl"))
    assert "exists already" in error(lambda: run([a, b], tmp_path))
    assert "a.csv is given twice" in error(lambda: run([a, tmp_path / "link.csv"], tmp_path / "new"))
    assert a.read_text() == b.read_text() == "text\ngood\n"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "Say what to keep"),
        ({"keep": "score > 1", "share": 0.1}, "Say what to keep"),
        ({"share": 0.0}, "The share to keep is 0: give more than 0 and at most 1"),
        ({"share": float("nan")}, "The share to keep is nan"),
        ({"keep": "score > 1", "sample": 10}, "A sample finds the threshold of a share"),
        ({"share": 0.1, "sample": 0}, "The sample is 0 texts"),
        ({"share": 0.1, "seed": 1 << 64}, "The seed is"),
        ({"keep": "score > 1", "prefix": "a\t"}, "The prefix 'a\\t' has a tab"),
    ],
)
def test_wrong_settings(values: dict[str, Any], message: str) -> None:
    assert message in error(lambda: FilterConfig(**values))


def test_a_share_of_classes_needs_a_ranking(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", "good\n")
    found = error(lambda: run(path, tmp_path / "o.txt", FilterConfig(share=0.1)))
    assert found == "Say which score to rank the texts by: one of label, score, 'good', 'bad'."
    config = FilterConfig("score >= 1", probabilities=True)
    assert "which have no probabilities" in error(
        lambda: run(path, tmp_path / "o.txt", config, rating(WORDS))
    )


def test_scores_are_those_of_predict_on_real_text(tmp_path: Path, shared_data: Path) -> None:
    path, student = shared_data / "sst2" / "train.tsv.gz", good_or_bad()
    config = FilterConfig("good > 0.6", prefix="s_")
    report = filter_corpus(student, Corpus(path), tmp_path / "o.tsv.gz", config)
    texts = [text for batch in Corpus(path).batches() for text in batch.texts.to_pylist()]
    shares = student.predict_proba(texts)[:, 0]
    rows = np.flatnonzero(shares > np.float32(0.6)).tolist()
    assert report.total.kept == len(rows) > 100
    lines = content(path).split(b"\n")[1:]
    written = content(tmp_path / "o.tsv.gz").split(b"\n")[1:-1]
    for line, row in zip(written, rows, strict=True):
        original, label, score, share = line.rsplit(b"\t", 3)
        assert (original, label) == (lines[row], b"good")
        assert np.float32(score) == np.float32(share) == shares[row]
