"""Scores of a network in training.

A finished student scores without torch: see :class:`sparsedistill.Student`.
"""

from __future__ import annotations

from contextlib import closing

import numpy as np
import torch
from numpy.typing import NDArray

from .._internal.texts import Texts, as_strings
from ..vocabulary.vocabulary import Vocabulary
from .batches import Extraction, inputs_in_order, on_device
from .network import StudentNetwork


def score_texts(
    network: StudentNetwork,
    vocabulary: Vocabulary,
    texts: Texts,
    text_pair: Texts | None = None,
    *,
    batch_size: int = 2048,
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Score texts with a network, which is switched to evaluation mode.

    Args:
        network: The network.
        vocabulary: Its n-gram vocabulary.
        texts: n texts.
        text_pair: n second texts, for pairs.
        batch_size: Texts per batch.
        threads: Threads for n-gram extraction; None for all cores.

    Returns:
        Logits, float32 (n, classes).

    Raises:
        InputError: A text is missing or is not a string.
    """
    network.eval()
    pair = None if text_pair is None else as_strings(text_pair, "text_pair")
    batches = inputs_in_order(as_strings(texts), pair, Extraction(vocabulary, threads=threads), batch_size)
    with torch.no_grad(), closing(batches):
        logits = [network(*on_device(network.device, inputs)).cpu() for inputs in batches]
    return np.concatenate([np.empty((0, network.config.classes), np.float32), *logits])
