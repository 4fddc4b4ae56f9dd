"""Arguments of the wrong type or out of range, which are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.sentences import error
from support.students import good_or_bad

from sparsedistill import (
    Columns,
    CountingConfig,
    LLMQuestion,
    LLMServer,
    Student,
    TokenizerConfig,
    Vocabulary,
)
from sparsedistill.data import FileOptions
from sparsedistill.filtering import FilterConfig
from sparsedistill.pipeline.config import DistillationConfig, StudentConfig
from sparsedistill.teachers.finetuning import FinetuningConfig
from sparsedistill.training.config import TrainingConfig

STUDENT = good_or_bad()
wrong: Any = "2"  # of a type that mypy would find


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: TokenizerConfig(wrong), "TokenizerConfig: max_ngram is '2': give a value of type int"),
        (lambda: TokenizerConfig(max_ngram=True), "max_ngram is True"),
        (lambda: CountingConfig(min_count=1.5), "min_count is 1.5"),  # type: ignore[arg-type]
        (lambda: CountingConfig(memory=2**63), "memory is 9223372036854775808"),
        (lambda: TrainingConfig(steps=wrong), "steps is '2'"),
        (lambda: TrainingConfig(steps=2**31), "it must be less than 2^31"),
        (lambda: TrainingConfig(class_weights=(1.0, float("inf"))), "A class weight is inf"),
        (lambda: FinetuningConfig(seed=2**63), "The seed of the teacher is 9223372036854775808"),
        (lambda: StudentConfig(dim=wrong), "dim is '2'"),
        (lambda: DistillationConfig(student=wrong), "student is '2'"),
        (lambda: FilterConfig(keep=5), "keep is 5"),  # type: ignore[arg-type]
        (lambda: Columns(5), "text is 5"),  # type: ignore[arg-type]
        (lambda: FileOptions(delimiter=5), "delimiter is 5"),  # type: ignore[arg-type]
        (lambda: LLMServer(5, "m"), "url is 5"),  # type: ignore[arg-type]
        (lambda: LLMQuestion("{text}", bounds=(0, wrong)), "bounds is (0, '2')"),
        (lambda: STUDENT("good", top_k=wrong), "top_k is '2': give a whole number"),
        (lambda: STUDENT("good", top_k=1.5), "top_k is 1.5"),  # type: ignore[arg-type]
        (lambda: STUDENT.predict(["good"], threads=wrong), "threads is '2': give a whole number"),
        (lambda: STUDENT.predict(["good"], threads=2**64), "it must be at most 1,048,576"),
        (lambda: STUDENT.predict(wrong), "texts is a single str"),
        (lambda: STUDENT.predict(str), "texts is a type"),
        (lambda: Student.from_pretrained(None), "The student is named None"),  # type: ignore[arg-type]
        (lambda: Student.from_pretrained(""), "The student is named ''"),
        (lambda: STUDENT.save_pretrained(None), "None is not a path"),  # type: ignore[arg-type]
        (lambda: STUDENT.save_pretrained("a\0b"), "'a\\x00b' is not a path"),
        (lambda: STUDENT.explain("good").strongest("good", 1.5), "count is 1.5"),  # type: ignore[arg-type]
        (lambda: Student.from_pretrained("a" * 5000), "File name too long"),
        (lambda: Vocabulary.from_ngrams("good"), "ngrams is a single str"),
        (lambda: Vocabulary.from_ngrams([1]), "Text 0 of ngrams has type int"),  # type: ignore[list-item]
    ],
)
def test_what_is_refused(action: Callable[[], object], message: str) -> None:
    assert message in error(action)


def test_what_is_taken() -> None:
    assert TokenizerConfig(int(np.int64(2))) == TokenizerConfig(np.int64(2))
    assert STUDENT.predict(["good"], threads=np.int64(2)).tolist() == ["good"]
    assert len(Vocabulary.from_ngrams(["good", "\ud800"], TokenizerConfig(1))) == 2
    texts = (text for text in ["a good film", "a bad film"])
    vocabulary = Vocabulary.build(texts, TokenizerConfig(1), CountingConfig(min_count=1))
    assert set(vocabulary.ngrams or ()) == {"a", "good", "bad", "film"}
