"""A student of tweets and a server, for the benchmarks of the server and of its page."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import httpx2
from _students import random_student

from sparsedistill import CountingConfig, TokenizerConfig, Vocabulary

TWEETS = Path(__file__).parents[2] / "shared" / "data" / "tweeteval_offensive" / "train.tsv.gz"


def make_student(folder: Path, texts: list[str]) -> Path:
    """A compact student over the 1- to 3-grams of the texts."""
    vocabulary = Vocabulary.build(texts, TokenizerConfig(3), CountingConfig(min_count=2))
    student = random_student(vocabulary, 64, 16).compress(texts[:2000])
    student.save_pretrained(folder / "student")
    return folder / "student"


@contextmanager
def running(*arguments: str) -> Iterator[tuple[int, int]]:
    """Run a server; its port and its process id."""
    with subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "see" not in said and "empty" not in said:
            line = process.stderr.readline()
            if not line:
                raise SystemExit(said)
            said += line
        port = int(said.split("127.0.0.1:")[1].split(":")[0].split()[0])
        while True:
            try:
                httpx2.get(f"http://127.0.0.1:{port}/health")
                break
            except httpx2.TransportError:
                sleep(0.1)
        try:
            yield port, process.pid
        finally:
            process.kill()
