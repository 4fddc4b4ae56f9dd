"""Text sets of the comparison, from the data folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from engines import Work

from sparsedistill import Columns, Corpus
from sparsedistill._internal.files import atomic_directory

NEEDED_FILES = (
    *("imdb/train", "imdb/test", "imdb/unlabeled", "sst2/train_sentences", "sst2/dev"),
    "twitter_url/test",
)
DATA_LAYOUT = (
    "It must hold the folders imdb (train, test, unlabeled), sst2 (train_sentences, dev) and twitter_url "
    "(test), with .tsv.gz files that have the columns text (or text_a and text_b) and label. Sources: "
    "reviews of Maas et al. 2011 (ai.stanford.edu/~amaas/data/sentiment), sentences of Socher et al. 2013 "
    "(nlp.stanford.edu/sentiment), tweets of Lan et al. 2017 (languagenet.github.io)."
)


def prepare_texts(work: Work) -> None:
    """Write the text sets as JSON, which a worker reads without any library."""
    folder = work.folder / "texts"
    if folder.exists():
        return
    for name in NEEDED_FILES:
        path = work.data / f"{name}.tsv.gz"
        if not path.is_file():
            sys.exit(f"{path} was not found: pass the data folder with --data. {DATA_LAYOUT}")
    with atomic_directory(folder) as partial:

        def write_set(name: str, texts: list[str], labels: Sequence[int] = ()) -> None:
            content = json.dumps({"texts": texts, "labels": list(labels)}, ensure_ascii=False)
            (partial / f"{name}.json").write_text(content, encoding="utf-8")

        tests, test_labels = _labelled(work.data / "imdb/test.tsv.gz")
        known = set(tests)
        texts, labels = _labelled(work.data / "imdb/train.tsv.gz")
        train = [(text, label) for text, label in zip(texts, labels, strict=True) if text not in known]
        write_set("imdb", tests, test_labels)
        write_set("train", [text for text, _ in train], [label for _, label in train])
        unlabelled = _texts(work.data / "imdb/unlabeled.tsv.gz")
        write_set("unlabelled", [text for text in unlabelled if text not in known])
        sentences = [_texts(work.data / f"sst2/{name}.tsv.gz") for name in ("train_sentences", "dev")]
        write_set("sst2", sentences[0] + sentences[1])
        pairs = [_texts(work.data / "twitter_url/test.tsv.gz", side) for side in ("text_a", "text_b")]
        write_set("tweets", list(dict.fromkeys(pairs[0] + pairs[1])))


def _texts(path: Path, column: str = "text") -> list[str]:
    batches = Corpus([str(path)], Columns(text=column)).batches()
    return [text for batch in batches for text in batch.texts.to_pylist()]


def _labelled(path: Path) -> tuple[list[str], list[int]]:
    texts: list[str] = []
    labels: list[int] = []
    for batch in Corpus([str(path)], Columns(label="label")).batches():
        assert batch.labels is not None
        texts.extend(batch.texts.to_pylist())
        labels.extend(map(int, batch.labels.to_pylist()))
    return texts, labels
