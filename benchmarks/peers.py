"""Raw text to probabilities: sparsedistill against the engines that people use instead.

Each engine is prepared once (trained, exported or drawn), into a folder that the next run finds again, and
then runs in a process of its own. The processes take turns, round by round, so that all see the same machine;
what was timed is checked against a reference of the engine's own. Writes docs/benchmarks.md, its plots, the
README's table, and the figures of every round as JSON.
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

from _machine import describe, processors
from _peers_report import tables, write
from _worker import Worker, WorkerError
from engines import TEXT_SETS, Engine, Work, engines
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sparsedistill import Columns, Corpus
from sparsedistill._internal.files import atomic_directory, atomic_write

ROOT = Path(__file__).parents[1]
DATA_IS_FOUND = (
    "It holds the folders imdb (train, test, unlabeled), sst2 (train_sentences, dev) and twitter_url (test) "
    "with files .tsv.gz of columns text (or text_a and text_b) and label: the reviews of Maas et al. 2011 "
    "(ai.stanford.edu/~amaas/data/sentiment), the sentences of Socher et al. 2013 "
    "(nlp.stanford.edu/sentiment), the tweets of Lan et al. 2017 (languagenet.github.io)."
)
#: Engines whose speed is followed over threads: the slowest say nothing new, at minutes a round.
THREADED = (
    *("student", "compact", "fasttext-w2", "fasttext-w2-quantised", "model2vec", "tfidf", "hashing"),
    *("paper", "minilm", "minilm-int8"),
)
_LATENCY_ROUNDS = 3

console = Console(stderr=True, highlight=False)


# ---- what is prepared ----------------------------------------------------------------------------


def prepare_texts(work: Work) -> None:
    """The text sets as JSON, which a worker reads without any library."""
    folder = work.folder / "texts"
    if folder.exists():
        return
    needed = [
        "imdb/train",
        "imdb/test",
        "imdb/unlabeled",
        "sst2/train_sentences",
        "sst2/dev",
        "twitter_url/test",
    ]
    for name in needed:
        if not (work.data / f"{name}.tsv.gz").is_file():
            sys.exit(
                f"{work.data / name}.tsv.gz is missing: name the data folder with --data. {DATA_IS_FOUND}"
            )
    with atomic_directory(folder) as partial:

        def keep(name: str, texts: list[str], labels: Sequence[int] = ()) -> None:
            content = json.dumps({"texts": texts, "labels": list(labels)}, ensure_ascii=False)
            (partial / f"{name}.json").write_text(content, encoding="utf-8")

        tests, test_labels = _columns(work.data / "imdb/test.tsv.gz")
        known = set(tests)
        train = [
            (t, y) for t, y in zip(*_columns(work.data / "imdb/train.tsv.gz"), strict=True) if t not in known
        ]
        keep("imdb", tests, [int(label) for label in test_labels])
        keep("train", [text for text, _ in train], [int(label) for _, label in train])
        unlabelled = _columns(work.data / "imdb/unlabeled.tsv.gz", None)[0]
        keep("unlabelled", [text for text in unlabelled if text not in known])
        sentences = [_columns(work.data / f"sst2/{name}.tsv.gz")[0] for name in ("train_sentences", "dev")]
        keep("sst2", sentences[0] + sentences[1])
        pairs = [
            _columns(work.data / "twitter_url/test.tsv.gz", None, side)[0] for side in ("text_a", "text_b")
        ]
        keep("tweets", list(dict.fromkeys(pairs[0] + pairs[1])))


def _columns(path: Path, label: str | None = "label", text: str = "text") -> tuple[list[str], list[str]]:
    texts: list[str] = []
    labels: list[str] = []
    for batch in Corpus([str(path)], Columns(text=text, label=label)).batches():
        texts.extend(batch.texts.to_pylist())
        if label is not None:
            labels.extend(batch.labels.to_pylist())
    return texts, labels


def prepare(engine: Engine, work: Work, threads: int) -> None:
    """Do what an engine needs done once, unless it is there from an earlier run of the same settings."""
    recipe = {"recipe": engine.recipe()}
    done = engine.folder / "prepared.json"
    if done.exists() and json.loads(done.read_text(encoding="utf-8")) == recipe:
        return
    partial = engine.folder.with_name(engine.folder.name + ".partial")
    if partial.exists() and not engine.resumes:
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    with waiting(f"Preparing {engine.title}"), started(engine, work, threads, "prepare") as worker:
        worker.ask("prepare", folder=str(partial))
    (partial / "prepared.json").write_text(json.dumps(recipe), encoding="utf-8")
    shutil.rmtree(engine.folder, ignore_errors=True)
    partial.rename(engine.folder)


def accuracy(engine: Engine, work: Work, threads: int) -> dict[str, Any] | None:
    """Share of the test reviews that it gets right; measured once, kept beside the model."""
    if not engine.learned:
        return None
    file = engine.folder / "accuracy.json"
    if not file.exists():
        with waiting(f"Accuracy of {engine.title}"), started(engine, work, threads, "accuracy") as worker:
            worker.ask("open")
            found = worker.ask("accuracy")
        with atomic_write(file) as partial:
            partial.write_text(json.dumps(found), encoding="utf-8")
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return kept


# ---- what is measured ----------------------------------------------------------------------------


def measure(chosen: Sequence[Engine], work: Work, rounds: int) -> dict[str, Any]:
    """All that one thread does, by engine: load time, memory, and the text sets with their rounds."""
    with workers(chosen, work, threads=1) as open_workers:
        found: dict[str, Any] = {}
        for engine in chosen:
            with waiting(f"Opening {engine.title}"):
                found[engine.name] = open_workers[engine.name].ask("open")
            found[engine.name]["sets"] = {}
        for kind in TEXT_SETS.values():
            taken = {}
            for engine in chosen:
                with waiting(f"{kind.title}: warming up {engine.title}"):
                    taken[engine.name] = open_workers[engine.name].ask("take", name=kind.name)
            seconds = take_turns(open_workers, "answer", rounds, kind.title)
            latencies = take_turns(
                open_workers, "single", min(rounds, _LATENCY_ROUNDS), f"{kind.title}, one by one"
            )
            for engine in chosen:
                one, work_done = (
                    taken[engine.name],
                    taken[engine.name]["texts"] * taken[engine.name]["passes"],
                )
                refuse_more_threads(engine, seconds[engine.name])
                found[engine.name]["sets"][kind.name] = {
                    **one,
                    "texts_per_second": [work_done / turn["seconds"] for turn in seconds[engine.name]],
                    "latency_seconds": [turn["seconds"] for turn in latencies[engine.name]],
                }
                if "resident_answering" not in found[engine.name]:  # before references leave anything behind
                    resident = open_workers[engine.name].ask("resident")["resident"]
                    found[engine.name]["resident_answering"] = resident - one["resident_for_texts"]
            for engine in chosen:
                with waiting(f"{kind.title}: checking {engine.title}"):
                    checked = open_workers[engine.name].ask("check")
                if not checked["passed"]:
                    raise WorkerError(
                        f"{engine.title} answers otherwise than its reference ({engine.against}) on "
                        f"{kind.title}: {checked}"
                    )
                found[engine.name]["sets"][kind.name]["check"] = checked
        return found


def take_turns(
    open_workers: dict[str, Worker], do: str, rounds: int, title: str
) -> dict[str, list[dict[str, float]]]:
    """Each worker's answers to a request, round by round, one at a time."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in open_workers}
    with bar() as progress:
        task = progress.add_task(title, total=rounds * len(open_workers))
        for turn in range(rounds):
            for name, worker in open_workers.items():
                progress.update(task, description=f"{title}: round {turn + 1} of {rounds}, {name}")
                found[name].append(worker.ask(do))
                progress.advance(task)
    return found


def refuse_more_threads(engine: Engine, turns: Sequence[dict[str, float]]) -> None:
    """See that an engine on one thread has used one."""
    used = median(turn["processor_seconds"] / turn["seconds"] for turn in turns)
    if used > 1.1:
        raise WorkerError(f"{engine.title} was to use one thread, and used {used:.2f} processors.")


def over_threads(chosen: Sequence[Engine], work: Work, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Reviews a second by engine and number of threads, all of them in turns.

    An engine without threads of its own has a process for each.
    """
    counts = thread_counts(processors())
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
                with waiting(f"{engine.title} on {count} threads"):
                    groups[key] = []
                    for part in range(1 if own else count):
                        log = log_file(work, f"{engine.name}-threads-{count}-{part}")
                        groups[key].append(Worker(engine.name, work, count if own else 1, log))
                    for worker in groups[key]:
                        worker.ask("open")
                    first, *others = groups[key]
                    taken = first.ask("take", name="imdb")
                    for worker in others:
                        worker.ask("take", name="imdb", texts=taken["texts"], passes=taken["passes"])
                    texts[key] = taken["texts"] * taken["passes"] * len(groups[key])
        with bar() as progress:
            task = progress.add_task("Threads", total=rounds * len(groups))
            for turn in range(rounds):
                for (name, count), group in groups.items():
                    progress.update(
                        task, description=f"Threads: round {turn + 1} of {rounds}, {name} on {count}"
                    )
                    for worker in group:
                        worker.tell("answer")
                    slowest = max(worker.hear()["seconds"] for worker in group)
                    found[name][str(count)].append(texts[name, count] / slowest)
                    progress.advance(task)
    finally:
        for group in groups.values():
            for worker in group:
                worker.close()
    return found


def thread_counts(most: int) -> list[int]:
    """1, 2, 4, ... and all of them; each number up to eight."""
    if most <= 8:
        return list(range(1, most + 1))
    return sorted({2**power for power in range(most.bit_length()) if 2**power < most} | {most})


# ---- the parts of a run --------------------------------------------------------------------------


def log_file(work: Work, name: str) -> Path:
    return work.folder / "logs" / f"{name}.log"


@contextmanager
def started(engine: Engine, work: Work, threads: int, purpose: str) -> Iterator[Worker]:
    worker = Worker(engine.name, work, threads, log_file(work, f"{engine.name}-{purpose}"))
    try:
        yield worker
    finally:
        worker.close()


@contextmanager
def workers(chosen: Sequence[Engine], work: Work, threads: int) -> Iterator[dict[str, Worker]]:
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
def waiting(what: str) -> Iterator[None]:
    """A spinner and the time that has passed; without a terminal, a line."""
    if not console.is_terminal:
        console.print(what)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(what, total=None)
        yield


def arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="default: %(default)s"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "peers", help="default: %(default)s")
    parser.add_argument(
        "--student", type=Path, help="a student trained on IMDB (default: one of the labels alone)"
    )
    parser.add_argument("--teacher", type=Path, help="a MiniLM-L6 fine-tuned on IMDB (default: a drawn head)")
    parser.add_argument(
        "--rounds", type=_positive, default=7, help="interleaved rounds (default: %(default)s)"
    )
    parser.add_argument("--engines", nargs="+", metavar="NAME", help="these only; nothing is published then")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures to FILE, not to the project"
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def chosen_engines(work: Work, names: Sequence[str] | None) -> list[Engine]:
    known = engines(work)
    if unknown := set(names or ()) - set(known):
        sys.exit(f"There is no engine {', '.join(sorted(unknown))}: choose of {', '.join(known)}.")
    return [engine for name, engine in known.items() if names is None or name in names]


def with_needs(chosen: Sequence[Engine], known: dict[str, Engine]) -> list[Engine]:
    """The engines to prepare, in order."""
    wanted = {engine.name for engine in chosen}
    for engine in reversed(known.values()):  # those that are needed stand before those that need them
        if engine.name in wanted:
            wanted.update(engine.needs)
    return [engine for name, engine in known.items() if name in wanted]


def main() -> None:
    given = arguments()
    for path in (given.student, given.teacher):
        if path is not None and not (path / "config.json").is_file():
            sys.exit(f"{path} holds no model: name the directory that it was saved to.")
    absolute = [path and path.resolve() for path in (given.work, given.data, given.student, given.teacher)]
    work = Work(*absolute)
    chosen = chosen_engines(work, given.engines)
    machine = describe()
    try:
        with waiting("Reading the texts"):
            prepare_texts(work)
        for engine in with_needs(chosen, engines(work)):
            prepare(engine, work, processors())
        accuracies = {engine.name: accuracy(engine, work, processors()) for engine in chosen}
        figures = measure(chosen, work, given.rounds)
        threads = over_threads([one for one in chosen if one.name in THREADED], work, given.rounds)
    except WorkerError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted: what was prepared is kept for the next run.")
    for engine in chosen:
        facts = {
            "title": engine.title,
            "note": engine.note,
            "against": engine.against,
            "own": engine.own_threads,
        }
        figures[engine.name] |= facts | {"accuracy": accuracies[engine.name]}
    results = {"machine": machine, "rounds": given.rounds, "engines": figures, "threads": threads}
    for table in tables(results):
        Console(width=None if Console().is_terminal else 160).print(table)
    if given.json is not None:
        with atomic_write(given.json) as partial:
            partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    elif given.engines is None:
        write(results, ROOT)


if __name__ == "__main__":
    main()
