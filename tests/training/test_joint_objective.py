"""The objective of several heads: the sum of theirs, with labels as logits of a teacher that is sure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from support.sentences import error

from sparsedistill import CountingConfig, TokenizerConfig, Vocabulary
from sparsedistill.data.examples import Examples
from sparsedistill.data.labelled import Labelled
from sparsedistill.labeling.joint_examples import label_logits
from sparsedistill.training.config import TrainingConfig
from sparsedistill.training.network import HeadShape, NetworkConfig, StudentNetwork
from sparsedistill.training.objective import JointObjective, Objective, objective_of
from sparsedistill.training.trainer import train

SHAPES = (
    HeadShape("single_label", 3),
    HeadShape("regression", 1, mean=5.0, deviation=2.0),
    HeadShape("multi_label", 2),
)
NETWORK = NetworkConfig(rows=4, classes=6, dim=4, hidden=8, table="embedding_bag", heads=SHAPES)


def hard(labels: object, classes: tuple[str, ...]) -> torch.Tensor:
    texts = pa.array([""] * 20, pa.large_string())
    return torch.from_numpy(label_logits(Labelled(texts, np.asarray(labels), classes)))


def test_labels_have_the_loss_and_metric_of_labels() -> None:
    random = np.random.default_rng(0)
    logits = torch.from_numpy(random.standard_normal((20, 6)).astype(np.float32))
    single = random.integers(0, 3, 20)
    number = random.standard_normal(20).astype(np.float32)
    several = random.integers(0, 2, (20, 2)).astype(np.float32)
    targets = torch.cat(
        [hard(single, ("a", "b", "c")), hard(number, ("score",)), hard(several, ("x", "y"))], 1
    )
    weights = torch.from_numpy(random.random((20, 3)).astype(np.float32))
    joint = objective_of(NETWORK, 1.0, None)
    assert isinstance(joint, JointObjective)
    own = [
        (Objective("single_label"), slice(0, 3), torch.from_numpy(single)),
        (Objective("regression", deviation=2.0), slice(3, 4), torch.from_numpy(number)),
        (Objective("multi_label"), slice(4, 6), torch.from_numpy(several)),
    ]
    parts = [
        (objective, (logits[:, part], labels, weights[:, i]))
        for i, (objective, part, labels) in enumerate(own)
    ]
    loss = sum(float(objective.loss(*given, soft=False)) for objective, given in parts)
    assert float(joint.loss(logits, targets, weights, soft=True)) == pytest.approx(loss, rel=1e-5)
    metric = sum(objective.metric(*given, soft=False) for objective, given in parts) / 3
    assert joint.metric(logits, targets, weights, soft=True) == pytest.approx(metric)


def test_class_weights_apply_to_labels_and_not_to_teachers() -> None:
    random = np.random.default_rng(1)
    by_class = ((1.0, 5.0, 0.5), (3.0, 0.25))
    shapes = (replace(SHAPES[0], class_weights=by_class[0]), replace(SHAPES[2], class_weights=by_class[1]))
    network = NetworkConfig(rows=4, classes=5, dim=4, hidden=8, table="embedding_bag", heads=shapes)
    joint = objective_of(network, 1.0, None)
    logits = torch.from_numpy(random.standard_normal((20, 5)).astype(np.float32))
    single, several = random.integers(0, 3, 20), random.integers(0, 2, (20, 2)).astype(np.float32)
    targets = torch.cat([hard(single, ("a", "b", "c")), hard(several, ("x", "y"))], 1)
    given = logits, targets, torch.ones(20, 2)
    loss = Objective(class_weights=by_class[0]).loss(
        logits[:, :3], torch.from_numpy(single), torch.ones(20), soft=False
    ) + Objective("multi_label", class_weights=by_class[1]).loss(
        logits[:, 3:], torch.from_numpy(several), torch.ones(20), soft=False
    )
    assert float(joint.loss(*given, soft=True)) == pytest.approx(float(loss), rel=1e-5)
    plain = objective_of(replace(network, heads=(SHAPES[0], SHAPES[2])), 1.0, None)
    unsure = logits, torch.randn(20, 5), torch.ones(20, 2)
    assert float(joint.loss(*unsure, soft=True)) == float(plain.loss(*unsure, soft=True))


def test_heads_without_targets_count_for_nothing() -> None:
    logits, weights = torch.randn(5, 6), torch.ones(5, 3)
    weights[:, 1] = 0
    joint = objective_of(NETWORK, 1.0, None)
    some = torch.randn(5, 6)
    other = some.clone()
    other[:, 3] = 1e6
    for targets in (some, other):
        assert float(joint.loss(logits, targets, weights, soft=True)) == pytest.approx(
            float(joint.loss(logits, some, weights, soft=True))
        )
    assert np.isfinite(joint.metric(logits, some, weights, soft=True))
    assert float(joint.loss(logits, some, torch.zeros(5, 3), soft=True)) == 0


def test_numbers_leave_the_network_in_their_unit() -> None:
    network = StudentNetwork(NETWORK)
    rows, offsets = torch.zeros(0, dtype=torch.int64), torch.zeros(2, dtype=torch.int64)
    network.eval()
    with torch.no_grad():
        found = network(rows, offsets)[0]
        served = network.served()
        units = torch.tanh(served["hidden.bias"])
        torch.testing.assert_close(found, served["output.weight"] @ units + served["output.bias"])
        plain = network.arrays()
        raw = plain["output.weight"] @ units + plain["output.bias"]
    torch.testing.assert_close(found[3], raw[3] * 2 + 5)
    torch.testing.assert_close(found[4:], raw[4:])


def test_errors() -> None:
    assert "do not have 5 outputs" in error(lambda: NetworkConfig(rows=4, classes=5, heads=SHAPES))
    vocabulary = Vocabulary.build(["a b c"] * 4, TokenizerConfig(1), CountingConfig(min_count=1))
    config = NetworkConfig(rows=3, classes=6, dim=4, hidden=8, table="embedding_bag", heads=SHAPES)
    plain = Examples(["a", "b"], logits=np.zeros((2, 6)))
    steps = TrainingConfig(steps=1)
    assert "give soft targets, and a weight per head" in error(
        lambda: train(StudentNetwork(config), vocabulary, plain, plain, steps)
    )
    single = NetworkConfig(rows=3, classes=6, dim=4, hidden=8, table="embedding_bag")
    weighted = Examples(["a", "b"], logits=np.zeros((2, 6)), weights=np.ones((2, 3)))
    assert "one head and weights per head" in error(
        lambda: train(StudentNetwork(single), vocabulary, weighted, weighted, steps)
    )
