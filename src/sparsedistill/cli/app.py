"""The command line: thin."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
import pyarrow as pa
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from .. import __version__
from .._internal.files import atomic_write, read_json
from .._internal.progress import Advance, console, progress
from ..cascade import CASCADE_FILE, Cascade, CascadePredictions, is_cascade
from ..data.corpus import Batch, Columns, Corpus, Labelled, RowWriter, read_labelled
from ..errors import InputError
from ..explain.render import shown
from ..model.compact import CompactNetwork
from ..model.predictions import Predictions
from ..student import Student
from ..vocabulary.vocabulary import CountingConfig, TokenizerConfig, Vocabulary, is_characters, tokenize

app = typer.Typer(
    name="sparsedistill",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Distil a transformer text classifier into a student that runs at the cost of reading the bytes.

**All of it in one go:** `sparsedistill distill --encoder MODEL --labelled train.csv --unlabelled more.txt`

**Step by step:** `teach` a teacher, `label` text with it, make a `vocab`, `train` a student, `evaluate` it,
`explain` its answers, `predict` with it, or have a `cascade` ask the teacher where it is not sure.

Text files may be txt (a text a line), csv, tsv, jsonl or parquet, compressed as .gz or .zst, several at once
or a glob pattern in quotes.""",
)

_DATA = "Columns"
_OUTPUT = typer.Option("--output", "-o", help="Directory to make.", show_default=False)

Text = Annotated[str, typer.Option("--text", help="Column of the text.", rich_help_panel=_DATA)]
Pair = Annotated[
    str | None,
    typer.Option("--text-pair", help="Column of the second text, for pairs.", rich_help_panel=_DATA),
]
Label = Annotated[str, typer.Option("--label", help="Column of the label.", rich_help_panel=_DATA)]
Weight = Annotated[
    str | None, typer.Option("--weight", help="Column of the example weight.", rich_help_panel=_DATA)
]
Separator = Annotated[
    str | None,
    typer.Option(
        "--label-separator",
        help="A text may have several labels, with this between them (multi-label).",
        rich_help_panel=_DATA,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", help="Format of the files, where their names do not tell.", rich_help_panel=_DATA
    ),
]
Threads = Annotated[
    int | None, typer.Option(help="Threads to use; all cores by default.", show_default=False)
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Sources = Annotated[
    list[str], typer.Argument(help="Files, patterns or directories of text.", show_default=False)
]
Scores = Annotated[
    str | None,
    typer.Option(
        help="The files hold the teacher's scores already: their column (of lists), or columns with commas "
        "between.",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]
Outputs = Annotated[
    str, typer.Option(help="What such scores are: logits or probabilities.", rich_help_panel=_DATA)
]
DataDir = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        help="Where a recipe's local copies of data sets lie; by default $SPARSEDISTILL_DATA.",
        rich_help_panel=_DATA,
        show_default=False,
    ),
]
LabelledFiles = Annotated[list[str], typer.Argument(help="Labelled files.", show_default=False)]
StudentPath = Annotated[
    str, typer.Argument(help="The student's directory, or its Hub id.", show_default=False)
]


def main() -> NoReturn:
    """Run the command line; errors in what was given are one sentence and exit code 2."""
    try:
        app(standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except typer.Abort:
        _fail("Interrupted.", 130)
    except KeyboardInterrupt:
        _fail("Interrupted: what was finished is kept, and the same command goes on from there.", 130)
    except BrokenPipeError:
        sys.stdout = None  # whoever read our output has gone: say nothing more
        sys.exit(1)
    except OSError as error:
        _fail(
            f"{error.filename or 'A file'}: {error.strerror}: check the path, the permissions and the disk."
        )
    except ImportError as error:
        if error.name not in ("accelerate", "torch", "transformers"):
            raise
        _fail(f"This command needs {error.name}: pip install 'sparsedistill[train]'.")
    except Exception as error:
        if hasattr(error, "show"):  # the command was called in a wrong way
            error.show()
            sys.exit(2)
        raise
    sys.exit(0)


def _fail(message: str, code: int = 2) -> NoReturn:
    console.print(f"Error: {message}" if code == 2 else message, style="red", markup=False, highlight=False)
    sys.exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sparsedistill {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


@app.command()
def teach(
    encoder: Annotated[
        str, typer.Argument(help="Encoder: a model directory or a Hub id.", show_default=False)
    ],
    labelled: LabelledFiles,
    output: Annotated[Path, _OUTPUT],
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    label_separator: Separator = None,
    format: Format = None,  # noqa: A002
    epochs: Annotated[float, typer.Option(help="Passes over the labelled texts.")] = 2.0,
    learning_rate: Annotated[float, typer.Option(help="Peak rate of AdamW.")] = 5e-5,
    batch_size: Annotated[int, typer.Option(help="Texts a step.")] = 32,
    max_length: Annotated[int, typer.Option(help="Longest text, in the encoder's tokens.")] = 256,
    keep: Annotated[str, typer.Option(help="Which part of a longer text is read: start or end.")] = "start",
    seed: Seed = 0,
) -> None:
    """Fine-tune an encoder on labelled text: the teacher.

    Interrupted, the same command goes on from the last checkpoint.

        sparsedistill teach sentence-transformers/all-MiniLM-L6-v2 train.csv -o teacher
    """
    from ..teachers.finetuning import FinetuningConfig, finetune

    columns = Columns(text, text_pair, label, None, label_separator)
    data = read_labelled(labelled, columns, format=format)
    config = FinetuningConfig(epochs, learning_rate, batch_size, max_length, keep, seed=seed)
    pairs = None if data.text_pair is None else data.text_pair.to_pylist()
    finetune(
        encoder, data.texts.to_pylist(), data.labels, data.classes, output, text_pair=pairs, config=config
    )
    console.print(f"The teacher of {', '.join(data.classes)} is in {output}.")


@app.command()
def vocab(
    corpus: Sources,
    output: Annotated[Path, _OUTPUT],
    text: Text = "text",
    text_pair: Pair = None,
    format: Format = None,  # noqa: A002
    max_ngram: Annotated[int, typer.Option(help="n-grams of 1 to so many tokens.")] = 4,
    max_rows: Annotated[int, typer.Option(help="Most n-grams to take.")] = 1_000_000,
    min_count: Annotated[int, typer.Option(help="Leave out n-grams that are rarer.")] = 2,
    by_document: Annotated[
        bool, typer.Option(help="Count the texts that an n-gram stands in, not its occurrences.")
    ] = False,
    boundaries: Annotated[bool, typer.Option(help="The beginning and end of a text are tokens.")] = False,
    min_characters: Annotated[int, typer.Option(help="Shortest character n-grams, if any.")] = 2,
    max_characters: Annotated[
        int, typer.Option(help="Longest character n-grams of words, for words never seen; 0 for none.")
    ] = 0,
    memory: Annotated[str, typer.Option(help="Bound on the memory for counting.")] = "1GiB",
    threads: Threads = None,
) -> None:
    """Make the n-gram vocabulary of a corpus: its most frequent n-grams.

    A corpus that does not fit the memory bound is counted by forgetting rare n-grams now and then; how much
    too low a count can be is printed.

        sparsedistill vocab 'reviews/*.jsonl.gz' -o vocabulary
    """
    source = Corpus(corpus, Columns(text, text_pair), format=format)
    tokenizer = TokenizerConfig(max_ngram, boundaries, min_characters, max_characters)
    counting = CountingConfig(max_rows, min_count, by_document, _bytes(memory))
    vocabulary = Vocabulary.build(source, tokenizer, counting, threads=threads)
    vocabulary.save(output)
    assert vocabulary.counts is not None  # noqa: S101 - it was just counted
    exact = "" if vocabulary.error_bound else "; counts are exact"
    console.print(
        f"{len(vocabulary):,} n-grams, the rarest seen {vocabulary.counts[-1]} times{exact}. "
        f"The vocabulary is in {output}."
    )


@app.command(name="label")
def label_(
    teacher: Annotated[
        str, typer.Argument(help="Teacher: a classifier's directory or Hub id.", show_default=False)
    ],
    corpus: Sources,
    output: Annotated[Path, _OUTPUT],
    text: Text = "text",
    text_pair: Pair = None,
    format: Format = None,  # noqa: A002
    scores: Annotated[
        str | None,
        typer.Option(
            help="The corpus holds the scores already: their column (of lists), or columns with commas "
            "between. TEACHER is then the names of the classes, with commas between.",
            show_default=False,
        ),
    ] = None,
    outputs: Annotated[str, typer.Option(help="What such scores are: logits or probabilities.")] = "logits",
    multi_label: Annotated[
        bool, typer.Option(help="Such scores are of labels that may go together.")
    ] = False,
    max_length: Annotated[
        int | None, typer.Option(help="Longest text, in the teacher's tokens.", show_default=False)
    ] = None,
    shard_size: Annotated[int, typer.Option(help="Texts a shard: what an interruption can lose.")] = 20_000,
) -> None:
    """Have a teacher score a corpus: soft targets.

    Interrupted or killed, the same command goes on behind the last finished shard.

        sparsedistill label teacher 'reviews/*.jsonl.gz' -o labels
    """
    from ..labeling.soft_targets import label
    from ..teachers.base import FileTeacher, TransformersTeacher

    if scores is None:
        source = Corpus(corpus, Columns(text, text_pair), format=format)
        targets = label(
            TransformersTeacher(teacher, max_length=max_length), source, output, shard_size=shard_size
        )
    else:
        source = Corpus(corpus, Columns(text, text_pair, scores=_score_columns(scores)), format=format)
        known = FileTeacher(tuple(teacher.split(",")), multi_label=multi_label, outputs=outputs)
        targets = label(known, source, output, shard_size=shard_size)
    console.print(f"The soft targets of {len(targets):,} texts are in {output}.")


@app.command(name="train")
def train_(
    vocabulary: Annotated[Path, typer.Argument(help="What `vocab` has made.", show_default=False)],
    output: Annotated[Path, _OUTPUT],
    soft_targets: Annotated[
        Path | None, typer.Option("--soft-targets", help="What `label` has made.", show_default=False)
    ] = None,
    labelled: Annotated[
        list[str] | None, typer.Option(help="Labelled files, to fine-tune on.", show_default=False)
    ] = None,
    validation: Annotated[
        list[str] | None,
        typer.Option(
            help="Labelled files to choose the best by; else a part of the others.", show_default=False
        ),
    ] = None,
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    weight: Weight = None,
    label_separator: Separator = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of a recipe, as training.epochs=3.", show_default=False),
    ] = None,
    seed: Seed = 0,
    threads: Threads = None,
) -> None:
    """Train a student on soft targets, then on labels; or on either alone.

    Interrupted, the same command goes on from the last checkpoint, to the same result.

        sparsedistill train vocabulary --soft-targets labels --labelled train.csv -o student
    """
    import shutil

    from ..labeling.soft_targets import SoftTargets
    from ..pipeline.distill import gather, train_student
    from ..pipeline.recipe import arguments, override

    if output.exists():
        raise InputError(f"{output} exists already: name another output directory, or delete it.")
    recipe: dict[str, Any] = {"seed": seed} | ({} if threads is None else {"threads": threads})
    for setting in settings or []:
        override(recipe, setting)
    config = arguments(recipe, "--set")["config"]
    targets = None if soft_targets is None else SoftTargets.open(soft_targets)
    columns = Columns(text, text_pair, label, weight, label_separator)
    classes = None if targets is None else targets.classes
    material = gather(_files(labelled), _files(validation), None, columns, classes, config)
    checkpoints = output.with_name(output.name + ".checkpoints")
    student = train_student(
        Vocabulary.load(vocabulary), targets, material, config, checkpoint_dir=checkpoints
    )
    student.save_pretrained(output)
    shutil.rmtree(checkpoints)
    console.print(f"The student is in {output}.")


@app.command(name="distill")
def distill_(
    recipe: Annotated[
        Path | None, typer.Argument(help="The job in a TOML file; options go before it.", show_default=False)
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="A fine-tuned classifier: directory or Hub id.", show_default=False)
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Or an encoder, to fine-tune on the labelled text.", show_default=False)
    ] = None,
    labelled: Annotated[list[str] | None, typer.Option(help="Labelled files.", show_default=False)] = None,
    unlabelled: Annotated[
        list[str] | None,
        typer.Option(help="Text of the kind the student is for, as much as there is.", show_default=False),
    ] = None,
    validation: Annotated[
        list[str] | None,
        typer.Option(help="Labelled files to choose the best student by.", show_default=False),
    ] = None,
    test: Annotated[
        list[str] | None, typer.Option(help="Labelled files to evaluate on.", show_default=False)
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Directory to make [default: distilled].", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    text: Annotated[str | None, typer.Option(help="Column of the text.", rich_help_panel=_DATA)] = None,
    text_pair: Pair = None,
    label: Annotated[str | None, typer.Option(help="Column of the label.", rich_help_panel=_DATA)] = None,
    weight: Weight = None,
    label_separator: Separator = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting of a recipe, as student.dim=64.", show_default=False),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.", show_default=False)] = None,
    threads: Threads = None,
) -> None:
    """Do all of it: teach, vocab, label, train, evaluate. From a recipe, or from options.

        sparsedistill distill --encoder MODEL --labelled train.csv --unlabelled 'more/*.txt' --test test.csv

    The output directory holds each stage's result; interrupted, the same command goes on where it was. A
    recipe says the same and more:

        output = "distilled"

        [data]
        labelled = "train.csv"
        unlabelled = ["more/a.txt", "more/b.jsonl.gz"]
        test = "test.csv"

        [teacher]
        encoder = "sentence-transformers/all-MiniLM-L6-v2"

        [vocabulary]
        max_ngram = 3

        [student]
        dim = 128

        [training]
        epochs = 10
    """
    from ..pipeline.distill import distill
    from ..pipeline.recipe import arguments, override, read_recipe

    job = read_recipe(recipe) if recipe is not None else {}
    places = {"labelled": labelled, "unlabelled": unlabelled, "validation": validation, "test": test}
    columns = {"text": text, "text_pair": text_pair, "label": label}
    columns |= {"weight": weight, "label_separator": label_separator}
    given: dict[str, dict[str, Any]] = {
        "data": {**places, **columns},
        "teacher": {"model": teacher, "encoder": encoder},
    }
    for section, options in given.items():
        job.setdefault(section, {}).update({key: value for key, value in options.items() if value})
    options = {"output": output, "data_dir": data_dir, "seed": seed, "threads": threads}
    job.update({key: value for key, value in options.items() if value is not None})
    for setting in settings or []:
        override(job, setting)
    distill(**arguments(job, str(recipe or "The command line")))


@app.command(name="evaluate")
def evaluate_(
    student: StudentPath,
    labelled: LabelledFiles,
    teacher: Annotated[
        str | None,
        typer.Option(help="Its teacher, to compare with: directory or Hub id.", show_default=False),
    ] = None,
    scores: Scores = None,
    outputs: Outputs = "logits",
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Draw quality against the share of texts left to the teacher to this file, as SVG.",
            show_default=False,
        ),
    ] = None,
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    label_separator: Separator = None,
    format: Format = None,  # noqa: A002
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file too.", show_default=False)
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads that the student is timed on.")] = 1,
) -> None:
    """Measure a student on labelled text, and what it kept of its teacher.

    With a teacher also what both are together, by the share of the texts that goes to the teacher. A cascade
    brings its own teacher.

    sparsedistill evaluate student test.csv --teacher teacher --plot curve.svg
    """
    from ..evaluation.evaluate import evaluate

    loaded, threshold = _loaded(student), None
    if isinstance(loaded, Cascade):
        teacher, threshold, loaded = teacher or loaded.teacher_name, loaded.threshold, loaded.student
    columns = Columns(text, text_pair, label, None, label_separator)
    data = _labelled_for(loaded, labelled, columns, format)
    answers: Any = None
    if scores is not None:
        answers = _scores_of(loaded, labelled, columns, format, scores, outputs)
    elif teacher is not None:
        from ..labeling.soft_targets import with_progress
        from ..teachers.base import TransformersTeacher

        answers = with_progress(TransformersTeacher(teacher))
    elif plot is not None:
        raise InputError("The plot is of student and teacher together: name the teacher with --teacher.")
    evaluation = evaluate(loaded, data, answers, threads=threads)
    out = Console()
    out.print(evaluation.as_table(f"{evaluation.texts:,} texts"))
    if evaluation.deferral is not None:
        out.print(evaluation.deferral.as_table(threshold))
        if plot is not None:
            from ..evaluation.plots import chart

            with atomic_write(plot) as partial:
                partial.write_text(chart(evaluation.deferral, threshold), "utf-8")
    if json_file is not None:
        with atomic_write(json_file) as partial:
            partial.write_text(json.dumps(evaluation.as_json(), indent=2) + "\n")


@app.command(name="report")
def report_(
    recipes: Annotated[
        list[Path] | None,
        typer.Argument(help="Recipes; by default all in ./recipes.", show_default=False),
    ] = None,
    work: Annotated[Path, typer.Option("--work", "-w", help="Directory for what is made on the way.")] = Path(
        "report"
    ),
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path(
        "docs/results.md"
    ),
    data_dir: DataDir = None,
    teachers: Annotated[
        Path | None,
        typer.Option(
            help="Directory of teachers that were fine-tuned before, by the names of the recipes, to be used "
            "instead of the recipes' own.",
            show_default=False,
        ),
    ] = None,
    soft_targets: Annotated[
        Path | None,
        typer.Option(
            help="Directory of soft targets that these teachers made before, by the names of the recipes.",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of all recipes, as teacher.encoder=MODEL.", show_default=False),
    ] = None,
    preamble: Annotated[
        Path | None,
        typer.Option(
            help="A file of Markdown to begin the page with: machine, teachers.", show_default=False
        ),
    ] = None,
    ablations: Annotated[
        bool,
        typer.Option(
            "--ablations",
            help="Train students that differ from the recipe's own in one thing each, too, and draw how they "
            "do: longest n-gram, rows, dimensions, share of the unlabelled texts, pooling.",
        ),
    ] = False,
    only_render: Annotated[
        bool, typer.Option("--only-render", help="Run nothing: write the page from what has been run.")
    ] = False,
) -> None:
    """Run recipes and write a page of results: teacher, students and baselines, a row a task.

    Interrupted, the same command goes on where it was; what is finished is not run again. The page shows
    the ablations that are in the directory for what is made on the way, whenever they were run.

        sparsedistill report recipes/trec.toml --data-dir data --ablations
    """
    from ..experiments.results import results_of

    chosen = recipes or sorted(Path("recipes").glob("*.toml"))
    if not chosen:
        raise InputError("There are no recipes in ./recipes: name some.")
    introduction = "" if preamble is None else _text_of(preamble)
    for recipe in [] if only_render else chosen:
        from ..experiments.report import run_or_record

        teacher = (
            None if teachers is None or not (teachers / recipe.stem).is_dir() else teachers / recipe.stem
        )
        known = [] if soft_targets is None else sorted((soft_targets / recipe.stem).glob("*/manifest.json"))
        run_or_record(
            recipe,
            work / recipe.stem,
            data_dir=data_dir,
            teacher=teacher if teacher is not None and teacher.is_dir() else None,
            remembered=[manifest.parent for manifest in known],
            settings=settings or [],
            ablations=ablations,
        )
        _write_results(output, results_of(chosen, work), introduction)
    _write_results(output, results_of(chosen, work), introduction)
    console.print(f"The results are in {output}.")


@app.command(name="cascade")
def cascade_(
    student: StudentPath,
    validation: Annotated[
        list[str],
        typer.Argument(help="Files of texts that neither was trained on.", show_default=False),
    ],
    teacher: Annotated[str, typer.Option(help="Its teacher: directory or Hub id.", show_default=False)],
    output: Annotated[Path, _OUTPUT],
    retention: Annotated[float, typer.Option(help="Share of the teacher's metric to keep.")] = 0.995,
    calls: Annotated[
        float | None,
        typer.Option(
            help="Instead: the share of texts that may go to the teacher, as 0.1.", show_default=False
        ),
    ] = None,
    labels: Annotated[
        bool, typer.Option(help="The files have labels; without, the target is the teacher's answers.")
    ] = True,
    scores: Scores = None,
    outputs: Outputs = "logits",
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    label_separator: Separator = None,
    format: Format = None,  # noqa: A002
    threads: Threads = None,
) -> None:
    """Put a teacher behind a student: it answers what the student is not sure of.

    The threshold of confidence is chosen on validation data. `predict` and `evaluate` take the result as they
    take a student.

    sparsedistill cascade student validation.csv --teacher teacher -o cascade
    """
    from .._internal.files import refuse_existing

    refuse_existing(output)
    loaded = Student.from_pretrained(student)
    columns = Columns(text, text_pair, label, None, label_separator)
    texts: Labelled | list[str]
    given = pairs = None
    if labels:
        texts = _labelled_for(loaded, validation, columns, format)
    else:
        texts, pairs = _first_texts(Corpus(validation, Columns(text, text_pair), format=format), None)
    if scores is not None:
        given = _scores_of(loaded, validation, columns, format, scores, outputs)
    cascade = Cascade.fit(
        loaded, teacher, texts, pairs, retention=retention, calls=calls, scores=given, threads=threads
    )
    cascade.save_pretrained(output)
    chosen, metric = cascade.evaluation["chosen"], cascade.evaluation["metric"]
    console.print(
        f"{chosen['deferred']:.2%} of {len(texts):,} texts go to the teacher, those below a confidence of "
        f"{cascade.threshold:.4f}: {metric.replace('_', ' ')} {chosen[metric]:.2%}, which is "
        f"{chosen['retention']:.2%} of the teacher's. The cascade is in {output}."
    )


@app.command()
def predict(
    student: StudentPath,
    inputs: Annotated[
        list[str] | None, typer.Argument(help="Files of text; standard input by default.", show_default=False)
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="File to write; - is standard output.")] = "-",
    text: Text = "text",
    text_pair: Pair = None,
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option(
            "--format",
            help="Format of the input, where names do not tell; txt for standard input.",
            show_default=False,
        ),
    ] = None,
    output_format: Annotated[
        str | None,
        typer.Option(
            help="Format of the output, where its name does not tell; tsv for standard output.",
            show_default=False,
        ),
    ] = None,
    probabilities: Annotated[bool, typer.Option(help="A column with the probability of each class.")] = False,
    coverage: Annotated[
        bool, typer.Option(help="A column with the share of tokens that the student knows.")
    ] = False,
    with_text: Annotated[bool, typer.Option(help="Repeat the text in the output.")] = True,
    threads: Threads = None,
) -> None:
    """Label text, as a stream: a row out for each row in, in the same order.

    echo "What a film!" | sparsedistill predict student

    sparsedistill predict student 'crawl/*.jsonl.zst' -o labels.parquet --coverage
    """
    loaded = _loaded(student)
    paths = inputs or ["-"]
    if "-" in paths and format is None:
        format = "txt"  # noqa: A001
    corpus = Corpus(paths, Columns(text, text_pair), format=format)
    if output == "-" and output_format is None:
        output_format = "tsv"
    bar = _no_progress() if output == "-" else progress("Predicting", None, "texts")
    with RowWriter(output, output_format) as writer, bar as advance:
        for batch in corpus.batches():
            predictions = loaded.score(batch.texts, batch.text_pair, threads=threads)
            writer.write(_answers(loaded, batch, predictions, probabilities, coverage, with_text))
            advance(len(batch))


@app.command()
def compress(
    student: StudentPath,
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Files of text of the kind it reads, some thousands, without labels.", show_default=False
        ),
    ],
    output: Annotated[Path, _OUTPUT],
    dims: Annotated[
        int | None,
        typer.Option(
            help="Dimensions to cut the table to; by default the fewest that do.", show_default=False
        ),
    ] = None,
    agreement: Annotated[
        float, typer.Option(help="Least share of held-out texts with the same label.")
    ] = 0.999,
    change: Annotated[float, typer.Option(help="Largest mean change of a probability.")] = 0.001,
    count: Annotated[int, typer.Option(help="Texts to read, at most.")] = 20_000,
    text: Text = "text",
    text_pair: Pair = None,
    format: Format = None,  # noqa: A002
    threads: Threads = None,
) -> None:
    """Make a trained student small and fast: the same answers from a few bytes an n-gram.

    Half of the texts fit the compact form, the other half measures it; one that answers too differently
    is not written.

    sparsedistill compress distilled/student more.txt -o compact
    """
    from .._internal.files import refuse_existing
    from ..compression.compress import Floor

    refuse_existing(output)
    loaded = Student.from_pretrained(student)
    sample, pairs = _first_texts(Corpus(texts, Columns(text, text_pair), format=format), count)
    compact = loaded.compress(sample, pairs, dims=dims, floor=Floor(agreement, change), threads=threads)
    compact.save_pretrained(output)
    megabytes = (output / "model.safetensors").stat().st_size / 1e6
    console.print(f"The compact student is in {output}: {megabytes:,.1f} MB.")


@app.command()
def explain(
    student: StudentPath,
    text: Annotated[str, typer.Argument(help="The text itself.", show_default=False)],
    text_pair: Annotated[
        str | None, typer.Option(help="The second text, for pairs.", show_default=False)
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="The class to look at; by default the answer.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(help="How many of the strongest n-grams to show.")] = 10,
    html: Annotated[
        Path | None, typer.Option(help="Write it to this file as HTML too.", show_default=False)
    ] = None,
) -> None:
    """Show why a text is answered as it is: words coloured by what they say, and the strongest n-grams.

    Green words speak for the class, red ones against it. Numbers are exact: they add up to the answer.

    sparsedistill explain student "What a film!"
    """
    loaded = _loaded(student)
    explanation = (loaded.student if isinstance(loaded, Cascade) else loaded).explain(text, text_pair)
    Console(highlight=False).print(explanation.to_terminal(label, top))
    if html is not None:
        with atomic_write(html) as partial:
            partial.write_text(explanation.to_html(label, top) + "\n", "utf-8")


@app.command()
def inspect(
    path: Annotated[
        Path,
        typer.Argument(help="A student, a cascade, a vocabulary or soft targets.", show_default=False),
    ],
    text: Annotated[
        str | None, typer.Option("--text", help="Show what becomes of this text.", show_default=False)
    ] = None,
    top: Annotated[int, typer.Option(help="How many n-grams to show of each kind.")] = 10,
) -> None:
    """Say what a directory holds: a student, a cascade, a vocabulary or soft targets.

    sparsedistill inspect student --text "What a film!"
    """
    out = Console(markup=False, highlight=False)  # texts are shown as they are
    if (path / "manifest.json").exists():
        out.print(_about_soft_targets(path))
        return
    if is_cascade(path):
        out.print(_about_cascade(path))
        path = path / "student"
    if (path / "model.safetensors").exists():
        student = Student.from_pretrained(path)
        out.print(_about_student(student))
        vocabulary = student.vocabulary
    else:
        student, vocabulary = None, Vocabulary.load(path)
    out.print(_about_vocabulary(vocabulary, top))
    if student is not None and vocabulary.ngrams is not None and not student.pair:
        out.print(_about_classes(student, top))
    if text is not None:
        out.print(_about_text(text, vocabulary, student))


# ---- parts ---------------------------------------------------------------------------------------


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): name a file of text.") from error


def _write_page(path: Path, page: str) -> None:
    with atomic_write(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _write_results(output: Path, results: list[dict[str, Any]], introduction: str) -> None:
    """The page, and its plots beside it."""
    from ..experiments.results import plots, render

    for name, picture in plots(results).items():
        (output.parent / name).parent.mkdir(parents=True, exist_ok=True)
        _write_page(output.parent / name, picture)
    _write_page(output, render(results, introduction))


def _loaded(model: str) -> Student | Cascade:
    return Cascade.from_pretrained(model) if is_cascade(model) else Student.from_pretrained(model)


def _scores_of(
    student: Student,
    paths: list[str],
    columns: Columns,
    format: str | None,  # noqa: A002
    scores: str,
    outputs: str,
) -> NDArray[np.float32]:
    """The teacher's logits that stand beside the texts, (n, classes)."""
    from ..teachers.base import FileTeacher

    teacher = FileTeacher(student.classes, student.multi_label, outputs)
    corpus = Corpus(
        paths, Columns(columns.text, columns.text_pair, scores=_score_columns(scores)), format=format
    )
    found = [teacher.logits(batch.scores) for batch in corpus.batches() if batch.scores is not None]
    return np.concatenate(found)


def _score_columns(scores: str) -> str | tuple[str, ...]:
    return tuple(scores.split(",")) if "," in scores else scores


def _first_texts(corpus: Corpus, count: int | None) -> tuple[list[str], list[str] | None]:
    texts: list[str] = []
    pairs: list[str] = []
    for batch in corpus.batches():
        texts.extend(batch.texts.to_pylist())
        if batch.text_pair is not None:
            pairs.extend(batch.text_pair.to_pylist())
        if count is not None and len(texts) >= count:
            break
    return texts[:count], pairs[:count] or None


def _no_progress() -> AbstractContextManager[Advance]:
    return nullcontext(lambda *_: None)


def _files(given: list[str] | None) -> list[Path] | None:
    return [Path(name) for name in given] if given else None


def _labelled_for(student: Student, paths: list[str], columns: Columns, format: str | None) -> Labelled:  # noqa: A002
    if student.multi_label and not columns.multi_label:
        raise InputError("The student gives several labels to a text: pass --label-separator.")
    return read_labelled(paths, columns, student.classes, format=format)


def _bytes(size: str) -> int:
    units = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
    number = size.strip().rstrip("BbGgIiKkMm ")
    unit = size.strip()[len(number) :].strip().upper()
    try:
        return int(float(number) * units[unit])
    except (ValueError, KeyError, OverflowError):
        raise InputError(f"{size!r} is no size: write it as 512MiB or 4GB.") from None


def _answers(
    student: Student | Cascade,
    batch: Batch,
    predictions: Predictions,
    probabilities: bool,
    coverage: bool,
    with_text: bool,
) -> pa.RecordBatch:
    shares = predictions.probabilities
    columns: dict[str, Any] = {}
    if student.multi_label:
        chosen = [[student.classes[c] for c in np.flatnonzero(row)] for row in predictions.logits >= 0]
        columns["labels"] = pa.array(chosen, pa.list_(pa.string()))
    else:
        best = predictions.logits.argmax(axis=1)
        columns["label"] = pa.array(student.classes).take(pa.array(best))
        columns["score"] = pa.array(shares[np.arange(len(best)), best])
    if isinstance(predictions, CascadePredictions):
        columns["deferred"] = pa.array(predictions.deferred)
    if coverage:
        columns["coverage"] = pa.array(predictions.coverage)
    if probabilities:
        columns.update({f"p_{name}": pa.array(shares[:, c]) for c, name in enumerate(student.classes)})
    if with_text:
        columns["text"] = batch.texts
        if batch.text_pair is not None:
            columns["text_pair"] = batch.text_pair
    return pa.record_batch(columns)


def _facts(title: str, facts: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) and value is not True else str(value))
    return table


def _about_student(student: Student) -> Table:
    network = student.network
    facts: dict[str, Any] = {
        "classes": ", ".join(student.classes),
        "reads": "pairs of texts" if student.pair else "texts",
        "labels": "several a text" if student.multi_label else "one a text",
        "form": "compact" if isinstance(network, CompactNetwork) else "as trained",
        "parameters": sum(array.size for array in network.arrays().values()),
        "embedding dimensions": network.dim,
        "hidden units": len(network.hidden_bias),
    }
    for name, value in student.evaluation.items():
        if name == "compression":
            last = value["steps"][-1]
            facts["agreement with the trained student"] = f"{last['agreement']:.4f}"
            continue
        if name == "calibration":
            facts["temperature"] = f"{value['temperature']:.4f}"
            continue
        if isinstance(value, dict) and "accuracy" not in value:
            continue
        measured = value.get("accuracy") if isinstance(value, dict) else value
        facts[f"{name} accuracy" if isinstance(value, dict) else name] = (
            f"{measured:.4f}" if isinstance(measured, float) else measured
        )
    return _facts("Student", facts)


def _about_cascade(path: Path) -> Table:
    config = read_json(path / CASCADE_FILE)
    evaluation = config.get("evaluation")
    chosen = evaluation.get("chosen") if isinstance(evaluation, dict) else None
    facts = {"teacher": config.get("teacher") or "without a name", "threshold": config.get("threshold")}
    return _facts("Cascade", {**facts, **(chosen if isinstance(chosen, dict) else {})})


def _about_vocabulary(vocabulary: Vocabulary, top: int) -> Table:
    facts: dict[str, Any] = {
        "n-grams": len(vocabulary),
        "longest, in tokens": vocabulary.tokenizer.max_ngram,
        "text boundaries": "tokens" if vocabulary.tokenizer.boundaries else "not looked at",
        "character n-grams": _characters_of(vocabulary.tokenizer),
        "closed under prefixes": "yes" if vocabulary.closed else "no",
        "a count is too low by at most": vocabulary.error_bound,
    }
    if vocabulary.ngrams is not None:
        # Those of characters are spelt without a space, and counted as of 0 tokens.
        orders = np.bincount(
            [0 if is_characters(each) else each.count(" ") + 1 for each in vocabulary.ngrams]
        )
        facts |= {f"of {order} tokens": int(orders[order]) for order in range(1, len(orders))}
        facts |= {"of characters": int(orders[0])} if orders[0] else {}
        facts["most frequent"] = " | ".join(map(shown, vocabulary.ngrams[:top]))
        facts["least frequent"] = " | ".join(map(shown, vocabulary.ngrams[-top:]))
    return _facts("Vocabulary", facts)


def _characters_of(tokenizer: TokenizerConfig) -> str:
    if not tokenizer.max_characters:
        return "none"
    return f"of {tokenizer.min_characters} to {tokenizer.max_characters} characters"


def _about_classes(student: Student, top: int) -> Table:
    from ..explain.explain import strongest_ngrams

    found = strongest_ngrams(student, top)
    return _facts(
        "Strongest n-grams",
        {label: " | ".join(shown(ngram) for ngram, _ in ngrams) for label, ngrams in found.items()},
    )


def _about_soft_targets(path: Path) -> Table:
    from ..labeling.soft_targets import SoftTargets

    targets = SoftTargets.open(path)
    shares = np.bincount(targets.read(0).logits.argmax(axis=1), minlength=len(targets.classes))
    facts = {
        "teacher": targets.teacher,
        "texts": len(targets),
        "shards": len(targets.shards),
        "labels": "several a text" if targets.multi_label else "one a text",
        "reads": "pairs of texts" if targets.pair else "texts",
        "classes (share in the first shard)": ", ".join(
            f"{name} ({share / shares.sum():.1%})"
            for name, share in zip(targets.classes, shares, strict=True)
        ),
    }
    return _facts("Soft targets", facts)


def _about_text(text: str, vocabulary: Vocabulary, student: Student | None) -> Table:
    tokens = tokenize(text, boundaries=vocabulary.tokenizer.boundaries)
    facts: dict[str, Any] = {"tokens": " ".join(map(shown, tokens))}
    if vocabulary.ngrams is not None and vocabulary.buckets is not None:
        rows = vocabulary.extract([text]).rows
        facts[f"{len(rows)} known n-grams"] = " | ".join(shown(vocabulary.ngrams[row]) for row in rows)
    if student is not None and not student.pair:
        answers = student([text], top_k=None, coverage=True)[0]
        facts["answer"] = ", ".join(f"{answer['label']} {answer['score']:.4f}" for answer in answers)
        facts["coverage"] = f"{answers[0]['coverage']:.2f}"
    return _facts(repr(text), facts)
