"""Answers on disk, so that none is paid for twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ...errors import InputError, first_line
from .request import Answer

#: With rowids: answers of 500 bytes and more would each take a page of their own without them.
_TABLE = "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, answer BLOB NOT NULL)"


class AnswerCache:
    """Answers by the hash of their request, in a SQLite file.

    An answer is kept once :meth:`put` has returned, also if the process is killed then. Several processes may
    use one file. Open it with :meth:`open`.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[AnswerCache]:
        """Open a file, and create it if it is missing. The thread that uses it may change.

        Raises:
            InputError: It cannot be written, or is not a file of answers.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"{path} cannot be written ({first_line(error)}): name another file for the answers."
            ) from error
        cache = cls(path, connection)
        try:
            with cache._explained():
                for statement in ("trusted_schema=OFF", "journal_mode=WAL", "synchronous=NORMAL"):
                    connection.execute(f"PRAGMA {statement}")
                connection.execute(_TABLE)
            yield cache
        finally:
            connection.close()

    def get(self, key: bytes) -> Answer | None:
        """Return the answer to a request; None if it is not known."""
        with self._explained():
            row = self._connection.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
            return None if row is None else msgspec.json.decode(row[0], type=Answer)

    def put(self, key: bytes, answer: Answer) -> None:
        """Keep an answer."""
        with self._explained():
            self._connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, msgspec.json.encode(answer))
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.DecodeError, TypeError) as error:
            raise InputError(
                f"The answers in {self._path} cannot be used ({first_line(error)}): name another file, or "
                "delete it if it is damaged."
            ) from error
