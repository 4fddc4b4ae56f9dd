"""Counts that do not fit into memory, and counts of parts."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.sentences import error

from sparsedistill import Corpus, CountingConfig, TokenizerConfig, Vocabulary, _core
from sparsedistill._internal.ledger import Ledger
from sparsedistill._internal.part import Part
from sparsedistill.vocabulary import counts
from sparsedistill.vocabulary.counts import count_part, count_shard, merge_counts

TOKENIZER = TokenizerConfig(3)
COUNTING = CountingConfig(max_rows=5000)


@pytest.fixture
def corpus(tmp_path: Path, shared_data: Path) -> Corpus:
    """400 reviews in four files and one without rows."""
    reviews = Corpus(shared_data / "imdb" / "unlabeled.tsv.gz").head(400).texts.to_pylist()
    (tmp_path / "in").mkdir()
    for i in range(4):
        lines = (" ".join(text.splitlines()) + "\n" for text in reviews[i::4])
        (tmp_path / "in" / f"{i}.txt").write_text("".join(lines))
    (tmp_path / "in" / "none.txt").write_text("")
    return Corpus(tmp_path / "in")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def count(
    corpus: Corpus, folder: Path, part: str, settings: dict[str, str] | None = None, **options: Any
) -> Any:
    counting = CountingConfig(**{"max_rows": 5000, **options})
    divided = Part.parse(part)
    return count_part(corpus.share(divided), folder, divided, settings or {}, TOKENIZER, counting)


@pytest.mark.parametrize("of", [2, 5, 7])
def test_parts_give_the_vocabulary_of_one_process(corpus: Corpus, tmp_path: Path, of: int) -> None:
    Vocabulary.build(corpus, TOKENIZER, COUNTING, threads=1).save(tmp_path / "whole")
    records = [count(corpus, tmp_path / "counts", f"{i}/{of}") for i in range(of, 0, -1)]
    assert sum(record.texts for record in records) == 400
    assert sum(record.ngrams == 0 for record in records) == {2: 0, 5: 1, 7: 3}[of]
    counted, tokenizer = merge_counts(tmp_path / "counts")
    Vocabulary.from_counts(counted, tokenizer, corpus).save(tmp_path / "merged")
    assert files(tmp_path / "merged") == files(tmp_path / "whole")


def test_counts_that_go_to_disk_are_exact(corpus: Corpus, tmp_path: Path) -> None:
    texts = [text for batch in corpus.batches() for text in batch.texts.to_pylist()]
    whole = _core.Counter(TOKENIZER.core, False, 1 << 30, 2, "")
    whole.add(texts)
    merged = _core.MergedCounts(str(tmp_path))
    for begin in range(0, 400, 2):
        part = _core.Counter(TOKENIZER.core, False, 1 << 28, 1, str(tmp_path))
        part.add(texts[begin : begin + 2])
        part.write(str(tmp_path / "part"))
        merged.add(str(tmp_path / "part"))
        (tmp_path / "part").unlink()
    for most, least in ((1000, 1), (10**9, 2), (7, 1)):
        for found, expected in zip(merged.select(most, least), whole.select(most, least), strict=True):
            assert found.dtype == np.uint64
            np.testing.assert_array_equal(found, expected)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_part_is_counted_once(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = count(corpus, tmp_path / "counts", "1/2")
    monkeypatch.setattr(counts, "count_shard", None)
    assert count(corpus, tmp_path / "counts", "1/2") == first
    monkeypatch.undo()
    path = tmp_path / "counts" / "part-00001-of-00002.counts"
    whole = path.read_bytes()
    path.write_bytes(whole[:-16])
    assert count(corpus, tmp_path / "counts", "1/2") == first
    assert path.read_bytes() == whole
    with Ledger(tmp_path / "counts").locked("part-00001-of-00002"):
        message = error(lambda: count(corpus, tmp_path / "counts", "1/2"))
    assert "Part 1/2 of" in message
    assert "is being counted by another process" in message


def test_parts_that_do_not_fit_together_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    folder = tmp_path / "counts"
    count(corpus, folder, "1/2", {"corpus": "a"})
    for message, part, settings, options in (
        ("another number of parts (2, now 3)", "1/3", {"corpus": "a"}, {}),
        ("another least count (2, now 3)", "2/2", {"corpus": "a"}, {"min_count": 3}),
        ("another way of counting", "2/2", {"corpus": "a"}, {"by_document": True}),
        ("another corpus (a, now b)", "2/2", {"corpus": "b"}, {}),
    ):
        assert message in error(lambda: count(corpus, folder, part, settings, **options))  # noqa: B023
    message = error(lambda: count(corpus, folder, "2/2", {"corpus": "a"}, exact=False))
    assert "Only exact counts can be added up" in message
    assert "lacks 1 of 2 parts (part-00002-of-00002 is the first)" in error(lambda: merge_counts(folder))
    count(corpus, folder, "2/2", {"corpus": "a"})
    path = folder / "part-00002-of-00002.counts"
    whole = path.read_bytes()
    path.write_bytes(whole[16:])
    assert "is damaged (its digest differs)" in error(lambda: merge_counts(folder))
    path.unlink()
    assert "is missing" in error(lambda: merge_counts(folder))
    assert "has no counts" in error(lambda: merge_counts(tmp_path / "in"))


def test_damaged_counts_are_refused(tmp_path: Path) -> None:
    for words, message in (
        ([16, 1, 8, 1], "not in the order"),
        ([8, 0], "count of 0"),
        ([8, 1, 16], "cut off"),
    ):
        np.array(words, np.uint64).tofile(tmp_path / "run")
        merged = _core.MergedCounts(str(tmp_path))
        merged.add(str(tmp_path / "run"))
        with pytest.raises(ValueError, match=message):
            merged.select(10, 1)
    with pytest.raises(FileNotFoundError):
        merged.add(str(tmp_path / "nothing"))


def test_a_full_disk_is_a_sentence(corpus: Corpus, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    counter = _core.Counter(TOKENIZER.core, False, 1 << 28, 1, "")
    counter.add(["a b c"])
    with pytest.raises(OSError, match="No space left") as full:
        counter.write("/dev/full")
    assert full.value.errno == 28
    with pytest.raises(FileNotFoundError):
        counter.write(str(tmp_path / "no" / "folder"))


def test_tasks_travel(corpus: Corpus, tmp_path: Path) -> None:
    moved = pickle.dumps((count_shard, corpus, tmp_path / "a.counts", TOKENIZER, COUNTING))
    call, *arguments = pickle.loads(moved)
    record = call(*arguments)
    assert record.ngrams * 16 == (tmp_path / "a.counts").stat().st_size
    assert count_shard(corpus, tmp_path / "b.counts", TOKENIZER, COUNTING, threads=1) == record
