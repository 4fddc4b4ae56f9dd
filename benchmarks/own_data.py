"""Students of data sets that no recipe was written for: `distill` with default settings beside linear models.

Per data set one job with default settings: on the labels alone, or with the teacher that `--encoder` becomes.
Baselines are fitted to the same training labels, with settings chosen on the same validation texts. Where
texts have several labels, decisions are those at a probability of one half, and those at thresholds per class
that give the best F1 of the class on the validation texts. Test texts only measure. A job that was finished
before in `--output` is not repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _report import Measurement, make_parser, report
from numpy.typing import NDArray

from sparsedistill import Columns, DistillationConfig, Student, distill, progress_bars, read_labelled
from sparsedistill._internal.correlation import spearman
from sparsedistill.data.labelled import Labelled
from sparsedistill.evaluation import fit_baselines
from sparsedistill.evaluation.metrics import macro_f1

DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Task:
    """A data set: its columns, and whether it has validation texts."""

    columns: Columns
    validation: str | None = None

    def read(self, name: str, part: str, classes: tuple[str, ...] | None = None) -> Labelled:
        """A part of the data set `name`."""
        return read_labelled(DATA / name / f"{part}.tsv.gz", self.columns, classes)


SEVERAL = Columns("text", label="label", label_separator="|")
NUMBERS = Columns("text", label="label", problem="regression")
TASKS = {
    "goemotions": Task(SEVERAL, "dev"),
    "web_register": Task(SEVERAL, "dev"),
    "clear": Task(NUMBERS),
    "druglib_rating": Task(NUMBERS),
    "humicroedit": Task(NUMBERS),
    "stsb": Task(Columns("text_a", "text_b", "label", problem="regression"), "dev"),
}


def micro_f1(chosen: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Micro F1 of predicted labels, both bool (n, classes)."""
    return float(2 * (chosen & truth).sum() / (chosen.sum() + truth.sum()))


def best_thresholds(logits: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Per class the logit from which on texts have it, with the best F1; half-way between two texts."""
    found = np.zeros(logits.shape[1], np.float32)
    for column, (scores, labels) in enumerate(zip(logits.T, truth.T, strict=True)):
        order = np.argsort(-scores, kind="stable")
        hits, ranked = labels[order].cumsum(), scores[order]
        f1 = 2 * hits / (np.arange(1, len(hits) + 1) + labels.sum())
        f1[:-1][ranked[:-1] == ranked[1:]] = 0  # no threshold separates equal scores
        last = int(f1.argmax())
        found[column] = ranked[last : last + 2].mean() if hits[last] else np.inf
    return found


def figures(
    name: str, validation: NDArray[np.float32], test: NDArray[np.float32], held: Labelled, labelled: Labelled
) -> list[Measurement]:
    """The quality of a model with these logits of validation and test texts."""
    if labelled.problem == "regression":
        return [Measurement(name, 100 * spearman(test[:, 0], labelled.labels), "Spearman x 100")]
    truth = labelled.labels.astype(bool)
    found = []
    limits = best_thresholds(validation, held.labels.astype(bool))
    for what, limit in (("at 1/2", np.zeros_like(limits)), ("thresholds of validation", limits)):
        chosen = test >= limit
        found.append(Measurement(f"{name}, {what}: micro F1", 100 * micro_f1(chosen, truth), "%"))
        found.append(Measurement(f"{name}, {what}: macro F1", 100 * macro_f1(chosen, truth), "%"))
    return found


def made(name: str, output: Path, encoder: str | None, threads: int) -> Mapping[str, Student]:
    """The students of a job with default settings."""
    task, folder = TASKS[name], output / (name if encoder is None else f"{name}-encoder")
    if not (folder / "student").exists() or (folder / "checkpoints").exists():
        distill(
            None,
            DATA / name / "train.tsv.gz",
            output=folder,
            encoder=encoder,
            validation=None if task.validation is None else DATA / name / f"{task.validation}.tsv.gz",
            test=DATA / name / "test.tsv.gz",
            columns=task.columns,
            config=DistillationConfig(threads=threads, baselines=False),
            progress=progress_bars,
        )
    forms = [form for form in ("student", "compact") if (folder / form).exists()]
    return {form: Student.from_pretrained(folder / form) for form in forms}


def main() -> None:
    parser = make_parser(__doc__, rounds=1)
    parser.add_argument("sets", nargs="*", default=list(TASKS), help="data sets (default: all)")
    parser.add_argument("--output", type=Path, default=Path("build/own-data"), help="where jobs are kept")
    parser.add_argument("--encoder", help="an encoder, which is fine-tuned to the teacher of each job")
    parser.add_argument("--threads", type=int, default=1, help="threads (default: %(default)s)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    found = []
    for name in options.sets:
        task, students = TASKS[name], made(name, options.output, options.encoder, options.threads)
        train = task.read(name, "train")
        if task.validation is None:
            train, held = train.split(DistillationConfig().validation_share, 0)
        else:
            held = task.read(name, task.validation, train.classes)
        test = task.read(name, "test", train.classes)
        for baseline in fit_baselines(train, held, threads=options.threads):
            found += figures(
                f"{name}, {baseline.title}", baseline.predict(held), baseline.predict(test), held, test
            )
        for form, student in students.items():
            validation, tested = (student.score(part.texts, part.text_pair).logits for part in (held, test))
            found += figures(f"{name}, {form}", validation, tested, held, test)
    report("Default settings", found, options.json)


if __name__ == "__main__":
    main()
