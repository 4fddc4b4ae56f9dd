"""Train a small student on labelled sentences and write it to ``student`` in the given folder.

The bare environment of ``.ci/run`` then predicts with it, without torch.
"""

import sys
from pathlib import Path

from sparsedistill import DistillationConfig, StudentConfig, TrainingConfig, distill

folder = Path(sys.argv[1])
texts = [f"a {word} film number {i}" for i in range(100) for word in ("good", "bad")]
distill(
    labelled=(texts, ["good", "bad"] * 100),
    output=folder / "job",
    config=DistillationConfig(
        student=StudentConfig(dim=16, hidden=8), training=TrainingConfig(steps=100, batch_size=32)
    ),
)
(folder / "job" / "student").rename(folder / "student")
