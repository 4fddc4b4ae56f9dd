"""Raw text to probabilities: speed, accuracy, memory and size of sparsedistill and of other classifiers.

Each engine is prepared once (trained, exported, or generated with random weights) in a folder that later runs
reuse, and then runs in a separate process. The processes take turns, round by round, so that all are measured
under the same load, and the timed predictions are checked against a reference for each engine. Writes
docs/benchmarks.md, its plots, the README's table, and the figures of every round as JSON.
"""

from __future__ import annotations

import json
import shutil
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from _machine import available_cores, describe
from _peers_report import pages, write
from _peers_texts import prepare_texts
from _results import Accuracy, Results
from _worker import Worker, WorkerError
from engines import TEXT_SETS, Engine, Work, engines
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sparsedistill._internal.files import atomic_write

ROOT = Path(__file__).parents[1]
#: Engines that are measured with several threads; a round of the slower ones would take minutes.
THREADED = (
    *("student", "compact", "fasttext-w2", "fasttext-w2-quantised", "model2vec", "tfidf", "hashing"),
    *("paper", "minilm", "minilm-int8"),
)
_LATENCY_ROUNDS = 3

console = Console(stderr=True, highlight=False)


# ---- preparation ---------------------------------------------------------------------------------


def prepare(engine: Engine, work: Work, threads: int) -> None:
    """Prepare an engine, unless an earlier run prepared it with the same settings."""
    settings = {"settings": engine.settings()}
    done = engine.folder / "prepared.json"
    if done.exists() and json.loads(done.read_text(encoding="utf-8")) == settings:
        return
    partial = engine.folder.with_name(engine.folder.name + ".partial")
    if partial.exists() and not engine.resumes:
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    with spinner(f"Preparing {engine.title}"), started(engine, work, threads, "prepare") as worker:
        worker.call("prepare", folder=str(partial))
    (partial / "prepared.json").write_text(json.dumps(settings), encoding="utf-8")
    shutil.rmtree(engine.folder, ignore_errors=True)
    partial.rename(engine.folder)


def accuracy(engine: Engine, work: Work, threads: int) -> Accuracy | None:
    """Return the accuracy on test reviews; measured once, and stored next to the model."""
    if not engine.learned:
        return None
    file = engine.folder / "accuracy.json"
    if not file.exists():
        with spinner(f"Accuracy of {engine.title}"), started(engine, work, threads, "accuracy") as worker:
            worker.call("open")
            measured = worker.call("accuracy")
        with atomic_write(file) as partial:
            partial.write_text(json.dumps(measured), encoding="utf-8")
    stored: Accuracy = json.loads(file.read_text(encoding="utf-8"))
    return stored


# ---- measurement ---------------------------------------------------------------------------------


def measure(chosen: Sequence[Engine], work: Work, rounds: int) -> dict[str, dict[str, Any]]:
    """Measure load time and memory per engine on one thread, and speed, latency and check per text set."""
    with workers(chosen, work, threads=1) as open_workers:
        found: dict[str, dict[str, Any]] = {}
        for engine in chosen:
            with spinner(f"Opening {engine.title}"):
                found[engine.name] = open_workers[engine.name].call("open")
            found[engine.name]["sets"] = {}
        for text_set in TEXT_SETS.values():
            loaded = {}
            for engine in chosen:
                with spinner(f"{text_set.title}: warming up {engine.title}"):
                    loaded[engine.name] = open_workers[engine.name].call("load", name=text_set.name)
            seconds = take_turns(open_workers, "time", rounds, text_set.title)
            latencies = take_turns(
                open_workers, "time_single", min(rounds, _LATENCY_ROUNDS), f"{text_set.title}, one by one"
            )
            for engine in chosen:
                load = loaded[engine.name]
                texts = load["texts"] * load["passes"]
                require_one_thread(engine, seconds[engine.name])
                found[engine.name]["sets"][text_set.name] = {
                    **load,
                    "texts_per_second": [texts / turn["seconds"] for turn in seconds[engine.name]],
                    "latency_seconds": [turn["seconds"] for turn in latencies[engine.name]],
                }
                # Measured before the first check: references allocate memory too.
                if "resident_answering" not in found[engine.name]:
                    resident = open_workers[engine.name].call("resident")["resident"]
                    found[engine.name]["resident_answering"] = resident - load["resident_for_texts"]
            for engine in chosen:
                with spinner(f"{text_set.title}: checking {engine.title}"):
                    check = open_workers[engine.name].call("check")
                if not check["passed"]:
                    raise WorkerError(
                        f"{engine.title} differs from its reference ({engine.against}) on {text_set.title}: "
                        f"{check}"
                    )
                found[engine.name]["sets"][text_set.name]["check"] = check
        return found


def take_turns(
    open_workers: dict[str, Worker], method: str, rounds: int, title: str
) -> dict[str, list[dict[str, float]]]:
    """Call a method of each worker once per round, one worker at a time, and return the responses."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in open_workers}
    with bar() as progress:
        task = progress.add_task(title, total=rounds * len(open_workers))
        for turn in range(rounds):
            for name, worker in open_workers.items():
                progress.update(task, description=f"{title}: round {turn + 1} of {rounds}, {name}")
                found[name].append(worker.call(method))
                progress.advance(task)
    return found


def require_one_thread(engine: Engine, turns: Sequence[dict[str, float]]) -> None:
    """Check that an engine on one thread used no more than one processor.

    Raises:
        WorkerError: It used more.
    """
    used = median(turn["processor_seconds"] / turn["seconds"] for turn in turns)
    if used > 1.1:
        raise WorkerError(f"{engine.title} used {used:.2f} processors instead of one.")


def over_threads(chosen: Sequence[Engine], work: Work, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Measure IMDB reviews/s by engine and number of threads, in turns.

    An engine without threads runs in one process per thread.
    """
    counts = thread_counts(available_cores())
    groups: dict[tuple[str, int], list[Worker]] = {}
    texts: dict[tuple[str, int], int] = {}
    found: dict[str, dict[str, list[float]]] = {
        engine.name: {str(n): [] for n in counts} for engine in chosen
    }
    try:
        for engine in chosen:
            for count in counts:
                key = (engine.name, count)
                own = engine.own_threads
                with spinner(f"{engine.title} on {count} threads"):
                    groups[key] = []
                    for part in range(1 if own else count):
                        log = log_file(work, f"{engine.name}-threads-{count}-{part}")
                        groups[key].append(Worker(engine.name, work, count if own else 1, log))
                    for worker in groups[key]:
                        worker.call("open")
                    first, *others = groups[key]
                    load = first.call("load", name="imdb")
                    for worker in others:
                        worker.call("load", name="imdb", texts=load["texts"], passes=load["passes"])
                    texts[key] = load["texts"] * load["passes"] * len(groups[key])
        with bar() as progress:
            task = progress.add_task("Threads", total=rounds * len(groups))
            for turn in range(rounds):
                for (name, count), group in groups.items():
                    progress.update(
                        task, description=f"Threads: round {turn + 1} of {rounds}, {name} on {count}"
                    )
                    for worker in group:
                        worker.send("time")
                    slowest = max(worker.receive()["seconds"] for worker in group)
                    found[name][str(count)].append(texts[name, count] / slowest)
                    progress.advance(task)
    finally:
        for group in groups.values():
            for worker in group:
                worker.close()
    return found


def thread_counts(cores: int) -> list[int]:
    """Return 1, 2, 3, ... up to eight cores; beyond that, the powers of two and `cores`."""
    if cores <= 8:
        return list(range(1, cores + 1))
    return sorted({2**power for power in range(cores.bit_length()) if 2**power < cores} | {cores})


# ---- workers and progress ------------------------------------------------------------------------


def log_file(work: Work, name: str) -> Path:
    return work.folder / "logs" / f"{name}.log"


@contextmanager
def started(engine: Engine, work: Work, threads: int, purpose: str) -> Iterator[Worker]:
    """Start a worker, and close it at the end."""
    worker = Worker(engine.name, work, threads, log_file(work, f"{engine.name}-{purpose}"))
    try:
        yield worker
    finally:
        worker.close()


@contextmanager
def workers(chosen: Sequence[Engine], work: Work, threads: int) -> Iterator[dict[str, Worker]]:
    """Start a worker per engine, and close them at the end."""
    found: dict[str, Worker] = {}
    try:
        for engine in chosen:
            found[engine.name] = Worker(engine.name, work, threads, log_file(work, engine.name))
        yield found
    finally:
        for worker in found.values():
            worker.close()


def bar() -> Progress:
    return Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console)


@contextmanager
def spinner(description: str) -> Iterator[None]:
    """Show a spinner and the elapsed time; without a terminal, print one line."""
    if not console.is_terminal:
        console.print(description)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(description, total=None)
        yield


# ---- command line --------------------------------------------------------------------------------


def arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        metavar="DIR",
        help="folder of the data sets (default: %(default)s)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=ROOT / "build" / "peers",
        metavar="DIR",
        help="folder for prepared engines and logs (default: %(default)s)",
    )
    parser.add_argument(
        "--student",
        type=Path,
        metavar="DIR",
        help="student trained on IMDB (default: train one on the labels alone)",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="DIR",
        help="MiniLM-L6 fine-tuned on IMDB (default: the plain encoder with a random head)",
    )
    parser.add_argument(
        "--rounds", type=_positive, default=7, help="number of interleaved rounds (default: %(default)s)"
    )
    parser.add_argument(
        "--engines",
        nargs="+",
        metavar="NAME",
        help="run only these engines, without updating the project's files",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results to FILE instead of the project's files"
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is not a positive whole number")
    return int(text)


def choose(known: dict[str, Engine], names: Sequence[str] | None) -> list[Engine]:
    """Return the engines of these names, all by default."""
    if unknown := set(names or ()) - set(known):
        sys.exit(f"Unknown engine: {', '.join(sorted(unknown))}. Choose from {', '.join(known)}.")
    return [engine for name, engine in known.items() if names is None or name in names]


def with_required(chosen: Sequence[Engine], known: dict[str, Engine]) -> list[Engine]:
    """Return the engines to prepare, in order: `chosen` and all that they require."""
    wanted = {engine.name for engine in chosen}
    for engine in reversed(known.values()):  # an engine comes after those that it requires
        if engine.name in wanted:
            wanted.update(engine.requires)
    return [engine for name, engine in known.items() if name in wanted]


def main() -> None:
    given = arguments()
    for path in (given.student, given.teacher):
        if path is not None and not (path / "config.json").is_file():
            sys.exit(f"{path} does not hold a model: pass a directory with a config.json.")
    absolute = [path and path.resolve() for path in (given.work, given.data, given.student, given.teacher)]
    work = Work(*absolute)
    known = engines(work)
    chosen = choose(known, given.engines)
    machine = describe()
    try:
        with spinner("Reading the texts"):
            prepare_texts(work)
        for engine in with_required(chosen, known):
            prepare(engine, work, available_cores())
        accuracies = {engine.name: accuracy(engine, work, available_cores()) for engine in chosen}
        figures = measure(chosen, work, given.rounds)
        threads = over_threads([one for one in chosen if one.name in THREADED], work, given.rounds)
    except WorkerError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted. Prepared engines are kept for the next run.")
    for engine in chosen:
        figures[engine.name] |= {
            "title": engine.title,
            "note": engine.note,
            "against": engine.against,
            "own": engine.own_threads,
            "accuracy": accuracies[engine.name],
        }
    all_figures: Any = figures
    results: Results = {
        "machine": machine,
        "rounds": given.rounds,
        "engines": all_figures,
        "threads": threads,
    }
    for page in pages(results):
        Console(width=None if Console().is_terminal else 160).print(page.on_terminal())
    if given.json is not None:
        with atomic_write(given.json) as partial:
            partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    elif given.engines is None:
        write(results, ROOT)


if __name__ == "__main__":
    main()
