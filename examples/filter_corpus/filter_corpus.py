"""Filter a corpus by what an LLM says of a sample of it.

The LLM scores a sample of the documents, an encoder is fine-tuned on its scores, a student is distilled from
the encoder over the whole corpus and compressed, and the compact student filters the corpus::

    python filter_corpus.py docs.tsv.gz --llm llm.toml --positive textbook,essay --by-source source -o story

Each stage leaves its result in the output directory: the same command resumes, and no answer of the LLM is
paid for twice. With ``--known COLUMN=VALUE``, what each stage keeps is compared with the documents that are
known to be wanted. ``--no-llm`` labels the sample with ``--known`` instead, to see the other stages without a
server.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Column, Table

from sparsedistill import (
    Columns,
    Corpus,
    DistillationConfig,
    FilterConfig,
    FilterReport,
    FinetuningConfig,
    InputError,
    LLMTeacher,
    SoftTargets,
    Student,
    TrainingConfig,
    TransformersTeacher,
    distill,
    filter_corpus,
    finetune,
    label,
    progress_bars,
)

T = TypeVar("T")
Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Documents:
    """The corpus in memory.

    Attributes:
        texts: The texts, (n,).
        wanted: Which documents are known to be wanted, bool (n,); None if that is not known.
        sample: Which documents are scored by the LLM, bool (n,).
    """

    texts: pa.Array
    wanted: Mask | None
    sample: Mask


@dataclass(frozen=True)
class Row:
    """What a stage keeps of the documents that it is measured on.

    Attributes:
        stage: Name of the stage.
        documents: Number of documents.
        share: Share of them that is kept.
        precision: Share of the kept documents that are wanted; None if that is not known.
        recall: Share of the wanted documents that are kept; None if that is not known.
        speed: Documents per second; None if it was not measured.
    """

    stage: str
    documents: int
    share: float
    precision: float | None = None
    recall: float | None = None
    speed: float | None = None


def main() -> None:
    """Run the stages, and print what each of them keeps."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("sparsedistill").setLevel(logging.INFO)
    options = parse()
    try:
        run(options)
    except InputError as error:
        sys.exit(f"Error: {error}")


def run(options: argparse.Namespace) -> None:
    """Run the stages that are not done, and print the tables.

    Raises:
        InputError: An option does not fit the corpus or the LLM, or a stage cannot use its input.
    """
    options.output.mkdir(parents=True, exist_ok=True)
    documents = read(options.corpus, options, options.sample)
    if documents.sample.all():
        raise InputError(f"--sample is all {len(documents.texts):,} documents: leave some for the student.")
    if documents.wanted is not None and not documents.wanted.any():
        raise InputError(f"No document has {options.known}: name a column and one of its values.")
    scores, llm_speed = score_sample(options, documents)
    teacher = teach(options, documents, scores)
    students = distil(options, teacher)
    kept = options.output / ("kept" + "".join(Path(options.corpus).suffixes[-2:]))
    report, seconds = timed(lambda: filter_with(options, students[1], kept))

    rows = measure(options, documents, scores, llm_speed, teacher, students)
    rows.append(measure_output(options, documents, kept, len(documents.texts) / seconds))
    (options.output / "table.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    show(report, rows)
    print(f"The kept documents are in {kept}.")


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Filter a corpus by what an LLM says of a sample of it.")
    add = parser.add_argument
    add("corpus", help="file with the documents: csv, tsv, jsonl or parquet, also .gz or .zst")
    add("-o", "--output", type=Path, required=True, help="directory for the results of all stages")
    labels = parser.add_mutually_exclusive_group(required=True)
    labels.add_argument("--llm", help="TOML file that describes the LLM and its question")
    labels.add_argument("--no-llm", action="store_true", help="label the sample with --known instead")
    add("--positive", default="", help="wanted classes, with commas between; not for questions with numbers")
    add("--keep-share", type=share, default=0.1, help="share of the documents to keep [default: 10%%]")
    add("--text", default="text", help="column of the documents [default: text]")
    add("--by-source", help="column of the sources, which the report shows one by one")
    add(
        "--known",
        metavar="COLUMN=VALUE",
        help="which documents are known to be wanted, to measure the stages",
    )
    add("--sample", type=int, default=2000, help="documents for the LLM [default: 2000]")
    add("--encoder", default="sentence-transformers/all-MiniLM-L6-v2", help="encoder: directory or Hub id")
    add("--encoder-steps", type=int, help="length of its training [default: by the number of documents]")
    add("--max-length", type=int, help="tokens that it reads of a document [default: at most 256]")
    add("--student-steps", type=int, help="length of the student's training [default: by the corpus]")
    add("--tune-minutes", type=float, help="stop choosing the student's settings then; 0 takes the defaults")
    add("--seed", type=int, default=0, help="seed of the sample and of the training")
    options = parser.parse_args()
    if options.no_llm and options.known is None:
        parser.error("--no-llm needs --known: which documents are wanted")
    return options


def share(given: str) -> float:
    """A share above 0 and at most 1, given as a number or with a percent sign."""
    found = float(given[:-1]) / 100 if given.endswith("%") else float(given)
    if not 0 < found <= 1:
        raise ValueError
    return found


def read(path: str | Path, options: argparse.Namespace, sample: int = 0) -> Documents:
    """Read the documents of a file, and draw a sample of them."""
    column, _, value = (options.known or "").partition("=")
    batches = list(corpus_of(path, options, keep=(column,) if column else ()).batches())
    texts = pa.concat_arrays([batch.texts for batch in batches])
    wanted = None
    if column:
        names = [name for batch in batches if batch.kept for name in batch.kept.column(0).to_pylist()]
        wanted = np.array([str(name) == value for name in names])
    drawn = np.zeros(len(texts), bool)
    drawn[np.random.default_rng(options.seed).permutation(len(texts))[:sample]] = True
    return Documents(texts, wanted, drawn)


def corpus_of(path: str | Path, options: argparse.Namespace, keep: tuple[str, ...] = ()) -> Corpus:
    """The documents in a file, with the columns to carry through."""
    return Corpus(path, Columns(options.text, keep=keep))


def score_sample(options: argparse.Namespace, documents: Documents) -> tuple[Scores, float | None]:
    """Scores of the sample, float32 (m,), and the documents per second of the LLM.

    Raises:
        InputError: The LLM cannot be used, or has no class with the name in the options.
    """
    if options.no_llm:
        assert documents.wanted is not None  # noqa: S101 - checked with the options
        return documents.wanted[documents.sample].astype(np.float32), None
    llm = LLMTeacher.from_file(options.llm)
    positive = {name for name in options.positive.split(",") if name}
    if len(llm.classes) > 1 and not (positive and positive < set(llm.classes)):
        raise InputError(f"--positive is {options.positive!r}: name some of {', '.join(llm.classes)}.")
    path = options.output / "sample.parquet"
    pq.write_table(pa.table({"text": documents.texts.filter(pa.array(documents.sample))}), path)
    targets, seconds = timed(lambda: label(llm, Corpus(path), options.output / "llm", progress=progress_bars))
    speed = llm.usage.asked / seconds if llm.usage.asked else None  # remembered answers take no time
    logits = targets.all().logits
    if logits.shape[1] == 1:
        return logits[:, 0], speed
    wanted = np.isin(targets.classes, sorted(positive))
    odds = [np.logaddexp.reduce(logits[:, of], axis=1) for of in (wanted, ~wanted)]
    return odds[0] - odds[1], speed  # log-odds: unlike probabilities, not all near 0 or 1


def teach(options: argparse.Namespace, documents: Documents, scores: Scores) -> TransformersTeacher:
    """An encoder that is fine-tuned to predict the scores of the sample."""
    texts = documents.texts.filter(pa.array(documents.sample)).to_pylist()
    config = FinetuningConfig(steps=options.encoder_steps, max_length=options.max_length, seed=options.seed)
    folder = options.output / "encoder"
    finetune(options.encoder, texts, scores, ("score",), folder, config=config, progress=progress_bars)
    return TransformersTeacher(folder)


def distil(options: argparse.Namespace, teacher: TransformersTeacher) -> tuple[Student, Student]:
    """The student of the encoder over the whole corpus, as trained and compact.

    Raises:
        InputError: A compact student would not give the same answers.
    """
    folder = options.output / "distilled"
    if not (folder / "student").exists() or (folder / "checkpoints").exists():
        config = DistillationConfig(
            training=TrainingConfig(steps=options.student_steps),
            tune=options.tune_minutes != 0,
            tune_minutes=options.tune_minutes or None,
            shard_size=1000,  # what an interruption of the encoder costs
            seed=options.seed,
        )
        corpus = corpus_of(options.corpus, options)
        distill(teacher, unlabelled=corpus, output=folder, config=config, progress=progress_bars)
    if not (folder / "compact").exists():
        raise InputError(f"{folder} has no compact student: the log says why, and what to do.")
    return Student.from_pretrained(folder / "student"), Student.from_pretrained(folder / "compact")


def filter_with(options: argparse.Namespace, compact: Student, kept: Path) -> FilterReport:
    """Write the share of the corpus with the highest scores, with all its columns."""
    config = FilterConfig(share=options.keep_share, by_source=options.by_source)
    return filter_corpus(compact, corpus_of(options.corpus, options), kept, config, progress=progress_bars)


def measure(
    options: argparse.Namespace,
    documents: Documents,
    scores: Scores,
    llm_speed: float | None,
    teacher: TransformersTeacher,
    students: tuple[Student, Student],
) -> list[Row]:
    """What each stage keeps, if it keeps the same share of the documents.

    The LLM is measured on the sample, the student on the other documents, and the encoder on both.
    """
    sample, rest = documents.sample, ~documents.sample
    texts = documents.texts.filter(pa.array(rest))
    timed_texts = texts[:64].to_pylist()
    _, encoder_seconds = timed(lambda: teacher.score(timed_texts))
    encoder_speed = len(timed_texts) / encoder_seconds
    encoded = SoftTargets.open(options.output / "distilled" / "labels").all().logits[:, 0]

    def row(stage: str, of: Mask, kept: Mask, speed: float | None) -> Row:
        return row_of(stage, None if documents.wanted is None else documents.wanted[of], kept, speed)

    rows = []
    if not options.no_llm:
        if options.positive:
            rows.append(row("LLM, by its answer", sample, scores > 0, llm_speed))
        rows.append(row("LLM", sample, highest(scores, options.keep_share), llm_speed))
        rows.append(row("encoder", sample, highest(encoded[sample], options.keep_share), encoder_speed))
    rows.append(row("encoder", rest, highest(encoded[rest], options.keep_share), encoder_speed))
    for name, student in zip(("student", "compact student"), students, strict=True):
        predictions, seconds = timed(partial(student.score, texts))
        kept = highest(predictions.answers[:, 0], options.keep_share)
        rows.append(row(name, rest, kept, len(texts) / seconds))
    return rows


def measure_output(options: argparse.Namespace, documents: Documents, kept: Path, speed: float) -> Row:
    """The documents that were written, among all."""
    written = read(kept, options)
    row = row_of("filter output", None, np.arange(len(documents.texts)) < len(written.texts), speed)
    if documents.wanted is None or written.wanted is None:
        return row
    found = int(written.wanted.sum())
    return replace(row, precision=found / len(written.texts), recall=found / int(documents.wanted.sum()))


def row_of(stage: str, wanted: Mask | None, kept: Mask, speed: float | None) -> Row:
    """The row of a stage that keeps some of n documents."""
    row = Row(stage, len(kept), float(kept.mean()), speed=speed)
    if wanted is None:
        return row
    found = int((wanted & kept).sum())
    return replace(row, precision=found / max(1, int(kept.sum())), recall=found / max(1, int(wanted.sum())))


def highest(scores: Scores, share: float) -> Mask:
    """Which of n documents are among the share with the highest scores."""
    count = max(1, round(share * len(scores)))
    return np.asarray(scores >= np.sort(scores)[-count])


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and the seconds that it took."""
    start = perf_counter()
    return work(), perf_counter() - start


def show(report: FilterReport, rows: list[Row]) -> None:
    """Print what was kept of each source, and the table of the stages."""
    sources = Table(
        "source", *(right("documents"), right("kept"), right("median score")), title="Filter output"
    )
    for name, summary in [*report.sources.items(), ("all", report.total)]:
        median = f"{summary.quantiles['0.5']:.2f}"
        sources.add_row(name, f"{summary.texts:,}", f"{summary.share:.1%}", median)
    headings = ("documents", "share kept", "precision", "recall", "documents/s")
    stages = Table("stage", *map(right, headings), title="What each stage keeps")
    for row in rows:
        shares = ["" if share is None else f"{share:.1%}" for share in (row.share, row.precision, row.recall)]
        speed = "" if row.speed is None else f"{row.speed:,.0f}" if row.speed >= 10 else f"{row.speed:.2f}"
        stages.add_row(row.stage, f"{row.documents:,}", *shares, speed)
    Console().print(sources, stages)


def right(heading: str) -> Column:
    """A column of numbers."""
    return Column(heading, justify="right", no_wrap=True)


if __name__ == "__main__":
    main()
