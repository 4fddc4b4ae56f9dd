"""The model card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparsedistill import Student, TokenizerConfig, Vocabulary
from sparsedistill.model.card import model_card
from sparsedistill.model.record import (
    Calibration,
    CompressionRecord,
    CompressionStep,
    DeferralRecord,
    EvaluationRecord,
    Quality,
)
from sparsedistill.model.weights import StudentWeights

TEACHER = Quality(0.95, 0.94, 0.2, 0.03, 12.5)
STUDENT = Quality(0.93, 0.92, 0.25, 0.02, 20_000.0, 276.5, 0.979, 0.96)
COMPACT = replace(STUDENT, texts_per_second=90_000.0, megabytes=8.0)


def card(evaluation: EvaluationRecord) -> str:
    vocabulary = Vocabulary.from_ngrams(["good", "bad"], TokenizerConfig(2))
    one, zero = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    student = Student(vocabulary, StudentWeights(one, one, zero, one, zero), ("no", "yes"))
    return model_card(replace(student, evaluation=evaluation).config(), "films")


def test_a_student_without_figures_has_a_card_without_them() -> None:
    text = card(EvaluationRecord())
    assert text.startswith("---\nlibrary_name: sparsedistill\n")
    assert "# films" in text
    assert 'Student.from_pretrained("films")' in text
    assert "## " not in text


def test_all_figures_have_a_row_and_a_column() -> None:
    text = card(EvaluationRecord(500, "accuracy", 1, TEACHER, STUDENT, COMPACT, coverage=0.98, left_out=3))
    assert "|  | teacher | student | compact |" in text
    assert "| accuracy | 0.95 | 0.93 | 0.93 |" in text
    assert "| texts_per_second | 12.5 | 20,000 | 90,000 |" in text
    assert "| megabytes |  | 276.5 | 8 |" in text
    assert "| retention |  | 0.979 | 0.979 |" in text
    for fact in ("- texts: 500", "- metric: accuracy", "- coverage: 0.98", "- threads: 1", "- left_out: 3"):
        assert fact in text


def test_figures_that_were_not_measured_have_no_row() -> None:
    text = card(EvaluationRecord(500, "accuracy", 1, student=Quality(0.93, 0.92, 0.25, 0.02)))
    assert "|  | student |" in text
    for name in ("teacher", "megabytes", "retention", "left_out"):
        assert name not in text


def test_compression_calibration_and_deferral_have_sections() -> None:
    steps = [CompressionStep("cut to 2 dimensions", 1.0, 0.0001, 0.01)]
    points = [{"deferred": 0.0, "threshold": 0.0, "accuracy": 0.93}]
    text = card(
        EvaluationRecord(
            compression=CompressionRecord(1000, steps),
            calibration=Calibration(1.5, 200, "labels", 0.4, 0.3, 0.1, 0.02),
            deferral=DeferralRecord(500, "accuracy", points),
        )
    )
    assert "on 1,000 held-out texts" in text
    assert "| cut to 2 dimensions | 1 | 0.0001 | 0.01 |" in text
    assert "Temperature 1.5" in text
    assert "| ece | 0.1 | 0.02 |" in text
    assert "| deferred | threshold | accuracy |\n| --- | ---: | ---: |\n| 0 | 0 | 0.93 |" in text
