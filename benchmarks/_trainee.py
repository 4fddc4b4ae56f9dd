"""Training of a student in a fresh process, for ``neighbour.py``.

Both are imported in a function, since the order in which torch and sparsedistill are imported is measured.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from importlib import import_module
from typing import Any

HELD_OUT = 100  # texts that the network is evaluated on once


def trained(
    torch_first: bool, threads: int | None, texts: str, vocabulary: str, dim: int, epochs: int
) -> dict[str, Any]:
    """Train a student on labels.

    Args:
        torch_first: Import torch before sparsedistill.
        threads: The setting ``threads``.
        texts: File of labelled texts, the held-out ones last.
        vocabulary: Directory of the vocabulary.
        dim: Dimensions of a row.
        epochs: Passes over the texts.

    Returns:
        ``texts_per_second``; ``threads``, those of torch in a step; ``digest`` of the trained weights.
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
    ngrams = Vocabulary.load(vocabulary)
    network = StudentNetwork(NetworkConfig(len(ngrams), len(labelled.classes), dim=dim))
    used: list[int] = []
    network.register_forward_hook(lambda *_: used.append(torch.get_num_threads()))
    result = train(
        network,
        ngrams,
        examples.take(rows[:-HELD_OUT]),
        examples.take(rows[-HELD_OUT:]),
        TrainingConfig(passes=epochs, least_steps=1, evaluations=1, threads=threads),
    )
    digest = sha256(b"".join(array.numpy().tobytes() for array in network.arrays().values())).hexdigest()
    return {"texts_per_second": result.texts_per_second, "threads": used[-1], "digest": digest}


if __name__ == "__main__":
    print(json.dumps(trained(**json.loads(sys.argv[1]))))
