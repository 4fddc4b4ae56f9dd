"""sparsedistill's students: as trained, wide as in the paper, folded, and compact."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Answers, Engine, Limits, TextSet, Work, softmax

_ELSEWHERE = Limits(close=0.05, share=0.99, agreement=0.99, mean=0.01)
_COMPRESSED_WITH = 10_000  # unlabelled reviews


def trained_student(work: Work) -> Path:
    """The directory of the trained student, given or made here."""
    return work.student or work.folder / "student" / "student"


def package() -> str:
    """What tells one sparsedistill from another: a hash of its files."""
    import sparsedistill

    folder = Path(sparsedistill.__file__).parent
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".so"))
    digests = "".join(sha256(path.read_bytes()).hexdigest() for path in files)
    return sha256(digests.encode()).hexdigest()


def trained_on(work: Work) -> dict[str, Any]:
    """What tells one trained student from another."""
    if work.student is None:
        return {"student": None, "package": package()}
    return {"student": str(work.student), "written": (work.student / "model.safetensors").stat().st_mtime_ns}


class _Ours(Engine):
    own_threads = True

    @abstractmethod
    def directory(self) -> Path:
        """The student's."""

    def open(self, threads: int) -> None:
        from sparsedistill import Student

        self.threads = threads
        self.student = Student.from_pretrained(self.directory())

    def answer(self, inputs: Any) -> Answers:
        return self.student.predict_proba(inputs, threads=self.threads)

    def files(self) -> Sequence[Path]:
        return [self.directory() / "config.json", self.directory() / "model.safetensors"]


def plain_answers(directory: Path, texts: list[str]) -> Answers:
    """A float32 student's answers in NumPy: tokens, their n-grams, the mean of the rows, the head."""
    from sparsedistill import Student, tokenize
    from sparsedistill.student import StudentWeights

    student = Student.from_pretrained(directory)
    weights = student.weights
    assert isinstance(weights, StudentWeights)
    order = student.vocabulary.tokenizer.max_ngram
    boundaries = student.vocabulary.tokenizer.boundaries
    pooled = np.zeros((len(texts), weights.dim))
    for text, mean in zip(texts, pooled, strict=True):
        tokens = tokenize(text, boundaries=boundaries)
        ngrams = {
            " ".join(tokens[i : i + n]) for n in range(1, order + 1) for i in range(len(tokens) - n + 1)
        }
        rows = student.vocabulary.rows_of(sorted(ngrams))
        if (rows >= 0).any():
            mean[:] = weights.table[rows[rows >= 0]].mean(axis=0, dtype=np.float64)
    hidden = np.tanh(pooled @ weights.hidden_weight.T + weights.hidden_bias)
    return softmax(hidden @ weights.output_weight.T + weights.output_bias)


class Trained(_Ours):
    against = "its n-grams looked up as strings, mean and head in NumPy"
    resumes = True

    @property
    def note(self) -> str:  # type: ignore[override]
        origin = "labels alone" if self.work.student is None else "a teacher's soft targets and the labels"
        return f"a student as it was trained, on {origin}: 1 M n-grams, dim 64, float32"

    def recipe(self) -> dict[str, Any]:
        return trained_on(self.work)

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

    def reference(self, inputs: Any) -> Answers:
        return plain_answers(self.directory(), inputs)


class Wide(_Ours):
    note = "a student of the paper's size, 1 M n-grams x 1000 in float32, with drawn weights"
    against = Trained.against
    learned = False
    checked = 100
    needs = ("student",)

    def recipe(self) -> dict[str, Any]:
        return {"dim": 1000, "package": package(), **trained_on(self.work)}

    def prepare(self, folder: Path) -> None:
        from _students import make_student

        from sparsedistill import Student

        vocabulary = Student.from_pretrained(trained_student(self.work)).vocabulary
        make_student(vocabulary, 1000).save_pretrained(folder / "student")

    def directory(self) -> Path:
        return self.folder / "student"

    def reference(self, inputs: Any) -> Answers:
        return plain_answers(self.directory(), inputs)


class Compressed(_Ours):
    """A student in its serving form: folded and cut, or folded alone."""

    against = (
        "the trained student in NumPy: on reviews within the floor of its model card, on other text near it"
    )
    checked = 5000
    needs = ("student",)
    limits = Limits(close=0.05, share=0.999, agreement=0.999, mean=0.001)

    def __init__(self, name: str, title: str, work: Work, *, cut: bool) -> None:
        super().__init__(name, title, work)
        self.cut = cut

    @property
    def note(self) -> str:  # type: ignore[override]
        if self.cut:
            return "the same, compressed with the defaults: the directions that matter, in a byte or two each"
        return "the same with its first layer folded into the table and no direction cut, in bytes"

    def recipe(self) -> dict[str, Any]:
        settings = {"cut": self.cut, "texts": _COMPRESSED_WITH, "package": package()}
        return settings | trained_on(self.work)

    def prepare(self, folder: Path) -> None:
        from sparsedistill import Student

        student = Student.from_pretrained(trained_student(self.work))
        texts = self.work.read("unlabelled")[0][:_COMPRESSED_WITH]
        dims = None if self.cut else student.weights.dim
        student.compress(texts, dims=dims).save_pretrained(folder / "student")

    def directory(self) -> Path:
        return self.folder / "student"

    def reference(self, inputs: Any) -> Answers:
        return plain_answers(trained_student(self.work), inputs)

    def limits_on(self, kind: TextSet) -> Limits:
        # It was fitted to reviews, and the floor was measured on them.
        return self.limits if kind.name == "imdb" else _ELSEWHERE
