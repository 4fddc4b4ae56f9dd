"""Fine-tuning an encoder into a teacher: the whole run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..._internal.files import disk_errors, locked, remove
from ..._internal.progress import Progress, no_progress
from ..._internal.records import write_record
from ...errors import InputError, first_line
from ...problem import Problem
from ..transformers import TransformersTeacher, longest_input, quieten_transformers
from .config import FinetuningConfig
from .metrics import validation_figures
from .plan import FinetuningPlan, make_plan
from .record import RECORD, FinetuningArguments, FinetuningRecord, FinetuningResult, read_finetuning
from .scale import LabelScale, output_layer
from .texts import LabelledTexts, Labels

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from .training import Encoded, TrainingOutcome

logger = logging.getLogger(__package__)

#: Names of the attention dropout in the configs of the model families.
_ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")
#: Texts whose lengths are looked at to choose `max_length`.
_LENGTH_SAMPLE = 5_000
#: All evaluations together take about this share of the time of the training. A step costs three times as
#: much per text as an evaluation.
_EVALUATION_SHARE = 0.2
_FEWEST_EVALUATED = 500
#: What transformers calls the kinds of problems.
_PROBLEM_TYPES: dict[Problem, str] = {
    "single_label": "single_label_classification",
    "multi_label": "multi_label_classification",
    "regression": "regression",
}


def finetune(
    model: str | Path,
    texts: Sequence[str],
    labels: Labels,
    classes: Sequence[str],
    output: str | Path,
    *,
    text_pair: Sequence[str] | None = None,
    validation: LabelledTexts | None = None,
    config: FinetuningConfig | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Fine-tune `model` as a classifier and save it, with its tokenizer, to `output`.

    The teacher has the weights with the best result on the validation texts. Its figures on them are logged,
    and :func:`~sparsedistill.teachers.finetuning.record.finetuning_result` returns them.

    The run writes to the directory ``<output>.partial``, which is renamed at the end. An interrupted run
    resumes from its last checkpoint if it is started again with the same arguments; a finished one is not
    repeated. The same arguments and number of threads give the same teacher, if the run is not interrupted.

    Args:
        model: Local directory or Hub id of an encoder.
        texts: n texts.
        labels: int64 (n,), class indices; for multi-label, float32 (n, classes) of 0 and 1; for a regression
            numbers, float32 (n,).
        classes: Names of the classes, in the order of the indices; ``("score",)`` for a regression.
        output: Directory to create.
        text_pair: n second texts, for pairs.
        validation: Texts to select the best checkpoint with; by default a tenth of `texts`, with the classes
            in proportion, on which the teacher is not trained.
        config: Settings.
        progress: Receives the progress.

    Returns:
        `output`, as a path.

    Raises:
        InputError: `output` or its partial directory belongs to something else or to a running process, or
            cannot be written, the numbers of texts and labels differ, there are too few texts, the
            validation texts are of another kind, or `model` cannot be loaded.
    """
    config = config or FinetuningConfig()
    output = Path(output)
    training = LabelledTexts(texts, labels, text_pair)
    arguments = FinetuningArguments(
        model=str(model),
        classes=tuple(classes),
        training=training.digest(),
        validation=None if validation is None else validation.digest(),
        config=config,
    )
    if output.exists():
        record = read_finetuning(output)
        if record is not None and record.arguments == arguments and record.result is not None:
            logger.info(f"The teacher: {record.result}.")
            return output
        raise InputError(
            f"{output} exists already: name another output directory, or delete it to train again."
        )
    with disk_errors(output), locked(output.with_name(output.name + ".partial")) as folder:
        if validation is None:
            training, validation = training.hold_out(config.seed)
        _check_validation(training, validation)
        _Run(folder, arguments, training, validation, progress).finish()
        folder.rename(output)
    return output


class _Run:
    """A run, in its partial directory.

    Args:
        folder: The directory.
        arguments: What the run was started with.
        training: Training texts.
        validation: Validation texts.
        progress: Shows the progress.

    Raises:
        InputError: The directory belongs to another run.
    """

    def __init__(
        self,
        folder: Path,
        arguments: FinetuningArguments,
        training: LabelledTexts,
        validation: LabelledTexts,
        progress: Progress,
    ) -> None:
        self.folder = folder
        self.arguments = arguments
        self.config = arguments.config
        self.training = training
        self.validation = validation
        self.progress = progress
        self.record = self._claim()

    def finish(self) -> None:
        """Train, keep the best checkpoint and record its figures; of a finished run, delete what is left."""
        if self.record.result is None:
            self._finish()
        remove(self.folder / "checkpoints")
        assert self.record.result is not None  # noqa: S101 - it is finished
        logger.info(f"The teacher: {self.record.result}.")
        self._warn_if_useless(self.record.result)

    def _finish(self) -> None:
        network, tokenizer = _load(self.arguments, self.training.problem)
        plan = self.record.plan or self._plan(network, tokenizer)
        self._note(replace(self.record, plan=plan))
        tokenizer.model_max_length = plan.max_length
        scale = LabelScale.of(self.training)
        if self.training.problem == "regression":
            output_layer(network)  # checks that there is one before hours of training
        outcome = self._train(network, tokenizer, plan, scale)
        best = type(network).from_pretrained(outcome.checkpoint, dtype="float32")
        scale.put_into(best)
        for leftover in self.folder.glob(".tmp*"):  # of safetensors, if an earlier run was killed here
            leftover.unlink()
        best.save_pretrained(self.folder)
        tokenizer.save_pretrained(self.folder)
        result = self._result(outcome, plan)
        self._note(replace(self.record, result=result))

    def _claim(self) -> FinetuningRecord:
        """Check that this run may resume the directory, if there is anything in it."""
        if not any(self.folder.iterdir()):
            return FinetuningRecord(self.arguments)
        record = read_finetuning(self.folder)
        if record is None and all(path.name.startswith(f".{RECORD}.") for path in self.folder.iterdir()):
            return FinetuningRecord(self.arguments)  # it was killed while it wrote its first file
        if record is None or record.arguments != self.arguments:
            raise InputError(
                f"{self.folder} has checkpoints of another fine-tuning run: delete it, or name another "
                "directory."
            )
        if any((self.folder / "checkpoints").glob("checkpoint-*")):
            logger.info(f"Resuming from the last checkpoint in {self.folder}.")
        return record

    def _note(self, record: FinetuningRecord) -> None:
        self.record = record
        self.folder.mkdir(parents=True, exist_ok=True)
        write_record(self.folder / RECORD, record)

    def _plan(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> FinetuningPlan:
        sample = self.training.select(_spread(len(self.training), _LENGTH_SAMPLE))
        lengths = np.array(
            [len(entry["input_ids"]) for entry in _encode(tokenizer, sample, truncation=False)]
        )
        longest = longest_input(network.config, tokenizer)
        return make_plan(self.config, lengths, len(self.training), longest, network.config.hidden_size)

    def _train(
        self,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        plan: FinetuningPlan,
        scale: LabelScale,
    ) -> TrainingOutcome:
        from .training import train

        before = self.record.seconds
        affordable = _EVALUATION_SHARE * 3 * plan.steps * self.config.batch_size / self.config.evaluations
        rows = _spread(len(self.validation), max(_FEWEST_EVALUATED, round(affordable)))
        return train(
            network,
            tokenizer,
            _encode(tokenizer, scale.standardised(self.training)),
            _encode(tokenizer, scale.standardised(self.validation.select(rows))),
            self.folder / "checkpoints",
            self.config,
            plan,
            problem=self.training.problem,
            progress=self.progress,
            evaluated=lambda seconds: self._note(replace(self.record, seconds=before + seconds)),
        )

    def _result(self, outcome: TrainingOutcome, plan: FinetuningPlan) -> FinetuningResult:
        """Measure the saved teacher on all validation texts."""
        teacher = TransformersTeacher(self.folder, half_precision=self.config.half_precision)
        logits = teacher.score(self.validation.texts, self.validation.text_pair)
        figures = validation_figures(logits, self.validation.labels)
        return FinetuningResult(
            accuracy=figures.accuracy,
            macro_f1=figures.macro_f1,
            spearman=figures.spearman,
            rmse=figures.rmse,
            multi_label=self.validation.problem == "multi_label",
            validation_texts=len(self.validation),
            training_texts=len(self.training),
            steps=outcome.steps,
            planned_steps=plan.steps,
            best_step=outcome.best_step,
            batch_size=self.config.batch_size,
            learning_rate=plan.learning_rate,
            max_length=plan.max_length,
            seconds=self.record.seconds,
        )

    def _warn_if_useless(self, result: FinetuningResult) -> None:
        """Warn of a teacher that is no better than one that always answers the same."""
        if result.spearman is not None and result.spearman <= 0:
            logger.warning(
                f"The teacher's numbers do not rise with the labels (Spearman's correlation "
                f"{result.spearman:.3f}): check the labels, or set a lower learning rate or more steps."
            )
        if result.accuracy is None or result.multi_label:
            return
        most = int(np.bincount(self.validation.labels.astype(np.int64)).max()) / len(self.validation)
        if result.accuracy <= most:
            logger.warning(
                f"The teacher is no better than always answering the most frequent class ({most:.1%}): check "
                "the labels, or set a lower learning rate or more steps."
            )


def _check_validation(training: LabelledTexts, validation: LabelledTexts) -> None:
    if not len(training):
        raise InputError("No texts are left to fine-tune on: give texts that are not validation texts.")
    if not len(validation):
        raise InputError(
            "There are no validation texts: give some, or leave them out to use a part of the texts."
        )
    if validation.problem != training.problem or validation.labels.shape[1:] != training.labels.shape[1:]:
        raise InputError(
            "Validation and training texts do not have the same kind of labels: give class indices (n,) for "
            "both, 0 and 1 (n, classes) for both, or numbers (n,) for both."
        )
    if (validation.text_pair is None) != (training.text_pair is None):
        raise InputError("Only one of training and validation data has pairs of texts: give pairs for both.")


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` rows of `count`, evenly spread."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)


def _encode(
    tokenizer: PreTrainedTokenizerBase, given: LabelledTexts, *, truncation: bool = True
) -> list[Encoded]:
    encoded = tokenizer(
        list(given.texts),
        None if given.text_pair is None else list(given.text_pair),
        truncation=truncation,
        return_attention_mask=False,
    )
    inputs: list[Any] = [encoded[name] for name in encoded]
    return [
        dict(zip((*encoded, "labels"), (*values, label), strict=True))
        for *values, label in zip(*inputs, given.labels.tolist(), strict=True)
    ]


def _load(
    arguments: FinetuningArguments, problem: Problem
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, set_seed

    model, config = arguments.model, arguments.config
    set_seed(config.seed % 2**32)  # draws the new head; NumPy takes 32 bits
    quieten_transformers()
    try:
        settings = AutoConfig.from_pretrained(model)
        tokenizer = AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{model} is not an encoder that transformers can load ({first_line(error)}): give a local model "
            "directory or a Hub id."
        ) from error
    settings.id2label = dict(enumerate(arguments.classes))
    settings.label2id = {name: i for i, name in enumerate(arguments.classes)}
    settings.problem_type = _PROBLEM_TYPES[problem]
    for name in _ATTENTION_DROPOUT:
        if hasattr(settings, name):
            setattr(settings, name, config.attention_dropout)
    tokenizer.truncation_side = "left" if config.keep == "end" else "right"
    # A classifier with another number of classes gives its encoder; the head is drawn again.
    network = AutoModelForSequenceClassification.from_pretrained(
        model, config=settings, dtype="float32", ignore_mismatched_sizes=True
    )
    return network, tokenizer
