"""The report on the page: Markdown from what the tasks' runs have left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from .._internal.files import read_json
from ..evaluation.plots import PlotPoint, ablation_plot, value_range

#: A result, as :func:`~.report.run_task` returns it, with its ``ablations`` where they were run;
#: or, of a task that could not be run, its ``recipe`` and ``failure``.
Result = dict[str, Any]

_STUDENTS = ("labels only", "KD", "KD + FT")
_BASELINES = ("fastText", "TF-IDF + LR")
_METRICS = {"f1": "F1", "roc_auc": "ROC AUC"}


def results_of(recipes: Sequence[Path], work: Path) -> list[Result]:
    """The results of recipes as their runs have left them below `work`; those not yet run say so."""
    found = []
    for recipe in recipes:
        path = work / recipe.stem / "result.json"
        ready = path.exists()
        found.append(read_json(path) if ready else {"recipe": recipe.stem, "failure": "not run yet."})
        ablations = path.with_name("ablations.json")
        if ablations.exists():
            found[-1] |= read_json(ablations)
    return found


def render(results: Sequence[Result], preamble: str = "") -> str:
    """All results as one page.

    Args:
        results: A row each, in this order.
        preamble: What is said of where and with which teachers it was measured.
    """
    done = [result for result in results if "failure" not in result]
    parts = [
        "# Results",
        "Written by `sparsedistill report`; every figure was measured by it.",
        preamble.strip(),
    ]
    if done:
        parts += [_quality(done), _means(done), _sizes(done), *_groups(done), _notes(done)]
    if failed := [result for result in results if "failure" in result]:
        parts.append("## Not run\n\n" + "\n".join(f"- {r['recipe']}: {r['failure']}" for r in failed))
    parts.append(_ablations(done))
    return "\n\n".join(part for part in parts if part) + "\n"


def _quality(results: Sequence[Result]) -> str:
    header = ["task", "teacher", *_STUDENTS, *_BASELINES, "retention", "agreement", "speed-up"]
    rows = [
        [
            _title(result),
            _of(result, result["teacher"]),
            *(_spread(_values(result, kind)) for kind in _STUDENTS),
            *(_of(result, result["baselines"].get(name)) for name in _BASELINES),
            _percent(retention(result)),
            _percent(_mean(result, "agreement")),
            _speedup(result["speed"]),
        ]
        for result in results
    ]
    text = (
        "Test accuracy in %, or F1 or ROC AUC of the positive class where the task says so. Retention "
        "(student / teacher), agreement and speed-up are those of the student that was distilled and "
        "fine-tuned (KD + FT). Speed-up is of texts a second, one thread each, in turns in one run: the "
        "median of the rounds, the lowest and the highest. A spread behind ± is the standard deviation over "
        "seeds."
    )
    return f"{text}\n\n{_table(header, rows)}"


def _means(results: Sequence[Result]) -> str:
    """Of the tasks of single texts that are tested on the kind of text they were trained on."""
    alone = [result for result in results if not result["pair"] and result["by"] is None]
    kept = [value for result in alone if (value := retention(result)) is not None]
    if not kept:
        return ""
    return f"Retention, mean of the {len(kept)} tasks of single texts: {_percent(mean(kept))} %."


def _sizes(results: Sequence[Result]) -> str:
    header = ["task", "labelled", "test", "corpus", "left out", "n", "n-grams", "parameters", "teacher's"]
    rows = [
        [
            result["title"],
            *(_count(result[name]) for name in ("labelled", "test", "corpus")),
            _count(sum(result["left_out"].values())),
            result["tokenizer"],
            _count(result["ngrams"]),
            _count(_of_first(result, "parameters")),
            _count(result["teacher"] and result["teacher"]["parameters"]),
        ]
        for result in results
    ]
    text = (
        "Labelled texts are those trained on, beside a part set aside for validation; the corpus is all "
        "texts that the teacher has scored. Left out: labelled and unlabelled texts that stand in the test "
        "or validation data too, case, punctuation and white space aside. n: tokens of an n-gram; with "
        "*ends*, the beginning and the end of a text are tokens, and with *characters* there are n-grams of "
        "so many characters of a word too."
    )
    return f"## Sizes\n\n{text}\n\n{_table(header, rows)}"


def _groups(results: Sequence[Result]) -> list[str]:
    parts = []
    for result in results:
        if not result["groups"]:
            continue
        names = [name for name in ("teacher", *_STUDENTS) if name in next(iter(result["groups"].values()))]
        rows = [
            [group, _count(int(values["texts"])), *(_percent(values[name]) for name in names)]
            for group, values in result["groups"].items()
        ]
        table = _table([str(result["by"]), "texts", *names], rows)
        parts.append(f"## {result['title']}, by {result['by']}\n\n{table}")
    return parts


def _notes(results: Sequence[Result]) -> str:
    notes = [f"- {result['title']}: {result['note']}" for result in results if result["note"]]
    missing = {
        f"- {name}: {result['baselines'][name]['failure']}"
        for result in results
        for name in _BASELINES
        if "failure" in result["baselines"].get(name, {})
    }
    lines = [*notes, *sorted(missing)]
    return "## Notes\n\n" + "\n".join(lines) if lines else ""


def plots(results: Sequence[Result]) -> dict[str, str]:
    """The plots of all ablations: SVG, by where they stand beside the page. A task's have one scale."""
    found = {}
    for result in results:
        dots = {ablation["name"]: _dots(result, ablation) for ablation in _begun(result)}
        for ablation in _begun(result):
            found[_plot(result, ablation)] = ablation_plot(
                f"{result['title']}: {_METRICS.get(result['metric'], 'accuracy')}",
                ablation["title"],
                dots[ablation["name"]],
                joined=ablation["ordered"],
                limits=value_range([dot for some in dots.values() for dot in some]),
            )
    return found


def _ablations(results: Sequence[Result]) -> str:
    parts = [part for result in results if _begun(result) for part in _ablated(result)]
    if not parts:
        return ""
    text = (
        "Students that differ from the recipe's own, which is set in bold, in one thing each; all else is as "
        "the recipe says, which was chosen for its own. In tables and plots is the task's metric, mean over "
        "the students (seeds) and, behind ± and as whiskers, the standard deviation; settings stand at equal "
        "distances, and the plots of a task have one scale.\n\n"
        "- Rows: there can be no more than the n-grams that the corpus has often enough (*all*).\n"
        "- Share of the unlabelled texts: all labelled ones come with it, and the n-grams are of this part "
        "of the corpus alone.\n"
        "- Pooling: every student that is served pools by the mean. *Scalar attention* learns a number a row "
        "and *query attention* one vector that is multiplied with the rows; the n-grams of a text count by "
        "the softmax of these.\n"
        "- Labels only: the n-grams are those of the labelled texts."
    )
    return "\n\n".join(["## Ablations", text, *filter(None, parts)])


def _ablated(result: Result) -> list[str]:
    """What the page says of one task's ablations."""
    parts = [f"### {result['title']}", _sampling(result)]
    for ablation in _begun(result):
        rows = [_variant_row(result, variant) for variant in ablation["variants"] if variant["students"]]
        header = [ablation["title"], "test", "validation", "n-grams", "parameters", "students"]
        title = f"{result['title']}: {ablation['title']}"
        parts.append(f"![{title}]({_plot(result, ablation)})\n\n{_table(header, rows)}")
        if missing := [variant["label"] for variant in ablation["variants"] if not variant["students"]]:
            parts.append(f"Not trained yet: {', '.join(missing)}.")
    return parts


def _sampling(result: Result) -> str:
    """How far chance alone moves an accuracy of so few texts."""
    variants = [variant for ablation in _begun(result) for variant in ablation["variants"] if variant["own"]]
    values = [value for variant in variants for value in _metrics(result, variant)]
    if result["metric"] != "accuracy" or not values:
        return ""
    own = mean(values)
    test, validation = (100 * sqrt(own * (1 - own) / result[name]) for name in ("test", "validation"))
    return (
        f"Of {_count(result['test'])} test texts and {_count(result['validation'])} validation texts, the "
        f"standard error of one accuracy is {test:.1f} and {validation:.1f} points: a smaller difference may "
        "be chance."
    )


def _begun(result: Result) -> list[dict[str, Any]]:
    """The ablations that have a student."""
    if "failure" in result:
        return []
    return [a for a in result.get("ablations", []) if any(variant["students"] for variant in a["variants"])]


def _plot(result: Result, ablation: dict[str, Any]) -> str:
    return f"ablations/{result['recipe']}-{ablation['name']}.svg"


def _dots(result: Result, ablation: dict[str, Any]) -> list[PlotPoint]:
    return [
        PlotPoint(variant["label"], _metrics(result, variant), _validations(variant), variant["own"])
        for variant in ablation["variants"]
        if variant["students"]
    ]


def _variant_row(result: Result, variant: dict[str, Any]) -> list[str]:
    students = variant["students"]
    return [
        f"**{variant['label']}**" if variant["own"] else variant["label"],
        _spread(_metrics(result, variant)),
        _spread(_validations(variant)),
        *(_count(students[0][name]) for name in ("ngrams", "parameters")),
        str(len(students)),
    ]


def _metrics(result: Result, variant: dict[str, Any]) -> list[float]:
    return [float(student[result["metric"]]) for student in variant["students"]]


def _validations(variant: dict[str, Any]) -> list[float]:
    return [float(student["validation"]) for student in variant["students"]]


def retention(result: Result) -> float | None:
    """The metric of the student that was distilled and fine-tuned, mean over the seeds, / the teacher's."""
    values = _values(result, "KD + FT")
    if not values or not result["teacher"] or not result["teacher"][result["metric"]]:
        return None
    return mean(values) / float(result["teacher"][result["metric"]])


def _values(result: Result, kind: str) -> list[float]:
    return [float(student[result["metric"]]) for student in result["students"].get(kind, [])]


def _mean(result: Result, name: str) -> float | None:
    found = [student[name] for student in result["students"].get("KD + FT", []) if name in student]
    return mean(found) if found else None


def _of(result: Result, figures: dict[str, Any] | None) -> str:
    if not figures:
        return "-"
    return "not installed" if "failure" in figures else _percent(figures[result["metric"]])


def _of_first(result: Result, name: str) -> int | None:
    kinds = [kind for kind in _STUDENTS if kind in result["students"]]
    return int(result["students"][kinds[-1]][0][name]) if kinds else None


def _title(result: Result) -> str:
    metric = _METRICS.get(result["metric"])
    return f"{result['title']} ({metric})" if metric else str(result["title"])


def _speedup(speed: dict[str, Any] | None) -> str:
    if speed is None:
        return "-"
    return f"{speed['ratio']:,.0f}x ({speed['lowest']:,.0f} - {speed['highest']:,.0f})"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    if len(values) == 1:
        return _percent(values[0])
    return f"{_percent(mean(values))} ± {_percent(stdev(values))}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    line: Callable[[Sequence[str]], str] = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731
    return "\n".join([line(header), line(["---", *["---:"] * (len(header) - 1)]), *map(line, rows)])
