"""A student of several questions: one vocabulary, one table, one pass over the text, a head per question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ._internal.files import atomic_directory
from ._internal.progress import Progress, no_progress
from ._internal.texts import Texts
from ._internal.threads import all_threads
from .compression.compress import compact_network
from .compression.difference import Floor
from .errors import InputError
from .explain.result import Explanation
from .model.compact import CompactWeights
from .model.config import FORMAT, FORMAT_VERSION, HeadRecord, MultiHeadConfig
from .model.heads import Head, check_heads, head_named, head_slices
from .model.ngram_network import NgramNetwork
from .model.predictions import Inputs, Predictions, check_top, sides_of, text_columns
from .model.record import EvaluationRecord
from .model.weights import StudentWeights
from .student import (
    Origin,
    Student,
    find_directory,
    read_config,
    read_parts,
    upload,
    write_config,
    write_parts,
)
from .vocabulary.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False, repr=False)
class MultiHeadStudent:
    """A student that answers several questions about a text in one pass.

    Its methods are those of :class:`~sparsedistill.Student`; they return a dict with what a student of that
    question would return, by the name of the head. :meth:`head` is a student of one question. It is safe to
    use from several threads at once.

    Args:
        vocabulary: Its n-grams.
        weights: Its weights, trained or compact; the outputs of the heads follow each other.
        heads: The questions.
        pair: It compares two texts instead of reading one.
        evaluations: What was measured, by the name of the head.

    Raises:
        InputError: The parts do not fit together.
    """

    vocabulary: Vocabulary
    weights: StudentWeights | CompactWeights
    heads: tuple[Head, ...]
    pair: bool = False
    evaluations: dict[str, EvaluationRecord] = field(default_factory=dict)

    #: Where it was opened from.
    _origin: ClassVar[Origin | None] = None
    _network: ClassVar[NgramNetwork]  # of each student; no field

    def __post_init__(self) -> None:
        check_heads(self.heads, len(self.weights.output_bias))
        for name in self.evaluations:
            head_named(self.heads, name)
        object.__setattr__(self, "_network", NgramNetwork(self.vocabulary, self.weights, self.pair))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the directory that it was opened from, else as its parts."""
        parts = (self.vocabulary, self.weights, self.heads, self.pair, self.evaluations)
        origin = self._origin
        return (None if origin is None else origin.reduced(type(self))) or (type(self), parts)

    def __repr__(self) -> str:
        kind = "pairs of texts" if self.pair else "texts"
        names = ", ".join(head.name for head in self.heads)
        return f"{type(self).__name__}({kind} -> {names}; {self._network.size})"

    @classmethod
    def joined(cls, students: Mapping[str, Student]) -> MultiHeadStudent:
        """Combine students that differ in their output layer only, such as the :meth:`head` of one student.

        Args:
            students: The students by the names of their heads.

        Raises:
            InputError: They have different vocabularies or weights below the output layer.
        """
        if not students:
            raise InputError("There are no students to join: give at least one.")
        first = next(iter(students.values()))
        for student in students.values():
            if student.pair != first.pair or not _share(first.weights, student.weights):
                raise InputError("The students have different tables: join the heads of one student.")
        weights = replace(
            first.weights,
            output_weight=np.concatenate([student.weights.output_weight for student in students.values()]),
            output_bias=np.concatenate([student.weights.output_bias for student in students.values()]),
        )
        heads = [Head(name, student.classes, student.problem) for name, student in students.items()]
        evaluations = {name: student.evaluation for name, student in students.items()}
        return cls(first.vocabulary, weights, tuple(heads), first.pair, evaluations)

    def head(self, name: str) -> Student:
        """The student of one question, over the same vocabulary and table.

        It has all methods of a student: it explains, is evaluated, calibrated, saved, or combined with the
        teacher to a cascade by itself.

        Raises:
            InputError: There is no such head.
        """
        return self._students[head_named(self.heads, name).name]

    @cached_property
    def _students(self) -> dict[str, Student]:
        """The student of each question."""
        return {
            head.name: Student(
                self.vocabulary,
                self.weights.of_outputs(part),
                head.classes,
                head.problem,
                self.pair,
                self.evaluations.get(head.name, EvaluationRecord()),
            )
            for head, part in zip(self.heads, head_slices(self.heads), strict=True)
        }

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, the vocabulary's included: the size of ``model.safetensors``."""
        return self._network.nbytes

    # ---- answers ---------------------------------------------------------------------------------

    def score(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> dict[str, Predictions]:
        """Logits and coverage of n texts, by head: see :meth:`Student.score`."""
        first, second = sides_of(texts, text_pair, pair=self.pair)
        outputs, coverage = self._network(first, second, all_threads(threads))
        return {
            head.name: Predictions(np.ascontiguousarray(outputs[:, part]), coverage, head.problem)
            for head, part in zip(self.heads, head_slices(self.heads), strict=True)
        }

    def predict(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> dict[str, NDArray[Any]]:
        """Class names or numbers of n texts, by head: see :meth:`Student.predict`."""
        found = self.score(texts, text_pair, threads=threads)
        return {name: self._students[name].labels_of(predictions) for name, predictions in found.items()}

    def predict_proba(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Class probabilities of n texts, by head, float32 (n, classes) each.

        Heads that predict numbers, which have no probabilities, are left out.
        """
        found = self.score(texts, text_pair, threads=threads)
        return {name: each.probabilities for name, each in found.items() if each.problem != "regression"}

    def __call__(
        self, inputs: Inputs, *, top_k: int | None = 1, coverage: bool = False, threads: int | None = None
    ) -> list[dict[str, Any]]:
        """Answer like transformers' ``pipeline("text-classification")``, all questions at once.

        Args:
            inputs: A text or several; for pairs, dicts with ``text`` and ``text_pair``.
            top_k: Classes per text and head, best first; None for all classes.
            coverage: Add the coverage to the entries.
            threads: All cores by default.

        Returns:
            A dict per text: by head, the entry that a student of that question gives, a dict with ``label``
            and ``score``; a list of these if `top_k` is not 1.

        Raises:
            InputError: `inputs` are not texts, or are pairs although the student reads single texts, or the
                reverse.
        """
        check_top(top_k)
        found = self.score(*text_columns(inputs), threads=threads)
        entries = {
            name: self._students[name].entries_of(predictions, top_k, coverage=coverage)
            for name, predictions in found.items()
        }
        return [dict(zip(entries, row, strict=True)) for row in zip(*entries.values(), strict=True)]

    def explain(self, text: str, text_pair: str | None = None) -> dict[str, Explanation]:
        """Contribution of each n-gram to each class score, by head: see :meth:`Student.explain`."""
        return {head.name: self.head(head.name).explain(text, text_pair) for head in self.heads}

    # ---- other forms -----------------------------------------------------------------------------

    def compress(
        self,
        texts: Texts,
        text_pair: Texts | None = None,
        *,
        dims: int | None = None,
        rows: int | None = None,
        size: int | None = None,
        floors: Mapping[str, Floor] | None = None,
        threads: int | None = None,
        progress: Progress = no_progress,
    ) -> MultiHeadStudent:
        """The compact form of this student, one for all heads: see :meth:`Student.compress`.

        Args:
            texts: See there, as for the other arguments.
            text_pair: See there.
            dims: See there.
            rows: See there.
            size: See there.
            floors: How much the answers of a head may change, by its name; by default the floor of a student
                of that question. Every head keeps its floor.
            threads: See there.
            progress: See there.

        Raises:
            InputError: As there, or there is no head of a name.
        """
        given = dict(floors or {})
        for name in given:
            head_named(self.heads, name)
        network, records = compact_network(
            self._network,
            self.heads,
            texts,
            text_pair,
            dims=dims,
            rows=rows,
            size=size,
            floors=tuple(given.get(head.name) or Floor.of(head.problem) for head in self.heads),
            threads=threads,
            progress=progress,
        )
        evaluations = {
            head.name: replace(self.evaluations.get(head.name, EvaluationRecord()), compression=record)
            for head, record in zip(self.heads, records, strict=True)
        }
        return replace(self, vocabulary=network.vocabulary, weights=network.weights, evaluations=evaluations)

    # ---- on disk ---------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the student to a new directory: see :meth:`Student.save_pretrained`.

        Raises:
            InputError: `directory` exists already or cannot be written.
        """
        with atomic_directory(directory) as partial:
            write_parts(partial, self._network, self.config(), Path(directory).name)

    def save_evaluations(self, directory: str | Path) -> None:
        """Write :attr:`evaluations` to a directory that :meth:`save_pretrained` wrote.

        Raises:
            InputError: `directory` does not hold this student, or cannot be written.
        """
        folder, config = Path(directory), self.config()
        found = read_config(folder)
        if not isinstance(found, MultiHeadConfig) or _unmeasured(found) != _unmeasured(config):
            raise InputError(
                f"{directory} holds another student: name the directory that this one was saved to."
            )
        write_config(folder, replace(config, digests=found.digests), folder.absolute().name)

    def config(self) -> MultiHeadConfig:
        """The contents of ``config.json``, without the digests of what is stored."""
        return MultiHeadConfig(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            heads=[
                HeadRecord(
                    head.name,
                    list(head.classes),
                    head.problem,
                    self.evaluations.get(head.name, EvaluationRecord()),
                )
                for head in self.heads
            ],
            pair=self.pair,
            dim=self.weights.dim,
            hidden=len(self.weights.hidden_bias),
            compact=self.weights.layout() if isinstance(self.weights, CompactWeights) else None,
            tokenizer=self.vocabulary.tokenizer.record(),
            vocabulary=self.vocabulary.record(),
            digests={},
        )

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        *,
        revision: str | None = None,
        verify: bool = False,
        mmap: bool | None = None,
    ) -> MultiHeadStudent:
        """Load a student of several questions: see :meth:`Student.from_pretrained`.

        Args:
            model: A directory that :meth:`save_pretrained` wrote, or a Hub id.
            revision: Branch, tag or commit of a model on the Hub.
            verify: See there.
            mmap: See there.

        Raises:
            InputError: The student was not found, is damaged, has another format version, or answers one
                question.
        """
        directory = find_directory(model, revision)
        config = read_config(directory)
        if not isinstance(config, MultiHeadConfig):
            raise InputError(f"{directory} answers one question: open it with Student.")
        heads = tuple(Head(head.name, tuple(head.classes), head.problem) for head in config.heads)
        evaluations = {head.name: head.evaluation for head in config.heads}
        student = cls(
            *read_parts(directory, config, verify=verify, mapped=mmap), heads, config.pair, evaluations
        )
        object.__setattr__(student, "_origin", Origin(directory.resolve(), config, mmap))
        return student

    def push_to_hub(self, repo_id: str, *, private: bool = False) -> str:
        """Upload the student to the Hugging Face Hub and return its URL.

        Args:
            repo_id: ``name`` or ``organisation/name``; created if it does not exist.
            private: Create the repository as private.
        """
        return upload(self.save_pretrained, repo_id, private=private)


def is_multi_head(model: str | Path, revision: str | None = None) -> bool:
    """Whether a directory, or a model on the Hub, is a student of several questions.

    Raises:
        InputError: It is not a student.
    """
    return isinstance(read_config(find_directory(model, revision)), MultiHeadConfig)


def _unmeasured(config: MultiHeadConfig) -> MultiHeadConfig:
    """The config without what was measured, and without the digests of what is stored."""
    return replace(
        config, digests={}, heads=[replace(head, evaluation=EvaluationRecord()) for head in config.heads]
    )


def _share(first: StudentWeights | CompactWeights, other: StudentWeights | CompactWeights) -> bool:
    """Whether two students have the same weights below the output layer."""
    ours, theirs = first.arrays(), other.arrays()
    below = [name for name in ours if not name.startswith("output.")]
    return all(
        name in theirs and (ours[name] is theirs[name] or np.array_equal(ours[name], theirs[name]))
        for name in below
    )
