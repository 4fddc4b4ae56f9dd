"""Teachers: what scores texts, and fine-tuning an encoder into one.

A :class:`Teacher` has classes, ``score`` and ``fingerprint``. Each kind of teacher is one module, and
:func:`as_teacher` turns what users pass into a teacher (:mod:`~sparsedistill.teachers.registry` lists the
kinds). Importing this package does not import torch or transformers.
"""

from .base import Teacher, TeacherLike
from .callable import CallableTeacher
from .finetuning import FinetuningConfig, FinetuningResult, LabelledTexts, finetune, finetuning_result
from .llm import LLMQuestion, LLMServer, LLMTeacher
from .onnx import OnnxTeacher
from .precomputed import FileTeacher
from .registry import as_teacher
from .sentence_transformers import CrossEncoderTeacher, SetFitTeacher
from .sklearn import SklearnTeacher
from .transformers import TransformersTeacher

__all__ = [
    "CallableTeacher",
    "CrossEncoderTeacher",
    "FileTeacher",
    "FinetuningConfig",
    "FinetuningResult",
    "LLMQuestion",
    "LLMServer",
    "LLMTeacher",
    "LabelledTexts",
    "OnnxTeacher",
    "SetFitTeacher",
    "SklearnTeacher",
    "Teacher",
    "TeacherLike",
    "TransformersTeacher",
    "as_teacher",
    "finetune",
    "finetuning_result",
]
