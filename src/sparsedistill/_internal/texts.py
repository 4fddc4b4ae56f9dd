"""What may be passed as texts, and how the core gets to see it without a copy per text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError

#: n texts: a list of str, a NumPy array of strings or objects, an Arrow array (pandas and polars
#: columns too, through Arrow's interface).
Texts: TypeAlias = Sequence[str] | NDArray[Any] | pa.Array | pa.ChunkedArray

#: The same as the core takes it.
CoreTexts: TypeAlias = Sequence[str] | _core.ArrowTexts


def core_texts(texts: Texts) -> CoreTexts:
    """Texts as the core takes them. Arrow arrays are used where they lie.

    Raises:
        InputError: `texts` is one str, or holds nulls or things that are not str.
    """
    if isinstance(texts, str):
        raise InputError("texts is one str: pass a list of texts, [text] for a single one.")
    if isinstance(texts, np.ndarray):
        return _of_numpy(texts)
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        return _of_arrow(texts)
    if hasattr(texts, "__arrow_c_stream__"):
        return _of_arrow(pa.chunked_array(texts))
    if hasattr(texts, "to_arrow"):
        return _of_arrow(texts.to_arrow())
    if hasattr(texts, "to_numpy"):
        return _of_numpy(texts.to_numpy())
    if not hasattr(texts, "__len__"):
        raise InputError(f"texts is a {type(texts).__name__}, which has no length: pass a list of texts.")
    return texts


def check_texts(texts: CoreTexts) -> CoreTexts:
    """Say which text of a list is none, in words, before the core does."""
    if not isinstance(texts, _core.ArrowTexts):
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(f"Text {i} is a {type(text).__name__}, not a str: convert or drop it first.")
    return texts


def sizes(texts: CoreTexts) -> NDArray[np.int64]:
    """Characters of each text, int64 (n,); bytes of UTF-8, which are no fewer, for Arrow's."""
    if isinstance(texts, _core.ArrowTexts):
        return texts.sizes()
    return np.fromiter(map(len, texts), np.int64, len(texts))


def encodable(text: str) -> str:
    """`text` with U+FFFD for each half of a surrogate pair that stands alone, which UTF-8 cannot say."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def all_threads(threads: int | None) -> int:
    """`threads`, or as many as the process may run at once.

    Raises:
        InputError: `threads` is below 1.
    """
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads < 1:
        raise InputError(f"threads is {threads}: it must be at least 1.")
    return threads


def _of_numpy(texts: NDArray[Any]) -> CoreTexts:
    if texts.ndim != 1:
        raise InputError(f"texts is an array of {texts.ndim} dimensions: pass one of 1 dimension.")
    if texts.dtype.kind == "S":
        return _of_arrow(pa.array(texts).cast(pa.binary()))
    if texts.dtype.kind not in "OUT":
        raise InputError(f"texts is an array of {texts.dtype}: pass an array of strings.")
    return texts.tolist()  # type: ignore[no-any-return]


def _of_arrow(texts: pa.Array | pa.ChunkedArray) -> _core.ArrowTexts:
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks() if texts.num_chunks != 1 else texts.chunk(0)
        if isinstance(texts, pa.ChunkedArray):  # more bytes than one array of 32-bit offsets holds
            texts = pa.chunked_array(texts).cast(pa.large_string()).combine_chunks()
    if texts.null_count:
        missing = pc.index(pc.is_null(texts), True).as_py()
        raise InputError(f"Text {missing} is null: fill or drop it first.")
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    if pa.types.is_string_view(texts.type):
        texts = texts.cast(pa.large_string())
    elif pa.types.is_fixed_size_binary(texts.type):
        texts = texts.cast(pa.binary())
    wide = pa.types.is_large_string(texts.type) or pa.types.is_large_binary(texts.type)
    if not wide and not pa.types.is_string(texts.type) and not pa.types.is_binary(texts.type):
        raise InputError(f"texts is an Arrow array of {texts.type}: pass an array of strings.")
    _, offsets, data = texts.buffers()
    if offsets is None or offsets.size == 0:
        return _core.ArrowTexts(np.empty(0, np.uint8), np.zeros(1, np.int32))
    positions: NDArray[Any] = np.frombuffer(offsets, np.int64 if wide else np.int32)
    positions = positions[texts.offset : texts.offset + len(texts) + 1]
    return _core.ArrowTexts(np.frombuffer(data or b"", np.uint8), positions)
