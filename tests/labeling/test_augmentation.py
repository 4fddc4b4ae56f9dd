"""Augmented copies of labelled texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.sentences import error

from sparsedistill import Corpus, DistillationConfig, Student, StudentConfig, TrainingConfig, distill
from sparsedistill.labeling.augmentation import augmented_copies
from sparsedistill.labeling.soft_targets import SoftTargets
from sparsedistill.teachers.transformers import TransformersTeacher

#: Two groups of similar words, and one that the teacher does not know.
GROUPS = (
    [f"{start}{end}" for start in ("good", "fine", "great", "best") for end in ("", "ly", "er", "ish")],
    [f"{start}{end}" for start in ("film", "movie", "show", "play") for end in ("", "s", "ed", "ing")],
)
TEXTS = ["A good film, really?", "The BEST show; 12 plays.", "好的电影"]


def save_teacher(folder: Path, *, byte_pairs: bool) -> Path:
    """Save a tiny classifier whose input embeddings are those of two groups of words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    words = [word for group in GROUPS for word in group]
    start = "\u0120" if byte_pairs else ""
    known = {word: i for i, word in enumerate(["[UNK]", "[PAD]", "zz" if byte_pairs else "\u2581", "##zz"])}
    known |= {f"{start}{word}": i for i, word in enumerate(words, start=len(known))}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast: Any = PreTrainedTokenizerFast
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]"}
    fast(tokenizer_object=tokenizer, model_max_length=32, **special).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    shape: dict[str, Any] = {"vocab_size": len(known), "max_position_embeddings": 32, **sizes}
    network = BertForSequenceClassification(BertConfig(id2label={0: "bad", 1: "good"}, **shape))
    with torch.no_grad():
        embeddings: Any = network.get_input_embeddings().weight
        for number, group in enumerate(GROUPS):
            for word in group:
                embeddings[known[start + word]] += 3 * torch.eye(16)[number]
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=[False, True], ids=["word pieces", "byte pairs"])
def teacher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TransformersTeacher:
    folder = save_teacher(tmp_path_factory.mktemp("teacher"), byte_pairs=request.param)
    return TransformersTeacher(folder)


def copies(teacher: TransformersTeacher, most: int = 1000, seed: int = 0) -> list[str]:
    found: list[str] = augmented_copies(
        pa.array(TEXTS, pa.large_string()), teacher, most, seed=seed
    ).to_pylist()
    return found


def test_words_are_replaced_by_similar_ones_or_left_out(teacher: TransformersTeacher) -> None:
    found = copies(teacher)
    own = {word.lower() for text in TEXTS for word in re.findall(r"\w+", text)}
    used = {word.lower() for text in found for word in re.findall(r"\w+", text)}
    assert used <= own | set(GROUPS[0]) | set(GROUPS[1])
    assert len(used - own) > 5
    assert any(re.fullmatch(r"A \w+ \w+, really\?", text) for text in found)
    for text in found:
        if (match := re.fullmatch(r"The (\w+) (\w+); 12 (\w+)\.", text)) is not None:
            assert match[1].lower() in GROUPS[0]
            assert {match[2], match[3]} <= set(GROUPS[1])
    assert any(len(text.split()) < 4 for text in found)


def test_copies_are_few_different_and_repeatable(teacher: TransformersTeacher) -> None:
    assert copies(teacher) == copies(teacher)
    assert copies(teacher) != copies(teacher, seed=1)
    assert len(set(copies(teacher)) | set(TEXTS)) == len(copies(teacher)) + len(TEXTS)
    assert len(copies(teacher, most=6)) <= 6
    assert copies(teacher, most=2) == []
    assert len(augmented_copies(pa.array(["good film " * 3_000_000], pa.large_string()), teacher, 1000)) == 0


def test_a_job_without_unlabelled_texts_scores_copies(tmp_path: Path) -> None:
    folder = save_teacher(tmp_path / "teacher", byte_pairs=False)
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(GROUPS[i % 2], 4)) + f" {i}" for i in range(60)]
    labelled = (texts, ["good", "bad"] * 30)
    settings: dict[str, Any] = {
        "student": StudentConfig(dim=4, hidden=4),
        "training": TrainingConfig(steps=3, batch_size=8),
        "finetuning": TrainingConfig(steps=3, batch_size=8),
        "tune": False,
        "compact": False,
    }

    def scored(name: str, augment: int = 100, **options: Any) -> int:
        config = DistillationConfig(**settings, augment=augment)
        distill(folder, labelled, output=tmp_path / name, config=config, **options)
        assert Student.from_pretrained(tmp_path / name / "student").classes == ("bad", "good")
        return len(SoftTargets.open(tmp_path / name / "labels").all().texts)

    train = scored("none", augment=0)
    assert train < scored("copies") <= train + 100
    (tmp_path / "more.txt").write_text("good film\n")
    assert scored("given", unlabelled=Corpus(tmp_path / "more.txt")) == train + 1
    assert not (tmp_path / "given" / "data" / "augmented.parquet").exists()


@pytest.mark.parametrize(("count", "without_copies"), [(60, False), (1_300, True)])
def test_copies_do_not_decide_the_size_of_the_compact_student(
    count: int, without_copies: bool, tmp_path: Path
) -> None:
    folder = save_teacher(tmp_path / "teacher", byte_pairs=False)
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(GROUPS[i % 2], 4)) + f" {i}" for i in range(count)]
    config = DistillationConfig(
        student=StudentConfig(dim=4, hidden=4),
        training=TrainingConfig(steps=3, batch_size=8),
        finetuning=TrainingConfig(steps=3, batch_size=8),
        augment=200,
        tune=False,
    )
    distill(folder, (texts, ["good", "bad"] * (count // 2)), output=tmp_path / "d", config=config)
    compact = Student.from_pretrained(tmp_path / "d" / "compact")
    assert compact.evaluation.compression is not None
    assert (compact.evaluation.compression.texts < count) == without_copies


def test_a_negative_number_of_copies_is_refused() -> None:
    assert "augment is -1" in error(lambda: DistillationConfig(augment=-1))
