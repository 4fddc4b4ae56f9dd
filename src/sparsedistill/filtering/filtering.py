"""Keep the texts that a classifier scores well: all their columns, in the format that they have."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from .._internal.background import read_ahead
from .._internal.files import refuse_existing
from .._internal.ledger import Ledger
from .._internal.object_store import ObjectPath, place
from .._internal.part import Part
from .._internal.progress import Progress, no_progress
from ..classifiers import Classifier, fingerprint_of
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.file_job import FileUnit, do_files, name_from, reading_settings
from ..data.file_state import FileState, absolute, found_state
from ..data.outputs import refuse_same
from ..data.targets import Target, is_folder, targets_of
from ..errors import InputError
from ..model.answers import by_head
from ..model.heads import Head
from .config import FilterConfig
from .expression import Expression, parse
from .names import Answers, ScoreName, ScoreNames
from .report import FilteredFile, FilteredRecord, FilterReport, Tally
from .shard import FileFilter, Found, Rule
from .threshold import AllScores, SampledScores

logger = logging.getLogger(__package__)


def filter_corpus(
    classifier: Classifier,
    corpus: Corpus,
    output: str | Path,
    config: FilterConfig,
    *,
    excluded: str | Path | None = None,
    part: Part = Part(),  # noqa: B008 - it is frozen
    threads: int | None = None,
    progress: Progress = no_progress,
) -> FilterReport:
    """Write the texts that a classifier scores well, with all their columns and their scores.

    Rows stay as they are, to the byte (in parquet to the types of columns), in their order, format and
    compression. The scores are added to them: members of an object in jsonl, fields at the end in csv and
    tsv, columns in parquet. An output appears when it is complete. A run that writes to a directory resumes
    after its last finished file.

    Args:
        classifier: A student of one or several questions, or a cascade.
        corpus: The texts. Of its columns, ``text`` and ``text_pair`` count.
        output: File for the kept texts; ``"-"`` is standard output. For a corpus of several files a
            directory, in which each has its own, to create or to resume. Both can be URLs.
        config: Which texts are kept, and what is written of them.
        excluded: File or directory for the other texts, as `output`.
        part: Which of the files to filter, and to report on.
        threads: All cores by default. The result does not depend on it.
        progress: Shows the progress.

    Raises:
        InputError: The expression or a name is wrong, an output is one of the inputs, the texts have a column
            with the name of an added one, or a file cannot be read or written; a directory has other files,
            or those of another student or of other settings; or a part is to be done of one file or a share.
    """
    names = ScoreNames(classifier.heads)
    expression = None if config.keep is None else parse(config.keep, names)
    by = _ranking(config, expression, names)
    columns = corpus.columns
    kept = () if config.by_source is None else (config.by_source,)
    corpus = corpus.with_columns(Columns(columns.text, columns.text_pair, keep=kept, files=columns.files))
    given = [output] if excluded is None else [output, excluded]
    outputs = [place(path) for path in given]
    plans = [targets_of(corpus.sources, path) for path in given]
    refuse_same(given, [source.path for source in corpus.sources])
    folder = len(corpus.sources) > 1 or is_folder(output)
    _check_part(part, expression, folder, output)
    classes = _classes(config, classifier.heads, expression, by)
    scorer, sampled = _Scorer(classifier, threads, progress), None
    if expression is not None:
        rule = Rule(by, _threshold_in(expression, by), expression.mask)
    else:
        rule, sampled = _share_rule(scorer, corpus, by, config, _spool(outputs[0]))
    job = _Job(scorer, corpus, FileFilter(scorer, classifier.heads, rule, config, classes), sampled)
    return job.many(outputs, plans, part) if folder else job.one(outputs, plans)


def _spool(output: Path | ObjectPath) -> Path | None:
    """Where scores that do not fit into memory go: next to the output, if that is a local directory."""
    return output.parent if isinstance(output, Path) and output.parent.is_dir() else None


def _check_part(part: Part, expression: Expression | None, folder: bool, output: str | Path) -> None:
    if part.whole:
        return
    if not folder:
        raise InputError(f"A part is whole files, and {output} is one file: give a directory.")
    if expression is None:
        raise InputError(
            "A share is one of all texts, which a part does not know: give an expression instead, with the "
            "threshold that the report of a sample shows."
        )


@dataclass(frozen=True)
class _Scorer:
    """Scores the rows of files."""

    classifier: Classifier
    threads: int | None
    progress: Progress

    def __call__(self, table: pa.Table) -> Answers:
        pairs = table.column("text_pair") if "text_pair" in table.column_names else None
        return by_head(self.classifier.score(table.column("text"), pairs, threads=self.threads))


@dataclass(frozen=True)
class _Job:
    """One run over all files.

    Attributes:
        scorer: Scores rows.
        corpus: The files.
        filter: Filters one file.
        sampled: Number of texts that the threshold was found in, if that was a sample.
    """

    scorer: _Scorer
    corpus: Corpus
    filter: FileFilter
    sampled: int | None

    def one(self, outputs: list[Path | ObjectPath], plans: list[list[Target]]) -> FilterReport:
        """Filter the only file."""
        source = self.corpus.sources[0]
        tally = self._tally()
        with self.scorer.progress("Filtering", None, "texts") as advance:
            blocks = self.corpus.rows(records=True)
            if not source.is_stream:  # a thread cannot be stopped that waits
                blocks = read_ahead(blocks)
            found = self.filter(blocks, [plan[0] for plan in plans], tally, advance)
        files = [FilteredFile(source.name, str(outputs[0]), found.texts, found.kept)] if found else []
        return self._report(tally, files)

    def many(self, outputs: list[Path | ObjectPath], plans: list[list[Target]], part: Part) -> FilterReport:
        """Filter the files of a part that are not done."""
        if len(outputs) > 1 and Ledger(str(outputs[0])).job() is None:
            refuse_existing(str(outputs[1]))
        units = [
            FileUnit(target.name, source)
            for target, source in zip(plans[0], self.corpus.sources, strict=True)
        ]
        codecs = {target.name: target.codec for target in plans[0]}
        with self.scorer.progress("Filtering", None, "texts") as advance:

            def work(unit: FileUnit, state: FileState) -> FilteredRecord:
                places = [Target(str(path / unit.name), codecs[unit.name]) for path in outputs]
                tally = self._tally()
                blocks = self.corpus.rows_of(unit.source, records=True)
                found = self.filter(read_ahead(blocks), places, tally, advance) or Found(0, 0)
                sizes = {
                    name_from(outputs[0], target.name): written.size
                    for target in places
                    if (written := found_state(target.name)) is not None
                }
                seen = unit.source.name, state.size, state.version, sizes
                return FilteredRecord(*seen, found.texts, found.kept, tally.record())

            done = do_files(
                str(outputs[0]), "filter", self._settings(outputs), units, part, FilteredRecord, work
            )
        if done.busy:
            logger.warning(f"{done.busy:,} files are left to other processes, and not in the report.")
        tally, files = self._tally(), []
        for name, record in done.records.items():
            tally.add_record(record.tally)
            if record.outputs:
                files.append(FilteredFile(record.input, str(outputs[0] / name), record.texts, record.kept))
        if done.skipped:  # logged, so that the report is that of a run that was never interrupted
            logger.info(f"{done.skipped:,} of {len(done.records):,} files were done before.")
        return self._report(tally, files)

    def _tally(self) -> Tally:
        rule = self.filter.rule
        return Tally(rule.threshold, probabilities=rule.by.head.problem != "regression")

    def _settings(self, outputs: list[Path | ObjectPath]) -> dict[str, str]:
        config = asdict(self.filter.config)
        if self.filter.config.share is not None:
            config["threshold"] = self.filter.rule.threshold
        return {
            "student": fingerprint_of(self.scorer.classifier),
            **{f"setting of {name}": str(value) for name, value in config.items() if value is not None},
            **({"place of the other texts": absolute(str(outputs[1]))} if len(outputs) > 1 else {}),
            **reading_settings(self.corpus.columns),
        }

    def _report(self, tally: Tally, files: list[FilteredFile]) -> FilterReport:
        config, rule = self.filter.config, self.filter.rule
        edges = tally.edges()
        return FilterReport(
            keep=config.keep,
            share=config.share,
            sample=self.sampled,
            by=rule.by.name,
            threshold=rule.threshold,
            total=tally.total.summary(edges),
            edges=edges,
            by_source=config.by_source,
            sources=tally.sources(),
            examples=tally.examples(),
            files=files,
        )


def _ranking(config: FilterConfig, expression: Expression | None, names: ScoreNames) -> ScoreName:
    """The score that a share ranks by, and that the report shows."""
    if config.by is not None:
        found = names.find(config.by)
        if found.labels is not None:
            raise InputError(
                f"Texts cannot be ranked by {found.name}, which is a class: give the probability of a class, "
                "or a number."
            )
        return found
    if names.default is not None:
        return names.default
    if expression is None:
        raise InputError(f"Say which score to rank the texts by: one of {names}.")
    first = expression.comparisons[0]
    return first.score if first.score.labels is None else first.score.labels[str(first.value)]


def _threshold_in(expression: Expression, by: ScoreName) -> float:
    """The first number that a score is compared with; 0.5 if there is none."""
    for comparison in expression.comparisons:
        if comparison.score is by and isinstance(comparison.value, float):
            return comparison.value
    return 0.5


def _classes(
    config: FilterConfig, heads: tuple[Head, ...], expression: Expression | None, by: ScoreName
) -> dict[str, tuple[str, ...]]:
    """The classes whose probabilities are added, by head: all, or those in the expression and the ranking."""
    if config.probabilities:
        if all(head.problem == "regression" for head in heads):
            raise InputError("The student predicts numbers, which have no probabilities: leave them out.")
        return {head.name: head.classes for head in heads}
    scores = [by] if expression is None else [*(one.score for one in expression.comparisons), by]
    return {
        head.name: tuple(
            dict.fromkeys(one.of_class for one in scores if one.head == head and one.of_class is not None)
        )
        for head in heads
    }


def _share_rule(
    scorer: _Scorer, corpus: Corpus, by: ScoreName, config: FilterConfig, spool: Path | None
) -> tuple[Rule, int | None]:
    """Find the threshold of a share in a first pass; also the number of texts in the sample, if it is one."""
    assert config.share is not None  # noqa: S101 - else there is an expression
    for source in corpus.sources:
        if source.is_stream:
            raise InputError(
                f"{source.name} can be read only once, and a share takes two passes: save it to a file, or "
                "give an expression."
            )
    with ExitStack() as stack, scorer.progress("Finding the threshold", None, "texts") as advance:
        sample = None if config.sample is None else SampledScores(config.sample, config.seed)
        scores = sample or stack.enter_context(AllScores(spool))
        for block in read_ahead(corpus.rows()):
            table = (
                block.table if sample is None else block.table.take(pa.array(sample.drawn(len(block.table))))
            )
            scores.add(by.values(scorer(table)))
            advance(len(block.table))
        threshold = np.float32(scores.threshold(config.share))
    rule = Rule(by, float(threshold), lambda found: by.values(found) >= threshold)
    return rule, None if sample is None else sample.count
