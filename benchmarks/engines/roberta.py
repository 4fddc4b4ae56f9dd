"""RoBERTa-Large in torch, with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .engine import Engine, Probabilities, TextSet

_BATCH_SIZE = 4


class RobertaLarge(Engine):
    """RoBERTa-Large with random weights: its speed does not depend on them."""

    note = (
        "transformers' RobertaForSequenceClassification with 355 M random weights in float32, batches of "
        f"{_BATCH_SIZE}; its input is token ids, 300 per review and 25 per sentence: tokenising is not timed"
    )
    against = "one text per batch, with eager attention"
    own_threads = True
    learned = False
    checked_texts = 4
    min_texts = _BATCH_SIZE

    def open(self, threads: int) -> None:
        import torch
        from _roberta import roberta_large

        torch.set_num_threads(threads)
        self.model = roberta_large("sdpa")

    def make_inputs(self, texts: list[str], text_set: TextSet) -> Any:
        ids = np.random.default_rng(0).integers(4, 50_000, (len(texts), text_set.tokens))
        ids[:, 0], ids[:, -1] = 0, 2  # begin and end of a text
        return ids

    def predict(self, inputs: Any) -> Probabilities:
        return _probabilities(self.model, inputs, _BATCH_SIZE)

    def reference(self, inputs: Any) -> Probabilities:
        from _roberta import roberta_large

        return _probabilities(roberta_large("eager"), inputs, 1)

    def files(self) -> Sequence[Path]:
        return []


def _probabilities(model: Any, ids: NDArray[np.int64], batch_size: int) -> Probabilities:
    import torch

    with torch.inference_mode():
        parts = [
            torch.softmax(model(torch.from_numpy(ids[begin : begin + batch_size])).logits, dim=1)
            for begin in range(0, len(ids), batch_size)
        ]
    probabilities: Probabilities = torch.cat(parts).numpy()
    return probabilities
