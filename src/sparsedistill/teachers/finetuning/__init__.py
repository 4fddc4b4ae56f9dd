"""Fine-tuning an encoder into a teacher, with the Trainer of transformers.

:mod:`~sparsedistill.teachers.finetuning.run` is the whole run: it holds out validation texts, chooses the
settings that were left open (:mod:`~sparsedistill.teachers.finetuning.plan`), trains
(:mod:`~sparsedistill.teachers.finetuning.training`) and records the result
(:mod:`~sparsedistill.teachers.finetuning.record`). Importing this package imports neither torch nor
transformers.
"""

from .config import FinetuningConfig
from .record import FinetuningResult, finetuning_result
from .run import finetune
from .texts import LabelledTexts

__all__ = ["FinetuningConfig", "FinetuningResult", "LabelledTexts", "finetune", "finetuning_result"]
