"""Whether the arrays of a student's file are what ``config.json`` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..vocabulary.buckets import BUCKETS
from ..vocabulary.strings import NGRAMS_FILE
from .config import CompactLayout, ModelConfig, MultiHeadConfig

#: Limit of dimensions and of hidden units; the paper's largest student has 1,000.
MOST_UNITS = 65_536

#: Data type and shape of an array; None for a dimension that the array itself decides.
_Form: TypeAlias = tuple[type[np.generic], tuple[int | None, ...]]

#: The arrays with something per n-gram. Only these can be large.
_PER_NGRAM = (BUCKETS, "table", "lines", "character_filter", "rows")


def check_stored(config: ModelConfig | MultiHeadConfig, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Compare arrays with the configuration of their student, and check that those of the head are finite.

    Nothing is read of the arrays with something per n-gram, which can be large.

    Args:
        config: The configuration.
        arrays: The arrays by name.

    Raises:
        ValueError: An array is missing or not expected, has another data type or shape, has no digest, or
            contains a number that is not finite.
    """
    for name, size in (("dim", config.dim), ("hidden", config.hidden)):
        if not 1 <= size <= MOST_UNITS:
            raise ValueError(f"{name} is {size}, and it can be 1 to {MOST_UNITS:,}")
    compact = config.compact
    forms = _trained(config) if compact is None else _compact(config, compact, arrays)
    if arrays.keys() != forms.keys():
        raise ValueError(f"the arrays {_listed(arrays)} were found instead of {_listed(forms)}")
    if config.digests.keys() - {NGRAMS_FILE} != arrays.keys():
        raise ValueError(f"config.json has digests of {_listed(config.digests)}")
    for name, array in arrays.items():
        dtype, shape = forms[name]
        if array.dtype != dtype:
            raise ValueError(f"{name} is {array.dtype}, not {np.dtype(dtype)}")
        fits = len(shape) == array.ndim and all(
            expected in (None, found) for expected, found in zip(shape, array.shape, strict=True)
        )
        if not fits:
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            raise ValueError(f"{name} has the shape {array.shape}, and config.json says ({expected})")
        if name not in _PER_NGRAM and not np.isfinite(array).all():
            raise ValueError(f"{name} contains numbers that are not finite")


def _trained(config: ModelConfig | MultiHeadConfig) -> dict[str, _Form]:
    forms: dict[str, _Form] = {
        BUCKETS: (np.uint64, (None, 8)),
        "table": (np.float32, (config.vocabulary.rows, config.dim)),
    }
    return forms | _head(config, 5 * config.dim + 3 if config.pair else config.dim)


def _compact(
    config: ModelConfig | MultiHeadConfig, layout: CompactLayout, arrays: Mapping[str, NDArray[Any]]
) -> dict[str, _Form]:
    forms: dict[str, _Form] = {
        "lines": (np.uint8, (None, 64)),
        "scale": (np.float32, (config.dim,)),
        "centre": (np.float32, (config.dim,)),
    }
    features = config.dim
    if config.pair:
        table_dim = len(arrays["basis"]) if "basis" in arrays and arrays["basis"].ndim else 0
        forms["basis"] = (np.float32, (table_dim, config.dim))
        features = 5 * table_dim + 3
    if config.tokenizer.max_characters:
        forms["character_filter"] = (np.uint64, (None,))
    if "rows" in arrays:
        forms["rows"] = (np.int8, (None, layout.wide + config.dim))
    return forms | _head(config, features)


def _head(config: ModelConfig | MultiHeadConfig, features: int) -> dict[str, _Form]:
    return {
        "hidden.weight": (np.float32, (config.hidden, features)),
        "hidden.bias": (np.float32, (config.hidden,)),
        "output.weight": (np.float32, (config.outputs, config.hidden)),
        "output.bias": (np.float32, (config.outputs,)),
    }


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "none"
