"""Labelling: a corpus scored by a teacher, as soft targets on disk.

:func:`label` writes soft targets in a run that can be interrupted and resumed, :class:`SoftTargets` opens
them, and :class:`SoftExamples` gives training examples. Importing this package does not import torch or
transformers.
"""

from .labelling import label, label_part
from .manifest import Manifest, ShardRecord
from .remembered import RememberingTeacher
from .scorer import Scorer, batch_scorer
from .shard import label_shard
from .soft_examples import SoftExamples
from .soft_targets import SoftBatch, SoftTargets

__all__ = [
    "Manifest",
    "RememberingTeacher",
    "Scorer",
    "ShardRecord",
    "SoftBatch",
    "SoftExamples",
    "SoftTargets",
    "batch_scorer",
    "label",
    "label_part",
    "label_shard",
]
