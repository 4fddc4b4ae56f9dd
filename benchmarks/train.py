"""Training: texts a second of a whole step, against ``EmbeddingBag(sparse=True)`` with ``SparseAdam``.

A step is forward, loss, backward, and the update of table and head, on n-gram rows that are drawn as
words are: few rows often, most rows hardly ever. What each engine does is checked before it is timed:
the two tables of the package must give the same weights, and every engine must learn a toy task.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from _report import arguments, interleave, rates, report
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


def draw(rows: int, texts: int, ngrams: int, generator: torch.Generator) -> Batch:
    """Rows by Zipf's law, all texts of one length; the label is whether one half of the rows prevails."""
    uniform = torch.rand(texts * ngrams, generator=generator, dtype=torch.float64)
    drawn = (float(rows) ** uniform).long().clamp_(max=rows) - 1
    labels = ((drawn % 2).view(texts, ngrams).sum(dim=1) * 2 > ngrams).long()
    return drawn, torch.arange(0, texts * ngrams + 1, ngrams), labels


def ours(kind: TableKind, rows: int, dim: int) -> tuple[StudentNetwork, Step]:
    network = StudentNetwork(NetworkConfig(rows, CLASSES, dim=dim, hidden=dim, dropout=0.0, table=kind))
    adam = torch.optim.Adam(network.head.parameters(), lr=1e-3)
    network.table.set_learning_rate(0.1)

    def step(batch: Batch) -> float:
        drawn, offsets, labels = batch
        loss = cross_entropy(network(drawn, offsets), labels)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        return loss.item()

    return network, step


def paper(rows: int, dim: int) -> Step:
    table = nn.EmbeddingBag(rows, dim, mode="mean", sparse=True, include_last_offset=True)
    nn.init.zeros_(table.weight)
    head = Head(dim, dim, CLASSES, dropout=0.0)
    optimizers = [
        torch.optim.SparseAdam(list(table.parameters()), lr=1e-3),
        torch.optim.Adam(head.parameters(), lr=1e-3),
    ]

    def step(batch: Batch) -> float:
        drawn, offsets, labels = batch
        loss = cross_entropy(head(table(drawn, offsets)), labels)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
        return loss.item()

    return step


def check(dim: int) -> None:
    """Every engine learns a small task, and the two tables of the package learn the same."""
    generator = torch.Generator().manual_seed(0)
    batches = [draw(1000, 512, 50, generator) for _ in range(60)]
    networks = {kind: ours(kind, 1000, dim) for kind in OURS}
    steps = {PAPER: paper(1000, dim)} | {OURS[kind]: step for kind, (_, step) in networks.items()}
    for name, step in steps.items():
        losses = [step(batch) for batch in batches]
        if not losses[-1] < 0.8 * losses[0]:
            raise SystemExit(
                f"{name} does not learn: its loss went from {losses[0]:.3f} to {losses[-1]:.3f}."
            )
    one, other = (network.table.weight for network, _ in networks.values())
    difference = float((one - other).abs().max())
    if not difference < 1e-3:
        raise SystemExit(f"The two tables differ by {difference} after {len(batches)} steps.")


def main() -> None:
    parser = arguments("Measure a training step.", rounds=7)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="rows of the table (default: %(default)s)"
    )
    parser.add_argument("--dim", type=int, default=256, help="dimensions of a row (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=2048, help="texts a step (default: %(default)s)")
    parser.add_argument("--ngrams", type=int, default=200, help="n-grams a text (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="default: %(default)s")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    check(given.dim)

    generator = torch.Generator().manual_seed(1)
    batches = [draw(given.rows, given.batch_size, given.ngrams, generator) for _ in range(4)]
    steps = {PAPER: paper(given.rows, given.dim)}
    steps |= {name: ours(kind, given.rows, given.dim)[1] for kind, name in OURS.items()}
    engines = {name: (lambda step=step: [step(batch) for batch in batches]) for name, step in steps.items()}
    seconds = interleave(engines, given.rounds)
    title = (
        f"A training step: {given.rows:,} rows x {given.dim}, {given.batch_size} texts of {given.ngrams} "
        f"n-grams, {given.threads} threads"
    )
    report(title, rates(seconds, len(batches) * given.batch_size, "texts/s", PAPER), given.json)


if __name__ == "__main__":
    main()
