"""Training: what is learnt, repeatability, checkpoints, losses, batches, and rejected input."""

from __future__ import annotations

import errno
import json
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from sklearn.metrics import f1_score

from sparsedistill._internal.background import AHEAD, in_background
from sparsedistill._internal.tensors import write_blocks
from sparsedistill.data.examples import Examples
from sparsedistill.errors import InputError
from sparsedistill.problem import problem_of
from sparsedistill.training import checkpoint, snapshot
from sparsedistill.training.batches import Extraction, TrainingBatches
from sparsedistill.training.checkpoint import InDirectory, RunState
from sparsedistill.training.config import TableKind, TrainingConfig
from sparsedistill.training.network import NetworkConfig, StudentNetwork
from sparsedistill.training.objective import Objective
from sparsedistill.training.scoring import score_texts
from sparsedistill.training.trainer import train
from sparsedistill.vocabulary import NgramRows, Vocabulary
from sparsedistill.vocabulary.config import TokenizerConfig

KINDS: list[TableKind] = ["fbgemm", "embedding_bag"]
CLASSES = 3
WORDS = [f"w{i}" for i in range(60)]
VOCABULARY = Vocabulary.from_ngrams(WORDS, TokenizerConfig(max_ngram=1))

#: The evidence of each word for each class, which students have to learn.
MEANING = np.random.default_rng(7).normal(size=(len(WORDS), CLASSES))

#: Enough to learn the toy tasks in a second.
QUICK = TrainingConfig(
    passes=6,
    least_steps=1,
    batch_size=32,
    learning_rate=0.01,
    table_learning_rate=0.3,
    evaluations=4,
    threads=1,
)


def toy(n: int, seed: int, kind: str = "logits", **options: Any) -> Examples:
    """Texts of eight words with the mean of their evidence, as soft targets, labels or multi-label labels."""
    generator = np.random.default_rng(seed)
    chosen = generator.random((n, len(WORDS))).argsort(axis=1)[:, :8]
    logits = 2 * MEANING[chosen].mean(axis=1)
    texts = [" ".join(WORDS[i] for i in row) for row in chosen]
    targets = {
        "logits": {"logits": logits},
        "labels": {"labels": logits.argmax(axis=1)},
        "multi": {"labels": (logits > 0).astype(np.float32)},
    }
    return Examples(texts, **targets[kind], **options)


def student(**options: Any) -> StudentNetwork:
    return StudentNetwork(NetworkConfig(len(WORDS), **{"classes": CLASSES, "dim": 8, "hidden": 8, **options}))


def same(one: StudentNetwork, other: StudentNetwork) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.arrays().values(), other.arrays().values(), strict=True))


class Failing(Vocabulary):
    """Raises an error at one of its extractions, like a machine that loses power."""

    def __init__(self, at: int, error: type[BaseException]) -> None:
        super().__init__(VOCABULARY.buckets, len(VOCABULARY), VOCABULARY.tokenizer, closed=True)
        self.left = at
        self.error = error

    def extract(self, *args: Any, **options: Any) -> NgramRows:
        self.left -= 1
        if self.left < 0:
            raise self.error("switched off")
        return super().extract(*args, **options)


class InShards:
    """Examples in several shards, with a record of the shards that were read."""

    def __init__(self, parts: Sequence[Examples]) -> None:
        self.parts = parts
        self.read: list[int] = []

    @property
    def sizes(self) -> list[int]:
        return [len(part) for part in self.parts]

    def load(self, shard: int, /) -> Examples:
        self.read.append(shard)
        return self.parts[shard]

    def digest(self) -> str:
        return "".join(part.digest() for part in self.parts)


# ---- learning ------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", KINDS)
@pytest.mark.parametrize("kind", ["logits", "labels"])
def test_learns_single_labels(kind: str, table: TableKind) -> None:
    network = student(table=table)
    result = train(network, VOCABULARY, toy(1500, 0, kind), toy(300, 1, kind), QUICK)
    assert result.metric == "accuracy"
    assert result.history[0]["accuracy"] < 0.6
    assert result.best > 0.85
    assert result.steps == 6 * math.ceil(1500 / 32)
    assert [entry["step"] for entry in result.history] == [0, 70, 141, 212, 282]
    assert result.history[-1]["loss"] < result.history[1]["loss"]
    assert result.texts_per_second > 0
    logits = score_texts(network, VOCABULARY, toy(300, 1).texts, threads=1)
    assert np.mean(logits.argmax(1) == toy(300, 1, "labels").targets) == pytest.approx(result.best, abs=1e-6)


@pytest.mark.parametrize("soft", [True, False])
def test_learns_multi_label(soft: bool) -> None:
    network = student(problem="multi_label")
    kind = "logits" if soft else "multi"
    examples, validation = toy(1500, 0, kind), toy(300, 1, kind)
    result = train(network, VOCABULARY, examples, validation, replace(QUICK, passes=12))
    truth = toy(300, 1, "multi").targets
    expected = f1_score(truth, score_texts(network, VOCABULARY, validation.texts) > 0, average="macro")
    assert result.metric == "macro_f1"
    assert result.best == pytest.approx(expected, abs=1e-6)
    assert result.best > 0.8


@pytest.mark.parametrize("table", KINDS)
def test_learns_pairs(table: TableKind) -> None:
    """Whether two texts use the same words, which neither text shows alone."""
    generator = np.random.default_rng(0)
    groups = generator.integers(6, size=(2000, 2))
    groups[::2, 1] = groups[::2, 0]
    sides = [
        [" ".join(WORDS[10 * g + i] for i in generator.integers(10, size=5)) for g in side]
        for side in groups.T
    ]
    labels = (groups[:, 0] == groups[:, 1]).astype(np.int64)
    examples, validation = (
        Examples(sides[0][part], text_pair=sides[1][part], labels=labels[part])
        for part in (slice(0, 1700), slice(1700, None))
    )
    network = student(classes=2, pair=True, dim=16, table=table)
    assert train(network, VOCABULARY, examples, validation, replace(QUICK, passes=12)).best > 0.95
    logits = score_texts(network, VOCABULARY, validation.texts, validation.text_pair)
    with_itself = score_texts(network, VOCABULARY, validation.texts, validation.texts)
    assert np.mean(logits.argmax(axis=1) == validation.targets) > 0.95
    assert np.mean(with_itself.argmax(axis=1)) > 0.95


def test_back_ends_train_the_same_student() -> None:
    networks = [student(table=kind, dropout=0.0) for kind in KINDS]
    for network in networks:
        train(network, VOCABULARY, toy(400, 0), toy(50, 1), replace(QUICK, evaluations=1))
    texts = toy(50, 2).texts
    logits = [score_texts(network, VOCABULARY, texts) for network in networks]
    assert np.allclose(logits[0], logits[1], atol=1e-5)


def test_fine_tuning_starts_from_the_distilled_weights() -> None:
    network = student()
    distilled = train(network, VOCABULARY, toy(1500, 0), toy(300, 1, "labels"), QUICK)
    gentle = replace(QUICK, learning_rate=1e-3, table_learning_rate=0.01, passes=1)
    tuned = train(network, VOCABULARY, toy(100, 2, "labels"), toy(300, 1, "labels"), gentle)
    assert tuned.history[0]["accuracy"] == distilled.best
    assert tuned.best >= distilled.best


def test_training_that_does_not_help_leaves_the_network_unchanged() -> None:
    network = student()
    train(network, VOCABULARY, toy(1500, 0), toy(300, 1), QUICK)
    before = {name: array.clone() for name, array in network.arrays().items()}
    examples = toy(300, 1, "labels")
    wrong = Examples(examples.texts, labels=(examples.targets + 1) % CLASSES)
    result = train(network, VOCABULARY, wrong, examples, replace(QUICK, patience=2, evaluations=20))
    assert result.best_step == 0
    assert result.stopped_early
    assert [entry["step"] for entry in result.history] == [0, 3, 6]
    assert all(torch.equal(array, before[name]) for name, array in network.arrays().items())


def test_best_weights_are_kept_if_later_ones_are_worse(tmp_path: Path) -> None:
    """Few labels, which a student overfits: the validation result improves, then gets worse."""
    examples, validation = toy(40, 0, "labels"), toy(300, 1, "labels")
    hasty = replace(QUICK, passes=60, table_learning_rate=1.0, learning_rate=0.05, evaluations=30)
    for directory in (None, tmp_path / "run"):
        network = student(dropout=0.0)
        result = train(network, VOCABULARY, examples, validation, hasty, checkpoint_dir=directory)
        assert 0 < result.best_step < result.steps
        assert result.best == max(entry["accuracy"] for entry in result.history)
        logits = score_texts(network, VOCABULARY, validation.texts, threads=1)
        assert np.mean(logits.argmax(axis=1) == validation.targets) == pytest.approx(result.best, abs=1e-6)


# ---- repeatability and checkpoints ---------------------------------------------------------------


@pytest.mark.parametrize("table", KINDS)
@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_same_student(table: TableKind, threads: int) -> None:
    networks = []
    for seed in (3, 3, 4):
        networks.append(student(table=table))
        config = replace(QUICK, seed=seed, threads=threads, passes=2)
        train(networks[-1], VOCABULARY, toy(100, 0), toy(20, 1), config)
    assert same(networks[0], networks[1])
    assert not same(networks[0], networks[2])


@pytest.mark.parametrize("table", KINDS)
@pytest.mark.parametrize("kind", ["logits", "labels"])
def test_resumed_run_equals_uninterrupted_run(kind: str, table: TableKind, tmp_path: Path) -> None:
    parts = [toy(n, n, kind) for n in (130, 90, 200)]
    config = replace(QUICK, passes=3, window=140, evaluations=7)
    validation = toy(50, 1, kind)
    uninterrupted = student(table=table)
    expected = train(uninterrupted, VOCABULARY, InShards(parts), validation, config)

    for at in (1, 17, 33):  # extractions until the power fails; each round is a new process
        with pytest.raises(OSError, match="switched off"):
            train(
                student(table=table),
                Failing(at, OSError),
                InShards(parts),
                validation,
                config,
                checkpoint_dir=tmp_path,
            )
    resumed = student(table=table, seed=0)
    resumed.table.weight.fill_(7.0)  # the checkpoint replaces all weights
    result = train(resumed, VOCABULARY, InShards(parts), validation, config, checkpoint_dir=tmp_path)
    assert same(resumed, uninterrupted)
    assert result.history == expected.history
    assert (result.best, result.best_step, result.steps) == (
        expected.best,
        expected.best_step,
        expected.steps,
    )

    again = student(table=table)
    assert (
        train(again, Failing(0, OSError), InShards(parts), validation, config, checkpoint_dir=tmp_path).best
        == expected.best
    )
    assert same(again, uninterrupted)


def test_resumed_run_keeps_its_patience(tmp_path: Path) -> None:
    examples = toy(300, 1, "labels")
    wrong = Examples(examples.texts, labels=(examples.targets + 1) % CLASSES)
    network = student()
    train(network, VOCABULARY, toy(1500, 0), toy(300, 1), QUICK)
    start = {name: array.clone() for name, array in network.arrays().items()}
    config = replace(QUICK, patience=3, evaluations=20)
    with pytest.raises(OSError, match="switched off"):
        train(network, Failing(20, OSError), wrong, examples, config, checkpoint_dir=tmp_path)
    result = train(network, VOCABULARY, wrong, examples, config, checkpoint_dir=tmp_path)
    assert [entry["step"] for entry in result.history] == [0, 3, 6, 9]
    assert all(torch.equal(array, start[name]) for name, array in network.arrays().items())


def test_checkpoint_directory_holds_the_needed_files_only(tmp_path: Path) -> None:
    train(student(), VOCABULARY, toy(300, 0), toy(50, 1), QUICK, checkpoint_dir=tmp_path)
    (tmp_path / ".step-00000001.safetensors.1-aa.partial").touch()
    train(student(), VOCABULARY, toy(300, 0), toy(50, 1), QUICK, checkpoint_dir=tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[0] == "checkpoint.json"
    assert 2 <= len(names) <= 3
    arrays = load_file(tmp_path / names[-1])
    assert arrays["table"].shape == (len(WORDS), 8)
    assert arrays["optimizer.table"].shape == (len(WORDS),)
    assert arrays["optimizer.hidden.weight.exp_avg"].shape == (8, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"config": replace(QUICK, learning_rate=0.5)},
            "learning_rate of the training was 0.01 and is now 0.5",
        ),
        ({"network": {"hidden": 16}}, "hidden of the student was 8 and is now 16"),
        ({"examples": 301}, r"number of examples was \[300\] and is now \[301\]"),
        ({"validation": 51}, "number of validation examples was 50 and is now 51"),
        ({"seed": 2}, "the digest of the examples was"),
        ({"validation_seed": 2}, "the digest of the validation examples was"),
        ({"vocabulary": Vocabulary.from_ngrams([*WORDS[:-1], "x"], TokenizerConfig(1))}, "the n-grams was"),
    ],
)
def test_run_with_other_settings_does_not_resume(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    def run(
        network: dict[str, Any] | None = None,
        examples: int = 300,
        validation: int = 50,
        config: TrainingConfig = QUICK,
        seed: int = 0,
        validation_seed: int = 1,
        vocabulary: Vocabulary = VOCABULARY,
    ) -> None:
        train(
            student(**network or {}),
            vocabulary,
            toy(examples, seed),
            toy(validation, validation_seed),
            config,
            checkpoint_dir=tmp_path,
        )

    run()
    run(config=replace(QUICK, threads=2))
    with pytest.raises(InputError, match=message):
        run(**change)


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "{}",
        "[]",
        '{"job": {}, "epoch": 1}',
        '{"job": {}, "step": "1", "best_step": 0, "waited": 0, "history": [], "digests": {}}',
        '{"job": {}, "step": 1, "best_step": 0, "waited": 0, "history": [{"loss": "low"}], "digests": {}}',
    ],
)
def test_damaged_checkpoints_are_rejected(damage: str, tmp_path: Path) -> None:
    def run() -> None:
        train(student(), VOCABULARY, toy(50, 0), toy(20, 1), QUICK, checkpoint_dir=tmp_path)

    run()
    record = tmp_path / "checkpoint.json"
    whole = record.read_text()
    record.write_text(damage)
    with pytest.raises(InputError, match=r"cannot be used .*: delete .* to train again"):
        run()
    record.write_text(whole)
    for file in tmp_path.glob("*.safetensors"):
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        for changed in (content, content[:-1]):
            file.write_bytes(changed)
            with pytest.raises(InputError, match=r"cannot be used \(its digest differs\): delete .* again"):
                run()


def test_checkpoint_keeps_the_state_and_leaves_out_a_loss_that_is_not_finite(tmp_path: Path) -> None:
    history: list[dict[str, int | float]] = [
        {"step": 0, "validation_loss": 0.5, "accuracy": 0.25},
        {"step": 3, "validation_loss": 1.0, "accuracy": 0.5, "loss": math.nan},
    ]
    settings = {"class_weights": (1, 2.5), "patience": None, "table": "auto", "pair": False}
    checkpoints = InDirectory(tmp_path, settings)
    checkpoints.keep(RunState(3, 3, 0, history), {"table": torch.ones(2, 3)})
    checkpoints.close()
    resumed = InDirectory(tmp_path, settings).resume()
    assert resumed is not None
    state, arrays = resumed
    del history[1]["loss"]
    assert (state.step, state.best_step, state.waited, state.history) == (3, 3, 0, history)
    assert [type(entry["step"]) for entry in state.history] == [int, int]
    assert torch.equal(arrays["table"], torch.ones(2, 3))
    content = json.loads((tmp_path / "checkpoint.json").read_text())
    assert content["job"] == {**settings, "class_weights": [1, 2.5]}
    assert set(content) == {"job", "step", "best_step", "waited", "history", "digests"}


class Slowly:
    """Writes blocks of a few rows, and lets training steps pass in between."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
        self.files = 0
        write = write_blocks

        def write_slowly(path: Path, arrays: Any, blocks: Any) -> None:
            def slow() -> Iterator[NDArray[Any]]:
                for block in blocks:
                    time.sleep(0.005)
                    yield block

            self.files = max(self.files, len(list(directory.glob("*step-*"))))
            write(path, arrays, slow())

        monkeypatch.setattr(checkpoint, "write_blocks", write_slowly)
        monkeypatch.setattr(snapshot, "_BLOCK", 3 * 8 * 4)


@pytest.mark.parametrize("least_kept", [4, 1 << 16])
@pytest.mark.parametrize("characters", [0, 3])
def test_checkpoints_are_states_of_one_moment_though_training_continues(
    least_kept: int, characters: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "run"
    slowly = Slowly(monkeypatch, directory)
    monkeypatch.setattr(snapshot, "_LEAST_KEPT", least_kept)
    kept: dict[int, dict[str, torch.Tensor]] = {}
    changed: list[bool] = []
    original = InDirectory.keep

    def keep(self: InDirectory, state: RunState, arrays: Mapping[str, torch.Tensor]) -> None:
        original(self, state, arrays)
        kept[state.step] = {name: array.clone() for name, array in arrays.items()}

    def load(self: InDirectory, step: int) -> Mapping[str, torch.Tensor]:
        arrays = load_arrays(self, step)
        assert all(torch.equal(array, kept[step][name]) for name, array in arrays.items())
        return arrays

    def record(self: InDirectory, state: RunState) -> None:
        record_state(self, state)
        for step in {state.step, state.best_step}:
            load(self, step)
        changed.append(not torch.equal(network.table.weight, kept[state.step]["table"]))

    load_arrays, record_state = InDirectory._load, InDirectory._record
    monkeypatch.setattr(InDirectory, "keep", keep)
    monkeypatch.setattr(InDirectory, "_record", record)
    vocabulary = VOCABULARY
    if characters:
        tokenizer = TokenizerConfig(max_ngram=1, max_characters=characters)
        vocabulary = Vocabulary.build(toy(300, 0).texts, tokenizer)
    hasty = replace(QUICK, passes=10, table_learning_rate=1.0, learning_rate=0.05, evaluations=12)
    network = StudentNetwork(NetworkConfig(len(vocabulary), CLASSES, dim=8, hidden=8))
    train(network, vocabulary, toy(300, 0), toy(50, 1), hasty, checkpoint_dir=directory)
    assert len(kept) == 13
    assert any(changed)  # steps were done while files were written
    assert slowly.files == 2  # with the one that is written


def test_a_full_disk_ends_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr(checkpoint, "write_blocks", full)
    with pytest.raises(InputError, match="the disk is full"):
        train(student(), VOCABULARY, toy(300, 0), toy(50, 1), QUICK, checkpoint_dir=tmp_path)


def test_large_tables_have_fewer_checkpoints() -> None:
    config = TrainingConfig()
    assert (config.evaluations_of(10**6), config.evaluations_of(10**9)) == (10, 4)
    assert replace(config, evaluations=20).evaluations_of(10**9) == 20


def test_rows_that_are_zero_take_no_space(tmp_path: Path) -> None:
    checkpoints = InDirectory(tmp_path, {})
    table = torch.zeros(10_000, 1000)
    checkpoints.keep(RunState(0, 0, 0, [{"step": 0}]), {"table": table})
    checkpoints.close()
    (file,) = tmp_path.glob("*.safetensors")
    seen = file.stat()
    assert (seen.st_size > table.nbytes, seen.st_blocks * 512 < 1 << 20) == (True, True)
    assert torch.equal(torch.from_numpy(load_file(file)["table"]), table)


# ---- losses --------------------------------------------------------------------------------------


def loss(objective: Objective, logits: Any, targets: Any, weights: Any, *, soft: bool) -> float:
    targets = torch.tensor(targets)
    return float(objective.loss(torch.tensor(logits), targets, torch.tensor(weights), soft=soft))


def test_distillation_loss_is_the_divergence_at_a_temperature() -> None:
    student_logits, teacher_logits, temperature = [1.0, -0.5, 0.0], [3.0, 0.0, -3.0], 2.0

    def softmax(logits: list[float]) -> list[float]:
        powers = [math.exp(logit / temperature) for logit in logits]
        return [power / sum(powers) for power in powers]

    p, q = softmax(teacher_logits), softmax(student_logits)
    expected = temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    got = loss(Objective(temperature=temperature), [student_logits], [teacher_logits], [1.0], soft=True)
    assert got == pytest.approx(expected, rel=1e-5)
    assert loss(Objective(temperature=temperature), [teacher_logits], [teacher_logits], [1.0], soft=True) == 0


def test_multi_label_losses_equal_the_formula() -> None:
    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    logits, teacher, temperature = [0.4, -1.0], [2.0, 1.0], 3.0
    pairs = [
        (sigmoid(t / temperature), sigmoid(s / temperature)) for s, t in zip(logits, teacher, strict=True)
    ]
    soft = [-(p * math.log(q) + (1 - p) * math.log(1 - q)) for p, q in pairs]
    objective = Objective("multi_label", temperature=temperature)
    expected = temperature**2 * sum(soft) / 2
    assert loss(objective, [logits], [teacher], [1.0], soft=True) == pytest.approx(expected, rel=1e-5)

    objective = Objective("multi_label", temperature=temperature, class_weights=(5.0, 1.0))
    expected = -(5 * math.log(sigmoid(0.4)) + math.log(1 - sigmoid(-1.0))) / 2
    assert loss(objective, [logits], [[1.0, 0.0]], [1.0], soft=False) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["logits", "labels", "multi"])
def test_weight_of_two_equals_two_copies(kind: str) -> None:
    examples = toy(6, 0, kind)
    twice = np.array([0, 1, 2, 3, 4, 5, 5, 2])
    weights = np.bincount(twice).astype(np.float32)
    logits = np.random.default_rng(1).normal(size=(6, CLASSES)).astype(np.float32)
    objective = Objective(problem_of((), multi_label=kind == "multi"))
    soft = kind == "logits"
    weighted = loss(objective, logits, examples.targets, weights, soft=soft)
    doubled = loss(objective, logits[twice], examples.targets[twice], np.ones(8, np.float32), soft=soft)
    plain = loss(objective, logits, examples.targets, np.ones(6, np.float32), soft=soft)
    assert weighted == pytest.approx(doubled, rel=1e-5)
    assert weighted != pytest.approx(plain, rel=1e-3)


def test_class_weights_equal_example_weights_by_class() -> None:
    examples = toy(9, 0, "labels")
    logits = np.random.default_rng(1).normal(size=(9, CLASSES)).astype(np.float32)
    by_class = (1.0, 4.0, 0.5)
    weights = np.array(by_class, np.float32)[examples.targets]
    ones = np.ones(9, np.float32)
    assert loss(
        Objective(class_weights=by_class), logits, examples.targets, ones, soft=False
    ) == pytest.approx(loss(Objective(), logits, examples.targets, weights, soft=False), rel=1e-6)


@pytest.mark.parametrize("table", KINDS)
def test_training_with_weights_equals_training_with_copies(table: TableKind) -> None:
    examples = toy(60, 0, "labels")
    twice = np.concatenate([np.arange(60), np.arange(0, 60, 3)])
    weights = np.bincount(twice).astype(np.float32)
    config = replace(QUICK, passes=30, batch_size=100, ngram_dropout=0.0, evaluations=1)
    logits = []
    for given in (
        examples.take(twice),
        Examples(examples.texts, labels=examples.targets, weights=weights),
        examples,
    ):
        network = student(dropout=0.0, table=table)
        train(network, VOCABULARY, given, examples, config)
        logits.append(score_texts(network, VOCABULARY, toy(50, 2).texts))
    assert np.allclose(logits[0], logits[1], atol=1e-2)
    assert not np.allclose(logits[0], logits[2], atol=0.1)


@pytest.mark.parametrize("kind", ["class", "example"])
def test_weights_change_the_predictions(kind: str) -> None:
    """Texts without information: the odds of the classes are those of the weights."""
    labels = np.array([0, 1] * 100)
    texts = ["w0 w1"] * 200
    weights = np.where(labels == 1, 9.0, 1.0) if kind == "example" else None
    config = replace(QUICK, passes=20, class_weights=(1.0, 9.0) if kind == "class" else None)
    network = student(classes=2)
    train(
        network,
        VOCABULARY,
        Examples(texts, labels=labels, weights=weights),
        Examples(texts[:2], labels=labels[:2], weights=None if weights is None else weights[:2]),
        config,
    )
    odds = np.diff(score_texts(network, VOCABULARY, texts[:1]))[0, 0]
    assert odds == pytest.approx(math.log(9), abs=0.7)


def test_balanced_weights_raise_rare_classes() -> None:
    """Odds of 9 become 3: the weights are the square roots of the inverse shares."""
    labels = np.array([1] + [0] * 9).repeat(20)
    examples = Examples(["w0 w1"] * 200, labels=labels)
    network = student(classes=2)
    train(network, VOCABULARY, examples, examples, replace(QUICK, passes=20, class_weights="balanced"))
    odds = np.diff(score_texts(network, VOCABULARY, ["w0 w1"]))[0, 0]
    assert odds == pytest.approx(-math.log(3), abs=0.5)


def test_metrics_are_weighted() -> None:
    logits, weights = torch.eye(3), torch.tensor([1.0, 1.0, 2.0])
    assert Objective().metric(logits, torch.tensor([0, 1, 0]), weights, soft=False) == 0.5
    truth = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 0, 1]])
    expected = f1_score(truth, logits > 0, average="macro", sample_weight=weights)
    assert Objective("multi_label").metric(logits, truth, weights, soft=False) == pytest.approx(expected)


# ---- batches -------------------------------------------------------------------------------------


def numbered(parts: Sequence[int]) -> InShards:
    """Shards of examples whose weights are their numbers."""
    bounds = np.cumsum([0, *parts])
    return InShards(
        [
            Examples(["w1"] * n, labels=np.zeros(n, np.int64), weights=np.arange(begin, begin + n))
            for n, begin in zip(parts, bounds[:-1], strict=True)
        ]
    )


def planned(source: InShards, seed: int = 0, at: int = 0, **options: int) -> list[list[int]]:
    settings = {"batch_size": 16, "steps": 14, "window": 45, **options}
    batches = TrainingBatches(source, Extraction(VOCABULARY, threads=1), seed=seed, **settings)
    found = [batch.weights.int().tolist() for batch in batches.start(at)]
    assert len(found) == len(batches) - at
    assert batches.texts(len(batches)) - batches.texts(at) == sum(map(len, found))
    return found


def test_each_epoch_has_every_example_once_in_its_own_order() -> None:
    source = numbered([40, 7, 30, 1, 25])
    batches = planned(source)
    shown = [number for batch in batches for number in batch]
    orders = shown[:103], shown[103:]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(103))
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])
    assert max(map(len, batches)) <= 16
    assert len(source.read) == 10
    assert planned(source) == batches
    assert planned(source, seed=1) != batches


def test_batches_of_a_window_have_equal_size() -> None:
    assert sorted(map(len, planned(numbered([33]), steps=3))) == [11, 11, 11]


def test_run_can_start_at_any_step_without_reading_earlier_shards() -> None:
    batches = planned(numbered([40, 30, 25]), window=1)
    for at in range(len(batches)):
        assert planned(numbered([40, 30, 25]), window=1, at=at) == batches[at:]
    source = numbered([40, 30, 25])
    planned(source, window=1, at=len(batches) - 1)
    assert len(source.read) == 1


def test_background_thread_works_a_few_jobs_ahead() -> None:
    done: list[int] = []
    results = in_background(lambda job: done.append(job) or job, range(100))  # type: ignore[func-returns-value]
    assert next(results) == 0
    time.sleep(0.1)
    assert len(done) == AHEAD + 1
    results.close()
    assert len(done) <= AHEAD + 1


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_errors_in_the_extraction_thread_are_raised_and_end_it(error: type[BaseException]) -> None:
    with pytest.raises(error, match="switched off"):
        train(student(), Failing(9, error), toy(300, 0), toy(50, 1), QUICK)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("background")]


def test_error_in_training_ends_the_extraction_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Objective, "loss", interrupt)
    monkeypatch.setattr("sparsedistill.training.trainer._Run._evaluate", lambda self: None)
    with pytest.raises(KeyboardInterrupt):
        train(student(), VOCABULARY, toy(300, 0), toy(50, 1), QUICK)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("background")]


def test_threads_and_random_state_are_restored() -> None:
    before = torch.get_num_threads(), torch.random.get_rng_state()
    train(student(), VOCABULARY, toy(50, 0), toy(20, 1), replace(QUICK, threads=before[0] + 1))
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])


# ---- rejected input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "examples", "config", "message"),
    [
        (
            {},
            toy(9, 0, "labels"),
            {"class_weights": (1.0,)},
            "1 class_weights were given for 3 classes: give one per class",
        ),
        ({}, toy(9, 0), {"class_weights": (1.0, 1.0, 1.0)}, "class_weights apply to labels"),
        ({}, toy(9, 0, weights=np.zeros(9)), {}, "All validation examples have weight 0"),
        ({"classes": 2}, toy(9, 0), {}, "The student has 2 classes and the targets have 3"),
        ({"classes": 2}, toy(99, 0, "labels"), {}, "Label 2 is out of range for a student with 2 classes"),
        ({"problem": "multi_label"}, toy(9, 0, "labels"), {}, "student needs 0 and 1"),
        ({}, toy(9, 0, "multi"), {}, "labels are 0 and 1"),
        ({"pair": True}, toy(9, 0), {}, "The student takes pairs and the examples are single texts"),
        ({}, toy(9, 0, text_pair=["a"] * 9), {}, "The student takes single texts and the examples are pairs"),
        (
            {},
            Examples(["w1"], logits=np.array([[3e38, -3e38, 0]])),
            {},
            "validation loss is not finite after step 0: lower",
        ),
    ],
)
def test_examples_that_do_not_fit_are_rejected(
    network: dict[str, Any], examples: Examples, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train(student(**network), VOCABULARY, examples, examples, replace(QUICK, **config))


def test_another_vocabulary_is_rejected() -> None:
    with pytest.raises(InputError, match="The vocabulary has 1 n-grams and the student 60 rows"):
        train(student(), Vocabulary.from_ngrams(["a"]), toy(9, 0), toy(9, 1), QUICK)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": 0}, "The training setting steps is 0: it must be at least 1"),
        ({"patience": 0}, "The training setting patience is 0"),
        ({"ngram_dropout": 1.0}, "The training setting ngram_dropout is 1.0"),
        ({"temperature": 0.0}, "The training setting temperature is 0.0"),
        ({"seed": -1}, "The training setting seed is -1"),
    ],
)
def test_wrong_settings_are_rejected(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainingConfig(**setting)


ONE = np.zeros(1, np.int64)


@pytest.mark.parametrize(
    ("texts", "targets", "message"),
    [
        (["a"], {}, "either logits or labels"),
        (["a"], {"labels": ONE, "logits": np.zeros((1, 2))}, "either logits or labels"),
        ([], {"labels": ONE[:0]}, "There are no examples"),
        (["a", "b"], {"labels": ONE}, "2 texts came with 1 targets"),
        (["a"], {"labels": ONE, "text_pair": []}, "1 texts came with 0 text_pair"),
        (["a"], {"labels": ONE, "weights": np.ones(2)}, "1 texts came with 2 weights"),
        (["a"], {"labels": ONE, "weights": np.array([-1.0])}, "weights must be finite and at least 0"),
        (["a", None], {"labels": np.zeros(2, np.int64)}, "Text 1 has type NoneType"),
        (["a", 3], {"labels": np.zeros(2, np.int64)}, "Text 1 has type int"),
        (["a"], {"labels": np.array([-1])}, "Label -1 is below 0"),
        (["a"], {"labels": np.array([np.nan])}, "Label 0 is nan"),
        (["a"], {"labels": np.array([[0.5, 1]])}, "labels are neither class indices"),
        (["a"], {"logits": np.zeros(1)}, "logits have 1 dimensions"),
        (["a", "b"], {"logits": np.array([[0, 0], [0, np.nan]])}, "The logits of text 1 are not finite"),
    ],
)
def test_wrong_examples_are_rejected(
    texts: list[Any], targets: dict[str, NDArray[Any]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Examples(texts, **targets)


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "é", ""],
        np.array(["a", "é", ""]),
        np.array(["a", "é", ""], object),
        pa.array(["a", "é", ""]),
        pa.chunked_array([["a"], [], ["é", ""]], pa.string()),
        pa.array(["x", "a", "é", ""])[1:],
    ],
)
def test_examples_take_texts_of_any_type(texts: Any) -> None:
    examples = Examples(texts, labels=np.arange(3), text_pair=texts)
    assert examples.texts.to_pylist() == ["a", "é", ""]
    taken = Examples.join([examples, examples]).take(np.array([5, 0]))
    assert taken.texts.to_pylist() == ["", "a"]
    assert taken.text_pair is not None
    assert taken.targets.tolist() == [2, 0]


def test_lone_surrogates_become_replacement_characters() -> None:
    assert Examples(["a\ud800b", "\ud83d\ude00"], labels=np.zeros(2, np.int64)).texts.to_pylist() == [
        "a\ufffdb",
        "😀",
    ]
