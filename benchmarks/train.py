"""Speed of a training step, against ``EmbeddingBag(sparse=True)`` with ``SparseAdam``.

A step is forward, loss, backward, and the update of table and head. Its n-gram rows follow Zipf's law, as
words do: a few rows occur often, most hardly ever. Each engine is checked before it is timed: the two tables
of the package must give the same weights, and every engine must learn a toy task.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from _report import interleave, make_parser, rates, report
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sparsedistill.training.config import TableKind
from sparsedistill.training.network import Head, NetworkConfig, StudentNetwork

CLASSES = 2
PAPER = "EmbeddingBag(sparse=True) + SparseAdam"
OURS: dict[TableKind, str] = {
    "fbgemm": "StudentNetwork, table 'fbgemm'",
    "embedding_bag": "StudentNetwork, table 'embedding_bag'",
}

Batch = tuple[Tensor, Tensor, Tensor]
Step = Callable[[Batch], float]


def random_batch(rows: int, texts: int, ngrams: int, generator: torch.Generator) -> Batch:
    """Return a random batch: rows by Zipf's law, offsets, and labels.

    All texts have the same number of n-grams. The label says whether odd rows are the majority.
    """
    uniform = torch.rand(texts * ngrams, generator=generator, dtype=torch.float64)
    indices = (float(rows) ** uniform).long().clamp_(max=rows) - 1
    labels = ((indices % 2).view(texts, ngrams).sum(dim=1) * 2 > ngrams).long()
    return indices, torch.arange(0, texts * ngrams + 1, ngrams), labels


def ours(kind: TableKind, rows: int, dim: int) -> tuple[StudentNetwork, Step]:
    """Return a student network and its training step."""
    network = StudentNetwork(NetworkConfig(rows, CLASSES, dim=dim, hidden=dim, dropout=0.0, table=kind))
    adam = torch.optim.Adam(network.head.parameters(), lr=1e-3)
    network.table.set_learning_rate(0.1)

    def step(batch: Batch) -> float:
        indices, offsets, labels = batch
        loss = cross_entropy(network(indices, offsets), labels)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        return loss.item()

    return network, step


def paper(rows: int, dim: int) -> Step:
    """Return the training step of the paper: a torch table with sparse gradients and SparseAdam."""
    table = nn.EmbeddingBag(rows, dim, mode="mean", sparse=True, include_last_offset=True)
    nn.init.zeros_(table.weight)
    head = Head(dim, dim, CLASSES, dropout=0.0)
    optimizers = [
        torch.optim.SparseAdam(list(table.parameters()), lr=1e-3),
        torch.optim.Adam(head.parameters(), lr=1e-3),
    ]

    def step(batch: Batch) -> float:
        indices, offsets, labels = batch
        loss = cross_entropy(head(table(indices, offsets)), labels)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
        return loss.item()

    return step


def run(step: Step, batches: list[Batch]) -> list[float]:
    """Run a step on each batch and return the losses."""
    return [step(batch) for batch in batches]


def check(dim: int) -> None:
    """Check that every engine learns a small task, and that the two tables learn the same weights.

    Raises:
        SystemExit: They do not.
    """
    generator = torch.Generator().manual_seed(0)
    batches = [random_batch(1000, 512, 50, generator) for _ in range(60)]
    networks = {kind: ours(kind, 1000, dim) for kind in OURS}
    steps = {PAPER: paper(1000, dim)} | {OURS[kind]: step for kind, (_, step) in networks.items()}
    for name, step in steps.items():
        losses = run(step, batches)
        if not losses[-1] < 0.8 * losses[0]:
            raise SystemExit(
                f"{name} does not learn the toy task: its loss went from {losses[0]:.3f} to {losses[-1]:.3f}."
            )
    one, other = (network.table.weight for network, _ in networks.values())
    difference = float((one - other).abs().max())
    if not difference < 1e-3:
        raise SystemExit(f"The weights of the two tables differ by {difference} after {len(batches)} steps.")


def main() -> None:
    parser = make_parser(__doc__, rounds=7)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="rows of the table (default: %(default)s)"
    )
    parser.add_argument("--dim", type=int, default=256, help="dimensions of a row (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=2048, help="texts per step (default: %(default)s)")
    parser.add_argument("--ngrams", type=int, default=200, help="n-grams per text (default: %(default)s)")
    parser.add_argument(
        "--threads",
        type=int,
        default=torch.get_num_threads(),
        help="number of threads (default: %(default)s)",
    )
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    check(given.dim)

    generator = torch.Generator().manual_seed(1)
    batches = [random_batch(given.rows, given.batch_size, given.ngrams, generator) for _ in range(4)]
    steps = {PAPER: paper(given.rows, given.dim)}
    steps |= {name: ours(kind, given.rows, given.dim)[1] for kind, name in OURS.items()}
    engines = {name: partial(run, step, batches) for name, step in steps.items()}
    seconds = interleave(engines, given.rounds)
    title = (
        f"Training step: {given.rows:,} rows x {given.dim}, {given.batch_size} texts of {given.ngrams} "
        f"n-grams, {given.threads} threads"
    )
    report(title, rates(seconds, len(batches) * given.batch_size, "texts/s", PAPER), given.json)


if __name__ == "__main__":
    main()
