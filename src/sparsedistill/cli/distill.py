"""``sparsedistill distill``: the whole job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..data.file_options import FileOptions
from ..evaluation.evaluate import Evaluation
from ..model.tuning import TuningRecord
from .options import (
    COLUMNS,
    FILES,
    DataDir,
    Pair,
    Regression,
    Separator,
    Settings,
    Threads,
    TrainingLog,
    Weight,
    given_options,
    problem_asked,
)
from .progress import progress_bars
from .questions import add_label, add_teachers
from .results import Json, print_json
from .tables import evaluation_table, tuning_table
from .terminal import Terminal

Files = list[str] | None

_Recipe = Annotated[
    Path | None,
    typer.Argument(help="The job as a TOML file; options override it.", show_default=False),
]
_Teacher = Annotated[
    list[str] | None,
    typer.Option(
        help="A fine-tuned classifier: directory, Hub id or ONNX file; or a TOML file that describes an LLM. "
        "NAME=PATH, once for each teacher, makes a student of several questions.",
        show_default=False,
    ),
]
_Encoder = Annotated[
    str | None,
    typer.Option(help="Or an encoder, which is fine-tuned on the labelled texts first.", show_default=False),
]
_Labelled = Annotated[Files, typer.Option(help="Labelled files.", show_default=False)]
_Unlabelled = Annotated[
    Files,
    typer.Option(
        help="Files with texts of the kind that the student is for: the more, the better.",
        show_default=False,
    ),
]
_Validation = Annotated[
    Files,
    typer.Option(
        help="Labelled files to select the best student with; by default a part of --labelled.",
        show_default=False,
    ),
]
_Test = Annotated[Files, typer.Option(help="Labelled files to evaluate on.", show_default=False)]
_Output = Annotated[
    str | None,
    typer.Option("--output", "-o", help="Directory to make [default: distilled].", show_default=False),
]
_Compact = Annotated[
    bool | None,
    typer.Option(
        "--compact/--no-compact",
        help="Write the compact student too [default: compact].",
        show_default=False,
    ),
]
_Tune = Annotated[
    bool | None,
    typer.Option(
        "--tune/--no-tune",
        help="Choose the settings that are not given on the validation data [default: tune].",
        show_default=False,
    ),
]
_TuneMinutes = Annotated[
    float | None,
    typer.Option(help="Stop choosing settings after this time.", show_default=False),
]
_Baselines = Annotated[
    bool | None,
    typer.Option(
        "--baselines/--no-baselines",
        help="Compare with what the labels make without a teacher, if there are --test texts "
        "[default: baselines].",
        show_default=False,
    ),
]
_Text = Annotated[str | None, typer.Option(help="Column of the text.", rich_help_panel=COLUMNS)]
_Label = Annotated[
    str | None,
    typer.Option(
        help="Column of the label; NAME=COLUMN,NAME=COLUMN for several questions.", rich_help_panel=COLUMNS
    ),
]
_SplitBy = Annotated[
    str | None,
    typer.Option(
        help="Column of what belongs together, such as the document or author of a text: its rows are not "
        "divided between training and validation. By default a column of ids whose rows have one label, as "
        "versions of a text do; the text column for none.",
        rich_help_panel=COLUMNS,
    ),
]
_Seed = Annotated[int | None, typer.Option(help="Seed of everything random.", show_default=False)]


def distill(
    recipe: _Recipe = None,
    teacher: _Teacher = None,
    encoder: _Encoder = None,
    labelled: _Labelled = None,
    unlabelled: _Unlabelled = None,
    validation: _Validation = None,
    test: _Test = None,
    output: _Output = None,
    compact: _Compact = None,
    tune: _Tune = None,
    tune_minutes: _TuneMinutes = None,
    baselines: _Baselines = None,
    data_dir: DataDir = None,
    text: _Text = None,
    text_pair: Pair = None,
    label: _Label = None,
    weight: Weight = None,
    label_separator: Separator = None,
    split_by: _SplitBy = None,
    regression: Regression = False,
    files: FileOptions = FILES,
    settings: Settings = None,
    seed: _Seed = None,
    threads: Threads = None,
    log: TrainingLog = None,
    as_json: Json = False,
) -> None:
    """Run the whole job: teach, label, vocab, train, compress and evaluate, from options or from a recipe.

        sparsedistill distill --encoder MODEL --labelled train.csv --unlabelled 'more/*.txt' --test test.csv

    The output directory receives each stage's result: `student` and `compact` are what you deploy. If the job
    is interrupted, the same command resumes.

    Settings of vocabulary, student and training that are not given are chosen on the validation data:
    `tuning.json` has what was tried, and `recipe.toml` repeats the job with the chosen settings. As a recipe:

        output = "distilled"

        [data]
        labelled = "train.csv"
        unlabelled = ["more/a.txt", "more/b.jsonl.gz"]
        test = "test.csv"

        [teacher]
        encoder = "sentence-transformers/all-MiniLM-L6-v2"

        [vocabulary]
        max_ngram = 3

    With several teachers, or labels for several questions, the student has a head for each of these:

        sparsedistill distill --teacher quality=edu --teacher toxicity=toxic --unlabelled 'crawl/*.jsonl.gz'
    """
    from ..pipeline.distill import run
    from ..pipeline.questions.distill import run_heads
    from ..pipeline.questions.recipe import has_questions, multi_head_job
    from ..pipeline.recipe import override, read_recipe, recipe_job
    from ..training.logs import logging_to

    tables = read_recipe(recipe) if recipe is not None else {}
    data = {"labelled": labelled, "unlabelled": unlabelled, "validation": validation, "test": test}
    columns = {"text": text, "text_pair": text_pair, "weight": weight}
    columns |= {"label_separator": label_separator, "split_by": split_by}
    columns |= {"problem": problem_asked(regression=regression)}
    _add(tables, "data", {**data, **columns, **given_options(files)})
    _add(tables, "teacher", {"encoder": encoder})
    if teacher:
        add_teachers(tables, teacher)
    if label:
        add_label(tables, label)
    top: dict[str, Any] = {"output": output, "data_dir": data_dir, "compact": compact}
    top |= {"seed": seed, "threads": threads}
    top |= {"tune": tune, "tune_minutes": tune_minutes, "baselines": baselines}
    tables.update({key: value for key, value in top.items() if value is not None})
    for setting in settings or []:
        override(tables, setting)
    if has_questions(tables):
        with logging_to(log):
            several = run_heads(multi_head_job(tables, str(recipe or "The command line")), progress_bars)
        _report(several.tuning, several.evaluations, as_json=as_json)
        return
    with logging_to(log):
        result = run(recipe_job(tables, str(recipe or "The command line")), progress_bars)
    _report(result.tuning, {} if result.evaluation is None else {"": result.evaluation}, as_json=as_json)


def _report(tuning: TuningRecord | None, evaluations: Mapping[str, Evaluation], *, as_json: bool) -> None:
    """Show what the tuner tried, and the figures of each head."""
    if as_json:
        records = {name: evaluation.record() for name, evaluation in evaluations.items()}
        print_json({"tuning": tuning, "evaluation": records.get("", records or None)})
        return
    if tuning is not None:
        Terminal().print(tuning_table(tuning))
    for head, evaluation in evaluations.items():
        texts = f"{evaluation.texts:,} test texts"
        Terminal().print(evaluation_table(evaluation, f"{head}: {texts}" if head else texts))


def _add(tables: dict[str, Any], section: str, options: dict[str, Any]) -> None:
    """Put the options that were given into a section of a recipe."""
    given = {key: value for key, value in options.items() if value}
    if given and isinstance(table := tables.setdefault(section, {}), dict):  # others are reported later
        table.update(given)
