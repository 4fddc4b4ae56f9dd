"""The comparison in tables, plots and Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from _report import number
from engines import TEXT_SETS
from rich.table import Table

from sparsedistill._internal.files import atomic_write

OURS = "compact"
FASTTEXT = "fasttext-w2"
MARKS = ("<!-- peers: written by make bench -->", "<!-- /peers -->")
RESULTS = Path("benchmarks/results/peers.json")
DOCUMENT = Path("docs/benchmarks.md")
ACCURACY_PLOT = Path("docs/accuracy-against-speed.svg")
THREADS_PLOT = Path("docs/speed-against-threads.svg")
#: What the README's table shows of all engines.
SHOWN = (
    "compact",
    "student",
    "fasttext-w2",
    "fasttext-w4",
    "model2vec",
    "tfidf",
    "paper",
    "paper-scripts-wide",
)
SHOWN_SLOW = ("minilm-int8", "minilm", "roberta-large")


@dataclass(frozen=True)
class Page:
    """A table: its title, its columns, the rows of strings; the first column is text, the others numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def on_terminal(self) -> Table:
        table = Table(title=self.title, title_justify="left")
        for index, column in enumerate(self.columns):
            table.add_column(column, justify="right" if index else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def as_markdown(self) -> str:
        lines = [" | ".join(["", *self.columns, ""]).strip(), "| --- |" + " ---: |" * (len(self.columns) - 1)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines)


# ---- figures -------------------------------------------------------------------------------------


def ratios(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """How many times the first one's speed is the second one's, round by round."""
    return [one / other for one, other in zip(first, second, strict=True)]


def _spread(values: Sequence[float], show: Callable[[float], str] = number) -> str:
    return f"{show(min(values))} - {show(max(values))}"


def _times(values: Sequence[float] | None) -> str:
    return "" if values is None else f"{number(median(values))}x"


def _bytes(count: float) -> str:
    return f"{number(count / 1e6)} MB" if count else ""


def _seconds(seconds: float) -> str:
    return f"{number(seconds * 1e6)} us" if seconds < 1e-3 else f"{number(seconds * 1e3)} ms"


def _accuracy(engine: dict[str, Any]) -> str:
    return "" if engine["accuracy"] is None else f"{engine['accuracy']['accuracy']:.2%}".replace("%", " %")


def _rates(results: dict[str, Any], name: str, kind: str) -> list[float] | None:
    engine = results["engines"].get(name)
    return None if engine is None else engine["sets"][kind]["texts_per_second"]


# ---- tables --------------------------------------------------------------------------------------


def speed_page(results: dict[str, Any], kind: str, names: Sequence[str] | None = None) -> Page:
    """Speeds of all engines, or of `names`, on one set of texts."""
    rows = []
    for name, engine in results["engines"].items():
        if names is not None and name not in names:
            continue
        measured = engine["sets"][kind]
        rates = measured["texts_per_second"]
        compact, base = _rates(results, OURS, kind), _rates(results, FASTTEXT, kind)
        against = None if compact is None else ratios(compact, rates)
        rows.append(
            (
                engine["title"],
                number(median(rates)),
                _spread(rates),
                _times(None if base is None else ratios(rates, base)),
                _times(against),
                "" if against is None else _spread(against),
                _seconds(median(measured["latency_seconds"])),
                f"{measured['texts']:,}",
            )
        )
    columns = (
        *("engine", "texts/s", "lowest - highest", "to fastText w2", "compact is", "lowest - highest"),
        *("one text", "texts a call"),
    )
    return Page(f"{TEXT_SETS[kind].title}, one thread", columns, rows)


def size_page(results: dict[str, Any]) -> Page:
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
    columns = ("engine", "IMDB accuracy", "of texts", "load", "resident", "answering", "files")
    return Page("Accuracy, load time, memory, size", columns, rows)


def check_page(results: dict[str, Any]) -> Page:
    """How near the timed answers were to each engine's reference."""
    rows = []
    for engine in results["engines"].values():
        for kind, measured in engine["sets"].items():
            check = measured["check"]
            rows.append(
                (
                    engine["title"],
                    TEXT_SETS[kind].title,
                    f"{check['texts']:,}",
                    f"{check['agreement']:.2%}".replace("%", " %"),
                    f"{check['mean']:.1e}",
                    f"{check['largest']:.1e}",
                )
            )
    columns = ("engine", "texts", "checked", "same label", "mean change", "largest")
    return Page("Answers against the reference of each engine", columns, rows)


def threads_page(results: dict[str, Any]) -> Page:
    """IMDB reviews a second over threads, and what each further one brings."""
    threads = results["threads"]
    counts = list(next(iter(threads.values()), {}))
    rows = []
    for name, rates in threads.items():
        engine = results["engines"][name]
        row = [engine["title"] + ("" if engine["own"] else " (processes)")]
        for count in counts:
            gain = ratios(rates[count], rates[counts[0]])
            row.append(number(median(rates[count])))
            row.append(f"{median(gain):.2f}x ({_spread(gain, lambda value: f'{value:.2f}')})")
        rows.append((row[0], row[1], *row[3:]))
    columns = ["engine"]
    for count in counts:
        columns += [f"{count} threads", "gain"] if count != counts[0] else ["1 thread"]
    return Page("IMDB test reviews over threads, texts/s", columns, rows)


def pages(results: dict[str, Any]) -> list[Page]:
    """All tables, in order."""
    kinds = [kind for kind in TEXT_SETS if all(kind in one["sets"] for one in results["engines"].values())]
    found = [speed_page(results, kind) for kind in kinds] + [size_page(results)]
    return [*found, *([threads_page(results)] if results["threads"] else []), check_page(results)]


def tables(results: dict[str, Any]) -> list[Table]:
    """For the terminal."""
    return [page.on_terminal() for page in pages(results)]


# ---- plots ---------------------------------------------------------------------------------------


def _color(name: str) -> str:
    return "#c1272d" if name in ("compact", "student", "folded", "ours-wide") else "#33608c"


def plot_accuracy(results: dict[str, Any], file: Path) -> None:
    """Accuracy against speed on a log axis; RoBERTa-Large, of drawn weights, is a line."""
    figure, axes = _figure(9, 5.4)
    points = []
    for name, engine in results["engines"].items():
        speed = median(engine["sets"]["imdb"]["texts_per_second"])
        if engine["accuracy"] is not None:
            accuracy = 100 * engine["accuracy"]["accuracy"]
            axes.plot(speed, accuracy, "o", color=_color(name), markersize=7)
            points.append((speed, accuracy, engine["title"], _color(name)))
        elif name == "roberta-large":
            axes.axvline(speed, color=_color(name), linestyle=":", linewidth=1)
            axes.annotate(
                f"{engine['title']} (drawn weights)",
                (speed, 0.02),
                xycoords=("data", "axes fraction"),
                rotation=90,
                fontsize=7.5,
                color=_color(name),
                ha="right",
                va="bottom",
            )
    axes.set_xscale("log")
    axes.set_xlabel("IMDB reviews a second, one thread, raw text to probabilities")
    axes.set_ylabel("test accuracy, %")
    axes.margins(x=0.14, y=0.12)
    _label(figure, axes, points)
    _save(figure, file)


def _label(figure: Any, axes: Any, points: Sequence[tuple[float, float, str, str]]) -> None:
    """Names beside the points, each in the first place where it covers no other name and no point."""
    from matplotlib.transforms import Bbox

    figure.canvas.draw()
    marks = axes.transData.transform([point[:2] for point in points])
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in marks]
    places = [(7, 0, "left", "center"), (-7, 0, "right", "center")]
    places += [(0, sign * gap, "center", "center") for gap in (12, 22, 32, 42) for sign in (1, -1)]
    for speed, accuracy, title, color in sorted(points):
        for right, up, across, along in places:
            text = axes.annotate(
                title,
                (speed, accuracy),
                (right, up),
                textcoords="offset points",
                fontsize=8.5,
                color=color,
                ha=across,
                va=along,
            )
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def plot_threads(results: dict[str, Any], file: Path) -> None:
    """Speed against threads, with the spread of the rounds."""
    figure, axes = _figure(9, 5.4)
    ends = []
    for name, rates in results["threads"].items():
        engine = results["engines"][name]
        counts = [int(count) for count in rates]
        middle = [median(each) for each in rates.values()]
        low = [m - min(each) for m, each in zip(middle, rates.values(), strict=True)]
        high = [max(each) - m for m, each in zip(middle, rates.values(), strict=True)]
        style = "o-" if engine["own"] else "o--"
        axes.errorbar(counts, middle, (low, high), fmt=style, color=_color(name), markersize=5, linewidth=1.3)
        ends.append((counts[-1], middle[-1], engine["title"], _color(name)))
    every = sorted({int(count) for rates in results["threads"].values() for count in rates})
    axes.set_yscale("log")
    axes.set_xticks(every)
    axes.set_xlim(every[0] - 0.15, every[-1] + 0.45 * max(1, every[-1] - every[0]))
    axes.set_xlabel("threads (dashed: the engine has none of its own, so processes)")
    axes.set_ylabel("IMDB reviews a second")
    _label_ends(figure, axes, ends)
    _save(figure, file)


def _label_ends(figure: Any, axes: Any, ends: Sequence[tuple[int, float, str, str]]) -> None:
    """Names behind the ends of lines, from below, each moved up where the one before would be covered."""
    figure.canvas.draw()
    pixels = figure.dpi / 72  # a point
    last = 0.0
    for count, rate, title, color in sorted(ends, key=lambda end: end[1]):
        height = axes.transData.transform((count, rate))[1] / pixels
        up = max(0.0, last + 10 - height)
        last = height + up
        axes.annotate(
            title,
            (count, rate),
            (8, up),
            textcoords="offset points",
            fontsize=8.5,
            va="center",
            color=color,
        )


def _figure(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {"svg.hashsalt": "sparsedistill", "axes.spines.top": False, "axes.spines.right": False}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(width, height), layout="constrained")
    axes.grid(alpha=0.25)
    return figure, axes


def _save(figure: Any, file: Path) -> None:
    with atomic_write(file) as partial:
        figure.savefig(partial, format="svg", metadata={"Date": None}, facecolor="white")


# ---- files ---------------------------------------------------------------------------------------


def machine_line(machine: dict[str, Any]) -> str:
    """The machine in a sentence."""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['kernel']}, Python {machine['python']}, {machine['date']}"
    )


def document(results: dict[str, Any]) -> str:
    """``docs/benchmarks.md``."""
    machine, engines = results["machine"], results["engines"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    parts = [
        "# Benchmarks",
        "Written by `make bench` (`benchmarks/peers.py`). Raw strings in, probabilities out, one thread "
        "each. Every engine runs in a process of its own; the processes take turns over "
        f"{results['rounds']} rounds, and all figures are medians of the rounds, with the lowest and the "
        "highest beside them; a ratio is the median of the ratios within the rounds. Each engine is given "
        "texts evenly from the shortest to the longest of the set, as many as take it about a second on "
        "reviews, half of one on the short ones.",
        f"Machine: {machine_line(machine)}. Load average at the start: {machine['load_before']:.2f}.",
        f"Versions: {versions}.",
        f"![Accuracy against speed]({ACCURACY_PLOT.name})",
        f"![Speed against threads]({THREADS_PLOT.name})",
        "## The engines",
        "\n".join(
            f"- **{one['title']}**: {one['note']}. Checked against {one['against']}."
            for one in engines.values()
        ),
    ]
    for page in pages(results):
        parts += [f"## {page.title}", page.as_markdown()]
    parts.append(
        "Load time is that of the libraries, the model and a first answer, files in the page cache. Resident "
        "memory is the process's, libraries included, after loading and after the IMDB rounds, without the "
        "texts; pages of a mapped file count when they have been touched. Accuracies of slow engines are on "
        "a random part of the 25,000 test reviews."
    )
    return "\n\n".join(parts) + "\n"


def readme_part(results: dict[str, Any]) -> str:
    """What stands between the marks in the README."""
    rows = []
    for name in (*SHOWN, *SHOWN_SLOW):
        engine = results["engines"][name]
        imdb, sst2 = (_rates(results, name, kind) for kind in ("imdb", "sst2"))
        compact = _rates(results, OURS, "imdb")
        assert imdb is not None
        assert sst2 is not None
        assert compact is not None
        gain = "" if name == OURS else _times(ratios(compact, imdb))
        rows.append(
            (
                engine["title"],
                _accuracy(engine),
                number(median(imdb)),
                gain,
                number(median(sst2)),
                _bytes(engine["bytes"]),
            )
        )
    columns = ("one thread, raw text in", "IMDB accuracy", "reviews/s", "compact is", "sentences/s", "files")
    return "\n\n".join(
        [
            Page("", columns, rows).as_markdown(),
            f"{machine_line(results['machine'])}; medians of {results['rounds']} interleaved rounds. "
            "RoBERTa-Large and the paper's size have drawn weights. All engines, threads, memory and checks: "
            f"[{DOCUMENT.name}]({DOCUMENT}).",
            f"![Accuracy against speed]({ACCURACY_PLOT})\n![Speed against threads]({THREADS_PLOT})",
        ]
    )


def between_marks(text: str, part: str) -> str:
    """`text` with what stands between the marks replaced."""
    begin, end = (text.index(mark) for mark in MARKS)
    return text[: begin + len(MARKS[0])] + "\n" + part + "\n" + text[end:]


def write(results: dict[str, Any], root: Path) -> None:
    """Write document, plots, figures and the README's part into the project."""
    readme = root / "README.md"
    contents = {
        root / RESULTS: json.dumps(results, indent=1) + "\n",
        root / DOCUMENT: document(results),
        readme: between_marks(readme.read_text(encoding="utf-8"), readme_part(results)),
    }
    plot_accuracy(results, root / ACCURACY_PLOT)
    plot_threads(results, root / THREADS_PLOT)
    for file, content in contents.items():
        with atomic_write(file) as partial:
            partial.write_text(content, encoding="utf-8")
