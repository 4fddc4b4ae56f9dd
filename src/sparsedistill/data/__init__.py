"""Texts and labels: reading and writing files, recipes' data sources, labelled texts, training examples.

File formats are in :mod:`sparsedistill.data.readers`.
"""

from .columns import Columns
from .corpus import Corpus, FileFingerprint, TextBatch
from .examples import Examples, Shards
from .file_options import FileOptions
from .hub import HubDataset
from .identity import identities, not_held_out
from .inputs import LabelledLike, UnlabelledLike
from .labelled import Labelled, read_labelled
from .readers import RowBlock
from .sources import DataSource, write_sources
from .writer import RowWriter

__all__ = [
    "Columns",
    "Corpus",
    "DataSource",
    "Examples",
    "FileFingerprint",
    "FileOptions",
    "HubDataset",
    "Labelled",
    "LabelledLike",
    "RowBlock",
    "RowWriter",
    "Shards",
    "TextBatch",
    "UnlabelledLike",
    "identities",
    "not_held_out",
    "read_labelled",
    "write_sources",
]
