"""Real text for the benchmarks."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from sparsedistill import Columns, Corpus


def add_texts(parser: ArgumentParser, *names: str) -> None:
    """Options for the files to read; by default the IMDB reviews that stand beside the project."""
    folder = Path(__file__).parents[2] / "shared" / "data" / "imdb"
    parser.add_argument(
        "--texts",
        nargs="+",
        default=[str(folder / f"{name}.tsv.gz") for name in names],
        help="files of text, with a column text (default: IMDB reviews)",
    )


def read_texts(paths: list[str], most: int | None = None) -> list[str]:
    """The texts of files; the first `most` of them."""
    texts: list[str] = []
    for batch in Corpus(paths, Columns()).batches():
        texts.extend(batch.texts.to_pylist())
        if most is not None and len(texts) >= most:
            return texts[:most]
    return texts
