"""The supervised classifier of fastText."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Engine, Probabilities, TextSet, Work, two_columns

_WORDS = re.compile(r"\w+|[^\w\s]")
_POSITIVE = "__label__1"
_SETTINGS: dict[str, Any] = {"lr": 0.5, "epoch": 10, "dim": 100, "bucket": 2_000_000}


def words(text: str) -> str:
    """Return a line as fastText expects it: lower case, punctuation split off, without line breaks."""
    return " ".join(_WORDS.findall(text.lower()))


class FastText(Engine):
    """fastText trained on the labels; defaults except for `wordNgrams`, learning rate and epochs.

    Args:
        ngrams: fastText's ``wordNgrams``.
        quantised: Product-quantised, with the 100,000 best rows kept and retrained.
        pre_tokenised: Texts are lower-cased and split before timing, so that this Python code is not timed.
    """

    against = "the model loaded again, called once per text"
    checked_texts = 2000

    def __init__(
        self,
        name: str,
        title: str,
        work: Work,
        *,
        ngrams: int,
        quantised: bool = False,
        pre_tokenised: bool = False,
    ) -> None:
        super().__init__(name, title, work)
        self.ngrams = ngrams
        self.quantised = quantised
        self.pre_tokenised = pre_tokenised
        self.requires = (f"fasttext-w{ngrams}",) if pre_tokenised else ()
        self.learned = not pre_tokenised  # the same model, with the same accuracy
        self.note = f"wordNgrams {ngrams}, dim {_SETTINGS['dim']}, trained on the labels" + (
            ", quantised (cutoff 100,000, retrained)" if quantised else ""
        )
        if pre_tokenised:
            self.note = "the same model; lower-casing and splitting are not timed"

    def settings(self) -> dict[str, Any]:
        return {"ngrams": self.ngrams, "quantised": self.quantised, **_SETTINGS}

    def model(self) -> Path:
        suffix = "-quantised" if self.quantised else ""
        return self.work.folder / f"fasttext-w{self.ngrams}{suffix}" / "model.bin"

    def prepare(self, folder: Path) -> None:
        if self.pre_tokenised:
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

    def open(self, threads: int) -> None:  # noqa: ARG002 - prediction has no threads
        import fasttext

        self.fasttext = fasttext.load_model(str(self.model()))

    def make_inputs(self, texts: list[str], text_set: TextSet) -> Any:  # noqa: ARG002
        return [words(text) for text in texts] if self.pre_tokenised else texts

    def predict(self, inputs: Any) -> Probabilities:
        lines = inputs if self.pre_tokenised else [words(text) for text in inputs]
        labels, likely = self.fasttext.predict(lines)
        first = np.fromiter((label[0] == _POSITIVE for label in labels), bool, len(labels))
        best = np.concatenate(likely)
        return two_columns(np.where(first, best, 1 - best))

    def reference(self, inputs: Any) -> Probabilities:
        import fasttext

        model = fasttext.load_model(str(self.model()))
        lines = inputs if self.pre_tokenised else [words(text) for text in inputs]
        # model.predict of a single text fails with NumPy 2 (copy=False); the binding that it calls does not.
        scores = [dict(map(reversed, model.f.predict(line + "\n", 2, 0.0, "strict"))) for line in lines]
        return two_columns(np.array([score[_POSITIVE] for score in scores]))

    def files(self) -> Sequence[Path]:
        return [self.model()]
