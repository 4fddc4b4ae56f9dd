"""The model card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparsedistill import Student, TokenizerConfig, Vocabulary
from sparsedistill.model.card import model_card
from sparsedistill.model.record import (
    BaselineRecord,
    Calibration,
    CompressionRecord,
    CompressionStep,
    DeferralRecord,
    EvaluationRecord,
    GroupAccuracy,
    GroupRecord,
    Quality,
    StandardErrors,
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


def test_all_classifiers_have_a_row_with_errors() -> None:
    errors = StandardErrors(0.0112, 0.012, 0.01, 0.003)
    baselines = {
        "tfidf": BaselineRecord("TF-IDF + LR", replace(TEACHER, accuracy=0.91, errors=errors), {"C": 4.0})
    }
    student = replace(STUDENT, lead_kept=0.5, errors=errors)
    text = card(
        EvaluationRecord(
            500,
            "accuracy",
            1,
            TEACHER,
            student,
            COMPACT,
            coverage=0.98,
            left_out=3,
            baselines=baselines,
            warnings=["The teacher is poor: train it longer."],
            by="language",
            groups=[GroupRecord("tea", 50, 0.9, {"student": GroupAccuracy(0.5, 0.07)})],
        )
    )
    assert (
        "|  | accuracy % | macro F1 % | log loss | calibration error % | retention % | lead kept % |" in text
    )
    assert "| TF-IDF + LR | 91.0 ± 1.1 | 94.0 ± 1.2 | 0.200 ± 0.010 | 3.0 ± 0.3 |" in text
    assert "| teacher | 95.0 | 94.0 | 0.200 | 3.0 |  |  |  | 12 | 1x |  |" in text
    assert "| student | 93.0 ± 1.1 | 92.0 ± 1.2 | 0.250 ± 0.010 | 2.0 ± 0.3 | 97.9 | 50.0 | 96.0 |" in text
    assert "- **Warning:** The teacher is poor: train it longer." in text
    assert "- TF-IDF + LR: C = 4." in text
    assert "## By language" in text
    assert "| tea | 50 | 90.0 | 50.0 ± 7.0 |" in text
    for fact in ("- texts: 500", "- metric: accuracy", "- coverage: 0.98", "- threads: 1", "- left_out: 3"):
        assert fact in text


def test_figures_that_were_not_measured_have_no_column() -> None:
    text = card(EvaluationRecord(500, "accuracy", 1, student=Quality(0.93, 0.92, 0.25, 0.02)))
    assert "| student | 93.0 | 92.0 | 0.250 | 2.0 |\n" in text
    for name in ("teacher", "MB", "retention", "Retention", "Lead kept", "±", "left_out", "Warning", "## By"):
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
