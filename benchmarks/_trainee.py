"""A process that trains students, for ``neighbour.py``: one for each line on standard input.

Modules are imported in a function, since the order in which torch and sparsedistill are imported is measured.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from typing import Any

HELD_OUT = 100  # texts that the network is evaluated on once


def trainee(
    torch_first: bool, threads: int | None, texts: str, vocabulary: str, dim: int, epochs: int
) -> Callable[[], dict[str, Any]]:
    """Load the texts, and return a function that trains a student on their labels.

    It returns ``texts_per_second``; ``threads``, those of torch in a step; ``digest`` of the trained weights.

    Args:
        torch_first: Import torch before sparsedistill.
        threads: The setting ``threads``.
        texts: File of labelled texts, the held-out ones last.
        vocabulary: Directory of the vocabulary.
        dim: Dimensions of a row.
        epochs: Passes over the texts.
    """
    for name in ("torch", "sparsedistill.training") if torch_first else ("sparsedistill.training", "torch"):
        import_module(name)
    import numpy as np
    import torch

    from sparsedistill import Columns, TrainingConfig, Vocabulary, read_labelled
    from sparsedistill.data import Examples
    from sparsedistill.training import NetworkConfig, StudentNetwork, train

    labelled = read_labelled(texts, Columns(label="label"))
    examples = Examples(labelled.texts, labels=labelled.labels)
    rows = np.arange(len(labelled))
    parts = examples.take(rows[:-HELD_OUT]), examples.take(rows[-HELD_OUT:])
    ngrams = Vocabulary.load(vocabulary)
    config = TrainingConfig(passes=epochs, least_steps=1, evaluations=1, threads=threads)

    def trained() -> dict[str, Any]:
        network = StudentNetwork(NetworkConfig(len(ngrams), len(labelled.classes), dim=dim))
        used: list[int] = []
        network.register_forward_hook(lambda *_: used.append(torch.get_num_threads()))
        result = train(network, ngrams, *parts, config)
        arrays = b"".join(array.numpy().tobytes() for array in network.arrays().values())
        digest = sha256(arrays).hexdigest()
        return {"texts_per_second": result.texts_per_second, "threads": used[-1], "digest": digest}

    return trained


def main() -> None:
    """Train once for each line on standard input, and answer with a line of JSON."""
    channel = os.fdopen(os.dup(1), "w")  # what libraries print is no answer
    os.dup2(2, 1)
    trained = trainee(**json.loads(sys.argv[1]))
    for _ in sys.stdin:
        print(json.dumps(trained()), file=channel, flush=True)


if __name__ == "__main__":
    main()
