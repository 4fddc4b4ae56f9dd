"""Distil a transformer text classifier into an n-gram student that runs at the cost of reading the bytes.

A student needs neither torch nor transformers. Names that need them, or that few programs use, are imported
on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .data.columns import Columns
from .data.corpus import Corpus
from .data.labelled import read_labelled
from .errors import InputError
from .student import Student
from .vocabulary.config import CountingConfig, TokenizerConfig
from .vocabulary.vocabulary import Vocabulary, tokenize

if TYPE_CHECKING:
    from .cascade import Cascade
    from .cli.progress import progress_bars
    from .evaluation.evaluate import evaluate
    from .labeling.soft_targets import SoftTargets, label
    from .pipeline.config import DistillationConfig, StudentConfig
    from .pipeline.distill import distill
    from .teachers.base import CallableTeacher, FileTeacher, Teacher, TransformersTeacher
    from .teachers.finetuning import FinetuningConfig, finetune
    from .training.trainer import TrainingConfig

__version__ = "0.1.0"

#: Public names that are imported on first use, with their modules.
_LAZY = {
    "CallableTeacher": "teachers.base",
    "Cascade": "cascade",
    "DistillationConfig": "pipeline.config",
    "FileTeacher": "teachers.base",
    "FinetuningConfig": "teachers.finetuning",
    "SoftTargets": "labeling.soft_targets",
    "StudentConfig": "pipeline.config",
    "Teacher": "teachers.base",
    "TrainingConfig": "training.trainer",
    "TransformersTeacher": "teachers.base",
    "distill": "pipeline.distill",
    "evaluate": "evaluation.evaluate",
    "finetune": "teachers.finetuning",
    "label": "labeling.soft_targets",
    "progress_bars": "cli.progress",
}

__all__ = [
    "CallableTeacher",
    "Cascade",
    "Columns",
    "Corpus",
    "CountingConfig",
    "DistillationConfig",
    "FileTeacher",
    "FinetuningConfig",
    "InputError",
    "SoftTargets",
    "Student",
    "StudentConfig",
    "Teacher",
    "TokenizerConfig",
    "TrainingConfig",
    "TransformersTeacher",
    "Vocabulary",
    "distill",
    "evaluate",
    "finetune",
    "label",
    "progress_bars",
    "read_labelled",
    "tokenize",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if error.name not in ("accelerate", "torch", "transformers"):
            raise
        raise ImportError(
            f"sparsedistill.{name} needs {error.name}: pip install 'sparsedistill[train]'"
        ) from error


def __dir__() -> list[str]:
    return __all__
