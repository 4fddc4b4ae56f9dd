"""Labelling: runs resume after an interruption; changed jobs and damaged files are rejected."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from support.sentences import error

from sparsedistill._internal.ledger import Ledger
from sparsedistill._internal.part import Part
from sparsedistill.data.columns import Columns
from sparsedistill.data.corpus import Corpus
from sparsedistill.data.file_options import FileOptions
from sparsedistill.data.identity import identities
from sparsedistill.data.readers import Source
from sparsedistill.labeling.labelling import label, label_part
from sparsedistill.labeling.manifest import read_manifest
from sparsedistill.labeling.remembered import RememberingTeacher
from sparsedistill.labeling.soft_examples import SoftExamples
from sparsedistill.labeling.soft_targets import SoftTargets
from sparsedistill.teachers.callable import CallableTeacher
from sparsedistill.teachers.precomputed import FileTeacher

CLASSES = ("long", "short")


def scores(texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float64]:
    others = [""] * len(texts) if text_pair is None else text_pair
    return np.array([[len(a), -len(b) - 0.5] for a, b in zip(texts, others, strict=True)])


TEACHER = CallableTeacher(scores, CLASSES)


class Counting:
    """A teacher that records the texts that it scores, and can fail."""

    classes: tuple[str, ...] = CLASSES
    multi_label = False
    name = "counting"

    def __init__(self, fail_at: int | None = None, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.scored: list[str] = []
        self._fail_at = fail_at
        self._error = error

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        if self._fail_at is not None and len(self.scored) + len(texts) > self._fail_at:
            raise self._error
        self.scored.extend(texts)
        return scores(texts, text_pair).astype(np.float32)

    def fingerprint(self) -> dict[str, Any]:
        return {"kind": "counting", "version": (1, 0)}


def corpus(folder: Path, rows: int = 25, name: str = "corpus.txt") -> Corpus:
    (folder / name).write_text("".join(f"{'x' * (i % 7)} text {i}\n" for i in range(rows)))
    return Corpus(folder / name)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def read_json(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return loaded


def test_soft_targets_have_texts_and_logits(tmp_path: Path) -> None:
    texts = [text for batch in corpus(tmp_path).batches() for text in batch.texts.to_pylist()]
    targets = label(TEACHER, corpus(tmp_path), tmp_path / "out", shard_size=10)
    assert targets.classes == CLASSES
    assert (targets.multi_label, targets.pair, len(targets), len(targets.shards)) == (False, False, 25, 3)
    assert [len(targets.read(i)) for i in range(3)] == [10, 10, 5]
    every = targets.all()
    assert every.texts.to_pylist() == texts
    assert every.text_pair is None
    assert every.logits.dtype == np.float32
    np.testing.assert_array_equal(every.logits, scores(texts).astype(np.float32))
    np.testing.assert_array_equal(targets.read(1).logits, every.logits[10:20])
    again = SoftTargets.open(tmp_path / "out")
    assert again.all().texts.equals(every.texts)
    assert sorted(contents(tmp_path / "out")) == [
        "manifest.json",
        *(f"shard-0000{i}.parquet" for i in range(3)),
    ]


def test_shards_are_plain_parquet(tmp_path: Path) -> None:
    targets = label(TEACHER, corpus(tmp_path, 3), tmp_path / "out")
    table = pyarrow.parquet.read_table(targets.shards[0])
    assert table.column_names == ["text", "logits"]
    assert table.schema.field("logits").type == pa.list_(pa.float32(), 2)
    assert (
        pyarrow.parquet.ParquetFile(targets.shards[0]).metadata.row_group(0).column(0).compression == "ZSTD"
    )


def test_pairs(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a\tb\tlabel\nx\tyy\t\nxxx\t\t1\n")
    pairs = Corpus(tmp_path / "a.tsv", Columns(text="a", text_pair="b", label="label"))
    targets = label(TEACHER, pairs, tmp_path / "out")
    every = targets.all()
    assert targets.pair
    assert every.text_pair is not None
    assert every.text_pair.to_pylist() == ["yy", ""]
    assert every.logits.tolist() == [[1, -2.5], [3, -0.5]]


def test_scores_in_the_corpus(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,no,yes\na,0.25,0.75\nb,1,0\n")
    (tmp_path / "a.jsonl").write_text('{"text":"a","s":[0.25,0.75]}\n{"text":"b","s":[1,0]}\n')
    teacher = FileTeacher(("no", "yes"), outputs="probabilities")
    for name, columns in (("a.csv", Columns(scores=("no", "yes"))), ("a.jsonl", Columns(scores="s"))):
        targets = label(teacher, Corpus(tmp_path / name, columns), tmp_path / f"{name}.out")
        odds = np.exp(targets.all().logits.astype(np.float64))
        np.testing.assert_allclose(odds, np.array([[0.25, 0.75], [1, 0]]), atol=1e-6)
    plain = Corpus(tmp_path / "a.csv")
    assert "no scores" in error(lambda: label(teacher, plain, tmp_path / "x"))
    one = Corpus(tmp_path / "a.csv", Columns(scores=("no",)))
    assert "shape (2, 1) for 2 texts and 2 classes" in error(lambda: label(teacher, one, tmp_path / "y"))


@pytest.mark.parametrize("stop", [1, 9, 10, 11, 24, 1034])
def test_interrupted_run_resumes(tmp_path: Path, stop: int) -> None:
    size, rows = (10, 25) if stop < 30 else (2000, 4500)
    source = corpus(tmp_path, rows)
    label(Counting(), source, tmp_path / "whole", shard_size=size)
    with pytest.raises(KeyboardInterrupt):
        label(Counting(stop), source, tmp_path / "out", shard_size=size)
    for name in (".manifest.json.1-ab.partial", ".shard-00001.parquet.1-ab.partial"):
        (tmp_path / "out" / name).write_text("left by a killed run")
    begun = read_manifest(tmp_path / "out")
    assert begun is not None
    done = len(begun.shards) * size
    assert stop - max(size, 1024) < done <= stop
    teacher = Counting()
    label(teacher, source, tmp_path / "out", shard_size=size)
    assert len(teacher.scored) == rows - done
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_finished_run_scores_nothing(tmp_path: Path) -> None:
    label(Counting(), corpus(tmp_path), tmp_path / "out")
    before = contents(tmp_path / "out")
    teacher = Counting()
    assert len(label(teacher, corpus(tmp_path), tmp_path / "out")) == 25
    assert teacher.scored == []
    assert contents(tmp_path / "out") == before


SLOW_TEACHER = """
import sys, time
from pathlib import Path
import numpy as np
from sparsedistill.data.corpus import Corpus
from sparsedistill.labeling.labelling import label
from sparsedistill.teachers.callable import CallableTeacher

def slow(texts):
    time.sleep(0.02)
    return np.array([[text.count("a"), text.count("e")] for text in texts])

label(CallableTeacher(slow, ("a", "e"), name="slow"), Corpus(sys.argv[1]), sys.argv[2], shard_size=700)
"""


@pytest.mark.slow
def test_killed_runs_end_with_the_same_files(tmp_path: Path, shared_data: Path) -> None:
    lines = gzip.decompress((shared_data / "imdb" / "unlabeled.tsv.gz").read_bytes()).split(b"\n")
    text = tmp_path / "text.tsv"
    text.write_bytes(b"\n".join(lines[:10_001]) + b"\n")
    command = [sys.executable, "-c", SLOW_TEACHER, str(text)]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    killed = 0
    random = np.random.default_rng(0)
    for _ in range(5):
        run = subprocess.Popen([*command, str(tmp_path / "out")], stderr=subprocess.DEVNULL)
        reached = len(list((tmp_path / "out").glob("shard-*"))) + int(random.integers(1, 4))
        while run.poll() is None and len(list((tmp_path / "out").glob("shard-*"))) < reached:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.02))
        run.send_signal(signal.SIGKILL)
        killed += run.wait() == -signal.SIGKILL
        assert "finished" in error(lambda: SoftTargets.open(tmp_path / "out"))
    assert killed == 5
    subprocess.run([*command, str(tmp_path / "out")], check=True, capture_output=True)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert len(SoftTargets.open(tmp_path / "out")) == 10_000


# --- Errors ---


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A labelling with one of three shards."""
    with pytest.raises(KeyboardInterrupt):
        label(Counting(15), corpus(tmp_path), tmp_path / "out", shard_size=10)
    return tmp_path / "out"


def test_changed_job_is_rejected(tmp_path: Path, begun: Path) -> None:
    before = contents(begun)
    source = corpus(tmp_path)
    assert "the teacher changed (from counting to" in error(
        lambda: label(TEACHER, source, begun, shard_size=10)
    )
    assert "the shard size changed" in error(lambda: label(Counting(), source, begun))
    renamed = Counting()
    renamed.classes = ("short", "long")
    assert "the classes of the teacher changed" in error(lambda: label(renamed, source, begun, shard_size=10))
    several = Counting()
    several.multi_label = True
    assert "the multi-label setting" in error(lambda: label(several, source, begun, shard_size=10))
    longer = corpus(tmp_path, 26, "longer.txt")
    assert "the corpus changed" in error(lambda: label(Counting(), longer, begun, shard_size=10))
    (tmp_path / "corpus.txt").write_text((tmp_path / "corpus.txt").read_text().replace("text 3", "text 4"))
    assert "the corpus changed" in error(lambda: label(Counting(), source, begun, shard_size=10))
    tsv = Corpus(tmp_path / "corpus.txt", Columns(text=" text 0", files=FileOptions("tsv")))
    corpus(tmp_path)
    assert "the columns of the corpus changed" in error(lambda: label(Counting(), tsv, begun, shard_size=10))
    latin = Corpus(tmp_path / "corpus.txt", Columns(files=FileOptions(encoding="latin-1")))
    assert "the columns of the corpus changed" in error(
        lambda: label(Counting(), latin, begun, shard_size=10)
    )
    assert contents(begun) == before
    moved = corpus(tmp_path, name="moved.txt")
    label(Counting(), moved, begun, shard_size=10)


def test_corpus_that_changes_during_the_run_is_rejected(tmp_path: Path) -> None:
    class Shortening(Counting):
        def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
            corpus(tmp_path, 2)
            return super().score(texts, text_pair)

    # The first file is longer than what is read ahead: the second one is shortened before it is read.
    source = Corpus([corpus(tmp_path, 8 * 1024, "a.txt").files[0], corpus(tmp_path, 5).files[0]])
    assert "changed while" in error(lambda: label(Shortening(), source, tmp_path / "out"))
    assert list(contents(tmp_path / "out")) == ["manifest.json"]


def test_unfinished_labelling_cannot_be_opened(tmp_path: Path, begun: Path) -> None:
    message = error(lambda: SoftTargets.open(begun))
    assert "not finished (10 of 25 texts)" in message
    assert "sparsedistill label" in message
    assert "has no soft targets" in error(lambda: SoftTargets.open(tmp_path / "nowhere"))


def test_damaged_shards_are_rejected(tmp_path: Path) -> None:
    out = tmp_path / "out"
    label(TEACHER, corpus(tmp_path), out, shard_size=10)
    shard = out / "shard-00001.parquet"
    whole = shard.read_bytes()
    flipped = bytearray(whole)
    flipped[100] ^= 1
    for content, reason in ((whole[:-10], "truncated"), (b"", "truncated"), (bytes(flipped), "damaged")):
        shard.write_bytes(content)
        for action in (
            lambda: SoftTargets.open(out),
            lambda: label(TEACHER, corpus(tmp_path), out, shard_size=10),
        ):
            message = error(action)
            assert message.startswith(f"{shard} is ")
            assert reason in message
    shard.unlink()
    assert error(lambda: SoftTargets.open(out)).startswith(f"{shard} is missing")
    shard.write_bytes(whole)
    assert len(SoftTargets.open(out)) == 25


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
def test_damaged_manifest(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    assert "manifest.json cannot be used" in error(lambda: SoftTargets.open(tmp_path))


@pytest.mark.parametrize("key", ["teacher", "classes", "columns", "complete", "shards"])
def test_manifest_without_a_key(tmp_path: Path, key: str) -> None:
    label(TEACHER, corpus(tmp_path), tmp_path / "out")
    damaged = read_json(tmp_path / "out")
    del damaged[key]
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(damaged))
    for action in (
        lambda: SoftTargets.open(tmp_path / "out"),
        lambda: label(TEACHER, corpus(tmp_path), tmp_path / "out"),
    ):
        message = error(action)
        assert "manifest.json cannot be used" in message
        assert f"`{key}`" in message


@pytest.mark.parametrize("key", ["name", "rows", "size", "hash"])
def test_shard_entry_without_a_key(tmp_path: Path, key: str) -> None:
    label(TEACHER, corpus(tmp_path), tmp_path / "out", shard_size=10)
    damaged = read_json(tmp_path / "out")
    del damaged["shards"][1][key]
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(damaged))
    message = error(lambda: SoftTargets.open(tmp_path / "out"))
    assert "manifest.json cannot be used" in message
    assert f"`{key}`" in message


def test_values_of_the_manifest_have_the_right_type(tmp_path: Path) -> None:
    label(TEACHER, corpus(tmp_path), tmp_path / "out")
    whole = read_json(tmp_path / "out")
    changes: list[dict[str, Any]] = [
        {"complete": "yes"},
        {"texts": "25"},
        {"classes": "ab"},
        {"shards": {}},
        {"format": None},
    ]
    for change in changes:
        (tmp_path / "out" / "manifest.json").write_text(json.dumps(whole | change))
        assert "cannot be used" in error(lambda: SoftTargets.open(tmp_path / "out"))


@pytest.mark.parametrize("name", ["{absolute}", "../shard-00000.parquet", "in/shard.parquet", "..", ".", ""])
def test_shard_names_stay_inside_the_directory(tmp_path: Path, name: str) -> None:
    label(TEACHER, corpus(tmp_path), tmp_path / "out")
    shard = tmp_path / "out" / "shard-00000.parquet"
    (tmp_path / "out" / "in").mkdir()
    for copy in (tmp_path / shard.name, tmp_path / "out" / "in" / "shard.parquet"):
        copy.write_bytes(shard.read_bytes())
    damaged = read_json(tmp_path / "out")
    damaged["shards"][0]["name"] = name.format(absolute=shard)
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(damaged))
    assert "is not a plain file name" in error(lambda: SoftTargets.open(tmp_path / "out"))


def test_manifest_is_that_of_format_1(tmp_path: Path) -> None:
    """The bytes of the file, so that labellings of earlier versions open and resume."""
    teacher = CallableTeacher(scores, ("läng", "kurz"), name="f")
    label(teacher, corpus(tmp_path, 2), tmp_path / "out")
    written = (tmp_path / "out" / "manifest.json").read_text("ascii")
    loaded = json.loads(written)
    file, shard = loaded["corpus"][0], loaded["shards"][0]
    assert loaded == {
        "format": 1,
        "teacher": teacher.fingerprint(),
        "classes": ["läng", "kurz"],
        "multi_label": False,
        "corpus": [{"name": str(tmp_path / "corpus.txt"), "size": file["size"], "hash": file["hash"]}],
        "columns": {
            "text": "text",
            "text_pair": None,
            "scores": None,
            "formats": [["txt", None, False]],
            "delimiter": None,
            "encoding": None,
        },
        "shard_size": 20_000,
        "teacher_name": "f",
        "texts": 2,
        "complete": True,
        "shards": [
            {"name": "shard-00000.parquet", "rows": 2, "size": shard["size"], "hash": shard["hash"]},
        ],
    }
    assert list(loaded) == [
        *("format", "teacher", "classes", "multi_label", "corpus", "columns", "shard_size", "teacher_name"),
        *("texts", "complete", "shards"),
    ]
    assert written == json.dumps(loaded, indent=1) + "\n"
    for key in ("delimiter", "encoding"):  # earlier versions did not write these
        del loaded["columns"][key]
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(loaded, indent=1) + "\n")
    assert len(label(teacher, corpus(tmp_path, 2), tmp_path / "out")) == 2


def test_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.txt")
    path.write_text("a\nb\n")
    assert len(label(TEACHER, Corpus(path), tmp_path / "out")) == 2
    assert len(label(TEACHER, Corpus(path), tmp_path / "out")) == 2


def test_what_json_cannot_hold_fails_before_scoring(tmp_path: Path) -> None:
    class NotJson(Counting):
        def fingerprint(self) -> dict[str, Any]:
            return {"kind": "counting", "version": float("nan")}

    teacher = NotJson()
    assert "cannot be used" in error(lambda: label(teacher, corpus(tmp_path), tmp_path / "out"))
    assert teacher.scored == []


def test_scores_may_be_a_list_of_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,no,yes\na,0.25,0.75\n")
    columns = Columns(scores=["no", "yes"])  # type: ignore[arg-type]
    teacher = FileTeacher(("no", "yes"))
    for _ in range(2):
        assert len(label(teacher, Corpus(tmp_path / "a.csv", columns), tmp_path / "out")) == 1


def test_manifest_of_another_format(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": 2}')
    assert "has format 2" in error(lambda: SoftTargets.open(tmp_path))


def test_output_with_other_files_is_rejected(tmp_path: Path) -> None:
    source = corpus(tmp_path)
    (tmp_path / ".other.partial").write_text("other")
    assert "contains other files" in error(lambda: label(TEACHER, source, tmp_path))
    assert (tmp_path / ".other.partial").exists()
    assert "cannot be created" in error(lambda: label(TEACHER, source, tmp_path / "corpus.txt"))
    assert "at least 1" in error(lambda: label(TEACHER, source, tmp_path / "out", shard_size=0))


def test_invalid_corpus_is_rejected_before_scoring(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"good\n" * 30 + b"\xff\n")
    teacher = Counting()
    message = error(lambda: label(teacher, Corpus(tmp_path / "bad.txt"), tmp_path / "out", shard_size=10))
    assert "bad.txt, line 31" in message
    assert teacher.scored == []
    assert not (tmp_path / "out").exists()
    stream = Corpus("-", Columns(files=FileOptions("txt")))
    assert "read twice" in error(lambda: label(teacher, stream, tmp_path / "out"))


def test_scores_must_be_finite(tmp_path: Path) -> None:
    class Broken(Counting):
        def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
            return np.full((len(texts), 2), np.nan, dtype=np.float32)

    assert "not finite" in error(lambda: label(Broken(), corpus(tmp_path), tmp_path / "out"))
    assert list(contents(tmp_path / "out")) == ["manifest.json"]


def test_second_process_is_rejected(tmp_path: Path) -> None:
    source = corpus(tmp_path)
    messages = []

    class Second(Counting):
        def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
            messages.append(error(lambda: label(Counting(), source, tmp_path / "out")))
            return super().score(texts, text_pair)

    label(Second(), source, tmp_path / "out")
    assert "another process" in messages[0]
    label(Counting(), source, tmp_path / "out")


def test_full_disk_keeps_finished_shards(tmp_path: Path) -> None:
    """A limit on the size of files simulates a full disk."""
    texts = np.random.default_rng(0).integers(0, 10**18, 20_000).astype(str)
    (tmp_path / "a.txt").write_text("\n".join([*["x"] * 2000, *texts]))
    script = SLOW_TEACHER.replace("700", "2000").replace("label(Call", "try:\n label(Call")
    script += "except ValueError as error: print(error)"
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.txt"), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert run.stdout.startswith(f"{tmp_path / 'out' / 'shard-00001.parquet'} could not be written because")
    assert list(contents(tmp_path / "out")) == ["manifest.json", "shard-00000.parquet"]


# --- Parts ---


@pytest.mark.parametrize("of", [2, 3, 9])
def test_parts_make_the_labelling_of_one_process(tmp_path: Path, of: int) -> None:
    source = corpus(tmp_path, 2500)
    label(Counting(), source, tmp_path / "whole", shard_size=600)
    scored = 0
    for number in range(of, 0, -1):
        teacher = Counting()
        found = label_part(teacher, source, tmp_path / "out", Part(number, of), shard_size=600)
        assert found.texts == len(teacher.scored)
        assert found.complete == (number == 1 or scored + found.texts == 2500)
        scored += found.texts
    assert scored == 2500
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(contents(tmp_path / "whole"))


def test_a_part_resumes_whatever_the_number_of_parts(tmp_path: Path) -> None:
    source = corpus(tmp_path, 100)
    label(Counting(), source, tmp_path / "whole", shard_size=10)
    with pytest.raises(KeyboardInterrupt):
        label_part(Counting(25), source, tmp_path / "out", Part(2, 2), shard_size=10)
    label_part(Counting(), source, tmp_path / "out", Part(1, 3), shard_size=10)
    teacher = Counting()
    assert len(label(teacher, source, tmp_path / "out", shard_size=10)) == 100
    assert len(teacher.scored) == 100 - 30 - 20
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_part_does_not_read_the_corpus_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [corpus(tmp_path, 20, f"{name}.txt").files[0] for name in "abc"]
    label_part(Counting(), Corpus(files), tmp_path / "out", Part(1, 3), shard_size=10)
    read: list[str] = []
    original = Source.read

    def reading(source: Source, *arguments: Any, **options: Any) -> Any:
        read.append(source.path)
        return original(source, *arguments, **options)

    monkeypatch.setattr(Source, "read", reading)
    label_part(Counting(), Corpus(files), tmp_path / "out", Part(3, 3), shard_size=10)
    assert read == files[2:]


def test_a_part_that_runs_is_refused(tmp_path: Path) -> None:
    source = corpus(tmp_path)
    label_part(Counting(), source, tmp_path / "out", Part(1, 3), shard_size=10)
    with Ledger(tmp_path / "out").locked(Part(2, 3).name):
        message = error(lambda: label_part(Counting(), source, tmp_path / "out", Part(2, 3), shard_size=10))
        assert f"Part 2/3 of {tmp_path / 'out'} is being written by another process" in message
        label_part(Counting(), source, tmp_path / "out", Part(3, 3), shard_size=10)
    message = error(lambda: label_part(TEACHER, source, tmp_path / "out", Part(2, 3), shard_size=10))
    assert "the teacher changed" in message
    assert "the shard size changed" in error(
        lambda: label_part(Counting(), source, tmp_path / "out", Part(2, 3), shard_size=9)
    )
    assert label_part(Counting(), source, tmp_path / "out", Part(2, 3), shard_size=10).complete


def test_several_labellings_are_one(tmp_path: Path) -> None:
    whole = label(TEACHER, corpus(tmp_path, 5), tmp_path / "whole").all()
    for name, rows in (("a", (0, 2)), ("b", (2, 5))):
        lines = (tmp_path / "corpus.txt").read_text().splitlines(keepends=True)[slice(*rows)]
        (tmp_path / f"{name}.txt").write_text("".join(lines))
        label(TEACHER, Corpus(tmp_path / f"{name}.txt"), tmp_path / name)
    both = SoftTargets.open_all([tmp_path / "a", tmp_path / "b"])
    assert (len(both), both.sizes) == (5, (2, 3))
    assert both.all().texts.equals(whole.texts)
    np.testing.assert_array_equal(both.all().logits, whole.logits)
    assert "are given twice" in error(lambda: SoftTargets.open_all([tmp_path / "a", tmp_path / "a"]))
    label(Counting(), corpus(tmp_path), tmp_path / "other")
    message = error(lambda: SoftTargets.open_all([tmp_path / "a", tmp_path / "other"]))
    assert "are of different teachers or of different kinds of texts" in message


def test_remembered_texts_are_the_first_of_equal_ones(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\nyy\nx\n")
    targets = label(TEACHER, Corpus(tmp_path / "a.txt"), tmp_path / "a")
    teacher = Counting()
    fingerprint = TEACHER.fingerprint()
    teacher.fingerprint = lambda: fingerprint  # type: ignore[method-assign]
    remembering = RememberingTeacher(teacher, [targets])
    scores = remembering.score(["yy", "z", "x", "yy"])
    assert teacher.scored == ["z"]
    np.testing.assert_array_equal(scores[[0, 2, 3]], targets.all().logits[[1, 0, 1]])
    assert RememberingTeacher(teacher, []).score(["yy"]).shape == (1, 2)


def test_nothing_is_read_if_nothing_is_held_out(tmp_path: Path) -> None:
    targets = label(TEACHER, corpus(tmp_path), tmp_path / "out", shard_size=10)
    for shard in targets.shards:
        shard.rename(shard.with_suffix(".moved"))
    examples = SoftExamples(targets, pa.array([], pa.large_string()))
    assert (examples.sizes, examples.left_out) == ([10, 10, 5], 0)
    for shard in targets.shards:
        shard.with_suffix(".moved").rename(shard)
    held_out = identities(targets.read(1).texts[:3], None)
    examples = SoftExamples(targets, held_out)
    assert examples.left_out == 3
    assert examples.sizes == [10, 7, 5]
