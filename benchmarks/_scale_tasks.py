"""The tasks of scale.py, each for a process of its own. CPU seconds are those of all threads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from _child import Task, anonymous
from _students import random_student
from _texts import read_texts

from sparsedistill import Columns, Corpus, CountingConfig, Student, TokenizerConfig, Vocabulary, _core
from sparsedistill.compression import Floor


def count(path: str, memory: int, folder: str) -> Mapping[str, Any]:
    """Build the vocabulary of a file with at most `memory` bytes, the strings of the n-grams included."""
    corpus = Corpus(path)
    corpus.head(1)  # loads the readers
    before, begin = anonymous(), process_time()
    vocabulary = Vocabulary.build(corpus, counting=CountingConfig(memory=memory), directory=folder)
    return {"seconds": process_time() - begin, "before": before, "rows": len(vocabulary)}


def shard(paths: Sequence[str], memory: int, output: str) -> Mapping[str, Any]:
    """Count the n-grams of files to a file."""
    from sparsedistill.vocabulary.counts import count_shard

    begin = process_time()
    record = count_shard(Corpus(list(paths)), output, TokenizerConfig(), CountingConfig(memory=memory))
    return {"seconds": process_time() - begin, "ngrams": record.ngrams, "digest": record.digest}


def merge(paths: Sequence[str], output: str) -> Mapping[str, Any]:
    """Add up the counts of files to a file."""
    from sparsedistill._internal.digests import file_digest

    begin = process_time()
    counts = _core.MergedCounts(str(Path(output).parent))
    for path in paths:
        counts.add(path)
    ngrams = counts.write(output)
    return {"seconds": process_time() - begin, "ngrams": ngrams, "digest": file_digest(output)}


def make_student(texts: Sequence[str], rows: int, output: str) -> Mapping[str, Any]:
    """Save a compact student with `rows` n-grams."""
    corpus = read_texts(list(texts))
    vocabulary = Vocabulary.build(corpus, counting=CountingConfig(max_rows=rows))
    student = random_student(vocabulary, 16, rank=1).compress(
        corpus[:2000], dims=1, floor=Floor(agreement=0, change=1)
    )
    student.save_pretrained(output)
    return {"rows": len(vocabulary)}


def predict(student: str, paths: Sequence[str], output: str, processes: int) -> Mapping[str, Any]:
    """Score files with the command, to a directory, in processes that share the files."""
    command = [str(Path(sys.executable).with_name("sparsedistill")), "predict", student, *paths, "-o", output]
    before = os.times()
    parts = [["--part", f"{i + 1}/{processes}"] if processes > 1 else [] for i in range(processes)]
    running = [
        subprocess.Popen([*command, "--threads", "1", *part], stdout=subprocess.DEVNULL) for part in parts
    ]
    peak = 0
    for process in running:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = max(peak, usage.ru_maxrss * 1024)
    if any(process.returncode for process in running):
        raise SystemExit("predict failed")
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": used, "peak": peak}


def score(student: str, texts: Sequence[str]) -> Mapping[str, Any]:
    """Score texts in memory on one thread."""
    opened = Student.from_pretrained(student)
    given = read_texts(list(texts))
    opened.score(given[:100], threads=1)
    begin = process_time()
    opened.score(given, threads=1)
    return {"seconds": process_time() - begin, "bytes": sum(len(text.encode()) for text in given)}


def step(rows: int, dim: int, texts: int, steps: int) -> Mapping[str, Any]:
    """Training steps on random rows, as in train.py."""
    import torch
    from train import ours, random_batch

    generator = torch.Generator().manual_seed(1)
    _, train = ours("fbgemm", rows, dim)
    batches = [random_batch(rows, texts, 200, generator) for _ in range(steps + 1)]
    train(batches[0])
    begin = process_time()
    for batch in batches[1:]:
        train(batch)
    return {"seconds": process_time() - begin}


def train_large(
    texts: Sequence[str], test: Sequence[str], rows: int, dim: int, folder: str
) -> Mapping[str, Any]:
    """Train a student of `rows` x `dim` for a few steps, or resume it, and save it."""
    from sparsedistill.data.labelled import read_labelled
    from sparsedistill.pipeline.config import DistillationConfig, StudentConfig
    from sparsedistill.pipeline.material import Material
    from sparsedistill.pipeline.student_training import train_student
    from sparsedistill.training.config import TrainingConfig

    place = Path(folder)
    if not (place / "vocabulary").exists():
        vocabulary = Vocabulary.build(Corpus(list(texts)), counting=CountingConfig(max_rows=rows))
        vocabulary.save(place / "vocabulary")
    vocabulary = Vocabulary.load(place / "vocabulary")
    labelled = read_labelled(list(test), Columns(label="label"))
    some = np.random.default_rng(0).permutation(len(labelled))
    train, validation = labelled.select(some[:2000]), labelled.select(some[2000:2400])
    material = Material(train, validation, None, labelled.classes, labelled.problem, False)
    config = DistillationConfig(
        student=StudentConfig(dim=dim, hidden=dim), training=TrainingConfig(steps=24, batch_size=256)
    )
    begin = process_time()
    student = train_student(vocabulary, None, material, config, checkpoint_dir=place / "checkpoints")
    trained = process_time() - begin
    student.save_pretrained(place / "student")
    shutil.rmtree(place / "checkpoints")
    return {"seconds": trained, "rows": len(vocabulary)}


def open_large(folder: str, test: Sequence[str]) -> Mapping[str, Any]:
    """Open the student, and answer a text."""
    begin = process_time()
    student = Student.from_pretrained(Path(folder) / "student")
    answered = student.score(read_texts(list(test))[:1]).logits
    return {"seconds": process_time() - begin, "logits": answered.tolist()}


def compress_large(folder: str, test: Sequence[str]) -> Mapping[str, Any]:
    """Compress the student, and save it."""
    student = Student.from_pretrained(Path(folder) / "student")
    texts = read_texts(list(test))
    sample = [texts[i] for i in np.random.default_rng(1).permutation(len(texts))[:4000]]
    begin = process_time()
    compact = student.compress(sample)
    seconds = process_time() - begin
    compact.save_pretrained(Path(folder) / "compact")
    record = compact.evaluation.compression
    assert record is not None
    return {"seconds": seconds, "step": record.steps[-1].step, "agreement": record.steps[-1].agreement}


TASKS: dict[str, Task] = {
    task.__name__: task
    for task in (
        count,
        shard,
        merge,
        make_student,
        predict,
        score,
        step,
        train_large,
        open_large,
        compress_large,
    )
}
