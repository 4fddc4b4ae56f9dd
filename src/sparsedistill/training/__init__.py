"""Training of students in torch: the network and its table, objective, batches, checkpoints and settings.

Public names are imported when they are first used, since the settings do not need torch.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .._internal.lazy import lazy_names

if TYPE_CHECKING:
    from .config import FINE_TUNING, TableKind, TrainingConfig
    from .network import NetworkConfig, StudentNetwork
    from .objective import Objective
    from .scoring import score_texts
    from .trainer import TrainingResult, train
    from .word_init import WordInit, init_word_rows

#: Idle OpenMP threads of torch spin: its runtime has read the environment, which says nothing. See `threads`.
SPINS = "torch" in sys.modules and not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ)

# They spin by default: on 2 cores beside other processes, training had a fifth of the speed of passive
# waiting (benchmarks/neighbour.py). No effect if torch is already imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_MODULES = {
    "FINE_TUNING": "config",
    "NetworkConfig": "network",
    "Objective": "objective",
    "StudentNetwork": "network",
    "TableKind": "config",
    "TrainingConfig": "config",
    "TrainingResult": "trainer",
    "WordInit": "word_init",
    "init_word_rows": "word_init",
    "score_texts": "scoring",
    "train": "trainer",
}

__all__ = [
    "FINE_TUNING",
    "NetworkConfig",
    "Objective",
    "StudentNetwork",
    "TableKind",
    "TrainingConfig",
    "TrainingResult",
    "WordInit",
    "init_word_rows",
    "score_texts",
    "train",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
