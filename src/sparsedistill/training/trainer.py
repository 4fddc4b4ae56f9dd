"""Train a student on soft targets (distil), on labels, or on the one and then on the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._internal.progress import Progress, no_progress
from .._internal.texts import Texts, as_strings
from ..data.examples import Examples, Shards
from ..errors import InputError
from .batches import Extraction, TrainingBatch, TrainingBatches, inputs_in_order
from .checkpoint import Checkpoints, InDirectory, InMemory, Record
from .network import NetworkConfig, StudentNetwork
from .objective import Objective

if TYPE_CHECKING:
    from ..vocabulary.vocabulary import Vocabulary

#: The optimiser's arrays in a checkpoint stand under this prefix.
_OPTIMIZER = "optimizer."


@dataclass(frozen=True)
class TrainingConfig:
    """How a student is trained.

    The defaults are for a student that starts from nothing, on soft targets or on labels;
    :data:`FINE_TUNING` is for one that goes on from soft targets to labels.

    Attributes:
        epochs: Passes over the examples.
        batch_size: Examples a step.
        learning_rate: Peak rate of Adam, for the head.
        table_learning_rate: Peak rate of row-wise Adagrad, for the table.
        warmup: Share of the steps in which both rates rise from 0; then they fall to 0, linearly.
        ngram_dropout: Share of a text's n-grams that is dropped at random.
        max_ngrams: Most n-grams of a text; a random part of them is kept where there are more.
        temperature: Divides the logits of teacher and student where targets are soft.
        class_weights: Weight of each class, for labels: of the examples that have it as their label;
            for multi-label, of the class where it applies.
        evaluations: How often the student is evaluated, evenly over the run, beside once before it.
        patience: Evaluations without a better result after which training stops; None to never stop.
        window: Texts that are in memory, and shuffled, together: shards are read until they hold so many.
        seed: Seeds the order of the examples, the n-grams that are dropped, and dropout.
        threads: Threads to compute with; None for as many as torch is set to, and all cores to extract.
    """

    epochs: int = 5
    batch_size: int = 256
    learning_rate: float = 1e-3
    table_learning_rate: float = 0.1
    warmup: float = 0.06
    ngram_dropout: float = 0.1
    max_ngrams: int | None = 2048
    temperature: float = 1.0
    class_weights: tuple[float, ...] | None = None
    evaluations: int = 10
    patience: int | None = None
    window: int = 200_000
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "max_ngrams", "evaluations", "patience", "window", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} of the training is {value}: it must be at least 1.")
        if self.seed < 0:
            raise InputError(f"seed of the training is {self.seed}: it must be at least 0.")
        for name in ("warmup", "ngram_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(
                    f"{name} of the training is {getattr(self, name)}: it must be at least 0 and below 1."
                )
        for name in ("learning_rate", "table_learning_rate", "temperature"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} of the training is {getattr(self, name)}: it must be above 0.")


#: For a student that was distilled, and goes on to labels.
FINE_TUNING = TrainingConfig(epochs=3, learning_rate=5e-4, table_learning_rate=0.03)


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training run.

    Attributes:
        history: One entry an evaluation, the one before the first step included: ``step``, ``loss``
            (mean over the examples since the last entry), ``validation_loss``, and the metric by its name.
        metric: Name of the metric: ``accuracy``, or ``macro_f1`` for multi-label. Of soft targets it is
            taken against the teacher's own answers.
        best: The best value of the metric on the validation data; the network's weights are those.
        best_step: The step that it was reached at; 0 if training has not improved on its start.
        steps: Steps done.
        stopped_early: Patience ran out before the last step.
        texts_per_second: Examples a second that this run was trained on, evaluations left out.
    """

    history: list[dict[str, float]]
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
    """Train `network` on `examples`, and leave it with the weights that did best on `validation`.

    The loss follows from the targets (see :class:`sparsedistill.training.Objective`): with soft targets
    the student is distilled, with labels it is fine-tuned. It is evaluated before the first step, so
    that a training that does not help leaves it as it was.

    The optimiser starts anew. With the same seed and the same number of threads, the same examples
    make the same student, bit for bit, whether the run was interrupted or not.

    Args:
        network: The student.
        vocabulary: Its n-gram vocabulary.
        examples: What to train on: :class:`Examples`, or shards of them.
        validation: What to evaluate on; labels and soft targets both will do.
        config: See :class:`TrainingConfig`.
        checkpoint_dir: Directory to keep the run's state in, at each evaluation. Started again with
            the same arguments, the run goes on from there, and one that is done gives its result
            again. Without it, nothing is written.
        description: What the progress bar says.
        progress: Shows the progress.

    Returns:
        The history and the best result.

    Raises:
        InputError: The examples are not of the kind that the network takes, the checkpoints are
            those of another run, or the loss is not finite.
    """
    config = config or TrainingConfig()
    first = examples.load(0)
    _check(network.config, vocabulary, first)
    _check(network.config, vocabulary, validation)
    _check_class_weights(network.config, first, config)
    del first
    if not validation.weights.any():
        raise InputError("All validation examples have weight 0: give some of them a weight.")
    checkpoints: Checkpoints = InMemory()
    if checkpoint_dir is not None:
        checkpoints = InDirectory(Path(checkpoint_dir), _job(network.config, examples, validation, config))
    devices = [network.device] if network.device.type == "cuda" else []
    with _threads(config.threads), torch.random.fork_rng(devices):
        return _Run(network, vocabulary, examples, validation, config, checkpoints).finish(
            description, progress
        )


def score(
    network: StudentNetwork,
    vocabulary: Vocabulary,
    texts: Texts,
    text_pair: Texts | None = None,
    *,
    batch_size: int = 2048,
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Score texts with `network`.

    Args:
        network: The student.
        vocabulary: Its n-gram vocabulary.
        texts: n texts.
        text_pair: n second texts, for pairs.
        batch_size: Texts to score at a time.
        threads: Threads to extract n-grams with; None for all cores.

    Returns:
        Logits, float32 (n, classes).
    """
    network.eval()
    pair = None if text_pair is None else as_strings(text_pair, "text_pair")
    batches = inputs_in_order(as_strings(texts), pair, Extraction(vocabulary, threads=threads), batch_size)
    with torch.no_grad(), closing(batches):
        logits = [network(*_on(network.device, inputs)).cpu() for inputs in batches]
    return np.concatenate([np.empty((0, network.config.classes), np.float32), *logits])


class _Optimizer:
    """Adam for the head, the table's own Adagrad, and the one schedule of both."""

    def __init__(self, network: StudentNetwork, config: TrainingConfig, steps: int) -> None:
        self.table = network.table
        self.table.squares.zero_()
        self.names = [name for name, _ in network.head.named_parameters()]
        self.adam = torch.optim.Adam(network.head.parameters())
        self.rates = config.learning_rate, config.table_learning_rate
        self.steps = steps
        self.warmup = config.warmup * steps

    def begin(self, step: int) -> None:
        """Get ready for the forward pass of a step, counted from 0."""
        share = self._share(step)
        self.adam.param_groups[0]["lr"] = self.rates[0] * share
        self.table.set_learning_rate(self.rates[1] * share)

    def descend(self, loss: Tensor) -> None:
        """Take the step."""
        self.adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam.step()

    def _share(self, step: int) -> float:
        """Share of the peak rates at a step: up to 1 over the warm-up, and down to 0 at the end."""
        if step + 1 < self.warmup:
            return (step + 1) / self.warmup
        return (self.steps - step) / (self.steps - self.warmup + 1)

    def arrays(self) -> dict[str, Tensor]:
        found = {f"{_OPTIMIZER}table": self.table.squares}
        for i, state in self.adam.state_dict()["state"].items():
            found |= {f"{_OPTIMIZER}{self.names[i]}.{key}": value for key, value in state.items()}
        return found

    def load_arrays(self, arrays: Mapping[str, Tensor]) -> None:
        self.table.squares.copy_(arrays[f"{_OPTIMIZER}table"])
        state: dict[int, dict[str, Tensor]] = {}
        for i, name in enumerate(self.names):
            prefix = f"{_OPTIMIZER}{name}."
            state[i] = {key.removeprefix(prefix): v for key, v in arrays.items() if key.startswith(prefix)}
        self.adam.load_state_dict({**self.adam.state_dict(), "state": {i: s for i, s in state.items() if s}})


class _Run:
    """One training run: where it is, and what it needs to go on."""

    def __init__(
        self,
        network: StudentNetwork,
        vocabulary: Vocabulary,
        examples: Shards,
        validation: Examples,
        config: TrainingConfig,
        checkpoints: Checkpoints,
    ) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.validation = validation
        self.config = config
        self.checkpoints = checkpoints
        self.objective = Objective(network.config.multi_label, config.temperature, config.class_weights)
        self.batches = TrainingBatches(
            examples,
            Extraction(vocabulary, config.ngram_dropout, config.max_ngrams, config.threads),
            batch_size=config.batch_size,
            epochs=config.epochs,
            window=config.window,
            seed=config.seed,
        )
        self.steps = len(self.batches)
        self.due = {round(k * self.steps / config.evaluations) for k in range(1, config.evaluations + 1)}
        self.optimizer = _Optimizer(network, config, self.steps)
        self.record = Record()
        self.losses: list[Tensor] = []

    def finish(self, description: str, progress: Progress) -> TrainingResult:
        """Train to the end, and leave the network with its best weights."""
        self._begin()
        texts_per_second = self._train(description, progress)
        self.network.load_arrays(self.checkpoints.best())
        self.network.eval()
        return TrainingResult(
            history=self.record.history,
            metric=self.objective.metric_name,
            best=self._best()[self.objective.metric_name],
            best_step=self.record.best_step,
            steps=self.record.step,
            stopped_early=self.record.step < self.steps,
            texts_per_second=texts_per_second,
        )

    def _begin(self) -> None:
        """Go on from the last checkpoint, or begin with an evaluation."""
        if found := self.checkpoints.resume():
            self.record, arrays = found
            self.network.load_arrays(arrays)
            self.optimizer.load_arrays(arrays)
        else:
            self._evaluate()

    def _train(self, description: str, progress: Progress) -> float:
        """Do the steps that are left; returns the texts a second, evaluations left out."""
        done = self.batches.texts(self.record.step)
        texts, seconds = 0, 0.0
        batches = self.batches.begin(self.record.step)
        with (
            progress(description, self.batches.texts(self.steps), "texts", done) as advance,
            closing(batches),
        ):
            started = perf_counter()
            while not self._out_of_patience() and (batch := next(batches, None)):
                self._step(batch)
                texts += len(batch)
                advance(len(batch), self._note())
                if self.record.step in self.due:
                    seconds += perf_counter() - started
                    self._evaluate()
                    started = perf_counter()
        return texts / seconds if seconds else 0.0

    def _out_of_patience(self) -> bool:
        return self.config.patience is not None and self.record.waited >= self.config.patience

    def _step(self, batch: TrainingBatch) -> None:
        # Each step seeds its own dropout, so that a resumed run draws what an uninterrupted one does.
        torch.manual_seed(
            int(np.random.SeedSequence((self.config.seed, self.record.step)).generate_state(1)[0])
        )
        self.network.train()
        self.optimizer.begin(self.record.step)
        device = self.network.device
        logits = self.network(*_on(device, batch.inputs))
        loss = self.objective.loss(logits, *_on(device, batch.answers), soft=batch.soft)
        self.optimizer.descend(loss)
        self.losses.append(loss.detach())
        self.record.step += 1

    def _evaluate(self) -> None:
        """Evaluate on the validation data, add it to the record, and keep the state."""
        validation, record = self.validation, self.record
        logits = torch.from_numpy(
            score(
                self.network,
                self.vocabulary,
                validation.texts,
                validation.text_pair,
                batch_size=self.config.batch_size,
                threads=self.config.threads,
            )
        )
        answer = logits, torch.from_numpy(validation.targets), torch.from_numpy(validation.weights)
        entry: dict[str, float] = {
            "step": record.step,
            "validation_loss": float(self.objective.loss(*answer, soft=validation.soft)),
            self.objective.metric_name: self.objective.metric(*answer, soft=validation.soft),
        }
        if self.losses:
            entry["loss"] = float(torch.stack(self.losses).mean())
            self.losses.clear()
        if not np.isfinite(entry["validation_loss"]):
            raise InputError(
                f"The loss on the validation data is not finite after step {record.step}: "
                "lower both learning rates, or drop examples with extreme logits."
            )
        better = not record.history or self._merit(entry) > self._merit(self._best())
        record.history.append(entry)
        record.best_step = record.step if better else record.best_step
        record.waited = 0 if better else record.waited + 1
        self.checkpoints.keep(record, {**self.network.arrays(), **self.optimizer.arrays()})

    def _merit(self, entry: Mapping[str, float]) -> tuple[float, float]:
        """What the better of two evaluations has more of: the metric, and where that is equal, less loss."""
        return entry[self.objective.metric_name], -entry["validation_loss"]

    def _best(self) -> Mapping[str, float]:
        return next(entry for entry in self.record.history if entry["step"] == self.record.best_step)

    def _note(self) -> str | None:
        if self.record.step % 10:
            return None
        name = self.objective.metric_name
        return (
            f"step {self.record.step}/{self.steps} · loss {float(self.losses[-1]):.3f} · "
            f"{name.replace('_', ' ')} {self.record.history[-1][name]:.3f}"
        )


def _check(network: NetworkConfig, vocabulary: Vocabulary, examples: Examples) -> None:
    """Refuse what the network cannot be trained or evaluated on."""
    if len(vocabulary) != network.rows:
        raise InputError(
            f"The vocabulary has {len(vocabulary)} n-grams and the student {network.rows} rows: "
            "make the student with the vocabulary that it is trained with."
        )
    if network.pair != (examples.text_pair is not None):
        wanted, found = ("pairs", "single texts") if network.pair else ("single texts", "pairs")
        raise InputError(f"The student takes {wanted} and the examples are {found}: make both of one kind.")
    targets = examples.targets
    if targets.ndim == 2 and targets.shape[1] != network.classes:
        raise InputError(
            f"The student has {network.classes} classes and the targets {targets.shape[1]}: "
            "make both of one size."
        )
    if not examples.soft and network.multi_label != (targets.ndim == 2):
        raise InputError(
            "The student is multi-label and the labels are single ones: give 0 and 1 as (texts, classes)."
            if network.multi_label
            else "The labels are multi-label and the student is not: make the student with multi_label."
        )
    if targets.ndim == 1 and targets.max() >= network.classes:
        raise InputError(
            f"Label {targets.max()} is beyond the student's {network.classes} classes: "
            "correct the label, or add classes."
        )


def _check_class_weights(network: NetworkConfig, examples: Examples, config: TrainingConfig) -> None:
    if config.class_weights is not None and examples.soft:
        raise InputError("class_weights are for labels and the targets are soft: weigh the examples instead.")
    if config.class_weights is not None and len(config.class_weights) != network.classes:
        raise InputError(
            f"{len(config.class_weights)} class_weights came for {network.classes} classes: give one a class."
        )


def _job(
    network: NetworkConfig, examples: Shards, validation: Examples, config: TrainingConfig
) -> dict[str, Any]:
    """What makes one training run another; how many threads it may use does not."""
    job = {f"{name} of the student": value for name, value in asdict(network).items()}
    job |= {f"{name} of the training": value for name, value in asdict(config).items()}
    job |= {
        "the number of examples": list(examples.sizes),
        "the number of validation examples": len(validation),
    }
    del job["threads of the training"]
    return job


def _on(device: torch.device, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor.to(device) for tensor in tensors)


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    """Let torch compute with `threads` threads while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
