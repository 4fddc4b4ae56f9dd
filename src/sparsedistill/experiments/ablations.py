"""Ablations: students that differ from a recipe's own in one thing each (Ye et al. 2022, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa

from ..data.corpus import Corpus
from ..data.inputs import write_texts
from ..errors import InputError
from ..labeling.labelling import label
from ..labeling.remembered import RememberingTeacher, underlying_teacher
from ..pipeline.config import DistillationConfig
from ..pipeline.prepare import PreparedJob, make_vocabulary
from ..teachers.base import Teacher
from ..vocabulary.vocabulary import Vocabulary
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


def possible_rows(prepared: PreparedJob, config: DistillationConfig, folder: Path) -> int:
    """How many n-grams of a corpus a table could have rows for, counted up to :data:`MOST_ROWS`.

    Args:
        prepared: The corpus, and the recipe's own vocabulary of it.
        config: The recipe's configuration.
        folder: Where vocabularies are kept.
    """
    if len(prepared.vocabulary) < config.counting.max_rows:
        return len(prepared.vocabulary)
    most = replace(config, counting=replace(config.counting, max_rows=MOST_ROWS))
    return len(_counted(prepared.corpus, most, 1.0, folder))


def varied(prepared: PreparedJob, variant: Variant, config: DistillationConfig, folder: Path) -> PreparedJob:
    """What a variant's student is trained from: its share of the texts, and its n-grams of them.

    The teacher is not asked again.

    Args:
        prepared: What the recipe's own is trained from; with a teacher where the share is not 1.
        variant: The variant.
        config: The recipe's configuration.
        folder: Where texts, soft targets and vocabularies are kept.
    """
    if variant.share < 1:
        prepared = _part(prepared, variant.share, config, folder)
    counted = variant.config.tokenizer, variant.config.counting
    if variant.share == 1 and counted == (config.tokenizer, config.counting):
        return prepared
    return replace(prepared, vocabulary=_counted(prepared.corpus, variant.config, variant.share, folder))


def _part(prepared: PreparedJob, share: float, config: DistillationConfig, folder: Path) -> PreparedJob:
    """All labelled texts with a share of the others; each share is a part of the larger ones."""
    teacher, targets, train = underlying_teacher(prepared.teacher), prepared.targets, prepared.material.train
    if not isinstance(teacher, Teacher) or targets is None or train is None:
        raise InputError("A share of the texts can be taken where a teacher has scored them: give one.")
    known = targets.all()
    others = len(known) - len(train)  # which stand before the labelled ones
    drawn = np.random.default_rng(config.seed).permutation(others)[: round(share * others)]
    rows = pa.array(np.concatenate([np.sort(drawn), np.arange(others, len(known))]))
    texts, pair = (None if column is None else column.take(rows) for column in (known.texts, known.text_pair))
    corpus = write_texts(folder / f"texts-{share:g}.parquet", texts, pair)
    remembering = RememberingTeacher(teacher, [targets])
    made = label(remembering, corpus, folder / f"labels-{share:g}", shard_size=config.shard_size)
    return replace(prepared, corpus=corpus, targets=made)


def _counted(corpus: Corpus, config: DistillationConfig, share: float, folder: Path) -> Vocabulary:
    order, counting = config.tokenizer.max_ngram, config.counting.max_rows
    return make_vocabulary(corpus, folder / f"vocabulary-{order}-{counting}-{share:g}", config)


def _variant(base: Variant, label: str, **changes: Any) -> Variant:
    return replace(base, **{"label": label, "own": False, **changes})
