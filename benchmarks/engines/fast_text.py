"""fastText's supervised classifier."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Answers, Engine, TextSet, Work, both

_WORDS = re.compile(r"\w+|[^\w\s]")
_POSITIVE = "__label__1"
_SETTINGS: dict[str, Any] = {"lr": 0.5, "epoch": 10, "dim": 100, "bucket": 2_000_000}


def words(text: str) -> str:
    """A line as fastText is best given it: lower case, punctuation apart, and no line breaks."""
    return " ".join(_WORDS.findall(text.lower()))


class FastText(Engine):
    """Trained on the labels; all but `wordNgrams`, rate and epochs as the library sets it.

    Args:
        ngrams: Its ``wordNgrams``.
        quantised: Product-quantised, with the 100,000 best rows kept and retrained.
        given_words: Texts come split and in lower case: what Python does for it is not counted.
    """

    against = "the model loaded anew, asked text by text"
    checked = 2000

    def __init__(
        self,
        name: str,
        title: str,
        work: Work,
        *,
        ngrams: int,
        quantised: bool = False,
        given_words: bool = False,
    ) -> None:
        super().__init__(name, title, work)
        self.ngrams = ngrams
        self.quantised = quantised
        self.given_words = given_words
        self.needs = (f"fasttext-w{ngrams}",) if given_words else ()
        self.learned = not given_words  # its accuracy is that of the same model above
        self.note = f"wordNgrams {ngrams}, dim {_SETTINGS['dim']}, trained on the labels" + (
            ", quantised (cutoff 100,000, retrained)" if quantised else ""
        )
        if given_words:
            self.note = "the same model, lower case and splitting not counted"

    def recipe(self) -> dict[str, Any]:
        return {"ngrams": self.ngrams, "quantised": self.quantised, **_SETTINGS}

    def model(self) -> Path:
        kind = "-quantised" if self.quantised else ""
        return self.work.folder / f"fasttext-w{self.ngrams}{kind}" / "model.bin"

    def prepare(self, folder: Path) -> None:
        if self.given_words:
            return
        import fasttext

        lines = folder / "train.txt"
        lines.write_text(
            "".join(
                f"__label__{label} {words(text)}\n"
                for text, label in zip(*self.work.read("train"), strict=True)
            ),
            encoding="utf-8",
        )
        model = fasttext.train_supervised(str(lines), wordNgrams=self.ngrams, thread=1, **_SETTINGS)
        if self.quantised:
            model.quantize(str(lines), cutoff=100_000, retrain=True, thread=1)
        model.save_model(str(folder / "model.bin"))
        lines.unlink()

    def open(self, threads: int) -> None:  # noqa: ARG002 - it has none
        import fasttext

        self.fasttext = fasttext.load_model(str(self.model()))

    def ready(self, texts: list[str], kind: TextSet) -> Any:  # noqa: ARG002
        return [words(text) for text in texts] if self.given_words else texts

    def answer(self, inputs: Any) -> Answers:
        lines = inputs if self.given_words else [words(text) for text in inputs]
        labels, likely = self.fasttext.predict(lines)
        first = np.fromiter((label[0] == _POSITIVE for label in labels), bool, len(labels))
        best = np.concatenate(likely)
        return both(np.where(first, best, 1 - best))

    def reference(self, inputs: Any) -> Answers:
        import fasttext

        model = fasttext.load_model(str(self.model()))
        lines = inputs if self.given_words else [words(text) for text in inputs]
        # model.predict of one text fails with NumPy 2 (copy=False); the binding under it does not.
        answers = [dict(map(reversed, model.f.predict(line + "\n", 2, 0.0, "strict"))) for line in lines]
        return both(np.array([answer[_POSITIVE] for answer in answers]))

    def files(self) -> Sequence[Path]:
        return [self.model()]
