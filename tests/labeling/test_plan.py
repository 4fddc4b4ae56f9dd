"""How a corpus is cut into shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparsedistill.data.corpus import Corpus
from sparsedistill.labeling.plan import ShardPlan, ShardReader

SIZES = [700, 0, 1, 1299, 500]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """2,500 texts in five files."""
    row = 0
    for name, size in zip("abcde", SIZES, strict=True):
        lines = [f"text {i}\n" for i in range(row, row + size)]
        (tmp_path / f"{name}.txt").write_text("".join(lines))
        row += size
    return Corpus(tmp_path)


def read(corpus: Corpus, plan: ShardPlan, numbers: list[int]) -> list[list[list[str]]]:
    reader = ShardReader(corpus, plan)
    return [[part.texts.to_pylist() for part in reader.read(number)] for number in numbers]


@pytest.mark.parametrize("shard_size", [1, 3, 700, 1024, 1500, 5000])
def test_shards_have_the_rows_in_order(corpus: Corpus, shard_size: int) -> None:
    plan = ShardPlan(shard_size, SIZES)
    assert plan.texts == 2500
    shards = read(corpus, plan, list(range(plan.shards)))
    assert [sum(map(len, parts)) for parts in shards] == [plan.size(i) for i in range(plan.shards)]
    assert [text for parts in shards for part in parts for text in part] == [f"text {i}" for i in range(2500)]
    for parts in shards:
        assert [len(part) for part in parts[:-1]] == [1024] * (len(parts) - 1)


@pytest.mark.parametrize("shard_size", [100, 699, 1100])
def test_parts_do_not_depend_on_the_shards_before(corpus: Corpus, shard_size: int) -> None:
    plan = ShardPlan(shard_size, SIZES)
    whole = read(corpus, plan, list(range(plan.shards)))
    for numbers in ([plan.shards - 1], [1, plan.shards - 1], list(range(0, plan.shards, 2))):
        assert read(corpus, plan, numbers) == [whole[number] for number in numbers]


def test_files_before_the_first_shard_are_not_read(corpus: Corpus, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").unlink()
    assert read(corpus, ShardPlan(100, SIZES), [7]) == [[[f"text {i}" for i in range(700, 800)]]]


def test_a_corpus_that_has_become_shorter_ends(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "e.txt").write_text("text 2000\n")
    assert read(corpus, ShardPlan(300, SIZES), [6, 7]) == [
        [[f"text {i}" for i in range(1800, 2001)]],
        [],
    ]
