"""The paper's pipeline: by its scripts' steps, and tidied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .engine import Answers, Engine, Limits, Work
from .ours import plain_answers, trained_on, trained_student


class Paper(Engine):
    """CountVectorizer and torch over the weights of a student.

    Args:
        scripts: By the steps of the released scripts; else tidied.
        wide: With 1000 dimensions, as in the paper, drawn; else the trained student's weights.
    """

    against = "the same n-grams in NumPy (tokens differ where text has marks or typographic quotes)"
    own_threads = True
    checked = 100
    # The rules for tokens are almost the same; a text beyond the scripts' bound of n-grams loses the rest.
    limits = Limits(share=0.93, agreement=0.98, mean=0.005)

    def __init__(self, name: str, title: str, work: Work, *, scripts: bool, wide: bool = False) -> None:
        super().__init__(name, title, work)
        self.scripts = scripts
        self.wide = wide
        self.learned = not wide
        self.needs = ("student", *(("ours-wide",) if wide else ()), *(("paper",) if scripts else ()))
        self.tested = 1000 if scripts else 25_000
        steps = "the released scripts' steps" if scripts else "CountVectorizer into EmbeddingBag into an MLP"
        weights = "1 M x 1000 drawn weights, the paper's size" if wide else "the trained student's weights"
        self.note = f"{steps}, with {weights}"

    def recipe(self) -> dict[str, Any]:
        return trained_on(self.work)

    def student(self) -> Path:
        return self.work.folder / "ours-wide" / "student" if self.wide else trained_student(self.work)

    def ngrams(self) -> Path:
        """The n-grams that CountVectorizer can find, a line each; found once for all forms."""
        return self.work.folder / "paper" / "ngrams.txt"

    def prepare(self, folder: Path) -> None:
        if self.scripts:
            return
        from _paper import OUR_RULES, findable

        from sparsedistill import Student

        vocabulary = Student.from_pretrained(trained_student(self.work)).vocabulary
        (folder / self.ngrams().name).write_text("\n".join(findable(vocabulary, OUR_RULES)), encoding="utf-8")

    def open(self, threads: int) -> None:
        import torch
        from _paper import OUR_RULES, PaperPipeline, ScriptPipeline

        from sparsedistill import Student

        torch.set_num_threads(threads)
        ngrams = self.ngrams().read_text(encoding="utf-8").split("\n")
        pipeline = ScriptPipeline if self.scripts else PaperPipeline
        self.pipeline = pipeline(Student.from_pretrained(self.student()), OUR_RULES, ngrams)

    def answer(self, inputs: Any) -> Answers:
        return self.pipeline(inputs)

    def reference(self, inputs: Any) -> Answers:
        return plain_answers(self.student(), inputs)

    def files(self) -> Sequence[Path]:
        return [self.student() / "model.safetensors", self.ngrams()]
