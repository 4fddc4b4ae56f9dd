"""Training of the students of ablations."""

from __future__ import annotations

import logging
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._internal.progress import Progress
from .._internal.records import as_builtins
from ..data.corpus import Corpus
from ..data.inputs import write_texts
from ..data.labelled import Labelled
from ..errors import InputError
from ..labeling.labelling import label
from ..labeling.remembered import RememberingTeacher, underlying_teacher
from ..pipeline.config import DistillationConfig
from ..pipeline.job_vocabulary import make_vocabulary
from ..pipeline.prepare import PreparedJob
from ..pipeline.student_training import network_config, train_network, train_student, training_device
from ..teachers.base import Teacher
from ..training.scoring import score_texts
from ..vocabulary.vocabulary import Vocabulary
from .ablations import MOST_ROWS, Variant, plan
from .pooling import PooledNetwork
from .result import AblationResult, StudentFigures, VariantResult, write_ablations
from .run import TaskRun, short_digest

logger = logging.getLogger(__package__)


def run_ablations(run: TaskRun) -> None:
    """Train the students of all ablations and write their figures, seed by seed.

    The figures are written after each student, so that a page can show those that are there.
    """
    prepared, spool = run.prepared, _spool(run)
    assert prepared.targets is not None  # noqa: S101 - Task.check_ablations has been called
    ablations = plan(
        run.config,
        run.kinds,
        ngrams=_possible_rows(prepared, run.config, spool, run.progress),
        unlabelled=len(prepared.targets) > len(run.train),
    )
    results = [
        AblationResult(
            name=ablation.name,
            title=ablation.title,
            ordered=ablation.ordered,
            variants=[VariantResult(label=variant.label, own=variant.own) for variant in ablation.variants],
        )
        for ablation in ablations
    ]
    for seed in range(run.task.seeds):
        for ablation, result in zip(ablations, results, strict=True):
            for variant, trained in zip(ablation.variants, result.variants, strict=True):
                trained.students.append(_student(run, ablation.name, variant, seed))
                write_ablations(run.folder, results)
    shutil.rmtree(spool, ignore_errors=True)


def _student(run: TaskRun, ablation: str, variant: Variant, seed: int) -> StudentFigures:
    """The figures of one student, which is trained if needed."""
    if (variant.config, variant.share, variant.pooling) == (run.config, 1.0, "mean"):
        return run.student(variant.kind, seed)
    config = replace(variant.config, seed=variant.config.seed + seed).seeded()
    identity = replace(run.identity(config), share=variant.share, pooling=variant.pooling)
    name = f"{ablation}-{re.sub(r'[^a-z0-9]+', '-', variant.label.lower()).strip('-')}-{seed}"

    def measure() -> StudentFigures:
        logger.info(f"{run.task.title}: training a student ({ablation} {variant.label}, seed {config.seed}).")
        prepared = _varied(run.prepared, variant, run.config, _spool(run), run.progress)
        checkpoints = run.folder / "checkpoints" / f"{name}-{short_digest(as_builtins(identity))}"
        figures = _trained(run, prepared, variant, config, checkpoints)
        shutil.rmtree(checkpoints, ignore_errors=True)
        return figures

    return run.parts.figures(f"ablation-{name}", identity, StudentFigures, measure)


def _trained(
    run: TaskRun, prepared: PreparedJob, variant: Variant, config: DistillationConfig, checkpoints: Path
) -> StudentFigures:
    vocabulary, targets, material = prepared.vocabulary, prepared.targets, prepared.material
    if variant.pooling == "mean":
        return run.measured(
            train_student(
                vocabulary, targets, material, config, checkpoint_dir=checkpoints, progress=run.progress
            )
        )
    shape = network_config(len(vocabulary), material, config)
    network = PooledNetwork(shape, variant.pooling, training_device(config.student.device))
    train_network(
        network,
        vocabulary,
        targets,
        material,
        config,
        checkpoint_dir=checkpoints,
        progress=run.progress,
    )

    def predict(labelled: Labelled) -> NDArray[np.float32]:
        return score_texts(
            network, vocabulary, labelled.texts, labelled.text_pair, threads=run.config.threads
        )

    parameters = sum(array.numel() for array in network.arrays().values())
    return run.held_out.student_figures(predict, parameters=parameters, ngrams=len(vocabulary))


def _spool(run: TaskRun) -> Path:
    """Texts, soft targets and vocabularies of ablations; deleted when all are trained."""
    return run.folder / "ablations"


def _possible_rows(prepared: PreparedJob, config: DistillationConfig, spool: Path, progress: Progress) -> int:
    """Number of n-grams of the corpus that a table could have rows for, counted up to `MOST_ROWS`."""
    if len(prepared.vocabulary) < config.counting.max_rows:
        return len(prepared.vocabulary)
    most = replace(config, counting=replace(config.counting, max_rows=MOST_ROWS))
    return len(_counted(prepared.corpus, most, 1.0, spool, progress))


def _varied(
    prepared: PreparedJob, variant: Variant, config: DistillationConfig, spool: Path, progress: Progress
) -> PreparedJob:
    """What the student of a variant is trained from. The teacher does not score any text again.

    Args:
        prepared: What the recipe's own student is trained from; with a teacher if the share is not 1.
        variant: The variant.
        config: The recipe's configuration.
        spool: Where texts, soft targets and vocabularies are kept.
        progress: Shows the progress.
    """
    if variant.share < 1:
        prepared = _part(prepared, variant.share, config, spool, progress)
    counted = variant.config.tokenizer, variant.config.counting
    if variant.share == 1 and counted == (config.tokenizer, config.counting):
        return prepared
    vocabulary = _counted(prepared.corpus, variant.config, variant.share, spool, progress)
    return replace(prepared, vocabulary=vocabulary)


def _part(
    prepared: PreparedJob, share: float, config: DistillationConfig, spool: Path, progress: Progress
) -> PreparedJob:
    """All labelled texts with a share of the unlabelled ones; a larger share contains each smaller one."""
    teacher, targets, train = underlying_teacher(prepared.teacher), prepared.targets, prepared.material.train
    if not isinstance(teacher, Teacher) or targets is None or train is None:
        raise InputError("There is no teacher that can score texts: name one to take a share of the texts.")
    known = targets.all()
    others = len(known) - len(train)  # the unlabelled texts, which come first
    drawn = np.random.default_rng(config.seed).permutation(others)[: round(share * others)]
    rows = pa.array(np.concatenate([np.sort(drawn), np.arange(others, len(known))]))
    texts, pair = (None if column is None else column.take(rows) for column in (known.texts, known.text_pair))
    corpus = write_texts(spool / f"texts-{share:g}.parquet", texts, pair)
    remembering = RememberingTeacher(teacher, [targets])
    folder = spool / f"labels-{share:g}"
    made = label(remembering, corpus, folder, shard_size=config.shard_size, progress=progress)
    return replace(prepared, corpus=corpus, targets=made)


def _counted(
    corpus: Corpus, config: DistillationConfig, share: float, spool: Path, progress: Progress
) -> Vocabulary:
    order, rows = config.tokenizer.max_ngram, config.counting.max_rows
    return make_vocabulary(corpus, spool / f"vocabulary-{order}-{rows}-{share:g}", config, progress)
