"""Files in an object store: the command line in processes of its own, against a server that speaks S3."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.rows import reviews
from support.students import good_or_bad

from sparsedistill import Columns, Corpus
from sparsedistill.prediction import PredictionConfig, predict_stream

pytest.importorskip("s3fs")
pytest.importorskip("moto")

from support.object_store import Store, served_store

pytestmark = pytest.mark.slow

#: Keys that a shell, a URL or a pattern could take for something else.
HOSTILE = ["a b/c&d+e.jsonl.gz", "a b/ünï¢ödé 文.jsonl.gz", "x/%20?#[1]*.jsonl.gz", "x/a..jsonl.gz"]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with served_store() as found:
        yield found


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "student"
    good_or_bad().save_pretrained(path)
    return path


def command(store: Store, *arguments: object, **environment: str) -> tuple[int, str, str]:
    """Run the command line in a process; gives exit code, stdout, and stderr on one line."""
    done = subprocess.run(
        [sys.executable, "-m", "sparsedistill", *map(str, arguments)],
        env={**os.environ, **store.environment, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout, " ".join(done.stderr.split())


def jsonl(texts: list[str]) -> bytes:
    lines = (json.dumps({"id": i, "text": text}, ensure_ascii=False) for i, text in enumerate(texts))
    return gzip.compress("".join(line + "\n" for line in lines).encode(), mtime=0)


def parquet(texts: list[str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": texts, "id": range(len(texts))}), sink, row_group_size=100)
    return sink.getvalue()


def local_answers(tmp_path: Path, name: str, content: bytes) -> bytes:
    """What predict makes of a local file."""
    tmp_path.mkdir(exist_ok=True, parents=True)
    source = tmp_path / f"in-{name}"
    source.write_bytes(content)
    output = tmp_path / f"out-{name}"
    corpus = Corpus(source, Columns(keep=("id",)))
    predict_stream(good_or_bad(), corpus, str(output), PredictionConfig())
    return output.read_bytes()


def test_predict_of_many_objects_is_that_of_files_and_resumes(
    store: Store, student: Path, tmp_path: Path, shared_data: Path
) -> None:
    texts = reviews(shared_data, 400)
    contents = {name: jsonl([*texts[i::5], name]) for i, name in enumerate(HOSTILE)}
    contents["p/q.parquet"] = parquet(texts)
    for name, content in contents.items():
        store.put(f"data/crawl/{name}", content)
    store.put("data/crawl/.hidden/x.jsonl", b"{}")
    store.put("data/crawl/notes.md", b"no corpus")
    predict = ("predict", student, "s3://data/crawl", "-o", "s3://data/answers/", "--keep-columns", "id")
    code, _, err = command(store, *predict)
    assert (code, "texts in 5 files are in s3://data/answers/" in err) == (0, True), err
    expected = {
        name: local_answers(tmp_path / str(i), f"x{Path(name).name[-9:]}", content)
        for i, (name, content) in enumerate(contents.items())
    }
    assert store.tree("data/answers") == expected
    assert store.uploads("data") == []
    assert command(store, "status", "s3://data/answers")[:2] == (0, "predict: 5 of 5 files are done.\n")
    store.files.rm_file(f"data/answers/{HOSTILE[0]}")
    store.put(f"data/crawl/{HOSTILE[1]}", jsonl(["good"]))
    code, _, err = command(store, *predict)
    assert (code, "3 of the files were done before." in err) == (0, True), err
    assert gzip.decompress(store.tree("data/answers")[HOSTILE[1]]).count(b"\n") == 1
    assert store.tree("data/answers")[HOSTILE[0]] == expected[HOSTILE[0]]
    code, _, err = command(store, *predict, "--coverage")
    assert (code, "was begun with another setting of coverage" in err) == (2, True), err
    code, _, err = command(store, *predict[:2], "s3://data/crawl/*/*[.]gz", "-o", tmp_path / "local")
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "local").rglob("*.gz")) == sorted(
        Path(name).name for name in HOSTILE
    )


def test_filter_keeps_rows_and_writes_both_outputs_and_the_report(
    store: Store, student: Path, tmp_path: Path
) -> None:
    texts = ["a good film", "a bad film", "good"] * 50
    store.put("data/filter/in/a.jsonl.gz", jsonl(texts))
    store.put("data/filter/in/b/c.parquet", parquet(texts))
    keep = ("--keep", "good > 0.5")
    outputs = ("-o", "s3://data/filter/kept", "--excluded", "s3://data/filter/rest")
    arguments = ("filter", student, "s3://data/filter/in", *keep, *outputs)
    code, out, err = command(store, *arguments, "--report", "s3://data/filter/report.json")
    assert (code, "Kept 200 of 300 texts" in out) == (0, True), err
    kept, rest = store.tree("data/filter/kept"), store.tree("data/filter/rest")
    assert sorted(kept) == sorted(rest) == ["a.jsonl.gz", "b/c.parquet"]
    rows = [json.loads(line) for line in gzip.decompress(kept["a.jsonl.gz"]).splitlines()]
    assert [row["id"] for row in rows] == [i for i in range(150) if i % 3 != 1]
    assert pq.read_table(pa.BufferReader(rest["b/c.parquet"]))["id"].to_pylist() == list(range(1, 150, 3))
    assert json.loads(store.files.cat_file("data/filter/report.json"))["total"]["kept"] == 200
    code, _, err = command(store, *arguments)
    assert (code, "2 of 2 files were done before." in err) == (0, True), err
    single = ("s3://data/filter/in/b/c.parquet", *keep)
    assert command(store, "filter", student, *single, "-o", "s3://data/filter/one.parquet")[0] == 0
    assert store.files.cat_file("data/filter/one.parquet") == kept["b/c.parquet"]
    code, _, err = command(store, "filter", student, *single, "-o", "s3://data/filter/in/b/c.parquet")
    assert (code, "is both read and written" in err) == (2, True)
    share = (
        "filter",
        student,
        single[0],
        "--keep-share",
        "50%",
        "--by",
        "good",
        "-o",
        tmp_path / "s.parquet",
    )
    assert command(store, *share)[0] == 0


def test_distil_count_and_label_read_objects(store: Store, tmp_path: Path) -> None:
    rows = [{"text": f"{word} film {i}", "label": word} for i in range(60) for word in ("good", "bad")]
    store.put("data/train/a.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    distill = ("distill", "--labelled", "s3://data/train/*.jsonl", "--unlabelled", "s3://data/train/")
    quick = ("--no-tune", "--no-baselines", "--set", "training.steps=30", "--set", "finetuning.steps=10")
    code, _, err = command(store, *distill, "-o", tmp_path / "distilled", *quick)
    assert code == 0, err
    assert (tmp_path / "distilled/student/config.json").is_file()
    code, _, err = command(store, "vocab", "s3://data/train", "-o", tmp_path / "counts", "--part", "1/1")
    assert code == 0, err
    scores = ("--scores", "good,bad", "--outputs", "probabilities")
    store.put("data/scores/a.csv", b"text,good,bad\na good film,0.9,0.1\na bad film,0.2,0.8\n")
    label = ("label", "good,bad", "s3://data/scores", *scores, "-o", tmp_path / "labels")
    assert command(store, *label)[0] == 0
    code, _, err = command(store, *label[:-1], "s3://data/labels")
    assert (code, "s3://data/labels is a URL, and this is a directory to make" in err) == (2, True), err


def test_students_are_opened_from_a_store(store: Store, student: Path, tmp_path: Path) -> None:
    for path in student.iterdir():
        store.put(f"data/models/one/{path.name}", path.read_bytes())
    source = store.put("data/models/in.txt", b"good\nbad\n")
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    arguments = ("predict", "s3://data/models/one", source)
    code, out, err = command(store, *arguments, **cache)
    assert (code, [line.split("\t")[0] for line in out.splitlines()]) == (0, ["label", "good", "bad"]), err
    copies = list((tmp_path / "cache/sparsedistill/models").glob("*/config.json"))
    assert len(copies) == 1
    good_or_bad(("yes", "no")).save_pretrained(tmp_path / "other")
    for path in (tmp_path / "other").iterdir():
        store.put(f"data/models/one/{path.name}", path.read_bytes())
    assert command(store, *arguments, **cache)[1].splitlines()[1].startswith("yes\t")
    code, _, err = command(store, "predict", "s3://data/models", source, **cache)
    assert (code, "s3://data/models has no config.json" in err) == (2, True), err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_upload_leaves_nothing(store: Store, student: Path, how: signal.Signals) -> None:
    bucket = f"stopped-{how.value}"
    store.files.call_s3("create_bucket", Bucket=bucket)
    store.put(f"{bucket}/before.jsonl", b"what was there\n")
    arguments = ["predict", str(student), "-", "-o", f"s3://{bucket}/before.jsonl", "--no-with-text"]
    with subprocess.Popen(
        [sys.executable, "-m", "sparsedistill", *arguments, "--block-buffered"],
        env={**os.environ, **store.environment},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        deadline = time.monotonic() + 120
        lines = b"a good film\n" * 100_000
        while not store.uploads(bucket):  # until the first part is in the store
            assert time.monotonic() < deadline
            process.stdin.write(lines)
        process.send_signal(how)
        message = process.stderr.read().decode()
        process.stdin.close()
    if how == signal.SIGINT:
        assert process.returncode == 130, message
        assert store.uploads(bucket) == []
    assert store.files.find(bucket) == [f"{bucket}/before.jsonl"]
    assert store.files.cat_file(f"{bucket}/before.jsonl") == b"what was there\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["s3://none/a.txt"], {}, "s3://none/a.txt cannot be read, as its bucket does not exist: check"),
        (["s3://data/none.txt"], {}, "s3://data/none.txt does not exist: check the URL."),
        (["s3://data/none/*.txt"], {}, "No object matches s3://data/none/*.txt: check the pattern."),
        (
            ["s3://data/models/in.txt", "-o", "s3://none/o.csv"],
            {},
            "s3://none/o.csv cannot be written, as its",
        ),
        (["s3://data/a/../b.txt"], {}, "a part that is empty, . or ..: give a bucket and a key"),
        (["gs://data/a.txt"], {}, "gs://data/a.txt needs gcsfs: pip install 'sparsedistill[gs]'."),
        (["ftp://data/a.txt"], {}, "has the scheme ftp: give a file, or an s3://, gs:// or hf:// URL."),
        (["hf://datasets/a/b/c.txt"], {"HF_HUB_OFFLINE": "1"}, "hf://datasets/a/b/c.txt cannot be read"),
        (
            ["s3://data/a.txt"],
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
            "s3://data/a.txt cannot be read without credentials: set AWS_ACCESS_KEY_ID and",
        ),
        (
            ["s3://data/a.txt"],
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            "s3://data/a.txt cannot be read (EndpointConnectionError: Could not connect to the endpoint URL",
        ),
    ],
)
def test_errors_name_the_url_and_what_to_do(
    store: Store, student: Path, arguments: list[str], environment: dict[str, Any], message: str
) -> None:
    store.put("data/models/in.txt", b"good\nbad\n")
    if message.startswith("gs:") and find_spec("gcsfs") is not None:
        pytest.skip("gcsfs is installed")
    code, _, err = command(store, "predict", student, *arguments, **environment)
    assert (code, message in err) == (2, True), err
