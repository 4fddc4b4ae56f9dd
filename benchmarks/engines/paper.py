"""The pipeline of the paper: vectorised, and as the released scripts run it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .engine import Engine, Limits, Probabilities, Work
from .ours import reference_probabilities, student_identity, trained_student


class Paper(Engine):
    """CountVectorizer and torch with the weights of a student.

    Args:
        scripts: Take the steps of the released scripts; if false, the vectorised form.
        wide: 1000 dimensions as in the paper, with random weights; if false, the trained student's weights.
    """

    against = "the student in NumPy (tokens differ where text has combining marks or typographic quotes)"
    own_threads = True
    checked_texts = 100
    # The token rules are almost the same; the scripts ignore the n-grams of a text beyond the first 2048.
    limits = Limits(share=0.93, agreement=0.98, mean=0.005)

    def __init__(self, name: str, title: str, work: Work, *, scripts: bool, wide: bool = False) -> None:
        super().__init__(name, title, work)
        self.scripts = scripts
        self.wide = wide
        self.learned = not wide
        self.requires = ("student", *(("ours-wide",) if wide else ()), *(("paper",) if scripts else ()))
        self.accuracy_texts = 1000 if scripts else 25_000
        steps = (
            "the steps of the released scripts"
            if scripts
            else "CountVectorizer into EmbeddingBag into an MLP"
        )
        weights = "1 M x 1000 random weights, the paper's size" if wide else "the trained student's weights"
        self.note = f"{steps}, with {weights}"

    def settings(self) -> dict[str, Any]:
        return student_identity(self.work)

    def student(self) -> Path:
        return self.work.folder / "ours-wide" / "student" if self.wide else trained_student(self.work)

    def ngrams(self) -> Path:
        """Return the file of the n-grams that CountVectorizer can find, one per line; all forms share it."""
        return self.work.folder / "paper" / "ngrams.txt"

    def prepare(self, folder: Path) -> None:
        if self.scripts:
            return
        from _paper import CORE_TOKENS, findable

        from sparsedistill import Student

        vocabulary = Student.from_pretrained(trained_student(self.work)).vocabulary
        (folder / self.ngrams().name).write_text(
            "\n".join(findable(vocabulary, CORE_TOKENS)), encoding="utf-8"
        )

    def open(self, threads: int) -> None:
        import torch
        from _paper import CORE_TOKENS, PaperPipeline, ScriptPipeline

        from sparsedistill import Student

        torch.set_num_threads(threads)
        ngrams = self.ngrams().read_text(encoding="utf-8").split("\n")
        pipeline = ScriptPipeline if self.scripts else PaperPipeline
        self.pipeline = pipeline(Student.from_pretrained(self.student()), CORE_TOKENS, ngrams)

    def predict(self, inputs: Any) -> Probabilities:
        return self.pipeline(inputs)

    def reference(self, inputs: Any) -> Probabilities:
        return reference_probabilities(self.student(), inputs)

    def files(self) -> Sequence[Path]:
        return [self.student() / "model.safetensors", self.ngrams()]
