"""Students of sparsedistill: as trained, of the paper's size, folded, and compact."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Engine, Limits, Probabilities, TextSet, Work, softmax

_OTHER_TEXT = Limits(close=0.05, share=0.99, agreement=0.99, mean=0.01)
_COMPRESSION_TEXTS = 10_000  # unlabelled reviews


def trained_student(work: Work) -> Path:
    """Return the directory of the trained student: the given one, or the one trained here."""
    return work.student or work.folder / "student" / "student"


def package_hash() -> str:
    """Return a hash of the files of the installed sparsedistill."""
    import sparsedistill

    folder = Path(sparsedistill.__file__).parent
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".so"))
    digests = "".join(sha256(path.read_bytes()).hexdigest() for path in files)
    return sha256(digests.encode()).hexdigest()


def student_identity(work: Work) -> dict[str, Any]:
    """Return values that change if the trained student changes."""
    if work.student is None:
        return {"student": None, "package": package_hash()}
    return {"student": str(work.student), "written": (work.student / "model.safetensors").stat().st_mtime_ns}


class _Ours(Engine):
    own_threads = True

    @abstractmethod
    def directory(self) -> Path:
        """Return the directory of the student."""

    def open(self, threads: int) -> None:
        from sparsedistill import Student

        self.threads = threads
        self.student = Student.from_pretrained(self.directory())

    def predict(self, inputs: Any) -> Probabilities:
        return self.student.predict_proba(inputs, threads=self.threads)

    def files(self) -> Sequence[Path]:
        return [self.directory() / "config.json", self.directory() / "model.safetensors"]


def reference_probabilities(directory: Path, texts: list[str]) -> Probabilities:
    """Return the probabilities of a trained student in NumPy: tokens, n-grams, mean of the rows, head."""
    from sparsedistill import Student, tokenize
    from sparsedistill.model.weights import StudentWeights

    student = Student.from_pretrained(directory)
    weights = student.weights
    assert isinstance(weights, StudentWeights)
    max_ngram = student.vocabulary.tokenizer.max_ngram
    boundaries = student.vocabulary.tokenizer.boundaries
    pooled = np.zeros((len(texts), weights.dim))
    for text, mean in zip(texts, pooled, strict=True):
        tokens = tokenize(text, boundaries=boundaries)
        ngrams = {
            " ".join(tokens[i : i + n]) for n in range(1, max_ngram + 1) for i in range(len(tokens) - n + 1)
        }
        rows = student.vocabulary.rows_of(sorted(ngrams))
        if (rows >= 0).any():
            mean[:] = weights.table[rows[rows >= 0]].mean(axis=0, dtype=np.float64)
    hidden = np.tanh(pooled @ weights.hidden_weight.T + weights.hidden_bias)
    return softmax(hidden @ weights.output_weight.T + weights.output_bias)


class Trained(_Ours):
    """The student as trained."""

    against = "a NumPy implementation that looks n-grams up as strings"
    resumes = True

    def __init__(self, name: str, title: str, work: Work) -> None:
        super().__init__(name, title, work)
        origin = "the labels alone" if work.student is None else "a teacher's soft targets and the labels"
        self.note = f"the student as trained, on {origin}: 1 M n-grams, dim 64, float32"

    def settings(self) -> dict[str, Any]:
        return student_identity(self.work)

    def prepare(self, folder: Path) -> None:
        if self.work.student is not None:
            return
        from sparsedistill import distill

        data = self.work.data / "imdb"
        distill(
            labelled=data / "train.tsv.gz",
            unlabelled=data / "unlabeled.tsv.gz",
            test=data / "test.tsv.gz",
            output=folder,
        )

    def directory(self) -> Path:
        return trained_student(self.work)

    def reference(self, inputs: Any) -> Probabilities:
        return reference_probabilities(self.directory(), inputs)


class Wide(_Ours):
    """A student of the paper's size, with random weights."""

    note = "a student of the paper's size with random weights: 1 M n-grams x 1000, float32"
    against = Trained.against
    learned = False
    checked_texts = 100
    requires = ("student",)

    def settings(self) -> dict[str, Any]:
        return {"dim": 1000, "package": package_hash(), **student_identity(self.work)}

    def prepare(self, folder: Path) -> None:
        from _students import random_student

        from sparsedistill import Student

        vocabulary = Student.from_pretrained(trained_student(self.work)).vocabulary
        random_student(vocabulary, 1000).save_pretrained(folder / "student")

    def directory(self) -> Path:
        return self.folder / "student"

    def reference(self, inputs: Any) -> Probabilities:
        return reference_probabilities(self.directory(), inputs)


class Compressed(_Ours):
    """A compressed student: folded and cut to fewer directions (the compact student), or only folded."""

    against = (
        "the trained student in NumPy: within the limits of its model card on reviews, within wider limits "
        "on other text"
    )
    checked_texts = 5000
    requires = ("student",)
    limits = Limits(close=0.05, share=0.999, agreement=0.999, mean=0.001)

    def __init__(self, name: str, title: str, work: Work, *, cut: bool) -> None:
        super().__init__(name, title, work)
        self.cut = cut
        self.note = (
            "the trained student compressed with default settings: only the directions that matter, in one "
            "or two bytes each"
            if cut
            else "the trained student with its first layer folded into the table, in bytes, with all "
            "directions kept"
        )

    def settings(self) -> dict[str, Any]:
        settings = {"cut": self.cut, "texts": _COMPRESSION_TEXTS, "package": package_hash()}
        return settings | student_identity(self.work)

    def prepare(self, folder: Path) -> None:
        from sparsedistill import Student

        student = Student.from_pretrained(trained_student(self.work))
        texts = self.work.read("unlabelled")[0][:_COMPRESSION_TEXTS]
        dims = None if self.cut else student.weights.dim
        student.compress(texts, dims=dims).save_pretrained(folder / "student")

    def directory(self) -> Path:
        return self.folder / "student"

    def reference(self, inputs: Any) -> Probabilities:
        return reference_probabilities(trained_student(self.work), inputs)

    def limits_for(self, text_set: TextSet) -> Limits:
        # Compression was fitted to reviews, and the limits of the model card were measured on them.
        return self.limits if text_set.name == "imdb" else _OTHER_TEXT
