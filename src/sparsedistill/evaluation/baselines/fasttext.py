"""fastText, if it is installed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.labelled import Labelled
from ...vocabulary.tokenizer import tokenize
from ..metrics import indicators
from .base import Baseline, Choice, FittedBaseline, NotInstalledError, Settings, log, pairs_of, texts_of

#: Settings to choose from if there is no time to search.
SETTINGS: tuple[Settings, ...] = (
    {"lr": 0.1, "epoch": 25},
    {"lr": 0.5, "epoch": 5},
    {"lr": 0.5, "epoch": 25},
    {"lr": 0.5, "epoch": 10, "minn": 2, "maxn": 4},
)

_NO_FASTTEXT = "fastText is not installed: run pip install 'sparsedistill[report]'."
_PREFIX = "__label__"


def fasttext(train: Labelled, choice: Choice) -> FittedBaseline:
    """FastText with words, word pairs and characters: the best of :data:`SETTINGS`, or its own search.

    The settings are chosen on the validation data; with :attr:`~.Choice.seconds` fastText's autotuning
    searches for that long, by its own metric, and the result depends on the speed of the machine. A pair of
    texts is read as one text with ``</s>`` between them. Multi-label: one against the rest.

    Raises:
        NotInstalledError: fastText is not installed.
    """
    # It learns in the order of the file: of texts sorted by label, it forgets all labels but the last.
    train = train.select(np.random.default_rng(choice.seed).permutation(len(train)))
    best: tuple[float, Settings, Any] | None = None
    for settings, model in _trained(train, choice):
        value = choice.value(lambda labelled: _logits(model, labelled))  # noqa: B023 - called at once
        if best is None or value > best[0]:
            best = value, settings, model
    assert best is not None  # noqa: S101 - there are settings
    _, settings, chosen = best

    def predict(labelled: Labelled) -> NDArray[np.float32]:
        return _logits(chosen, labelled)

    note = None if choice.seconds is None else f"autotuned for {choice.seconds:,} s"
    return FittedBaseline(FASTTEXT.name, FASTTEXT.title, predict, settings, note)


FASTTEXT = Baseline("fasttext", "fastText", fasttext, optional=True)


def _trained(train: Labelled, choice: Choice) -> Iterator[tuple[Settings, Any]]:
    """Models with their settings: one per setting, or the one that the search finds."""
    try:
        import fasttext as library
    except ImportError as error:
        raise NotInstalledError(_NO_FASTTEXT) from error
    loss = "ova" if train.problem == "multi_label" else "softmax"
    common = {"seed": choice.seed % 2**31, "verbose": 0, "loss": loss}
    with tempfile.TemporaryDirectory() as folder:
        file = _written(train, Path(folder) / "train.txt")
        if choice.seconds is None:
            for settings in SETTINGS:
                yield (
                    settings,
                    library.train_supervised(
                        str(file), wordNgrams=2, bucket=500_000, thread=1, **common, **settings
                    ),
                )
            return
        held_out = _written(choice.validation, Path(folder) / "validation.txt")
        model = library.train_supervised(
            str(file),
            autotuneValidationFile=str(held_out),
            autotuneDuration=choice.seconds,
            **common,
            **({} if choice.threads is None else {"thread": choice.threads}),
        )
        found = model.f.getArgs()
        names = ("lr", "epoch", "wordNgrams", "dim", "minn", "maxn")
        yield {name: getattr(found, name) for name in names}, model


def _written(labelled: Labelled, path: Path) -> Path:
    """Write texts and labels in fastText's format."""
    truth = indicators(labelled.labels, len(labelled.classes))
    rows = zip(truth, _lines(labelled), strict=True)
    lines = (" ".join([*(f"{_PREFIX}{i}" for i in np.flatnonzero(row)), line]) for row, line in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _logits(model: Any, labelled: Labelled) -> NDArray[np.float32]:
    """Logits of a fastText model."""
    shares = np.zeros((len(labelled), len(labelled.classes)), np.float32)
    for row, line in enumerate(_lines(labelled)):
        # The method of the extension module: its Python wrapper fails with NumPy 2.
        for share, label in model.f.predict(f"{line}\n", -1, 0.0, "strict"):
            shares[row, int(label.removeprefix(_PREFIX))] = share
    return log(shares) - log(1 - shares) if labelled.problem == "multi_label" else log(shares)


def _lines(labelled: Labelled) -> list[str]:
    first = [" ".join(tokenize(text)) for text in texts_of(labelled)]
    if labelled.text_pair is None:
        return first
    second = [" ".join(tokenize(text)) for text in pairs_of(labelled)]
    return [f"{text} </s> {other}" for text, other in zip(first, second, strict=True)]
