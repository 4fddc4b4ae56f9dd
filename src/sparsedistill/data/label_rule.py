"""How a label becomes the name of a class: one rule for files and for labels in memory.

- White space and characters without width around a name are removed, and it is normalised to NFC.
- A whole number is written without fraction and exponent: ``1.0``, ``1`` and the string ``"1.0"`` are the
  class ``1``, and ``1e+20`` is ``100000000000000000000``.
- True and False are the classes ``true`` and ``false``, also as the strings ``"True"`` and ``"False"``.
- NaN, infinity, None and empty names are no labels: an error with the row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .._internal.texts import decoded, encodable, is_unordered
from ..errors import InputError, first_line

#: Ranges of white space and of what spreadsheets and web pages leave at the ends of a name, where nobody sees
#: it: byte order marks, zero-width spaces and joiners, and marks of direction.
_EDGE_RANGES = (
    (0x09, 0x0D),
    (0x1C, 0x20),
    (0x85, 0x85),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x2069),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)
_EDGES = "".join(chr(code) for first, last in _EDGE_RANGES for code in range(first, last + 1))
_WITH_EXPONENT = r"^-?[0-9]+(\.[0-9]+)?[eE]\+[0-9]+$"
_REWRITTEN = rf"^-?[0-9]+\.0+$|^-0$|{_WITH_EXPONENT}|^(True|False|TRUE|FALSE)$"
_MOST_CELLS = 2**30  # of a sparse matrix, which becomes a dense one


def class_names(names: pa.Array) -> pa.Array:
    """Names of classes, large_string (n,), of labels as strings; null and empty where there is no label."""
    names = pc.utf8_trim(names, characters=_EDGES)
    if not pc.all(pc.string_is_ascii(names)).as_py():
        names = pc.utf8_normalize(names, form="NFC")
    if pc.any(pc.match_substring_regex(names, _REWRITTEN)).as_py():
        names = pc.replace_substring_regex(names, r"^(-?[0-9]+)\.0+$", r"\1")
        names = pc.if_else(pc.equal(names, "-0"), "0", names)
        if pc.any(pc.match_substring_regex(names, _WITH_EXPONENT)).as_py():
            names = _without_exponents(names)
        booleans = pc.is_in(names, value_set=pa.array(["True", "False", "TRUE", "FALSE"], pa.large_string()))
        names = pc.if_else(booleans, pc.utf8_lower(names), names)
    return names


def _without_exponents(names: pa.Array) -> pa.Array:
    encoded = names.dictionary_encode()
    exponents = pc.match_substring_regex(encoded.dictionary, _WITH_EXPONENT).to_pylist()
    written = [
        _without_exponent(name) if exponent else name
        for name, exponent in zip(encoded.dictionary.to_pylist(), exponents, strict=True)
    ]
    return pa.array(written, pa.large_string()).take(encoded.indices)


def _without_exponent(number: str) -> str:
    value = float(number)
    if math.isinf(value):
        return number
    # From 2**53 a float64 has more digits than its shortest form; an int of the same value has them all.
    return str(int(value)) if value.is_integer() else format(Decimal(number), "f")


def no_label(names: pa.Array, *, numbers: bool = False) -> pa.Array:
    """Where `names` has no label: null, empty, or NaN if they were `numbers`."""
    missing = pc.or_kleene(pc.is_null(names), pc.equal(names, ""))
    return pc.or_(missing, pc.fill_null(pc.equal(names, "nan"), False)) if numbers else missing


def labels_in_memory(labels: Any) -> pa.Array:
    """Labels in any container, as an Arrow array of one value or list per text.

    Raises:
        InputError: `labels` have no order, are of several types, or of a type that cannot be a label.
    """
    _check_container(labels)
    if hasattr(labels, "to_arrow"):
        labels = _exported(labels)
    if isinstance(labels, pa.ChunkedArray):
        labels = labels.combine_chunks()
    if isinstance(labels, pa.Array):
        return widened(decoded(labels) if pa.types.is_dictionary(labels.type) else labels)
    if hasattr(labels, "__array__"):
        labels = _values(as_array(labels), "The labels are")
    values = [_plain(value, i) for i, value in enumerate(labels)]
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        if any(isinstance(value, list) for value in values):
            raise InputError(
                "The labels are of different types, some of them lists: pass strings, or lists of strings."
            ) from None
        return pa.array([_written(value) for value in values], pa.large_string())


def as_array(values: Any) -> NDArray[Any]:
    """An array, tensor, column or sparse matrix of any library as an array of NumPy, which keeps its mask.

    Raises:
        InputError: It cannot be converted, or a sparse matrix is too large.
    """
    if hasattr(values, "toarray"):  # scipy.sparse
        if math.prod(values.shape) > _MOST_CELLS:
            raise InputError(
                f"The labels are a sparse matrix of shape {values.shape}, which is too large as an array: "
                "pass lists of class names."
            )
        values = values.toarray()
    if hasattr(values, "detach"):  # torch
        values = values.detach().cpu()
    try:
        return np.asanyarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"The labels have a {type(values).__name__} that NumPy cannot take ({first_line(error)}): "
            "pass lists."
        ) from error


def widened(numbers: pa.Array) -> pa.Array:
    """float16 and float32 (n,) as float64, so that their names are those of float64; others unchanged.

    Whole numbers stay exact, and others keep the shortest decimal of their type: 0.1 in float32 becomes 0.1.
    """
    if not pa.types.is_float16(numbers.type) and not pa.types.is_float32(numbers.type):
        return numbers
    found = _doubles(numbers.to_numpy(zero_copy_only=False))
    return pa.array(found, mask=numbers.is_null().to_numpy(zero_copy_only=False))


def _doubles(numbers: NDArray[Any]) -> NDArray[np.float64]:
    exact = numbers.astype(np.float64)
    if numbers.dtype == np.float64:
        return exact
    return np.where(exact == np.rint(exact), exact, numbers.astype(str).astype(np.float64))


def _check_container(labels: Any) -> None:
    kind = type(labels).__name__
    if is_unordered(labels):
        raise InputError(f"The labels are a {kind}, which has no order: pass a list with one label per text.")
    if getattr(labels, "ndim", 1) > 1:
        raise InputError(
            f"The labels are an array of {labels.ndim} dimensions: pass a list with one label per text, or a "
            "matrix (texts, classes) of 0 and 1."
        )
    if hasattr(labels, "columns"):  # a table of polars or pyarrow
        raise InputError(f"The labels are a {kind}: pass one of its columns, with one label per text.")
    single = isinstance(labels, str | bytes | bytearray | memoryview | Mapping | type)
    if single or not hasattr(labels, "__iter__") or getattr(labels, "ndim", 1) == 0:
        raise InputError(f"The labels are a {kind}: pass a list with one label per text.")


def _exported(labels: Any) -> pa.Array | pa.ChunkedArray:
    """A column of polars, which has types that Arrow lacks."""
    try:
        return labels.to_arrow()
    except (pa.ArrowException, NotImplementedError) as error:
        raise InputError(
            f"The labels are a {type(labels).__name__} that Arrow cannot take ({first_line(error)}): "
            "convert it to strings or int64."
        ) from error


def _values(array: NDArray[Any], subject: str) -> Any:
    """The list in an array, or the value in one without dimensions; None for masked values.

    Args:
        array: Up to one dimension.
        subject: ``The labels are`` or ``Label 3 is``, for error messages.
    """
    if array.ndim > 1 or array.dtype.kind in "VmM":
        what = f"{array.ndim} dimensions" if array.ndim > 1 else str(array.dtype)
        raise InputError(f"{subject} an array of {what}: pass strings, numbers or lists of strings.")
    values = np.ma.getdata(array)
    if array.dtype.kind == "f":
        values = _doubles(values)
    return np.ma.array(values, mask=np.ma.getmaskarray(array)).tolist()


def _plain(value: Any, i: int) -> Any:
    """Label `i` as None, str, bool, int or float, or as a list of these."""
    if isinstance(value, str):
        return encodable(value)
    if hasattr(value, "__array__"):
        value = _values(as_array(value), f"Label {i} is")
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return [_plain(part, i) for part in value]
    if isinstance(value, float):
        if math.isinf(value):
            raise InputError(f"Label {i} is {value}: give a finite number, or drop the text.")
        return None if math.isnan(value) else value
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas
        return None
    if value is not None and not isinstance(value, str | bool | int):
        raise InputError(
            f"Label {i} has type {type(value).__name__}: pass strings, numbers or lists of strings."
        )
    return value


def _written(value: Any) -> str | None:
    """A label among labels of other types. Arrow formats floats: Python writes small ones differently."""
    if isinstance(value, float):
        return str(pa.scalar(value).cast(pa.large_string()).as_py())
    return None if value is None else str(value)
