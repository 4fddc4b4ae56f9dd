"""``manifest.json`` of a labelling: what was scored by which teacher, and the shards that are finished."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from .._internal.files import atomic_write, content_hash
from .._internal.ledger import Ledger
from .._internal.records import read_record
from .._internal.texts import encodable
from ..data.corpus import Corpus, FileFingerprint
from ..errors import InputError
from ..teachers.base import Fingerprint, Teacher
from ..teachers.precomputed import FileTeacher

#: Name of the file.
MANIFEST = "manifest.json"

_FORMAT = 1

#: Keys that must be equal to resume a labelling, and what messages call them.
_IDENTITY = {
    "teacher": "teacher",
    "classes": "classes of the teacher",
    "multi_label": "multi-label setting of the teacher",
    "corpus": "corpus",
    "columns": "columns of the corpus",
    "shard_size": "shard size",
}

#: Format, compression and quoting of a file.
FileFormat: TypeAlias = tuple[str, str | None, bool]


@dataclass(frozen=True)
class ShardRecord:
    """A finished shard.

    Attributes:
        name: Its file name in the directory of the labelling.
        rows: Number of its texts.
        size: Size of the file in bytes.
        hash: Hash of its content, see :func:`~sparsedistill._internal.files.content_hash`.
    """

    name: str
    rows: int
    size: int
    hash: str

    def __post_init__(self) -> None:
        if self.name in ("", ".", "..") or "/" in self.name or "\0" in self.name:
            raise ValueError(f"the name {self.name!r} of a shard is not a plain file name")

    def damage(self, folder: Path) -> str | None:
        """Return what is wrong with the file in `folder`, such as ``is missing``; None if it is intact."""
        path = folder / self.name
        if not path.is_file():
            return "is missing"
        size = path.stat().st_size
        if size != self.size:
            return f"is truncated or damaged ({size:,} bytes instead of {self.size:,})"
        return None if content_hash(path) == self.hash else "is damaged (its content has changed)"


@dataclass(frozen=True)
class ColumnsRecord:
    """How the texts were read from the files of the corpus.

    Attributes:
        text: Name of the column of the text.
        text_pair: Name of the column of the second text, or None.
        scores: Name of the column of lists of scores, or names of a column per class, or None.
        formats: Format, compression and quoting of each file.
        delimiter: What separates fields, if it was given.
        encoding: The encoding of the files, if it was given.
    """

    text: str
    text_pair: str | None
    scores: str | tuple[str, ...] | None
    formats: tuple[FileFormat, ...]
    delimiter: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class ManifestVersion:
    """The version of a manifest, which says how to read the rest.

    Attributes:
        format: The version.
    """

    format: int


@dataclass(frozen=True)
class Manifest(ManifestVersion):
    """``manifest.json``.

    Attributes:
        teacher: Fingerprint of the teacher, as JSON values.
        classes: Names of the classes, in the order of the logits.
        multi_label: Whether a text may have several classes.
        corpus: Name, size and hash of each file of the corpus.
        columns: How the texts were read from the files.
        shard_size: Texts per shard.
        teacher_name: Name of the teacher, for people.
        texts: Number of texts in the corpus.
        complete: Whether all texts are labelled.
        shards: The finished shards, in the order of the corpus.
    """

    teacher: Fingerprint
    classes: tuple[str, ...]
    multi_label: bool
    corpus: tuple[FileFingerprint, ...]
    columns: ColumnsRecord
    shard_size: int
    teacher_name: str
    texts: int
    complete: bool
    shards: tuple[ShardRecord, ...]

    @property
    def pair(self) -> bool:
        """Whether the texts come in pairs."""
        return self.columns.text_pair is not None

    @property
    def done(self) -> int:
        """Number of texts in the finished shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def shard_count(self) -> int:
        """Number of shards, finished or not."""
        return -(-self.texts // self.shard_size)

    def with_shards(self, shards: Iterable[ShardRecord]) -> Manifest:
        """Return a manifest with these and no other finished shards."""
        ordered = tuple(sorted(shards, key=lambda shard: shard.name))
        return replace(self, shards=ordered, complete=sum(shard.rows for shard in ordered) == self.texts)


def new_manifest(
    teacher: Teacher | FileTeacher, corpus: Corpus, files: Sequence[FileFingerprint], shard_size: int
) -> Manifest:
    """Return the manifest of a labelling that has not begun; its texts are not counted yet.

    Raises:
        InputError: A file of the corpus cannot be read, or is standard input.
    """
    columns, scores = corpus.columns, corpus.columns.scores
    return Manifest(
        format=_FORMAT,
        teacher=json.loads(json.dumps(teacher.fingerprint())),  # tuples become lists, as in a read manifest
        classes=tuple(teacher.classes),
        multi_label=bool(teacher.multi_label),
        corpus=tuple(replace(file, name=encodable(file.name)) for file in files),
        columns=ColumnsRecord(
            columns.text,
            columns.text_pair,
            scores if scores is None or isinstance(scores, str) else tuple(scores),
            tuple((source.format, source.codec, source.quoting) for source in corpus.sources),
            columns.files.delimiter,
            columns.files.encoding,
        ),
        shard_size=shard_size,
        teacher_name=str(teacher.name),
        texts=0,
        complete=False,
        shards=(),
    )


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest in `folder`; return None if there is none.

    As long as the labelling is not finished, its finished shards are in the ledger of the directory: a file
    of all of them would be written again for each one.

    Raises:
        InputError: The manifest is damaged or has another format.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    advice = f"delete {folder} and label again"
    version = read_record(path, ManifestVersion, advice).format
    if version != _FORMAT:
        raise InputError(
            f"{path} has format {version}, not {_FORMAT}: use the version of sparsedistill that wrote it."
        )
    manifest = read_record(path, Manifest, advice)
    if manifest.complete:
        return manifest
    ledger = Ledger(folder)
    names = (shard_name(number) for number in range(manifest.shard_count))
    found = {shard.name: shard for shard in manifest.shards}
    found |= {name: shard for name in names if (shard := ledger.read(name, ShardRecord)) is not None}
    return replace(manifest.with_shards(found.values()), complete=False)


def shard_name(number: int) -> str:
    """The file name of shard `number`."""
    return f"shard-{number:05d}.parquet"


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` to `folder`, atomically.

    Raises:
        InputError: The file cannot be written.
    """
    # Unlike what write_record writes, format 1 is ASCII and has nulls.
    with atomic_write(folder / MANIFEST) as partial:
        partial.write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")


def check_same_job(folder: Path, manifest: Manifest, job: Manifest) -> None:
    """Check that the labelling in `folder` can be resumed.

    Args:
        folder: Directory of the labelling, for messages.
        manifest: Its manifest.
        job: What to label now, see :func:`new_manifest`.

    Raises:
        InputError: Teacher, corpus or settings changed. Names of files may change.
    """
    for key, meaning in _IDENTITY.items():
        before, now = (_identity(each, key) for each in (manifest, job))
        if before != now:
            detail = f" (from {manifest.teacher_name} to {job.teacher_name})" if key == "teacher" else ""
            raise InputError(
                f"{folder} cannot be resumed because the {meaning} changed{detail}: name another output "
                "directory, or delete this one to start again."
            )


def check_shards(folder: Path, shards: Sequence[ShardRecord]) -> None:
    """Check size and content of finished shards.

    Raises:
        InputError: A shard is missing, truncated or damaged.
    """
    with ThreadPoolExecutor() as pool:
        damages = list(pool.map(lambda shard: shard.damage(folder), shards))
    for shard, damage in zip(shards, damages, strict=True):
        if damage is not None:
            raise InputError(
                f"{folder / shard.name} {damage}: restore that file, or delete {folder} and label again."
            )


def _identity(manifest: Manifest, key: str) -> Any:
    if key == "corpus":  # files may be renamed or moved
        return [(file.size, file.hash) for file in manifest.corpus]
    return getattr(manifest, key)
