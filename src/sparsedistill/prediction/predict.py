"""Scoring all files of a corpus."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

from .._internal.background import read_ahead
from .._internal.object_store import place
from .._internal.part import Part
from .._internal.progress import Progress, no_progress
from ..classifiers import Classifier, fingerprint_of
from ..data.corpus import Corpus, as_batch
from ..data.file_job import FileRecord, FilesDone, FileUnit, do_files, reading_settings
from ..data.file_state import FileState, state_of
from ..data.outputs import refuse_same
from ..data.readers import CODECS, Source, is_known
from ..data.targets import names_below
from ..data.writer import RowWriter, check_writable
from ..errors import InputError
from .config import PredictionConfig
from .rows import score_batch
from .shard import ScoreTask, score_shard, write_scored

_CODEC_ENDINGS: dict[str | None, str] = {codec: f".{ending}" for ending, codec in CODECS.items()}


def predict_stream(
    classifier: Classifier,
    corpus: Corpus,
    output: str,
    config: PredictionConfig,
    *,
    format: str | None = None,  # noqa: A002
    line_buffered: bool = False,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write one row of answers for each row of a corpus, in the same order, to one output.

    Args:
        classifier: Scores the texts.
        corpus: The texts.
        output: The file to write; ``"-"`` is standard output.
        config: What is written for each text.
        format: Format of the output; by default from its name.
        line_buffered: Answer each row as soon as it arrives. Otherwise, files are read ahead.
        threads: All cores by default. The result does not depend on it.
        progress: Receives the progress.

    Raises:
        InputError: A file cannot be read or written.
    """
    with RowWriter(output, format) as writer, progress("Predicting", None, "texts") as advance:
        if line_buffered:
            for block in corpus.rows():
                if len(block.table):
                    writer.write(score_batch(classifier, as_batch(block.table), config, threads))
                    writer.flush()
                    advance(len(block.table))
            return
        batches = corpus.batches()
        if not any(source.is_stream for source in corpus.sources):  # a thread cannot be stopped that waits
            batches = read_ahead(batches)
        with closing(write_scored(classifier, batches, writer, config, threads)) as counts:
            for count in counts:
                advance(count)


def predict_files(
    classifier: Classifier,
    corpus: Corpus,
    folder: str | Path,
    config: PredictionConfig,
    *,
    format: str | None = None,  # noqa: A002
    part: Part = Part(),  # noqa: B008 - it is frozen
    threads: int | None = None,
    progress: Progress = no_progress,
) -> FilesDone[FileRecord]:
    """Write the answers for each file of a corpus to a file of its own.

    A run that was killed at any moment resumes after its last finished file. Files that are done already are
    skipped. The outputs have the paths of their files below the folder that all have in common.

    Args:
        classifier: Scores the texts.
        corpus: The texts.
        folder: Directory to create or to resume, or the URL of one.
        config: What is written for each text.
        format: Format of all outputs; by default that of each file, and tsv for plain text.
        part: Which of the files to do.
        threads: All cores by default. The result does not depend on it.
        progress: Receives the progress.

    Returns:
        What was done.

    Raises:
        InputError: A file cannot be read or written; `folder` has other files, or answers of another student
            or with other settings.
    """
    where = place(folder)
    units = [FileUnit(name, source) for name, source in _named(corpus.sources, format)]
    refuse_same([str(where / unit.name) for unit in units], [source.path for source in corpus.sources])
    settings = {
        "student": fingerprint_of(classifier),
        "format of outputs": format or "by file",
        **config.settings(),
        **reading_settings(corpus.columns),
    }
    with progress("Predicting", None, "texts") as advance:

        def work(unit: FileUnit, state: FileState) -> FileRecord:
            output = str(where / unit.name)
            task = ScoreTask(unit.source, corpus.columns, output, None, config, threads)
            texts = score_shard(classifier, task, advance).texts
            outputs = {unit.name: state_of(output).size}
            return FileRecord(unit.source.name, state.size, state.version, outputs, texts)

        return do_files(folder, "predict", settings, units, part, FileRecord, work)


def _named(sources: tuple[Source, ...], format: str | None) -> list[tuple[str, Source]]:  # noqa: A002
    """The files by the names of their outputs.

    Raises:
        InputError: Two would have the same name, or a format cannot be written.
    """
    if format is not None:
        check_writable(format)
        return list(zip(names_below(sources, format.lstrip(".")), sources, strict=True))
    found = []
    for name, source in zip(names_below(sources), sources, strict=True):
        ending = _CODEC_ENDINGS.get(source.codec, "")
        if not source.reader.named:
            name = f"{name.removesuffix(ending)}.tsv{ending}"
        elif not is_known(Path(name)):
            name = f"{name}.{source.reader.endings[0]}{ending}"
        found.append((name, source))
    name, count = Counter(name for name, _ in found).most_common(1)[0]
    if count > 1:
        raise InputError(f"{count} files would be written to {name}: give them to separate runs.")
    return found
