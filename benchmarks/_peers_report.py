"""Report of the comparison: tables on the terminal, docs/benchmarks.md, and the table in the README."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from _peers_plots import plot_accuracy, plot_threads
from _report import format_number
from _results import EngineResult, Machine, Results
from engines import TEXT_SETS
from rich.table import Table

from sparsedistill._internal.files import atomic_write

OURS = "compact"
FASTTEXT = "fasttext-w2"
MARKERS = ("<!-- peers: written by make bench -->", "<!-- /peers -->")
RESULTS = Path("benchmarks/results/peers.json")
DOCUMENT = Path("docs/benchmarks.md")
ACCURACY_PLOT = Path("docs/accuracy-against-speed.svg")
THREADS_PLOT = Path("docs/speed-against-threads.svg")
#: Engines in the README's table, in order.
IN_README = (
    "compact",
    "student",
    "fasttext-w2",
    "fasttext-w4",
    "model2vec",
    "tfidf",
    "paper",
    "paper-scripts-wide",
    "minilm-int8",
    "minilm",
    "roberta-large",
)


@dataclass(frozen=True)
class Page:
    """A table with a title; the first column is text, the others are numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def on_terminal(self) -> Table:
        """Return the table for rich."""
        table = Table(title=self.title, title_justify="left")
        for index, column in enumerate(self.columns):
            table.add_column(column, justify="right" if index else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def as_markdown(self) -> str:
        """Return the table in Markdown, without its title."""
        lines = [" | ".join(["", *self.columns, ""]).strip(), "| --- |" + " ---: |" * (len(self.columns) - 1)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines)


# ---- formatting ----------------------------------------------------------------------------------


def ratios(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Return the ratio of two speeds in each round."""
    return [one / other for one, other in zip(first, second, strict=True)]


def _spread(values: Sequence[float], show: Callable[[float], str] = format_number) -> str:
    return f"{show(min(values))} - {show(max(values))}"


def _times(values: Sequence[float] | None) -> str:
    return "" if values is None else f"{format_number(median(values))}x"


def _bytes(count: float) -> str:
    return f"{format_number(count / 1e6)} MB" if count else ""


def _seconds(seconds: float) -> str:
    return f"{format_number(seconds * 1e6)} us" if seconds < 1e-3 else f"{format_number(seconds * 1e3)} ms"


def _percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def _accuracy(engine: EngineResult) -> str:
    return "" if engine["accuracy"] is None else _percent(engine["accuracy"]["accuracy"])


def _rates(results: Results, name: str, text_set: str) -> list[float] | None:
    engine = results["engines"].get(name)
    return None if engine is None else engine["sets"][text_set]["texts_per_second"]


# ---- tables --------------------------------------------------------------------------------------


def speed_page(results: Results, text_set: str) -> Page:
    """Speed of all engines on one text set."""
    rows = []
    compact, base = _rates(results, OURS, text_set), _rates(results, FASTTEXT, text_set)
    for engine in results["engines"].values():
        measured = engine["sets"][text_set]
        rates = measured["texts_per_second"]
        speedup = None if compact is None else ratios(compact, rates)
        rows.append(
            (
                engine["title"],
                format_number(median(rates)),
                _spread(rates),
                _times(None if base is None else ratios(rates, base)),
                _times(speedup),
                "" if speedup is None else _spread(speedup),
                _seconds(median(measured["latency_seconds"])),
                f"{measured['texts']:,}",
            )
        )
    columns = (
        *("engine", "texts/s", "min - max", "vs fastText w2", "compact is faster by", "min - max"),
        *("latency, one text", "texts per call"),
    )
    return Page(f"{TEXT_SETS[text_set].title}, one thread", columns, rows)


def size_page(results: Results) -> Page:
    """Accuracy, load time, memory and size of all engines."""
    rows = [
        (
            engine["title"],
            _accuracy(engine),
            "" if engine["accuracy"] is None else f"{engine['accuracy']['texts']:,}",
            _seconds(engine["load_seconds"]),
            _bytes(engine["resident"]),
            _bytes(engine["resident_answering"]),
            _bytes(engine["bytes"]),
        )
        for engine in results["engines"].values()
    ]
    columns = (
        *("engine", "IMDB accuracy", "test reviews", "load time", "memory, loaded", "memory, predicting"),
        "files",
    )
    return Page("Accuracy, load time, memory, size", columns, rows)


def check_page(results: Results) -> Page:
    """Difference between the timed predictions and each engine's reference."""
    rows = []
    for engine in results["engines"].values():
        for text_set, measured in engine["sets"].items():
            check = measured["check"]
            rows.append(
                (
                    engine["title"],
                    TEXT_SETS[text_set].title,
                    f"{check['texts']:,}",
                    _percent(check["agreement"]),
                    f"{check['mean']:.1e}",
                    f"{check['largest']:.1e}",
                )
            )
    columns = ("engine", "texts", "texts checked", "same label", "mean difference", "largest difference")
    return Page("Predictions against the reference of each engine", columns, rows)


def threads_page(results: Results) -> Page:
    """IMDB reviews/s by number of threads, and the speedup over one thread."""
    threads = results["threads"]
    counts = list(next(iter(threads.values()), {}))
    rows = []
    for name, rates in threads.items():
        engine = results["engines"][name]
        row = [engine["title"] + ("" if engine["own"] else " (processes)")]
        for count in counts:
            row.append(format_number(median(rates[count])))
            if count != counts[0]:
                speedup = ratios(rates[count], rates[counts[0]])
                row.append(f"{median(speedup):.2f}x ({_spread(speedup, lambda value: f'{value:.2f}')})")
        rows.append(tuple(row))
    columns = ["engine"]
    for count in counts:
        columns += [f"{count} threads", "speedup"] if count != counts[0] else ["1 thread"]
    return Page("IMDB test reviews by number of threads, texts/s", columns, rows)


def pages(results: Results) -> list[Page]:
    """Return all tables, in order."""
    engines = results["engines"].values()
    measured = [name for name in TEXT_SETS if all(name in engine["sets"] for engine in engines)]
    found = [speed_page(results, name) for name in measured] + [size_page(results)]
    return [*found, *([threads_page(results)] if results["threads"] else []), check_page(results)]


# ---- files ---------------------------------------------------------------------------------------


def machine_line(machine: Machine) -> str:
    """Describe the machine in one line."""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['kernel']}, Python {machine['python']}, {machine['date']}"
    )


def document(results: Results) -> str:
    """Return the text of ``docs/benchmarks.md``."""
    machine, engines = results["machine"], results["engines"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    parts = [
        "# Benchmarks",
        "Generated by `make bench` (`benchmarks/peers.py`). Raw strings in, probabilities out, one thread "
        "per engine. Each engine runs in a separate process, and the processes take turns over "
        f"{results['rounds']} rounds. Figures are medians over the rounds, next to their minimum and "
        "maximum; a ratio is the median of the ratios within the rounds. Each engine predicts a sample of "
        "the texts with the same distribution of lengths as all of them, of a size that takes it about one "
        "second for reviews and half a second for short texts.",
        f"Machine: {machine_line(machine)}. Load average at the start: {machine['load_before']:.2f}.",
        f"Versions: {versions}.",
        f"![Accuracy against speed]({ACCURACY_PLOT.name})",
        f"![Speed against threads]({THREADS_PLOT.name})",
        "## Engines",
        "\n".join(
            f"- **{engine['title']}**: {engine['note']}. Checked against {engine['against']}."
            for engine in engines.values()
        ),
    ]
    for page in pages(results):
        parts += [f"## {page.title}", page.as_markdown()]
    parts.append(
        "Load time covers the libraries, the model and a first prediction, with the files in the page cache. "
        "Memory is the resident memory of the process, libraries included and texts excluded, after loading "
        "and after the IMDB rounds; pages of a mapped file count once they have been touched. Accuracies of "
        "slow engines are measured on a random sample of the 25,000 test reviews."
    )
    return "\n\n".join(parts) + "\n"


def readme_part(results: Results) -> str:
    """Return the text between the markers in the README."""
    rows = []
    compact = _rates(results, OURS, "imdb")
    assert compact is not None
    for name in IN_README:
        engine = results["engines"][name]
        imdb, sst2 = (engine["sets"][text_set]["texts_per_second"] for text_set in ("imdb", "sst2"))
        rows.append(
            (
                engine["title"],
                _accuracy(engine),
                format_number(median(imdb)),
                "" if name == OURS else _times(ratios(compact, imdb)),
                format_number(median(sst2)),
                _bytes(engine["bytes"]),
            )
        )
    columns = (
        *("one thread, raw text in", "IMDB accuracy", "reviews/s", "compact is faster by", "sentences/s"),
        "files",
    )
    return "\n\n".join(
        [
            Page("", columns, rows).as_markdown(),
            f"{machine_line(results['machine'])}; medians of {results['rounds']} interleaved rounds. "
            "RoBERTa-Large and the 1 M x 1000 pipeline (the paper's size) have random weights. "
            f"All engines, threads, memory and checks: [{DOCUMENT.name}]({DOCUMENT}).",
            f"![Accuracy against speed]({ACCURACY_PLOT})\n![Speed against threads]({THREADS_PLOT})",
        ]
    )


def replace_between_markers(text: str, part: str) -> str:
    """Replace the text between the markers.

    Raises:
        ValueError: A marker is missing.
    """
    begin, end = (text.index(marker) for marker in MARKERS)
    return text[: begin + len(MARKERS[0])] + "\n" + part + "\n" + text[end:]


def write(results: Results, root: Path) -> None:
    """Write results, document, plots and the README's table into the project."""
    readme = root / "README.md"
    contents = {
        root / RESULTS: json.dumps(results, indent=1) + "\n",
        root / DOCUMENT: document(results),
        readme: replace_between_markers(readme.read_text(encoding="utf-8"), readme_part(results)),
    }
    plot_accuracy(results, root / ACCURACY_PLOT)
    plot_threads(results, root / THREADS_PLOT)
    for file, content in contents.items():
        with atomic_write(file) as partial:
            partial.write_text(content, encoding="utf-8")
