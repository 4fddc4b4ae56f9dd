"""``ngrams.parquet``: the n-grams of a vocabulary as strings, and how often the corpus has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .._internal.digests import file_digest
from .._internal.files import atomic_write
from ..errors import InputError, first_line

#: Name of the file; its digest goes by this name too.
NGRAMS_FILE = "ngrams.parquet"
_AT_ONCE = 1 << 20  # strings


def write_strings(
    directory: Path, ngrams: Sequence[str] | pa.Array, counts: NDArray[np.uint64] | None
) -> str:
    """Write strings, and counts if they are known, by row.

    Returns:
        The digest of the file.

    Raises:
        InputError: The file cannot be written.
    """
    starts = range(0, max(1, len(ngrams)), _AT_ONCE)  # pa.string() holds 2 GiB
    columns = {
        "ngram": pa.chunked_array([_strings(ngrams[at : at + _AT_ONCE]) for at in starts], pa.string())
    }
    if counts is not None:
        columns["count"] = pa.array(counts)
    path = directory / NGRAMS_FILE
    # Arrow accepts only UTF-8 file names.
    with atomic_write(path) as partial, partial.open("wb") as file:
        pq.write_table(pa.table(columns), file, compression="zstd")
    return file_digest(path)


def _strings(ngrams: Sequence[str] | pa.Array) -> pa.Array:
    return ngrams.cast(pa.string()) if isinstance(ngrams, pa.Array) else pa.array(ngrams, pa.string())


def read_strings(
    directory: Path, rows: int, digests: Mapping[str, str]
) -> tuple[Sequence[str], NDArray[np.uint64] | None]:
    """Read strings and counts, which are None if the file has none.

    The digest is checked first: a damaged parquet file can ask for gigabytes.

    Raises:
        InputError: The file is damaged, or has not `rows` strings.
    """
    verify_strings(directory, digests)
    path = directory / NGRAMS_FILE
    try:
        with path.open("rb") as opened, pq.ParquetFile(opened) as file:
            found = file.metadata.num_rows
            if found != rows:
                raise InputError(
                    f"{path} has {found} n-grams, but the vocabulary has {rows}: delete that file."
                )
            table = file.read()
        ngrams = table.column("ngram").cast(pa.string())
        counts = table.column("count").cast(pa.uint64()) if "count" in table.column_names else None
        if len(ngrams) != rows or any(column.null_count for column in (ngrams, counts) if column is not None):
            raise ValueError("it lacks values")
        return ngrams.to_pylist(), None if counts is None else counts.to_numpy()
    except InputError:
        raise
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        reason = first_line(error)
        raise InputError(f"{path} cannot be read ({reason}): delete it or copy it again.") from error


def verify_strings(directory: Path, digests: Mapping[str, str]) -> None:
    """Compare the file in `directory`, which may be missing, with its digest.

    Raises:
        InputError: The digest differs, or there is none.
    """
    path = directory / NGRAMS_FILE
    if not path.exists():
        return
    if not path.is_file():
        raise InputError(f"{path} is not a regular file: delete it or copy it again.")
    if file_digest(path) != digests.get(NGRAMS_FILE):
        raise InputError(f"{path} is damaged (its digest differs): delete it or copy it again.")
