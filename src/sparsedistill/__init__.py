"""Distil a transformer text classifier into an n-gram student that runs at the cost of reading the bytes.

Public names are imported on first use: a student needs neither torch nor transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._internal.lazy import lazy_names

if TYPE_CHECKING:
    from .cascade import Cascade
    from .cli.progress import progress_bars
    from .data.columns import Columns
    from .data.corpus import Corpus
    from .data.file_options import FileOptions
    from .data.labelled import read_labelled
    from .errors import InputError
    from .evaluation.evaluate import evaluate
    from .filtering import FilterConfig, FilterReport, filter_corpus
    from .labeling.labelling import label
    from .labeling.soft_targets import SoftTargets
    from .multi_head import MultiHeadStudent
    from .pipeline.config import DistillationConfig, StudentConfig
    from .pipeline.distill import distill
    from .pipeline.questions.distill import distill_heads
    from .pipeline.questions.job import Question
    from .student import Student
    from .teachers.base import Teacher
    from .teachers.callable import CallableTeacher
    from .teachers.finetuning import (
        FinetuningConfig,
        FinetuningResult,
        LabelledTexts,
        finetune,
        finetuning_result,
    )
    from .teachers.llm import LLMQuestion, LLMServer, LLMTeacher
    from .teachers.onnx import OnnxTeacher
    from .teachers.precomputed import FileTeacher
    from .teachers.transformers import TransformersTeacher
    from .training.config import TrainingConfig
    from .vocabulary.config import CountingConfig, TokenizerConfig
    from .vocabulary.tokenizer import tokenize
    from .vocabulary.vocabulary import Vocabulary

__version__ = "0.1.0"

#: Public names that are imported on first use, with their modules.
_LAZY = {
    "CallableTeacher": "teachers.callable",
    "Cascade": "cascade",
    "Columns": "data.columns",
    "Corpus": "data.corpus",
    "CountingConfig": "vocabulary.config",
    "DistillationConfig": "pipeline.config",
    "FileOptions": "data.file_options",
    "FileTeacher": "teachers.precomputed",
    "FilterConfig": "filtering",
    "FilterReport": "filtering",
    "FinetuningConfig": "teachers.finetuning",
    "FinetuningResult": "teachers.finetuning",
    "InputError": "errors",
    "LLMQuestion": "teachers.llm",
    "LLMServer": "teachers.llm",
    "LLMTeacher": "teachers.llm",
    "LabelledTexts": "teachers.finetuning",
    "MultiHeadStudent": "multi_head",
    "Question": "pipeline.questions.job",
    "OnnxTeacher": "teachers.onnx",
    "SoftTargets": "labeling.soft_targets",
    "Student": "student",
    "StudentConfig": "pipeline.config",
    "Teacher": "teachers.base",
    "TokenizerConfig": "vocabulary.config",
    "TrainingConfig": "training.config",
    "TransformersTeacher": "teachers.transformers",
    "Vocabulary": "vocabulary.vocabulary",
    "distill": "pipeline.distill",
    "distill_heads": "pipeline.questions.distill",
    "evaluate": "evaluation.evaluate",
    "filter_corpus": "filtering",
    "finetune": "teachers.finetuning",
    "finetuning_result": "teachers.finetuning",
    "label": "labeling.labelling",
    "progress_bars": "cli.progress",
    "read_labelled": "data.labelled",
    "tokenize": "vocabulary.tokenizer",
}

__all__ = [
    "CallableTeacher",
    "Cascade",
    "Columns",
    "Corpus",
    "CountingConfig",
    "DistillationConfig",
    "FileOptions",
    "FileTeacher",
    "FilterConfig",
    "FilterReport",
    "FinetuningConfig",
    "FinetuningResult",
    "InputError",
    "LLMQuestion",
    "LLMServer",
    "LLMTeacher",
    "LabelledTexts",
    "MultiHeadStudent",
    "OnnxTeacher",
    "Question",
    "SoftTargets",
    "Student",
    "StudentConfig",
    "Teacher",
    "TokenizerConfig",
    "TrainingConfig",
    "TransformersTeacher",
    "Vocabulary",
    "distill",
    "distill_heads",
    "evaluate",
    "filter_corpus",
    "finetune",
    "finetuning_result",
    "label",
    "progress_bars",
    "read_labelled",
    "tokenize",
]

__getattr__, __dir__ = lazy_names(__name__, _LAZY, __all__)
