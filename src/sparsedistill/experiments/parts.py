"""Parts of a task: figures in one file per part, which are measured again if their identity changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .._internal.records import as_json, write_record
from ..errors import InputError
from ..teachers.base import Fingerprint
from .result import advice, read_figures

Part = TypeVar("Part")


@dataclass(frozen=True)
class PartIdentity:
    """What the figures of a part depend on; None where they do not depend on it.

    Attributes:
        texts: Digest of the labelled texts.
        metric: The task's metric.
        settings: Settings of the job, as JSON holds them.
        corpus: Size in bytes and hash of each file of the corpus.
        teacher: Fingerprint of the teacher.
        share: Share of the unlabelled texts, for ablations.
        pooling: Pooling of the student, for ablations.
    """

    texts: str
    metric: str
    settings: dict[str, Any] | None = None
    corpus: list[tuple[int, str]] | None = None
    teacher: Fingerprint | None = None
    share: float | None = None
    pooling: str | None = None


@dataclass(frozen=True)
class _StoredPart:
    """A part's file. The figures are decoded only if the identity is right."""

    identity: PartIdentity
    figures: msgspec.Raw


class Parts:
    """The parts of a task.

    Args:
        folder: The folder of the task; the files are in ``parts`` below it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def figures(
        self, name: str, identity: PartIdentity, kind: type[Part], measure: Callable[[], Part]
    ) -> Part:
        """The figures of a part: those in its file if it has the same identity, else new ones.

        Args:
            name: Name of the file, without ``.json``.
            identity: What the figures depend on.
            kind: The dataclass of the figures.
            measure: Measures new figures.

        Raises:
            InputError: The file has the same identity but lacks figures, because another version wrote it.
        """
        path = self.folder / "parts" / f"{name}.json"
        if path.exists():
            stored = read_figures(path, _StoredPart, self.folder)
            if stored.identity == msgspec.json.decode(as_json(identity), type=PartIdentity):
                try:
                    return msgspec.json.decode(stored.figures, type=kind)
                except msgspec.ValidationError as error:
                    raise InputError(f"{path} cannot be used ({error}): {advice(self.folder)}.") from error
        figures = measure()
        write_record(path, {"identity": identity, "figures": figures}, indent=1)
        return figures
