"""How a corpus is cut into parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparsedistill.data.corpus import Corpus
from sparsedistill.labeling.plan import next_shard, parts_of


@pytest.mark.parametrize("shard_size", [1, 700, 1024, 1500, 5000])
def test_parts_fill_shards_in_order(tmp_path: Path, shard_size: int) -> None:
    texts = [f"text {i}" for i in range(2500)]
    (tmp_path / "a.txt").write_text("\n".join(texts))
    parts = list(parts_of(Corpus(tmp_path / "a.txt"), shard_size))
    assert [text for part in parts for text in part.rows.texts.to_pylist()] == texts
    assert max(len(part.rows) for part in parts) <= 1024
    row = 0
    for part in parts:
        assert part.shard == row // shard_size
        row += len(part.rows)
        assert part.last == (row % shard_size == 0)


def test_next_shard_takes_one_shard(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\nb\nc\nd\ne\n")
    parts = parts_of(Corpus(tmp_path / "a.txt"), 2)
    shards = [[text for rows in next_shard(parts) for text in rows.texts.to_pylist()] for _ in range(4)]
    assert shards == [["a", "b"], ["c", "d"], ["e"], []]
