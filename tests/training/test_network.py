"""The network in torch: the back ends of its table, its forward pass, and its weights."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.comparison import compared
from torch import Tensor

from sparsedistill.errors import InputError
from sparsedistill.model.pairs import pair_width
from sparsedistill.model.torch_pairs import pair_features, weighted_parts
from sparsedistill.training.config import TableKind
from sparsedistill.training.network import Head, NetworkConfig, StudentNetwork
from sparsedistill.training.tables import fbgemm, registry
from sparsedistill.training.tables.base import EPSILON, Table
from sparsedistill.training.tables.embedding_bag import EmbeddingBagTable
from sparsedistill.training.tables.fbgemm import FbgemmTable
from sparsedistill.training.tables.registry import BACK_ENDS, make_table

ROWS, DIM, TEXTS = 50, 8, 12
KINDS: list[TableKind] = ["fbgemm", "embedding_bag"]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def csr(generator: torch.Generator, rows: int = ROWS, texts: int = TEXTS) -> tuple[Tensor, Tensor]:
    """Random n-gram rows; the third text has none, and rows repeat within and across texts."""
    lengths = torch.randint(1, 9, (texts,), generator=generator)
    lengths[2] = 0
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    return torch.randint(0, rows, (int(offsets[-1]),), generator=generator), offsets


def drawn(generator: torch.Generator, size: int) -> list[int]:
    """Distinct rows of a text."""
    return torch.randperm(ROWS // 5, generator=generator)[:size].tolist()


def parted(first: list[list[int]], second: list[list[int]]) -> tuple[Tensor, Tensor]:
    """The network's input for pairs: the rows in both texts, only in the first, only in the second."""
    parts: list[list[int]] = []
    for one, other in zip(first, second, strict=True):
        parts.append([row for row in one if row in other])
        parts.append([row for row in one if row not in other])
        parts.append([row for row in other if row not in one])
    offsets = np.cumsum([0, *map(len, parts)])
    return torch.tensor([row for part in parts for row in part]), torch.from_numpy(offsets)


def features_of(sums: Tensor, counts: Tensor) -> Tensor:
    return pair_features(*weighted_parts(sums, counts))


def started(table: Table, seed: int = 0) -> Table:
    table.weight.copy_(torch.randn(table.weight.shape, generator=torch.Generator().manual_seed(seed)))
    table.squares.zero_()
    return table


def pooling(rows: Tensor, offsets: Tensor, size: int = ROWS) -> NDArray[np.float64]:
    """Sums as a dense matrix (bags, rows)."""
    matrix = np.zeros((len(offsets) - 1, size))
    for bag, (begin, end) in enumerate(pairwise(offsets.tolist())):
        for row in rows[begin:end]:
            matrix[bag, row] += 1
    return matrix


def updates(
    table: Table, device: str = "cpu", steps: int = 5
) -> Iterator[tuple[Tensor, Tensor, Tensor, float]]:
    """Train `table` on random gradients; yield the arguments of each step after the step."""
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        rows, offsets = csr(generator)
        gradient = torch.randn(TEXTS, DIM, generator=generator)
        rate = 0.1 / (step + 1)
        table.set_learning_rate(rate)
        table(rows.to(device), offsets.to(device)).backward(gradient.to(device))
        yield rows, offsets, gradient, rate


@pytest.mark.parametrize("kind", KINDS)
def test_table_pools_to_the_sum(kind: TableKind) -> None:
    table = started(make_table(kind, ROWS, DIM, torch.device("cpu")))
    rows, offsets = csr(torch.Generator().manual_seed(3))
    pooled = table(rows, offsets)
    assert np.allclose(pooled.detach(), pooling(rows, offsets) @ table.weight.double().numpy(), atol=1e-6)
    assert (pooled[2] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_updates_are_rowwise_adagrad(kind: TableKind) -> None:
    table = started(make_table(kind, ROWS, DIM, torch.device("cpu")))
    weight, squares = table.weight.double().numpy().copy(), np.zeros(ROWS)
    for rows, offsets, gradient, rate in updates(table):
        dense = pooling(rows, offsets).T @ gradient.double().numpy()
        squares += (dense**2).mean(axis=1)
        weight -= rate * dense / (np.sqrt(squares) + EPSILON)[:, None]
    assert np.allclose(table.squares, squares, rtol=1e-5)
    assert np.allclose(table.weight, weight, atol=2e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_back_ends_give_equal_tables(device: str) -> None:
    one = started(FbgemmTable(ROWS, DIM, torch.device("cpu")))
    other = started(
        make_table("embedding_bag" if device == "cpu" else "auto", ROWS, DIM, torch.device(device))
    )
    for _ in zip(updates(one), updates(other, device), strict=True):
        assert torch.allclose(one.weight, other.weight.cpu(), atol=1e-6)
        assert torch.allclose(one.squares, other.squares.cpu(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_only_rows_in_the_batch_change_and_only_in_training(kind: TableKind) -> None:
    table = started(make_table(kind, ROWS, DIM, torch.device("cpu")))
    table.set_learning_rate(0.1)
    before = table.weight.clone()
    rows, offsets = torch.tensor([4, 7]), torch.tensor([0, 2])
    with torch.no_grad():
        table(rows, offsets)
    assert torch.equal(table.weight, before)
    table(rows, offsets).sum().backward()
    touched = (table.weight != before).any(dim=1).nonzero().flatten()
    assert touched.tolist() == [4, 7]


@pytest.mark.parametrize("kind", KINDS)
def test_training_on_texts_without_ngrams_changes_nothing(kind: TableKind) -> None:
    table = started(make_table(kind, ROWS, DIM, torch.device("cpu")))
    before = table.weight.clone()
    pooled = table(torch.zeros(0, dtype=torch.int64), torch.zeros(4, dtype=torch.int64))
    assert pooled.shape == (3, DIM)
    pooled.sum().backward()
    assert torch.equal(table.weight, before)


def test_gradients_of_the_pair_head() -> None:
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(5, 3, DIM, generator=generator, dtype=torch.float64, requires_grad=True)
    counts = torch.randint(1, 4, (5, 3), generator=generator)
    head = Head(pair_width(DIM), 6, 3, dropout=0.0).double()
    assert torch.autograd.gradcheck(lambda means: head(features_of(means, counts)), means)
    parameters = tuple(head.parameters())
    assert torch.autograd.gradcheck(
        lambda *p: torch.func.functional_call(
            head,
            dict(zip(dict(head.named_parameters()), p, strict=True)),
            features_of(means, counts).detach(),
        ),
        parameters,
    )


def test_pair_features_show_what_texts_share() -> None:
    """A pair with one n-gram in both texts, one only in the first and two only in the second."""
    sums = torch.tensor([[[4.0], [8.0], [-4.0]]])
    found = features_of(sums, torch.tensor([[1, 1, 2]]))
    assert found.tolist() == [[1, 2, -1, 0, 6, 0.25, 0.25, 0.5]]


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_forward_equals_the_formula(kind: TableKind, pair: bool) -> None:
    network = StudentNetwork(NetworkConfig(ROWS, 3, dim=DIM, hidden=5, pair=pair, table=kind)).eval()
    started(network.table)
    generator = torch.Generator().manual_seed(5)
    arrays = {name: array.double().numpy() for name, array in network.arrays().items()}
    table = arrays["table"]
    if pair:
        sides = [[drawn(generator, size) for size in (4, 0, 2, 5)] for _ in range(2)]
        sides[1][3] = sides[0][3]
        features = np.array([compared(table, *texts) for texts in zip(*sides, strict=True)])
        inputs = parted(*sides)
    else:
        inputs = csr(generator)
        features = pooling(*inputs) @ table / np.maximum(inputs[1].diff().numpy(), 1)[:, None]
    hidden = np.tanh(features @ arrays["hidden.weight"].T + arrays["hidden.bias"])
    expected = hidden @ arrays["output.weight"].T + arrays["output.bias"]
    with torch.no_grad():
        assert np.allclose(network(*inputs), expected, atol=1e-5)


def test_row_in_both_texts_of_a_pair_is_updated_with_its_total_gradient() -> None:
    weights = []
    for kind in KINDS:
        network = StudentNetwork(NetworkConfig(ROWS, 2, dim=DIM, pair=True, dropout=0.0, table=kind))
        started(network.table)
        network.table.set_learning_rate(0.1)
        dense = network.table.weight.clone().requires_grad_()
        target = torch.tensor([1])
        features = features_of(dense[[1, 2, 3]][None], torch.tensor([[1, 1, 1]]))
        torch.nn.functional.cross_entropy(network.head(features), target).backward()  # type: ignore[no-untyped-call]
        logits = network(*parted([[1, 2]], [[1, 3]]))
        torch.nn.functional.cross_entropy(logits, target).backward()  # type: ignore[no-untyped-call]
        assert dense.grad is not None
        expected = dense.detach() - 0.1 * dense.grad / (
            dense.grad.square().mean(dim=1).sqrt() + EPSILON
        ).unsqueeze(1)
        assert torch.allclose(network.table.weight, expected, atol=1e-5)
        weights.append(network.table.weight)
    assert torch.allclose(weights[0], weights[1], atol=1e-6)


def test_arrays_are_views_and_can_be_loaded() -> None:
    network, other = (
        StudentNetwork(NetworkConfig(ROWS, 2, dim=DIM, hidden=4, seed=seed, table=kind))
        for seed, kind in enumerate(KINDS)
    )
    arrays = network.arrays()
    assert set(arrays) == {"table", "hidden.weight", "hidden.bias", "output.weight", "output.bias"}
    assert all(array.dtype == torch.float32 for array in arrays.values())
    assert arrays["table"].data_ptr() == network.table.weight.data_ptr()
    started(network.table)
    other.load_arrays(arrays)
    inputs = csr(torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert torch.allclose(network.eval()(*inputs), other.eval()(*inputs), atol=1e-6)


def test_seed_sets_the_initial_weights_and_the_global_generator_is_unchanged() -> None:
    state = torch.random.get_rng_state()
    heads = [
        StudentNetwork(NetworkConfig(4, 2, dim=4, seed=seed)).arrays()["hidden.weight"] for seed in (1, 1, 2)
    ]
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_auto_takes_the_first_supported_back_end(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    assert isinstance(make_table("auto", 4, 8, cpu), FbgemmTable)
    assert isinstance(make_table("auto", 4, 6, cpu), EmbeddingBagTable)
    monkeypatch.setattr(fbgemm, "_is_installed", lambda _: False)
    assert isinstance(make_table("auto", 4, 8, cpu), EmbeddingBagTable)
    with pytest.raises(InputError, match=r"not installed for cpu: install sparsedistill\[train\]"):
        make_table("fbgemm", 4, 8, cpu)


def test_registry_has_every_kind_and_nothing_else() -> None:
    assert {"auto", *BACK_ENDS} == set(get_args(TableKind))


def test_new_back_end_needs_only_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nowhere(EmbeddingBagTable):
        @classmethod
        def unsupported(cls, dim: int, device: torch.device) -> str | None:
            return f"dim is {dim} and this table has no dimensions: use another table."

    cpu = torch.device("cpu")
    monkeypatch.setattr(registry, "BACK_ENDS", {"nowhere": Nowhere, **BACK_ENDS})
    assert isinstance(make_table("auto", 4, 8, cpu), FbgemmTable)
    with pytest.raises(InputError, match="dim is 8 and this table has no dimensions: use another table"):
        make_table("nowhere", 4, 8, cpu)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dim": 6, "table": "fbgemm"}, "dim is 6 and FBGEMM needs a multiple of 4: use 8"),
        ({"table": "dense"}, "table is 'dense': use one of 'auto', 'fbgemm', 'embedding_bag'"),
        ({"rows": 0}, "The student setting rows is 0: it must be at least 1"),
        ({"dim": 10**9}, "The student setting dim is 1000000000: it must be at most 65536"),
        ({"rows": 4_000_000_000, "dim": 65_536}, "takes 1,048,576 GB, more memory than there is"),
        ({"dropout": 1.0}, "The student setting dropout is 1.0"),
    ],
)
def test_wrong_shapes_are_rejected(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        StudentNetwork(NetworkConfig(**{"rows": 4, "classes": 2, **wrong}))  # type: ignore[arg-type]
