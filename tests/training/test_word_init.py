"""Initial rows of words in students of pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from teachers.test_teacher import save_classifier

from sparsedistill import (
    Columns,
    CountingConfig,
    DistillationConfig,
    StudentConfig,
    TokenizerConfig,
    TrainingConfig,
    Vocabulary,
    distill,
)
from sparsedistill.data.labelled import Labelled
from sparsedistill.model.weights import StudentWeights
from sparsedistill.teachers.callable import CallableTeacher
from sparsedistill.teachers.transformers import TransformersTeacher
from sparsedistill.training.word_init import init_word_rows

TEXTS = ["a film about the sea", "a film about the sea again", "the dull sea", "the the the the film"] * 2


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> TransformersTeacher:
    return TransformersTeacher(save_classifier(tmp_path_factory.mktemp("teacher")), half_precision=False)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.build(TEXTS, TokenizerConfig(2), CountingConfig(min_count=1))


def test_encoder_vector_is_the_mean_of_its_last_states(teacher: TransformersTeacher) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = ["sea", "a film about the sea", ""]
    network, tokenizer = (kind.from_pretrained(teacher.name) for kind in (AutoModel, AutoTokenizer))
    with torch.inference_mode():
        for text, found in zip(texts, teacher.read(texts), strict=True):
            states = network(**tokenizer(text, return_tensors="pt")).last_hidden_state
            np.testing.assert_allclose(found, states[0].mean(0).numpy(), atol=1e-4)


def test_initial_rows_keep_the_angles_between_the_encoders_vectors(
    teacher: TransformersTeacher, vocabulary: Vocabulary
) -> None:
    start = init_word_rows(vocabulary, teacher)
    assert start is not None
    assert vocabulary.ngrams is not None
    words = [vocabulary.ngrams[row] for row in start.rows]
    assert sorted(words) == sorted({word for text in TEXTS for word in text.split()})
    read = teacher.read(words)
    read = read / np.linalg.norm(read, axis=1, keepdims=True)
    read -= read.mean(axis=0)
    rows = start.embeddings(64)
    assert rows.shape == (len(words), 64)

    def cosines(vectors: np.ndarray) -> np.ndarray:
        unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        found: np.ndarray = unit @ unit.T
        return found

    np.testing.assert_allclose(cosines(rows), cosines(read), atol=1e-4)
    lengths = dict(zip(words, np.linalg.norm(rows, axis=1), strict=True))
    assert lengths["the"] == min(lengths.values())
    np.testing.assert_allclose(np.linalg.norm(start.embeddings(2), axis=1), list(lengths.values()), rtol=1e-4)


@pytest.mark.parametrize("pair", [True, False])
def test_only_students_of_pairs_get_initial_rows(
    teacher: TransformersTeacher, tmp_path: Path, pair: bool
) -> None:
    """Checked by training with a learning rate that leaves the table unchanged."""
    texts = pa.array([f"{text} {i}" for i, text in enumerate(TEXTS * 5)], pa.large_string())
    labels = np.arange(len(texts)) % 3
    labelled = Labelled(texts, labels, teacher.classes, texts.take(pa.array(labels)) if pair else None)
    still = TrainingConfig(passes=1, least_steps=1, table_learning_rate=1e-12)
    config = DistillationConfig(
        tokenizer=TokenizerConfig(2), training=still, finetuning=still, threads=1, tune=False
    )
    config = replace(config, student=StudentConfig(dim=16, hidden=4))
    columns = Columns("text", "text_pair" if pair else None)
    student = distill(teacher, labelled, output=tmp_path / "out", columns=columns, config=config)
    start = init_word_rows(Vocabulary.load(tmp_path / "out" / "vocabulary"), teacher)
    assert start is not None
    expected = np.zeros((len(student.vocabulary), 16))
    if pair:
        expected[start.rows] = start.embeddings(16)
    assert isinstance(student.weights, StudentWeights)
    np.testing.assert_allclose(student.weights.table, expected, atol=1e-6)


def test_no_initial_rows_without_an_encoder(vocabulary: Vocabulary) -> None:
    function = CallableTeacher(lambda texts: np.zeros((len(texts), 2)), ("a", "b"))
    assert init_word_rows(vocabulary, function) is None
    assert init_word_rows(vocabulary, None) is None
