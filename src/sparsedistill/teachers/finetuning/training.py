"""The training itself, with the Trainer of transformers. Imports torch and transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from ..._internal.files import remove
from ..._internal.progress import Advance, Progress
from ..._internal.training_log import log_figures
from ...problem import Problem
from ..precision import half_type, use_full_precision_outputs
from .config import FinetuningConfig
from .metrics import ValidationFigures, validation_figures
from .plan import FinetuningPlan

_STATE = "trainer_state.json"
_RANK = "eval_rank"

#: Inputs of the network for one text, with its label.
Encoded = dict[str, Any]


@dataclass(frozen=True)
class TrainingOutcome:
    """What a finished training leaves.

    Attributes:
        checkpoint: Directory of the best checkpoint.
        best_step: Its step.
        steps: Steps done.
    """

    checkpoint: Path
    best_step: int
    steps: int


def train(
    network: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[Encoded],
    validation: Sequence[Encoded],
    folder: Path,
    config: FinetuningConfig,
    plan: FinetuningPlan,
    *,
    problem: Problem,
    progress: Progress,
    evaluated: Callable[[float], None],
) -> TrainingOutcome:
    """Train to the end, from the last checkpoint if there is one.

    Args:
        network: The network; it is modified.
        tokenizer: Its tokenizer.
        texts: Training texts.
        validation: Texts to compare checkpoints on.
        folder: Directory of the checkpoints.
        config: The settings.
        plan: Those that were left open.
        problem: What the labels are.
        progress: Shows the progress.
        evaluated: Called after each evaluation, with the seconds since the start.
    """
    last = _last_checkpoint(folder)
    state = TrainerState() if last is None else TrainerState.load_from_json(str(last / _STATE))
    if not _finished(state, config, plan):
        use_full_precision_outputs(network)
        with progress("Fine-tuning the teacher", plan.steps, "steps", state.global_step) as advance:
            trainer = Trainer(
                model=network,
                args=_arguments(folder, config, plan),
                train_dataset=list(texts),
                eval_dataset=list(validation),
                data_collator=DataCollatorWithPadding(tokenizer),
                compute_metrics=_Metrics(problem),
                callbacks=[_Course(config, plan, state.global_step, advance, evaluated)],
            )
            trainer.remove_callback(PrinterCallback)  # it prints to stdout
            trainer.train(resume_from_checkpoint=None if last is None else str(last))
            state = trainer.state
    assert state.best_global_step  # noqa: S101 - the last step is evaluated
    return TrainingOutcome(
        folder / f"checkpoint-{state.best_global_step}", state.best_global_step, state.global_step
    )


def _arguments(folder: Path, config: FinetuningConfig, plan: FinetuningPlan) -> TrainingArguments:
    cuda = torch.cuda.is_available()
    native = half_type(torch.device("cuda" if cuda else "cpu")) == torch.bfloat16
    return TrainingArguments(
        output_dir=str(folder.resolve()),
        max_steps=plan.steps,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=2 * config.batch_size,
        learning_rate=plan.learning_rate,
        weight_decay=config.weight_decay,
        warmup_steps=0.06,
        lr_scheduler_type="linear",
        train_sampling_strategy="group_by_length",  # of the evaluations too
        bf16=config.half_precision and native,
        use_cpu=not cuda,
        eval_strategy="steps",  # _Course asks for the others
        eval_steps=plan.steps,
        save_strategy="steps",
        save_steps=plan.steps,
        save_total_limit=1,  # the last one; the best one is kept too
        metric_for_best_model="rank",
        greater_is_better=True,
        logging_strategy="steps",
        logging_steps=10,
        report_to="none",
        disable_tqdm=True,
        seed=config.seed % 2**32,  # NumPy takes 32 bits
        dataloader_pin_memory=cuda,
    )


class _Metrics:
    """Metrics of an evaluation, for the Trainer."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __call__(self, prediction: EvalPrediction) -> dict[str, float]:
        logits = prediction.predictions
        logits = logits[0] if isinstance(logits, tuple) else logits  # some networks return hidden states too
        figures = validation_figures(logits, np.asarray(prediction.label_ids))
        measured = {name: value for name, value in vars(figures).items() if value is not None}
        measured.pop("loss")  # the Trainer has its own
        return measured | {"rank": figures.rank(self.problem)}


class _Course(TrainerCallback):
    """Decides when to evaluate and when to stop, and reports the progress."""

    def __init__(
        self,
        config: FinetuningConfig,
        plan: FinetuningPlan,
        done: int,
        advance: Advance,
        evaluated: Callable[[float], None],
    ) -> None:
        self.patience = config.patience
        self.due = {round(k * plan.steps / config.evaluations) for k in range(1, config.evaluations + 1)}
        self.done = done
        self.advance = advance
        self.evaluated = evaluated
        self.started = perf_counter()
        self.loss, self.quality = "", ""

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del args, kwargs
        self.advance(state.global_step - self.done)
        self.done = state.global_step
        if state.global_step in self.due:
            control.should_evaluate = control.should_save = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        del args, control, kwargs
        if logs:
            figures = {name.replace("eval_", "validation_"): value for name, value in logs.items()}
            log_figures("Fine-tuning the teacher", state.global_step, figures)
        if logs and "loss" in logs:
            self.loss = f"loss {float(logs['loss']):.3f}"
            self.advance(0, note=self.loss + self.quality)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del args, kwargs
        self.quality = f", validation {_figures(_evaluations(state)[-1])}"
        self.advance(0, note=self.loss + self.quality)
        self.evaluated(perf_counter() - self.started)
        # Not EarlyStoppingCallback: its count starts at 0 again when a run is resumed.
        if _waited(state) >= self.patience:
            control.should_training_stop = True


def _figures(entry: dict[str, float]) -> str:
    """The figures of an evaluation, for people."""
    names = ("accuracy", "macro_f1", "spearman", "rmse")
    found = {name: entry[f"eval_{name}"] for name in names if f"eval_{name}" in entry}
    return str(ValidationFigures(entry["eval_loss"], **found))


def _evaluations(state: TrainerState) -> list[dict[str, float]]:
    return [entry for entry in state.log_history if _RANK in entry]


def _waited(state: TrainerState) -> int:
    """Evaluations since the best one."""
    ranks = [entry[_RANK] for entry in _evaluations(state)]
    return len(ranks) - 1 - int(np.argmax(ranks)) if ranks else 0


def _finished(state: TrainerState, config: FinetuningConfig, plan: FinetuningPlan) -> bool:
    return state.global_step >= plan.steps or _waited(state) >= config.patience


def _last_checkpoint(folder: Path) -> Path | None:
    """The last complete checkpoint. Later ones, which were being written when the run ended, are deleted."""
    steps = {int(path.name.rpartition("-")[2]): path for path in folder.glob("checkpoint-*")}
    for step in sorted(steps, reverse=True):
        if _complete(steps[step]):
            return steps[step]
        remove(steps[step])
    return None


def _complete(checkpoint: Path) -> bool:
    """Whether a checkpoint has its last file."""
    try:
        TrainerState.load_from_json(str(checkpoint / _STATE))
    except (OSError, ValueError):
        return False
    return True
