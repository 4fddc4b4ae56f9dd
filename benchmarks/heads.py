"""Three questions in one pass: the speed against one question, and each head against a student of its own.

Three teachers (TF-IDF with linear models) score the same mixed corpus: the sentiment of film reviews, the
toxicity of comments, and the reading ease of passages, which is a number. One student learns all three; three
others learn one each, with the same settings and vocabulary. All are measured on the labels of the data set
of their question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.compute as pc
from _report import Measurement, interleave, make_parser, rates, report
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from sparsedistill import (
    Columns,
    DistillationConfig,
    MultiHeadStudent,
    Question,
    Student,
    StudentConfig,
    TokenizerConfig,
    TrainingConfig,
    distill,
    distill_heads,
    evaluate,
    read_labelled,
)
from sparsedistill.data.labelled import Labelled
from sparsedistill.problem import Problem

DATA = Path(__file__).parents[2] / "shared" / "data"
LONGEST = 600  # characters of a text


@dataclass(frozen=True)
class Task:
    """A question and its data set."""

    folder: str
    problem: Problem | None = None

    @property
    def classes(self) -> bool:
        """The labels are classes, not numbers."""
        return self.problem is None

    def read(self, part: str, count: int) -> Labelled:
        """The first texts of a part in a random order, cut to :data:`LONGEST`."""
        columns = Columns(label="label", problem=self.problem)
        found = read_labelled(DATA / self.folder / f"{part}.tsv.gz", columns)
        rows = np.random.default_rng(0).permutation(len(found))[:count]
        chosen = found.select(rows)
        return replace(chosen, texts=pc.utf8_slice_codeunits(chosen.texts, 0, LONGEST))


TASKS = {
    "sentiment": Task("imdb"),
    "toxicity": Task("jigsaw_wiki"),
    "ease": Task("clear", "regression"),
}


def teacher(task: Task, count: int) -> Any:
    """A fitted estimator of scikit-learn."""
    train = task.read("train", count)
    model = LogisticRegression(C=10, max_iter=200) if task.classes else Ridge(1.0)
    names = np.array(train.classes)[train.labels.astype(int)] if task.classes else train.labels
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    return make_pipeline(vectors, model).fit(train.texts.to_pylist(), names)


def settings(steps: int) -> DistillationConfig:
    """The same for all students; none is tuned."""
    return DistillationConfig(
        tokenizer=TokenizerConfig(2),
        student=StudentConfig(dim=64, hidden=128),
        training=TrainingConfig(steps=steps, batch_size=128, table_learning_rate=0.3),
        tune=False,
        threads=1,
    )


def quality(student: Student, task: Task) -> float:
    """Accuracy, or Spearman's correlation, on the labels of the task."""
    found = evaluate(student, task.read("test", 3000)).student
    value = found.accuracy if task.classes else found.spearman
    assert value is not None
    return value


def compared(name: str, several: Student, own: Student, form: str) -> list[Measurement]:
    """The figure of a head and that of a student of its own."""
    task = TASKS[name]
    unit = "accuracy" if task.classes else "Spearman"
    alone, joint = quality(own, task), quality(several, task)
    base = f"{name}, own student, {form}"
    return [
        Measurement(base, alone, unit),
        Measurement(f"{name}, one of three heads, {form}", joint, unit, ratio_to=base, ratio=joint / alone),
    ]


def main() -> None:
    parser = make_parser(__doc__, rounds=7)
    parser.add_argument(
        "--texts", type=int, default=5000, help="training texts per source (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=800, help="training steps (default: %(default)s)")
    options = parser.parse_args()
    teachers = {name: teacher(task, options.texts) for name, task in TASKS.items()}
    texts = [text for task in TASKS.values() for text in task.read("train", options.texts).texts.to_pylist()]
    texts = [texts[i] for i in np.random.default_rng(0).permutation(len(texts))]
    config = settings(options.steps)
    with TemporaryDirectory() as folder:
        output = Path(folder)
        questions = {name: Question(teachers[name], problem=task.problem) for name, task in TASKS.items()}
        distill_heads(questions, unlabelled=texts, output=output / "three", config=config)
        own = {}
        for name, task in TASKS.items():
            own[name] = output / name
            distill(teachers[name], None, texts, own[name], problem=task.problem, config=config)
        measurements: list[Measurement] = []
        engines: dict[str, Callable[[], object]] = {}
        sample = TASKS["sentiment"].read("test", 4000).texts
        for form in ("student", "compact"):
            three = MultiHeadStudent.from_pretrained(output / "three" / form)
            for name in TASKS:
                alone = Student.from_pretrained(own[name] / form)
                measurements += compared(name, three.head(name), alone, form)
                engines[f"{name} alone, {form}"] = partial(alone.score, sample, threads=1)
            engines[f"three heads, {form}"] = partial(three.score, sample, threads=1)
        seconds = interleave(engines, options.rounds)
    for form in ("student", "compact"):
        chosen = {name: times for name, times in seconds.items() if name.endswith(form)}
        measurements += rates(chosen, len(sample), "texts/s", f"sentiment alone, {form}")
    report("Three questions in one pass, one thread", measurements, options.json)


if __name__ == "__main__":
    main()
