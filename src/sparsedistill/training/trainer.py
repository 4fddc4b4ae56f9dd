"""Train a student: on soft targets (distillation), on labels, or on labels after soft targets."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from .._internal.digests import array_digest
from .._internal.progress import Progress, no_progress
from .._internal.training_log import log_figures
from ..data.examples import Examples, Shards
from ..errors import InputError
from ..vocabulary.vocabulary import Vocabulary
from .batches import Extraction, TrainingBatch, TrainingBatches, on_device
from .checkpoint import Checkpoints, InDirectory, InMemory, RunState
from .checks import check_examples, class_weights_for
from .config import TrainingConfig
from .network import NetworkConfig, StudentNetwork
from .objective import objective_of
from .optimizer import StudentOptimizer
from .scoring import score_texts
from .threads import torch_threads


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training run.

    Attributes:
        history: One entry per evaluation, including the one before the first step: ``step``, ``loss`` (mean
            over the batches since the last entry), ``validation_loss``, and the metric by its name.
        metric: Name of the metric: ``accuracy``, ``macro_f1`` for multi-label, or ``spearman`` for a
            regression. For soft targets it compares with what the teacher predicts.
        best: The best value of the metric on the validation data. The network has the weights that reached
            it.
        best_step: The step at which it was reached; 0 if training did not improve on the initial weights.
        steps: Steps done.
        stopped_early: The run stopped before its last step because of ``patience``.
        texts_per_second: Training speed in examples per second, without the evaluations.
    """

    history: list[dict[str, int | float]]
    metric: str
    best: float
    best_step: int
    steps: int
    stopped_early: bool
    texts_per_second: float


def train(
    network: StudentNetwork,
    vocabulary: Vocabulary,
    examples: Shards,
    validation: Examples,
    config: TrainingConfig | None = None,
    *,
    checkpoint_dir: str | Path | None = None,
    description: str = "Training the student",
    progress: Progress = no_progress,
) -> TrainingResult:
    """Train a network, and leave it with the weights that had the best result on the validation data.

    The loss follows from the kind of targets (see :class:`~sparsedistill.training.objective.Objective`): soft
    targets distil the student, labels fine-tune it. The network is evaluated before the first step too, so
    training that does not help leaves it unchanged.

    The optimizer starts from scratch. The same examples, seed and number of threads give the same weights,
    bit for bit, even if the run is interrupted and resumed.

    Args:
        network: The network; it is modified.
        vocabulary: Its n-gram vocabulary.
        examples: Training data: :class:`~sparsedistill.data.examples.Examples`, or shards of them.
        validation: Validation data, with labels or soft targets.
        config: The settings.
        checkpoint_dir: Directory for a checkpoint at each evaluation. A run that is started again with the
            same arguments resumes there; a finished one returns its result again. None writes nothing.
        description: Text of the progress bar.
        progress: Shows the progress.

    Returns:
        The history and the best result.

    Raises:
        InputError: The examples do not fit the network, the checkpoints belong to another run, or the
            validation loss is not finite.
    """
    config = config or TrainingConfig()
    if not validation.weights.any():
        raise InputError("All validation examples have weight 0: give some of them a positive weight.")
    run = _Run(network, vocabulary, examples, validation, config, checkpoint_dir)
    run.finish(description, progress)
    return run.result()


def train_without_validation(
    network: StudentNetwork,
    vocabulary: Vocabulary,
    examples: Shards,
    config: TrainingConfig,
    *,
    until: float = 1.0,
    checkpoint_dir: str | Path | None = None,
    description: str = "Training the student",
    progress: Progress = no_progress,
) -> None:
    """Train a network as :func:`train` does, and leave it with the last weights.

    Args:
        network: See :func:`train`, as for the other arguments.
        vocabulary: See there.
        examples: See there.
        config: See there.
        until: Share of the steps after which the run ends, above 0. The learning rates fall as if it did not.
        checkpoint_dir: See there.
        description: See there.
        progress: See there.

    Raises:
        InputError: As :func:`train`.
    """
    run = _Run(network, vocabulary, examples, None, config, checkpoint_dir, until)
    run.finish(description, progress)


class _Run:
    """A training run."""

    def __init__(
        self,
        network: StudentNetwork,
        vocabulary: Vocabulary,
        examples: Shards,
        validation: Examples | None,
        config: TrainingConfig,
        checkpoint_dir: str | Path | None,
        until: float = 1.0,
    ) -> None:
        first = examples.load(0)
        for part in (first, validation):
            if part is not None:
                check_examples(network.config, vocabulary, part)
        class_weights = class_weights_for(network.config, first, config)
        del first
        self.network = network
        self.vocabulary = vocabulary
        self.validation = validation
        self.config = config
        self.checkpoints: Checkpoints = InMemory()
        if checkpoint_dir is not None:
            settings = _settings(network.config, vocabulary, examples, validation, config, until)
            self.checkpoints = InDirectory(Path(checkpoint_dir), settings)
        self.objective = objective_of(network.config, config.temperature, class_weights)
        self.batches = TrainingBatches(
            examples,
            Extraction(vocabulary, config.ngram_dropout, config.max_ngrams, config.threads),
            batch_size=config.batch_size,
            steps=config.length(sum(examples.sizes)),
            window=config.window,
            seed=config.seed,
        )
        self.steps = len(self.batches)
        self.last = max(1, round(until * self.steps))
        count = config.evaluations_of(network.table.weight.numel())
        self.due = {round(k * self.steps / count) for k in range(1, count + 1)}
        self.due.add(self.last)
        self.optimizer = StudentOptimizer(network, config, self.steps)
        self.state = RunState(step=0, best_step=0, waited=0, history=[])
        self.losses: list[Tensor] = []  # of the batches since the last evaluation
        self.texts_per_second = 0.0
        self.description = ""

    def finish(self, description: str, progress: Progress) -> None:
        """Train to the end, and load the best weights into the network."""
        self.description = description
        devices = [self.network.device] if self.network.device.type == "cuda" else []
        with (
            closing(self.checkpoints),
            torch_threads(self.config.threads),
            torch.random.fork_rng(devices),
        ):
            self._start()
            self.texts_per_second = self._train(progress)
            if self.state.best_step != self.state.step:
                self.network.load_arrays(self.checkpoints.best())
        self.network.eval()

    def result(self) -> TrainingResult:
        """The result of a finished run with validation data."""
        return TrainingResult(
            history=self.state.history,
            metric=self.objective.metric_name,
            best=self._best()[self.objective.metric_name],
            best_step=self.state.best_step,
            steps=self.state.step,
            stopped_early=self.state.step < self.last,
            texts_per_second=self.texts_per_second,
        )

    def _start(self) -> None:
        """Resume from the last checkpoint, or evaluate the initial weights."""
        if found := self.checkpoints.resume():
            self.state, arrays = found
            self.network.load_arrays(arrays)
            self.optimizer.load_arrays(arrays)
        else:
            self._evaluate()

    def _train(self, progress: Progress) -> float:
        """Do the remaining steps; return the texts per second, without the evaluations."""
        done = self.batches.texts(self.state.step)
        texts, seconds = 0, 0.0
        batches = self.batches.start(self.state.step)
        with (
            progress(self.description, self.batches.texts(self.last), "texts", done) as advance,
            closing(batches),
        ):
            started = perf_counter()
            while not self._is_over() and (batch := next(batches, None)):
                self._step(batch)
                texts += len(batch)
                advance(len(batch), self._note())
                if self.state.step in self.due:
                    seconds += perf_counter() - started
                    self._evaluate()
                    started = perf_counter()
        return texts / seconds if seconds else 0.0

    def _is_over(self) -> bool:
        impatient = self.config.patience is not None and self.state.waited >= self.config.patience
        return impatient or self.state.step >= self.last

    def _step(self, batch: TrainingBatch) -> None:
        # Dropout is seeded per step, so that a resumed run draws the same numbers as an uninterrupted one.
        torch.manual_seed(
            int(np.random.SeedSequence((self.config.seed, self.state.step)).generate_state(1)[0])
        )
        self.network.train()
        self.optimizer.set_rates(self.state.step)
        device = self.network.device
        logits = self.network(*on_device(device, batch.inputs))
        targets, weights = on_device(device, (batch.targets, batch.weights))
        loss = self.objective.loss(logits, targets, weights, soft=batch.soft)
        self.checkpoints.before_update(batch.rows)
        self.optimizer.update(loss)
        self.losses.append(loss.detach())
        self.state.step += 1

    def _evaluate(self) -> None:
        """Evaluate on the validation data, if there are any, and keep the result and the state."""
        state = self.state
        entry: dict[str, int | float] = {"step": state.step}
        if self.validation is not None:
            entry |= self._measured(self.validation)
        if self.losses:
            entry["loss"] = float(torch.stack(self.losses).mean())
            self.losses.clear()
        better = self.validation is None or not state.history or self._rank(entry) > self._rank(self._best())
        state.history.append(entry)
        log_figures(
            self.description, state.step, {name: value for name, value in entry.items() if name != "step"}
        )
        state.best_step = state.step if better else state.best_step
        state.waited = 0 if better else state.waited + 1
        self.checkpoints.keep(state, {**self.network.arrays(), **self.optimizer.arrays()})

    def _measured(self, validation: Examples) -> dict[str, float]:
        """The loss and the metric on the validation data."""
        logits = torch.from_numpy(
            score_texts(
                self.network,
                self.vocabulary,
                validation.texts,
                validation.text_pair,
                batch_size=self.config.batch_size,
                threads=self.config.threads,
            )
        )
        given = logits, torch.from_numpy(validation.targets), torch.from_numpy(validation.weights)
        loss = float(self.objective.loss(*given, soft=validation.soft))
        if not np.isfinite(loss):
            raise InputError(
                f"The validation loss is not finite after step {self.state.step}: "
                "lower both learning rates, or drop examples with extreme logits."
            )
        metric = self.objective.metric(*given, soft=validation.soft)
        return {"validation_loss": loss, self.objective.metric_name: metric}

    def _rank(self, entry: Mapping[str, float]) -> tuple[float, float]:
        """Sort key of an evaluation; the best has the highest metric and, among equals, the lowest loss."""
        return entry[self.objective.metric_name], -entry["validation_loss"]

    def _best(self) -> Mapping[str, float]:
        return next(entry for entry in self.state.history if entry["step"] == self.state.best_step)

    def _note(self) -> str | None:
        """Text next to the progress bar; None to keep the current one, since reading the loss takes time."""
        if self.state.step % 10:
            return None
        note = f"step {self.state.step}/{self.last} · loss {float(self.losses[-1]):.3f}"
        if self.validation is None:
            return note
        name = self.objective.metric_name
        return f"{note} · {name.replace('_', ' ')} {self.state.history[-1][name]:.3f}"


def _settings(
    network: NetworkConfig,
    vocabulary: Vocabulary,
    examples: Shards,
    validation: Examples | None,
    config: TrainingConfig,
    until: float,
) -> dict[str, object]:
    """The settings that identify a run. The number of threads is not one of them."""
    settings: dict[str, object] = {f"{name} of the student": value for name, value in asdict(network).items()}
    settings["heads of the student"] = "; ".join(map(str, network.heads))
    settings |= {f"{name} of the training": value for name, value in asdict(config).items()}
    settings |= {
        "the number of examples": list(examples.sizes),
        "the number of validation examples": 0 if validation is None else len(validation),
        "the share of the steps": until,
        "the digest of the n-grams": "" if vocabulary.buckets is None else array_digest(vocabulary.buckets),
        "the digest of the examples": examples.digest(),
        "the digest of the validation examples": "" if validation is None else validation.digest(),
    }
    del settings["threads of the training"]
    return settings
