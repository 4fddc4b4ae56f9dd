"""Texts in any container, converted for the core or to one Arrow array."""

from __future__ import annotations

from collections.abc import Iterable, KeysView, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError, first_line

#: n texts: a list of str, a NumPy array of strings or objects, an Arrow array, or a pandas or polars column.
Texts: TypeAlias = Sequence[str] | NDArray[Any] | pa.Array | pa.ChunkedArray

#: n texts as the core takes them.
CoreTexts: TypeAlias = Sequence[str] | _core.ArrowTexts


def core_texts(texts: Texts) -> CoreTexts:
    """Convert texts for the core. Arrow arrays of strings are not copied.

    Elements of a sequence are not checked: see :func:`check_texts`.

    Raises:
        InputError: `texts` is a single str, is not a container of strings, or has nulls.
    """
    if type(texts) is list:  # which the checks below take longer to find out than the core to read a tweet
        return texts
    found: Any = _unwrapped(texts, "texts")
    if isinstance(found, pa.Array | pa.ChunkedArray):
        return _arrow_texts(found)
    if isinstance(found, Sequence):
        return found
    if not hasattr(found, "__iter__"):
        raise InputError(f"texts is a {type(found).__name__}: pass a list of texts.")
    return list(found)


def check_texts(texts: CoreTexts, name: str = "texts") -> CoreTexts:
    """Check that each element of a sequence is a str.

    Args:
        texts: What :func:`core_texts` returned.
        name: Name of the argument in error messages.

    Raises:
        InputError: An element is not a str. The message gives its position.
    """
    if not isinstance(texts, _core.ArrowTexts):
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(
                    f"{_element(i, name)} has type {type(text).__name__}, not str: convert it or "
                    "leave it out."
                )
    return texts


def as_strings(texts: Texts | Iterable[str], name: str = "texts") -> pa.Array:
    """Convert texts to one Arrow array, whose 64-bit offsets allow any number of bytes.

    A lone surrogate, which UTF-8 cannot encode, becomes U+FFFD.

    Args:
        texts: n texts.
        name: Name of the argument in error messages.

    Returns:
        large_string (n,), without nulls.

    Raises:
        InputError: `texts` is a single str, is not a container of strings, or has nulls.
    """
    found = _unwrapped(texts, name)
    if not isinstance(found, pa.Array | pa.ChunkedArray):
        return _from_python(found, name)
    if pa.types.is_dictionary(found.type):
        found = decoded(found)
    _check_nulls(found, name)
    if _is_binary(found.type):
        return _valid(found, pa.large_string(), name)
    if _is_opaque(found.type):
        raise InputError(f"{name} is an Arrow array of {found.type}: pass an array of strings.")
    try:
        strings = found.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise InputError(
            f"{name} is an Arrow array of {found.type} ({first_line(error)}): pass an array of strings."
        ) from error
    return strings.combine_chunks() if isinstance(strings, pa.ChunkedArray) else strings


def is_unordered(values: Any) -> bool:
    """Whether `values` is a set, whose order differs between processes. The keys of a dict have an order."""
    return isinstance(values, AbstractSet) and not isinstance(values, KeysView)


def string_buffers(strings: pa.Array) -> tuple[NDArray[np.int64], memoryview]:
    """Where the strings of a large_string array (n,) begin and end, int64 (n + 1,), and their bytes.

    Of a slice of a longer array, these are its own bytes only.
    """
    _, offsets, data = strings.buffers()
    if not len(strings):
        return np.zeros(1, np.int64), memoryview(b"")
    places = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    begin, end = int(places[0]), int(places[-1])
    return places - begin, memoryview(b"" if data is None else data)[begin:end]


def decoded(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A dictionary array as an array of its values; null values of the dictionary become nulls."""
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([decoded(chunk) for chunk in column.chunks], _plain(column.type.value_type))
    return column.dictionary.cast(_plain(column.type.value_type)).take(column.indices)


def joined_strings(parts: Sequence[pa.Array]) -> pa.Array:
    """Arrays one after the other as large_string, since texts in memory can be of another string type."""
    return pa.concat_arrays([part.cast(pa.large_string()) for part in parts])


def _plain(kind: pa.DataType) -> pa.DataType:
    """`kind` as a type that Arrow can take values of: polars has dictionaries of views."""
    return pa.large_string() if pa.types.is_string_view(kind) else kind


def sizes(texts: CoreTexts) -> NDArray[np.int64]:
    """Size of each text, int64 (n,): characters of str, bytes of Arrow strings (at least as many)."""
    if isinstance(texts, _core.ArrowTexts):
        return texts.sizes()
    return np.fromiter(map(len, texts), np.int64, len(texts))


def encodable(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, which UTF-8 cannot encode."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _unwrapped(texts: Any, name: str) -> Any:
    """An Arrow array of any type, or a sequence (or other iterable) of Python objects."""
    if isinstance(texts, str):
        raise InputError(f"{name} is a single str: pass a list of texts, [text] for one.")
    if isinstance(texts, type):
        raise InputError(f"{name} is a type: pass a list of texts.")
    if isinstance(texts, bytes | bytearray | memoryview):
        raise InputError(f"{name} is {type(texts).__name__}: decode it, and pass a list of str.")
    if is_unordered(texts):
        raise InputError(f"{name} is a {type(texts).__name__}, which has no order: pass a list of texts.")
    if isinstance(texts, Mapping) or hasattr(texts, "columns"):
        names = ", ".join(map(repr, list(_column_names(texts))[:10])) or "none"
        raise InputError(
            f"{name} is a {type(texts).__name__} with the columns {names}: pass one of them, "
            "such as data['text']."
        )
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        return texts
    if isinstance(texts, pa.Scalar):
        raise InputError(f"{name} is a single {texts.type}: pass a list of texts.")
    if not isinstance(texts, np.ndarray):
        try:
            if hasattr(texts, "__arrow_c_stream__"):
                return pa.chunked_array(texts)
            if hasattr(texts, "to_arrow"):
                return texts.to_arrow()
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InputError(
                f"{name} is not a column of strings ({first_line(error)}): convert its elements to str."
            ) from error
        if not hasattr(texts, "to_numpy"):
            return texts
        texts = texts.to_numpy()
    if texts.ndim != 1:
        raise InputError(f"{name} is an array of {texts.ndim} dimensions: pass an array of 1 dimension.")
    if texts.dtype.kind == "S":
        return pa.array(texts).cast(pa.binary())
    if texts.dtype.kind not in "OUT" and len(texts):  # np.array([]) is of float64
        raise InputError(f"{name} is an array of {texts.dtype}: pass an array of strings.")
    return texts.tolist()


def _column_names(table: Any) -> Any:
    """Names of the columns of a mapping or a data frame (pandas, polars, pyarrow)."""
    if isinstance(table, Mapping):
        return table.keys()
    names = getattr(table, "column_names", None)
    return table.columns if names is None else names


def _from_python(texts: Iterable[Any], name: str) -> pa.Array:
    if not hasattr(texts, "__iter__") and not hasattr(texts, "__len__"):
        raise InputError(f"{name} is a {type(texts).__name__}: pass a list of texts.")
    if not hasattr(texts, "__len__"):
        texts = list(texts)
    try:
        strings = pa.array(texts, pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, UnicodeEncodeError):
        check_texts(list(texts), name)
        return pa.array([encodable(text) for text in texts], pa.large_string())
    if strings.null_count:
        check_texts(list(texts), name)
    return strings


def _arrow_texts(texts: pa.Array | pa.ChunkedArray) -> _core.ArrowTexts:
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks() if texts.num_chunks != 1 else texts.chunk(0)
        if isinstance(texts, pa.ChunkedArray):  # more bytes than 32-bit offsets can address
            texts = pa.chunked_array(texts).cast(pa.large_string()).combine_chunks()
    if pa.types.is_dictionary(texts.type):
        texts = decoded(texts)
    _check_nulls(texts, "texts")
    if not len(texts):
        return _core.ArrowTexts(np.empty(0, np.uint8), np.zeros(1, np.int32))
    if pa.types.is_string_view(texts.type):
        texts = texts.cast(pa.large_string())
    elif _is_binary(texts.type):
        texts = _valid(texts, pa.string() if pa.types.is_binary(texts.type) else pa.large_string(), "texts")
    wide = pa.types.is_large_string(texts.type)
    if not wide and not pa.types.is_string(texts.type):
        raise InputError(f"texts is an Arrow array of {texts.type}: pass an array of strings.")
    _, offsets, data = texts.buffers()
    positions: NDArray[Any] = np.frombuffer(offsets, np.int64 if wide else np.int32)
    positions = positions[texts.offset : texts.offset + len(texts) + 1]
    return _core.ArrowTexts(np.frombuffer(data or b"", np.uint8), positions)


def _is_binary(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds bytes of any length."""
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _is_opaque(kind: pa.DataType) -> bool:
    """Whether an Arrow type has bytes that are not text, such as the pointers that polars exports."""
    return bool(pa.types.is_fixed_size_binary(kind) or isinstance(kind, pa.BaseExtensionType))


def _valid(texts: pa.Array | pa.ChunkedArray, kind: pa.DataType, name: str) -> pa.Array:
    """Texts given as bytes, without nulls, as strings; the cast checks them.

    Raises:
        InputError: A text is not valid UTF-8.
    """
    try:
        strings = texts.cast(kind)
    except pa.ArrowInvalid as error:
        for i, text in enumerate(texts):
            try:
                text.as_py().decode()
            except UnicodeDecodeError:
                raise InputError(
                    f"{_element(i, name)} is not valid UTF-8: decode it, and pass a str."
                ) from error
        raise
    return strings.combine_chunks() if isinstance(strings, pa.ChunkedArray) else strings


def _check_nulls(texts: pa.Array | pa.ChunkedArray, name: str) -> None:
    if texts.null_count:
        missing = pc.index(pc.is_null(texts), True).as_py()
        raise InputError(f"{_element(missing, name)} is null: fill it or leave it out.")


def _element(i: int, name: str) -> str:
    """Name text `i` in error messages."""
    return f"Text {i}" if name == "texts" else f"Text {i} of {name}"
