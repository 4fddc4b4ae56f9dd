"""Corpus to soft targets: shards of texts with the teacher's logits, made in a run that may be killed."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from .._internal.files import PARTIAL_SUFFIX, atomic_write, content_hash
from .._internal.progress import Advance, Progress, no_progress
from .._internal.records import as_builtins
from ..data.corpus import Corpus, TextBatch
from ..errors import InputError
from ..teachers.base import FileTeacher, Teacher, checked

logger = logging.getLogger(__package__)

_FORMAT = 1
_MANIFEST = "manifest.json"
#: n texts, as a column, and their second texts -> logits, float32 (n, classes).
Scorer = Callable[[Any, Any], NDArray[np.float32]]

#: Texts that a teacher gets at once; the bar moves after each such part.
SCORED_AT_ONCE = 1024

#: What must not change between a run and its resumption, and what each is called.
_IDENTITY = {
    "teacher": "teacher",
    "classes": "classes of the teacher",
    "multi_label": "multi-label setting of the teacher",
    "corpus": "corpus",
    "columns": "columns of the corpus",
    "shard_size": "shard size",
}


@dataclass(frozen=True)
class SoftBatch:
    """Texts and what the teacher makes of them.

    Attributes:
        texts: large_string (n,).
        logits: float32 (n, classes).
        text_pair: large_string (n,), or None.
    """

    texts: pa.Array
    logits: NDArray[np.float32]
    text_pair: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.texts)


class SoftTargets:
    """A finished labelling on disk.

    Attributes:
        directory: Where it is.
        classes: The names of the classes, in the order of the logits.
        multi_label: Whether a text may belong to several classes.
        pair: Whether its texts come in pairs.
        teacher: What the teacher is called.
        fingerprint: What tells the teacher from any other.
        shards: The files, in the order of the corpus.
    """

    def __init__(self, directory: Path, manifest: dict[str, Any]) -> None:
        self.directory = directory
        self.classes = tuple(manifest["classes"])
        self.multi_label = bool(manifest["multi_label"])
        self.pair = manifest["columns"]["text_pair"] is not None
        self.teacher = str(manifest["teacher_name"])
        self.fingerprint = manifest["teacher"]
        self.shards = tuple(directory / shard["name"] for shard in manifest["shards"])
        self._rows = tuple(int(shard["rows"]) for shard in manifest["shards"])

    @staticmethod
    def open(directory: str | Path) -> SoftTargets:
        """Open a finished labelling, with a check of every shard's size and content.

        Raises:
            InputError: There is none, it is not finished, or a shard is missing, truncated or damaged.
        """
        folder = Path(directory)
        manifest = _read_manifest(folder)
        if manifest is None:
            raise InputError(f"{folder} holds no soft targets: make them with `sparsedistill label`.")
        if not manifest["complete"]:
            done = sum(shard["rows"] for shard in manifest["shards"])
            raise InputError(
                f"{folder} is not finished ({done:,} of {manifest['texts']:,} texts): run "
                "`sparsedistill label` again with the same arguments."
            )
        _check_shards(folder, manifest)
        return SoftTargets(folder, manifest)

    def __len__(self) -> int:
        return sum(self._rows)

    def read(self, i: int) -> SoftBatch:
        """All rows of shard `i`."""
        table = pyarrow.parquet.read_table(self.shards[i])
        logits = table.column("logits").combine_chunks().flatten().to_numpy()
        return SoftBatch(
            texts=table.column("text").combine_chunks(),
            logits=logits.reshape(len(table), len(self.classes)),
            text_pair=table.column("text_pair").combine_chunks() if self.pair else None,
        )

    def all(self) -> SoftBatch:
        """All rows of all shards."""
        parts = [self.read(i) for i in range(len(self.shards))]
        return SoftBatch(
            texts=pa.concat_arrays([part.texts for part in parts]),
            logits=np.concatenate([part.logits for part in parts]),
            text_pair=pa.concat_arrays([part.text_pair for part in parts]) if self.pair else None,
        )


def label(
    teacher: Teacher | FileTeacher,
    corpus: Corpus,
    output: str | Path,
    *,
    shard_size: int = 20_000,
    progress: Progress = no_progress,
) -> SoftTargets:
    """Have the teacher score a corpus, and keep texts and logits as shards in a directory.

    Killed at any moment and started again with the same arguments, it goes on behind the last shard that
    was finished, and ends with the same files as a run that was never interrupted.

    Args:
        teacher: Who scores. A :class:`FileTeacher` reads the `scores` columns of the corpus.
        corpus: The texts. Labels and weights in it are not looked at.
        output: The directory to make, or to go on with.
        shard_size: Texts a shard.
        progress: Shows the progress.

    Returns:
        The finished soft targets.

    Raises:
        InputError: The corpus cannot be read, or holds no scores for a :class:`FileTeacher`; `output` holds
            something else, the labelling of another teacher or corpus, a damaged shard, or is being
            written by another process; the teacher's scores are not finite; or the disk is full.
    """
    if shard_size < 1:
        raise InputError(f"A shard of {shard_size} texts is not possible: give a shard size of at least 1.")
    corpus = corpus.unlabelled()
    if isinstance(teacher, FileTeacher) and corpus.columns.scores is None:
        raise InputError("The corpus has no scores: name the columns that hold the teacher's scores.")
    folder = Path(output)
    with _locked(folder):
        manifest = _begin(folder, teacher, corpus, shard_size, progress)
        if not manifest["complete"]:
            _label_rest(folder, teacher, corpus, manifest, progress)
    return SoftTargets.open(folder)


def batch_scorer(teacher: Teacher, progress: Progress = no_progress) -> Scorer:
    """The teacher's scores of a column of texts, with a bar: a test set can take it many minutes."""

    def score(texts: pa.Array, text_pair: pa.Array | None) -> NDArray[np.float32]:
        scores = [np.empty((0, len(teacher.classes)), np.float32)]
        with progress("Scoring with the teacher", len(texts), "texts") as advance:
            for begin in range(0, len(texts), SCORED_AT_ONCE):
                part = slice(begin, begin + SCORED_AT_ONCE)
                seconds = None if text_pair is None else text_pair[part].to_pylist()
                given = texts[part].to_pylist()
                scores.append(checked(teacher.score(given, seconds), len(given), teacher))
                advance(len(given))
        return np.concatenate(scores)

    return score


def _begin(
    folder: Path, teacher: Teacher | FileTeacher, corpus: Corpus, shard_size: int, progress: Progress
) -> dict[str, Any]:
    """The manifest to go on with: a new one, or that of an interrupted run of the same job."""
    for written in (_MANIFEST, "shard-*.parquet"):  # what a killed run had in hand
        for leftover in folder.glob(f".{written}.*{PARTIAL_SUFFIX}"):
            leftover.unlink()
    identity = {
        "teacher": teacher.fingerprint(),
        "classes": list(teacher.classes),
        "multi_label": teacher.multi_label,
        "corpus": as_builtins(corpus.fingerprint()),
        "columns": _columns(corpus),
        "shard_size": shard_size,
    }
    identity = json.loads(json.dumps(identity))  # as a manifest gives it back: tuples are lists
    manifest = _read_manifest(folder)
    if manifest is not None:
        _check_identity(folder, manifest, identity, teacher)
        _check_shards(folder, manifest)
        return manifest
    if any(folder.iterdir()):
        raise InputError(f"{folder} holds other files: name an empty or a new output directory.")
    manifest = {
        "format": _FORMAT,
        **identity,
        "teacher_name": teacher.name,
        "texts": _counted(corpus, progress),
        "complete": False,
        "shards": [],
    }
    _write_manifest(folder, manifest)
    return manifest


def _counted(corpus: Corpus, progress: Progress) -> int:
    """The number of texts, by reading (and so checking) all of them before hours go into scoring some."""
    texts = 0
    with progress("Reading the corpus", None, "texts") as advance:
        for rows in corpus.rows():
            texts += len(rows.table)
            advance(len(rows.table))
    return texts


def _label_rest(
    folder: Path,
    teacher: Teacher | FileTeacher,
    corpus: Corpus,
    manifest: dict[str, Any],
    progress: Progress,
) -> None:
    """Score what no finished shard holds, a shard at a time."""
    done = sum(shard["rows"] for shard in manifest["shards"])
    if done:
        logger.info(f"Going on with {folder}: {done:,} of {manifest['texts']:,} texts are done.")
    parts = _parts(corpus, manifest["shard_size"], done)
    with progress("Labelling", manifest["texts"], "texts", done) as advance:
        while done < manifest["texts"]:
            shard = _write_shard(folder, len(manifest["shards"]), teacher, manifest, parts, advance)
            done += shard["rows"]
            manifest["shards"].append(shard)
            manifest["complete"] = done == manifest["texts"]
            _write_manifest(folder, manifest)


def _parts(corpus: Corpus, shard_size: int, done: int) -> Iterator[tuple[TextBatch, bool]]:
    """The rows behind the first `done`, in parts to score at once; and whether a part ends its shard.

    Where parts begin and end depends on the corpus alone, not on `done`: a teacher whose rounding depends
    on the company of a text gives the same scores after a resumption.
    """
    row = 0
    for batch in corpus.batches(SCORED_AT_ONCE):
        start = 0
        while start < len(batch):
            stop = min(len(batch), start + shard_size - row % shard_size)
            row += stop - start
            if row > done:
                yield batch.slice(start, stop), row % shard_size == 0
            start = stop


def _write_shard(
    folder: Path,
    number: int,
    teacher: Teacher | FileTeacher,
    manifest: dict[str, Any],
    parts: Iterator[tuple[TextBatch, bool]],
    advance: Advance,
) -> dict[str, Any]:
    path = folder / f"shard-{number:05d}.parquet"
    pair = manifest["columns"]["text_pair"] is not None
    schema = _schema(len(manifest["classes"]), pair=pair)
    expected = min(manifest["shard_size"], manifest["texts"] - sum(s["rows"] for s in manifest["shards"]))
    rows = 0
    with atomic_write(path) as partial:
        with pyarrow.parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
            for part, last in parts:
                writer.write_batch(_record(part, _score(teacher, part), schema))
                rows += len(part)
                advance(len(part))
                if last:
                    break
        if rows != expected:
            raise InputError(
                f"The corpus has changed while {folder} was written: delete that and label anew."
            )
        size, digest = partial.stat().st_size, content_hash(partial)
    return {"name": path.name, "rows": rows, "size": size, "hash": digest}


def _score(teacher: Teacher | FileTeacher, part: TextBatch) -> NDArray[np.float32]:
    if isinstance(teacher, FileTeacher):
        assert part.scores is not None  # noqa: S101  label() has seen to it
        return teacher.logits(part.scores)
    pair = None if part.text_pair is None else part.text_pair.to_pylist()
    return checked(teacher.score(part.texts.to_pylist(), pair), len(part), teacher)


def _schema(classes: int, *, pair: bool) -> pa.Schema:
    text = [pa.field(name, pa.large_string(), nullable=False) for name in ("text", "text_pair")]
    scores = pa.field("logits", pa.list_(pa.float32(), classes), nullable=False)
    return pa.schema([*text[: 1 + pair], scores])


def _record(part: TextBatch, logits: NDArray[np.float32], schema: pa.Schema) -> pa.RecordBatch:
    scores = pa.FixedSizeListArray.from_arrays(pa.array(logits.ravel()), logits.shape[1])
    texts = [part.texts] if part.text_pair is None else [part.texts, part.text_pair]
    return pa.record_batch([*texts, scores], schema=schema)


def _columns(corpus: Corpus) -> dict[str, Any]:
    """How the texts are read from the files."""
    columns = corpus.columns
    return {
        "text": columns.text,
        "text_pair": columns.text_pair,
        "scores": list(columns.scores) if isinstance(columns.scores, tuple) else columns.scores,
        "formats": [[source.format, source.codec, source.quoting] for source in corpus.sources],
    }


def _check_identity(
    folder: Path, manifest: dict[str, Any], identity: dict[str, Any], teacher: Teacher | FileTeacher
) -> None:
    for key, meaning in _IDENTITY.items():
        before, now = manifest[key], identity[key]
        if key == "corpus":  # where the files lie may change
            before, now = ([(file["size"], file["hash"]) for file in files] for files in (before, now))
        if before != now:
            detail = f" (from {manifest['teacher_name']} to {teacher.name})" if key == "teacher" else ""
            raise InputError(
                f"{folder} cannot be gone on with, as the {meaning} changed{detail}: name another output "
                "directory, or delete this one to start anew."
            )


def _check_shards(folder: Path, manifest: dict[str, Any]) -> None:
    with ThreadPoolExecutor() as pool:
        faults = list(pool.map(lambda shard: _fault(folder / shard["name"], shard), manifest["shards"]))
    for shard, fault in zip(manifest["shards"], faults, strict=True):
        if fault is not None:
            raise InputError(
                f"{folder / shard['name']} {fault}: restore that file, or delete {folder} and label anew."
            )


def _fault(path: Path, shard: dict[str, Any]) -> str | None:
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != shard["size"]:
        return f"is truncated or damaged ({size:,} bytes instead of {shard['size']:,})"
    return None if content_hash(path) == shard["hash"] else "is damaged (its content has changed)"


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / _MANIFEST
    if not path.is_file():
        return None
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged: delete {folder} and label anew.") from error
    if version != _FORMAT:
        raise InputError(
            f"{path} has format {version}, not {_FORMAT}: read it with the sparsedistill that wrote it."
        )
    return manifest


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    with atomic_write(folder / _MANIFEST) as partial:
        partial.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make the directory and keep other processes out; the system lets go of it when this process ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made a directory ({error.strerror}): name another output directory."
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{folder} is being written by another process: wait for it, or name another output."
            ) from error
        try:
            yield
        finally:
            if not any(folder.iterdir()):
                folder.rmdir()
    finally:
        os.close(handle)
