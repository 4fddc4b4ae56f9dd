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

from .._internal.progress import Progress, no_progress
from ..data.examples import Examples, Shards
from ..errors import InputError
from ..vocabulary.vocabulary import Vocabulary
from .batches import Extraction, TrainingBatch, TrainingBatches, on_device
from .checkpoint import Checkpoints, InDirectory, InMemory, RunState
from .checks import check_examples, class_weights_for
from .config import TrainingConfig
from .network import NetworkConfig, StudentNetwork
from .objective import Objective
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
    first = examples.load(0)
    check_examples(network.config, vocabulary, first)
    check_examples(network.config, vocabulary, validation)
    class_weights = class_weights_for(network.config, first, config)
    objective = Objective(network.config.problem, config.temperature, class_weights, network.config.deviation)
    del first
    if not validation.weights.any():
        raise InputError("All validation examples have weight 0: give some of them a positive weight.")
    checkpoints: Checkpoints = InMemory()
    if checkpoint_dir is not None:
        settings = _settings(network.config, examples, validation, config)
        checkpoints = InDirectory(Path(checkpoint_dir), settings)
    devices = [network.device] if network.device.type == "cuda" else []
    with torch_threads(config.threads), torch.random.fork_rng(devices):
        run = _Run(network, vocabulary, examples, validation, objective, config, checkpoints)
        return run.finish(description, progress)


class _Run:
    """A training run."""

    def __init__(
        self,
        network: StudentNetwork,
        vocabulary: Vocabulary,
        examples: Shards,
        validation: Examples,
        objective: Objective,
        config: TrainingConfig,
        checkpoints: Checkpoints,
    ) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.validation = validation
        self.config = config
        self.checkpoints = checkpoints
        self.objective = objective
        self.batches = TrainingBatches(
            examples,
            Extraction(vocabulary, config.ngram_dropout, config.max_ngrams, config.threads),
            batch_size=config.batch_size,
            steps=config.length(sum(examples.sizes)),
            window=config.window,
            seed=config.seed,
        )
        self.steps = len(self.batches)
        self.due = {round(k * self.steps / config.evaluations) for k in range(1, config.evaluations + 1)}
        self.optimizer = StudentOptimizer(network, config, self.steps)
        self.state = RunState(step=0, best_step=0, waited=0, history=[])
        self.losses: list[Tensor] = []  # of the batches since the last evaluation

    def finish(self, description: str, progress: Progress) -> TrainingResult:
        """Train to the end, and load the best weights into the network."""
        self._start()
        texts_per_second = self._train(description, progress)
        self.network.load_arrays(self.checkpoints.best())
        self.network.eval()
        return TrainingResult(
            history=self.state.history,
            metric=self.objective.metric_name,
            best=self._best()[self.objective.metric_name],
            best_step=self.state.best_step,
            steps=self.state.step,
            stopped_early=self.state.step < self.steps,
            texts_per_second=texts_per_second,
        )

    def _start(self) -> None:
        """Resume from the last checkpoint, or evaluate the initial weights."""
        if found := self.checkpoints.resume():
            self.state, arrays = found
            self.network.load_arrays(arrays)
            self.optimizer.load_arrays(arrays)
        else:
            self._evaluate()

    def _train(self, description: str, progress: Progress) -> float:
        """Do the remaining steps; return the texts per second, without the evaluations."""
        done = self.batches.texts(self.state.step)
        texts, seconds = 0, 0.0
        batches = self.batches.start(self.state.step)
        with (
            progress(description, self.batches.texts(self.steps), "texts", done) as advance,
            closing(batches),
        ):
            started = perf_counter()
            while not self._out_of_patience() and (batch := next(batches, None)):
                self._step(batch)
                texts += len(batch)
                advance(len(batch), self._note())
                if self.state.step in self.due:
                    seconds += perf_counter() - started
                    self._evaluate()
                    started = perf_counter()
        return texts / seconds if seconds else 0.0

    def _out_of_patience(self) -> bool:
        return self.config.patience is not None and self.state.waited >= self.config.patience

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
        self.optimizer.update(loss)
        self.losses.append(loss.detach())
        self.state.step += 1

    def _evaluate(self) -> None:
        """Evaluate on the validation data, and keep the result and the state."""
        validation, state = self.validation, self.state
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
        measured = logits, torch.from_numpy(validation.targets), torch.from_numpy(validation.weights)
        entry: dict[str, int | float] = {
            "step": state.step,
            "validation_loss": float(self.objective.loss(*measured, soft=validation.soft)),
            self.objective.metric_name: self.objective.metric(*measured, soft=validation.soft),
        }
        if self.losses:
            entry["loss"] = float(torch.stack(self.losses).mean())
            self.losses.clear()
        if not np.isfinite(entry["validation_loss"]):
            raise InputError(
                f"The validation loss is not finite after step {state.step}: "
                "lower both learning rates, or drop examples with extreme logits."
            )
        better = not state.history or self._rank(entry) > self._rank(self._best())
        state.history.append(entry)
        state.best_step = state.step if better else state.best_step
        state.waited = 0 if better else state.waited + 1
        self.checkpoints.keep(state, {**self.network.arrays(), **self.optimizer.arrays()})

    def _rank(self, entry: Mapping[str, float]) -> tuple[float, float]:
        """Sort key of an evaluation; the best has the highest metric and, among equals, the lowest loss."""
        return entry[self.objective.metric_name], -entry["validation_loss"]

    def _best(self) -> Mapping[str, float]:
        return next(entry for entry in self.state.history if entry["step"] == self.state.best_step)

    def _note(self) -> str | None:
        """Text next to the progress bar; None to keep the current one, since reading the loss takes time."""
        if self.state.step % 10:
            return None
        name = self.objective.metric_name
        return (
            f"step {self.state.step}/{self.steps} · loss {float(self.losses[-1]):.3f} · "
            f"{name.replace('_', ' ')} {self.state.history[-1][name]:.3f}"
        )


def _settings(
    network: NetworkConfig, examples: Shards, validation: Examples, config: TrainingConfig
) -> dict[str, object]:
    """The settings that identify a run. The number of threads is not one of them."""
    settings: dict[str, object] = {f"{name} of the student": value for name, value in asdict(network).items()}
    settings |= {f"{name} of the training": value for name, value in asdict(config).items()}
    settings |= {
        "the number of examples": list(examples.sizes),
        "the number of validation examples": len(validation),
    }
    del settings["threads of the training"]
    return settings
