"""Disturbs small jobs of commands, and looks for what is lost: ``python -m support.jobs [EVERY] [NAME]``.

Each job is run with a fault at each change of a file, or with every `EVERY`-th fault, and then again without.
A job that fails must say so in one sentence that names a file, and leave nothing half-written; the same
command must then end with the same bytes as a job that was not disturbed. A few are killed at random moments.
"""

from __future__ import annotations

import errno
import json
import random
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet
import safetensors.numpy

from sparsedistill import Corpus, CountingConfig, TokenizerConfig, Vocabulary
from sparsedistill._internal.files import PARTIAL_SUFFIX

from .encoders import save_encoder
from .faults import Commands, Ended, Fault
from .students import good_or_bad

#: What is below a folder: the bytes of each file by its path, None for a folder.
Tree = dict[str, bytes | None]

_WORDS = {"good": ["good", "fine", "lovely"], "bad": ["bad", "dull", "poor"]}
_OTHER = ["the", "film", "story", "acting", "was", "a", "with", "of", "plot", "scene"]
_ONE = "--threads=1"
_SMALL = [
    *("--set", "training.steps=4", "--set", "training.evaluations=1", "--set", "finetuning.steps=4"),
    *("--set", "finetuning.evaluations=1", "--set", "student.dim=4", "--set", "student.hidden=8", _ONE),
]
#: Files that a resumed job replaces, so that they may be those of an earlier stage.
_PROGRESS = {"manifest.json", "config.json", "README.md", "checkpoint.json", "finetuning.json"}


@dataclass
class Jobs:
    """The jobs: arguments by name. They write to ``work/``, and read what is in ``data/``.

    Attributes:
        commands: Runs them.
        folder: Holds both.
        arguments: The command lines.
        wanted: What an undisturbed run of each leaves.
        changes: Number of changes of files of an undisturbed run.
    """

    commands: Commands
    folder: Path
    arguments: dict[str, list[object]] = field(default_factory=dict)
    wanted: dict[str, Tree] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        data, work = self.folder / "data", self.folder / "work"
        _write_data(data)
        scored, labelled, more = data / "scored.jsonl", data / "labelled.csv", data / "more.csv"
        labels, vocabulary, student = data / "labels", data / "vocabulary", data / "student"
        label = ["label", "good,bad", scored, "--scores", "s", "--shard-size", 40]
        filtered = ["--keep", "good >= 0.5", "--prefix", "p_", _ONE]
        reports = ["--excluded", work / "x", "--report", work / "report.json"]
        loose = ["--agreement", "0.1", "--change", "1", _ONE]
        on = ["--labelled", labelled]
        alone = ["--no-tune", "--no-baselines"]
        self.arguments = {
            "vocab": ["vocab", scored, "-o", work / "v", "--max-ngram", 1, _ONE],
            "label": [*label, "-o", work / "l"],
            "compress": ["compress", student, scored, "-o", work / "c", *loose],
            "predict": ["predict", student, scored, "-o", work / "p.tsv", _ONE],
            "predict to parquet": ["predict", student, scored, "-o", work / "p.parquet", _ONE],
            "filter": ["filter", student, labelled, "-o", work / "f.csv", *filtered],
            "filter of files": ["filter", student, labelled, more, "-o", work / "f", *filtered, *reports],
            "train": ["train", vocabulary, "--soft-targets", labels, *on, "-o", work / "s", *_SMALL],
            "distill": ["distill", *on, "--test", more, "-o", work / "d", *alone, *_SMALL],
        }
        good_or_bad().save_pretrained(student)
        Vocabulary.build(Corpus(scored), TokenizerConfig(1), CountingConfig(min_count=1)).save(vocabulary)
        ended = self.commands.run([*label, "-o", labels], work)
        assert ended.code == 0, ended.said

    def add_teach(self) -> None:
        """Add the job of ``teach``; its encoder needs torch and transformers."""
        encoder = save_encoder(self.folder / "data" / "encoder", size=8, layers=1)
        short = ["--steps", 4, "--evaluations", 2, "--batch-size", 8]
        labelled = self.folder / "data" / "labelled.csv"
        self.arguments["teach"] = ["teach", encoder, labelled, "-o", self.work / "t", *short]

    @property
    def work(self) -> Path:
        """Where the jobs write."""
        return self.folder / "work"

    def restart(self) -> None:
        """Delete what the jobs have written."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()

    def run(self, name: str, fault: Fault | None = None) -> Ended:
        """Run a job on what is there."""
        return self.commands.run(self.arguments[name], self.work, fault)

    def undisturbed(self, name: str) -> int:
        """Run a job without a fault, once; gives the number of its changes of files."""
        if name not in self.changes:
            self.restart()
            ended = self.run(name)
            assert ended.code == 0, ended.said
            self.wanted[name], self.changes[name] = tree(self.work), ended.changes
            assert not list(_partial(self.wanted[name]))
        return self.changes[name]

    def disturbed(self, name: str, fault: Fault) -> list[str]:
        """Run a job with a fault, and again without one; gives what was wrong, one sentence each."""
        self.undisturbed(name)
        self.restart()
        ended = self.run(name, fault)
        found = tree(self.work)
        wrong = list(_half_written(found, self.wanted[name]))
        if ended.code == 0:
            wrong += [f"succeeded, but {one}" for one in _differences(found, self.wanted[name], ended.said)]
        else:
            if ended.code > 0:
                wrong += _badly_said(ended, self.folder)
                if not ended.failed.startswith(("unlink", "rmdir")):
                    wrong += [f"left {one}" for one in _partial(found)]
            wrong += self._repeated(name, ended)
        how = f"code {ended.code}: {ended.said[-400:]}"
        return [f"{name}, {fault}, {ended.failed}: {one} ({how})" for one in wrong]

    def kills(self, name: str, count: int) -> Iterator[Fault]:
        """The end of the process at random moments of a job."""
        self.restart()
        begin = time.monotonic()
        self.run(name)
        length = time.monotonic() - begin
        draw = random.Random(name)
        for _ in range(count):
            yield Fault(seconds=draw.uniform(0, length))

    def _repeated(self, name: str, before: Ended) -> Iterator[str]:
        again = self.run(name)
        while again.code == 2 and (there := re.search(r"(\S+) exists already: .*delete it", again.said)):
            if before.code > 0 and name != "filter of files":  # whose outputs appear one after the other
                yield f"failed, and the same command then says {again.said[-200:]}"
            shutil.rmtree(there[1])
            again = self.run(name)
        if again.code:
            yield f"the same command then says {again.said[-400:]}"
        for one in _differences(tree(self.work), self.wanted[name]):
            yield f"after the same command, {one}"


def faults(changes: int, *, every: int = 1) -> Iterator[Fault]:
    """A fault at each change, or each `every`-th: once, from then on, or the end of the process."""
    kinds = [(errno.ENOSPC, False), (errno.EIO, False), (errno.ENOSPC, True), (0, False)]
    numbered = [(at, kind) for at in range(1, changes + 1) for kind in kinds]
    for number, (at, (error, lasting)) in enumerate(numbered):
        if number % every == 0:
            yield Fault(at, error, lasting)


def tree(folder: Path) -> Tree:
    """What is below a folder, with hidden files; without measured times."""
    return {
        str(path.relative_to(folder)): _plain(path.read_bytes()) if path.is_file() else None
        for path in folder.rglob("*")
    }


def _plain(data: bytes) -> bytes:
    """A file without the measured speeds in it; of a page with plots of them, only that it is whole."""
    if data.startswith(b"<!"):
        return data[-16:]
    data = re.sub(rb'("(texts_per_second|seconds)": )[0-9.e+]+', rb"\g<1>0", data)
    return re.sub(rb"(?m)^\| (the student|as |compact|student|teacher).*$", b"", data)


def _partial(found: Tree) -> list[str]:
    return [name for name in found if PARTIAL_SUFFIX in name and "/." in f"/{name}"]


def _half_written(found: Tree, wanted: Tree) -> Iterator[str]:
    """The files with their final names that cannot be read, or differ from those of an undisturbed run."""
    hidden = {name for name in found if PARTIAL_SUFFIX in name}
    for name, data in found.items():
        if data is None or name in hidden:
            continue
        try:
            if name.endswith((".json", ".jsonl")):
                json.loads(data)
            elif name.endswith(".parquet"):
                pyarrow.parquet.read_table(pyarrow.py_buffer(data))
            elif name.endswith(".safetensors"):
                safetensors.numpy.load(data)
        except Exception as error:
            yield f"{name} is half written ({error})"
        if name in wanted and Path(name).name not in _PROGRESS and data != wanted[name]:
            yield f"{name} differs"


def _badly_said(ended: Ended, folder: Path) -> Iterator[str]:
    if ended.code != 2:
        yield "the exit code is not 2"
    message = ended.said.partition("Error: ")[2]
    if "Traceback" in ended.said or not re.fullmatch(r"\S.*: .*\.|/.*\. Check .*\.", message):
        yield "not one sentence"
    elif str(folder) not in message:
        yield "names no file"


def _differences(found: Tree, wanted: Tree, said: str = "") -> Iterator[str]:
    for name in sorted(found.keys() | wanted.keys()):
        if name not in wanted and not said.count(name.split("/")[0]):
            yield f"there is {name}"
        elif name not in found:
            yield f"{name} is missing"
        elif name in wanted and found[name] != wanted[name]:
            yield f"{name} differs"


def _write_data(data: Path) -> None:
    draw = random.Random(1)
    rows = []
    for i in range(100):
        label = ("good", "bad")[i % 2]
        words = draw.choices(_OTHER, k=8) + draw.choices(_WORDS[label], k=2)
        draw.shuffle(words)
        rows.append((" ".join(words), label))
    data.mkdir()
    for name, some in (("labelled", rows[:80]), ("more", rows[80:])):
        lines = "".join(f"{text},{label}\n" for text, label in some)
        (data / f"{name}.csv").write_text(f"text,label\n{lines}")
    scores = {"good": [0.9, 0.1], "bad": [0.1, 0.9]}
    lines = "".join(json.dumps({"text": text, "s": scores[label]}) + "\n" for text, label in rows)
    (data / "scored.jsonl").write_text(lines)


def sweep(every: int, names: list[str], kills: int = 10) -> bool:
    """Disturb the jobs, and print what was tried and what was wrong; gives whether nothing was."""
    with TemporaryDirectory() as name:
        commands = Commands(Path(name))
        jobs = Jobs(commands, Path(name))
        if "teach" in names or not names:
            jobs.add_teach()
        count = 0
        for job in names or jobs.arguments:
            changes = jobs.undisturbed(job)
            tried = [*faults(changes, every=every), *jobs.kills(job, kills)]
            wrong = 0
            for done, fault in enumerate(tried):
                if done % 100 == 0:
                    print(f"{job}: {done} of {len(tried)} faults", file=sys.stderr, flush=True)
                if found := jobs.disturbed(job, fault):
                    wrong += 1
                    print(*found, sep="\n", flush=True)
            count += wrong
            print(f"{job}: {changes} changes of files, {len(tried)} faults, {wrong} wrong", flush=True)
        commands.close()
    return not count


if __name__ == "__main__":
    sys.exit(not sweep(int(sys.argv[1]) if sys.argv[1:] else 1, sys.argv[2:]))
