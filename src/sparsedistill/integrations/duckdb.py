"""Students as functions of DuckDB."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from .arrow import Output, StudentLike, column, column_type, opened

try:
    import duckdb
    from duckdb.func import ARROW, SPECIAL
except ModuleNotFoundError as error:
    raise ImportError("Functions of DuckDB need duckdb: pip install 'sparsedistill[duckdb]'.") from error


def register(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    student: StudentLike,
    output: Output = "answer",
    *,
    threads: int | None = None,
) -> None:
    """Add a function ``name(text)`` to a connection, for pairs ``name(text, text_pair)``; NULL gives NULL.

    Args:
        connection: The connection.
        name: Name of the function in SQL.
        student: A student, a cascade, or the directory of one.
        output: ``"answer"`` for the class (VARCHAR), the classes (VARCHAR[]) or the number (FLOAT);
            ``"probabilities"`` for a STRUCT with a FLOAT per class; ``"coverage"`` for the share of a text's
            tokens that the student knows (FLOAT). A student of several questions gives a STRUCT with these
            per question.
        threads: Threads per call, which has some thousand texts; all cores by default.

    Raises:
        InputError: The student cannot be opened, or predicts numbers, which have no probabilities.
    """
    classifier = opened(student)
    kind = column_type(classifier, output)

    def answer(*texts: pa.ChunkedArray) -> pa.Array:
        return column(classifier, *texts, output=output, threads=threads)

    parameters: list[Any] = ["VARCHAR"] * (2 if classifier.pair else 1)
    connection.create_function(name, answer, parameters, _sql_type(kind), type=ARROW, null_handling=SPECIAL)


def _sql_type(kind: pa.DataType) -> str:
    """A type of Arrow in SQL."""
    if pa.types.is_struct(kind):
        fields = (f'"{field.name.replace(chr(34), 2 * chr(34))}" {_sql_type(field.type)}' for field in kind)
        return f"STRUCT({', '.join(fields)})"
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    return "FLOAT" if pa.types.is_floating(kind) else "VARCHAR"
