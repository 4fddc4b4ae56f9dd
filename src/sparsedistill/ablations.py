"""Ablations: students that differ from a recipe's own in one thing each (Ye et al. 2022, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from .pipeline import DistillationConfig
from .pooling import Pooling

_ORDERS = (1, 2, 3, 4)
_ROWS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 5_000_000)
_DIMS = (16, 32, 64, 128, 256, 512, 1000)
_SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)

#: The most rows that are tried: what the corpus' n-grams are counted up to.
MOST_ROWS = _ROWS[-1]

# Of all n-grams that a corpus has, a part so large tells no more than all of them.
_NEARLY_ALL = 0.8


@dataclass(frozen=True)
class Variant:
    """A student that is the recipe's own but for one thing.

    Attributes:
        label: What that thing is here.
        config: Its configuration.
        kind: What it is trained on, of the kinds that a report trains anyway.
        share: Share of the unlabelled texts that it is distilled on, and its n-grams counted in.
        pooling: How it pools.
        own: It is the recipe's own.
    """

    label: str
    config: DistillationConfig
    kind: str
    share: float = 1.0
    pooling: Pooling = "mean"
    own: bool = False


@dataclass(frozen=True)
class Ablation:
    """What is varied, and how.

    Attributes:
        name: What it is called in the names of files.
        title: What it is called on the page.
        variants: The students, in the order of what is varied.
        ordered: They stand in an order, so that a line may be drawn through them.
    """

    name: str
    title: str
    variants: Sequence[Variant]
    ordered: bool = True


def plan(
    config: DistillationConfig, kinds: Sequence[str], *, ngrams: int, unlabelled: bool
) -> list[Ablation]:
    """All ablations of a recipe.

    Args:
        config: Its configuration.
        kinds: What students are trained on, its own student's kind the last.
        ngrams: How many n-grams of its corpus could have a row, counted up to :data:`MOST_ROWS`.
        unlabelled: There are unlabelled texts, to take a part of.
    """
    own = Variant("", config, kinds[-1], own=True)
    tokenizer, student = config.tokenizer, config.student

    def order(value: int) -> DistillationConfig:
        return replace(config, tokenizer=replace(tokenizer, max_ngram=value))

    def rows(value: int) -> DistillationConfig:
        return replace(config, counting=replace(config.counting, max_rows=value))

    def dim(value: int) -> DistillationConfig:
        return replace(config, student=replace(student, dim=value))

    orders, dims = {*_ORDERS, tokenizer.max_ngram}, {*_DIMS, student.dim}
    taken = min(config.counting.max_rows, ngrams)
    sizes = {size for size in _ROWS if size < _NEARLY_ALL * ngrams} | {taken, ngrams}
    found = [
        Ablation(
            "order",
            "Longest n-gram, tokens",
            [_variant(own, str(n), config=order(n), own=n == tokenizer.max_ngram) for n in sorted(orders)],
        ),
        Ablation(
            "rows",
            "Rows of the table, at most",
            [
                _variant(
                    own,
                    f"{size:,}" + (" (all)" if size == ngrams < MOST_ROWS else ""),
                    config=config if size == taken else rows(size),
                    own=size == taken,
                )
                for size in sorted(sizes)
            ],
        ),
        Ablation(
            "dim",
            "Dimensions of an embedding",
            [_variant(own, str(d), config=dim(d), own=d == student.dim) for d in sorted(dims)],
        ),
        Ablation(
            "pooling",
            "Pooling",
            [_variant(own, name, pooling=name, own=name == "mean") for name in get_args(Pooling)],
            ordered=False,
        ),
        Ablation(
            "training",
            "What the student is trained on",
            [_variant(own, kind, kind=kind, own=kind == kinds[-1]) for kind in kinds],
            ordered=False,
        ),
    ]
    if unlabelled:
        shares = [_variant(own, f"{100 * share:g} %", share=share, own=share == 1) for share in _SHARES]
        found.insert(3, Ablation("share", "Share of the unlabelled texts", shares))
    return found


def _variant(base: Variant, label: str, **changes: Any) -> Variant:
    return replace(base, **{"label": label, "own": False, **changes})
