"""Ablations: which students, each different from the recipe's own in one setting, are trained.

They follow section 5 of Ye et al. 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from ..pipeline.config import DistillationConfig
from .pooling import Pooling

_ORDERS = (1, 2, 3, 4)
_ROWS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 5_000_000)
_DIMS = (16, 32, 64, 128, 256, 512, 1000)
_SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)

#: The most rows that are tried; n-grams of the corpus are counted up to this number.
MOST_ROWS = _ROWS[-1]

# A size above this share of all n-grams of the corpus is left out, as it shows no more than all of them.
_NEARLY_ALL = 0.8


@dataclass(frozen=True)
class Variant:
    """A student that differs from the recipe's own in at most one setting.

    Attributes:
        label: The value of that setting, as shown.
        config: Its configuration.
        kind: What it is trained on, one of the kinds of the report.
        share: Share of the unlabelled texts that it is distilled on and its n-grams are counted in.
        pooling: Its pooling.
        own: It is the recipe's own student.
    """

    label: str
    config: DistillationConfig
    kind: str
    share: float = 1.0
    pooling: Pooling = "mean"
    own: bool = False


@dataclass(frozen=True)
class Ablation:
    """One setting and the variants of it.

    Attributes:
        name: Its name in file names.
        title: Its name on the page.
        variants: The students, in the order of the setting's values.
        ordered: The values have an order, so that a line can be drawn through them.
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
        kinds: What students are trained on; the last is the kind of the recipe's own student.
        ngrams: Number of n-grams of the corpus that could have a row, counted up to :data:`MOST_ROWS`.
        unlabelled: There are unlabelled texts, so that a share of them can be taken.
    """
    own = Variant("", config, kinds[-1], own=True)
    poolings = [_variant(own, name, pooling=name, own=name == "mean") for name in get_args(Pooling)]
    trained = [_variant(own, kind, kind=kind, own=kind == own.kind) for kind in kinds]
    shares = [_variant(own, f"{100 * share:g} %", share=share, own=share == 1) for share in _SHARES]
    return [
        Ablation("order", "Longest n-gram (tokens)", _orders(own)),
        Ablation("rows", "Maximum rows of the table", _sizes(own, ngrams)),
        Ablation("dim", "Embedding dimensions", _dims(own)),
        *([Ablation("share", "Share of the unlabelled texts", shares)] if unlabelled else []),
        Ablation("pooling", "Pooling", poolings, ordered=False),
        Ablation("training", "Training data", trained, ordered=False),
    ]


def _orders(own: Variant) -> list[Variant]:
    """Variants of the longest n-gram."""
    tokenizer = own.config.tokenizer
    return [
        _variant(
            own,
            str(order),
            config=replace(own.config, tokenizer=replace(tokenizer, max_ngram=order)),
            own=order == tokenizer.max_ngram,
        )
        for order in sorted({*_ORDERS, tokenizer.max_ngram})
    ]


def _sizes(own: Variant, ngrams: int) -> list[Variant]:
    """Variants of the maximum rows of the table; `ngrams` as in :func:`plan`."""
    counting = own.config.counting
    rows = min(counting.max_rows, ngrams)
    return [
        _variant(
            own,
            f"{size:,}" + (" (all)" if size == ngrams < MOST_ROWS else ""),
            config=own.config
            if size == rows
            else replace(own.config, counting=replace(counting, max_rows=size)),
            own=size == rows,
        )
        for size in sorted({size for size in _ROWS if size < _NEARLY_ALL * ngrams} | {rows, ngrams})
    ]


def _dims(own: Variant) -> list[Variant]:
    """Variants of the dimensions of an embedding."""
    student = own.config.student
    return [
        _variant(
            own,
            str(dim),
            config=replace(own.config, student=replace(student, dim=dim)),
            own=dim == student.dim,
        )
        for dim in sorted({*_DIMS, student.dim})
    ]


def _variant(base: Variant, label: str, **changes: Any) -> Variant:
    return replace(base, **{"label": label, "own": False, **changes})
