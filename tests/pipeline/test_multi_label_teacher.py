"""A teacher of several labels per text, without labelled texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsedistill import DistillationConfig, StudentConfig, TrainingConfig, distill


class Words:
    """A teacher that finds two words."""

    classes: tuple[str, ...] = ("the", "and")
    multi_label = True
    name = "words"

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        return np.array(
            [[6 * (f" {word} " in text) - 3 for word in self.classes] for text in texts], np.float32
        )

    def fingerprint(self) -> dict[str, Any]:
        return {"kind": "words"}


def test_its_student_has_several_labels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    words = np.array(["the", "and", "good", "bad", "film", "plot", "cast", "end"])
    texts = [f"a {' '.join(random.choice(words, 4))} ." for _ in range(300)]
    config = DistillationConfig(
        student=StudentConfig(dim=8, hidden=16),
        training=TrainingConfig(steps=150),
        compact=False,
        tune_minutes=0.001,
        threads=1,
    )
    student = distill(Words(), unlabelled=texts, output=tmp_path / "out", config=config)
    assert student.problem == "multi_label"
    assert (student.predict(texts) == (Words().score(texts) > 0)).mean() > 0.85
