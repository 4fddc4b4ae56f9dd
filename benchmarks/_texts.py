"""Real text for the benchmarks."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from sparsedistill import Columns, Corpus


def add_texts_option(parser: ArgumentParser, *names: str) -> None:
    """Add ``--texts``; its default are the files `names` of the IMDB folder next to the project."""
    folder = Path(__file__).parents[2] / "shared" / "data" / "imdb"
    parser.add_argument(
        "--texts",
        nargs="+",
        metavar="FILE",
        default=[str(folder / f"{name}.tsv.gz") for name in names],
        help="files with a column text (default: IMDB reviews)",
    )


def read_texts(paths: list[str]) -> list[str]:
    """Return the texts of files, in order."""
    return [text for batch in Corpus(paths, Columns()).batches() for text in batch.texts.to_pylist()]
