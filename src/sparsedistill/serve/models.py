"""The students that are served, and their replacement while they are used."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from ..cascade import CASCADE_FILE, Cascade
from ..classifiers import Classifier, load_model
from ..errors import InputError
from ..model.heads import Head
from ..multi_head import MultiHeadStudent
from ..student import CONFIG_FILE, MODEL_FILE, find_directory

logger = logging.getLogger(__name__)

#: What tells whether the files of a student are those that were opened.
Signature: TypeAlias = tuple[tuple[str, int, int, int, int], ...]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: First parts of the paths of the server, which are no names.
RESERVED = frozenset(
    {"bulk", "classify", "explain", "health", "info", "invocations", "metrics", "ngrams"}
    | {"openapi.json", "page", "ping", "predict", "students", "vertex"}
)
_FILES = tuple(
    Path(folder, file) for folder in ("", "student") for file in (CASCADE_FILE, CONFIG_FILE, MODEL_FILE)
)
_ATTEMPTS = 5  # to open a student that is being replaced


@dataclass(frozen=True)
class ModelSource:
    """A student to serve.

    Attributes:
        location: A directory or a Hub id.
        name: Its name in paths; None for the student that has the paths without a name only.
    """

    location: str
    name: str | None = None


@dataclass(frozen=True)
class Target:
    """What a path asks: a student, one question of a student, or the student or the teacher of a cascade.

    Attributes:
        prefix: The path before the name of the function: empty, ``/NAME``, ``/PART`` or ``/NAME/PART``. The
            part is a head, ``student`` or ``teacher``.
        name: Its name in answers and metrics.
        model: The student.
        opened: The student in the directory, of which `model` may be a part.
        explained: Its answers can be explained: those of a teacher cannot.
    """

    prefix: str
    name: str
    model: Classifier
    opened: Opened
    explained: bool = True

    @property
    def ranked(self) -> bool:
        """Whether its n-grams can be ranked: those of a student of pairs say nothing by themselves."""
        return self.explained and not self.model.pair

    @property
    def whole(self) -> bool:
        """Whether it is all that the directory holds."""
        return self.model is self.opened.model

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """Its questions."""
        return self.model.heads

    @cached_property
    def outputs(self) -> int:
        """Scores per text."""
        return sum(len(head.classes) for head in self.heads)

    @property
    def one_question(self) -> bool:
        """Whether it answers one question, whose answers have no name."""
        return not isinstance(self.model, MultiHeadStudent)


class Opened:
    """A student as it was opened from a directory.

    Args:
        directory: The directory, a link if it is one.
        source: The argument that names it.

    Raises:
        InputError: The student was not found or is damaged, or it is being replaced all the time.
    """

    def __init__(self, directory: Path, source: ModelSource) -> None:
        self.source, self.directory = source, directory
        for _ in range(_ATTEMPTS):
            self.signature = signature_of(directory)
            self.model = load_model(os.path.realpath(directory))
            self._teacher = self.model.always_deferring() if isinstance(self.model, Cascade) else None
            if signature_of(directory) == self.signature:
                return
        raise InputError(f"{directory} changes while it is opened: replace students by renaming.")

    def targets(self, *, default: bool) -> list[Target]:
        """What can be asked.

        Args:
            default: It also has the paths without a name.
        """
        name = self.source.name
        prefixes = ([""] if default else []) + ([] if name is None else [f"/{name}"])
        called = name or self.directory.name
        found = []
        for prefix in prefixes:
            found.append(Target(prefix, called, self.model, self))
            if isinstance(self.model, MultiHeadStudent):
                for head in self.model.heads:
                    student = self.model.head(head.name)
                    found.append(Target(f"{prefix}/{head.name}", f"{called}/{head.name}", student, self))
            if isinstance(self.model, Cascade) and self._teacher is not None:
                found += [
                    Target(f"{prefix}/student", f"{called}/student", self.model.student, self),
                    Target(f"{prefix}/teacher", f"{called}/teacher", self._teacher, self, explained=False),
                ]
        return found


class Models:
    """All students of a server. The first one also has the paths without a name.

    Args:
        sources: The students.

    Raises:
        InputError: A student cannot be opened, or two have the same path.
    """

    def __init__(self, sources: Sequence[ModelSource]) -> None:
        self._opened = [Opened(find_directory(source.location, None), source) for source in sources]
        self._failed: dict[int, Signature] = {}
        self.targets = self._all_targets(self._opened)

    def refresh(self) -> list[tuple[str, bool]]:
        """Open the students that were replaced on disk. Those before are used until this has succeeded.

        Returns:
            Name of each student that was replaced, and whether the new one could be opened.
        """
        done = []
        for i, opened in enumerate(self._opened):
            now = signature_of(opened.directory)
            if now == opened.signature:
                self._failed.pop(i, None)  # the next failure is logged again
            if now in (opened.signature, self._failed.get(i)):
                continue
            name = opened.source.name or opened.directory.name
            try:
                both = [*self._opened]
                both[i] = Opened(opened.directory, opened.source)
                targets = self._all_targets(both)
            except (InputError, OSError, MemoryError) as error:
                self._failed[i] = now
                logger.warning("%s was replaced, but stays in use: %s", name, error)
                done.append((name, False))
            else:
                self._failed.pop(i, None)
                self._opened, self.targets = both, targets
                logger.info("%s was replaced and is served now.", name)
                done.append((name, True))
        return done

    @staticmethod
    def _all_targets(opened: Sequence[Opened]) -> dict[str, Target]:
        """All targets by their prefix."""
        targets: dict[str, Target] = {}
        for i, each in enumerate(opened):
            for target in each.targets(default=i == 0):
                if target.prefix in targets:
                    raise InputError(
                        f"Two students have the path {target.prefix}: name one of them otherwise, as "
                        "NAME=STUDENT."
                    )
                if target.prefix and target.prefix.split("/")[-1] in RESERVED:
                    raise InputError(f"{target.prefix[1:]} is a path of the server: give another name.")
                targets[target.prefix] = target
        return targets


def parse_sources(given: Sequence[str]) -> list[ModelSource]:
    """The students in arguments ``STUDENT`` and ``NAME=STUDENT``.

    Raises:
        InputError: There is none, a name cannot be used, or more than the first one has none.
    """
    sources = [_parsed(argument) for argument in given]
    if not sources:
        raise InputError("There is no student to serve: give at least one.")
    for source in sources[1:]:
        if source.name is None:
            raise InputError(
                f"{source.location} has no name: only the first student can do without, give NAME=STUDENT."
            )
    names = [source.name for source in sources if source.name is not None]
    for name in names:
        if not _NAME.fullmatch(name) or name in RESERVED:
            raise InputError(
                f"{name!r} cannot name a student: give up to 64 letters, digits, -, _ and dots, and none of "
                f"{', '.join(sorted(RESERVED))}."
            )
        if names.count(name) > 1:
            raise InputError(f"Two students are named {name}: give each a name of its own.")
    return sources


def signature_of(directory: Path) -> Signature:
    """Which files a directory holds now; another if a file, or the directory, was replaced."""
    folder = Path(os.path.realpath(directory))  # a loop of links is no error here
    found = []
    for file in _FILES:
        try:
            status = (folder / file).stat()
        except OSError:
            continue
        found.append((str(file), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _parsed(argument: str) -> ModelSource:
    name, equals, location = argument.partition("=")
    if not equals or Path(argument).is_dir() or "/" in name:
        return ModelSource(argument)
    return ModelSource(location, name)
