"""Building the n-gram vocabulary of a corpus: sparsedistill against scikit-learn's CountVectorizer.

Each engine runs in a separate process, which measures its peak memory.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from argparse import SUPPRESS
from collections import Counter
from time import perf_counter

from _report import Measurement, make_parser, report
from _texts import add_texts_option, read_texts

ROUNDS = 3
CHECKED_TEXTS = 200  # number of texts for which the counts are compared


def sparsedistill_vocabulary(texts: list[str]) -> None:
    from sparsedistill import Vocabulary

    Vocabulary.build(texts)


def count_vectorizer(texts: list[str]) -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    CountVectorizer(ngram_range=(1, 4)).fit(texts)


ENGINES = {"sparsedistill": sparsedistill_vocabulary, "CountVectorizer": count_vectorizer}


def child(engine: str, paths: list[str]) -> None:
    """Build the vocabulary; print the seconds and the peak memory in bytes, texts included."""
    texts = read_texts(paths)
    begin = perf_counter()
    ENGINES[engine](texts)
    seconds = perf_counter() - begin
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def measure(engine: str, paths: list[str]) -> tuple[float, float]:
    """Run an engine in a child process; return seconds and peak memory in bytes."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", engine, "--texts", *paths],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, memory = done.stdout.split()
    return float(seconds), float(memory)


def check_counts(texts: list[str]) -> None:
    """Compare the counts of the core with a count of its tokens in Python.

    Raises:
        SystemExit: They differ.
    """
    from sparsedistill import CountingConfig, Vocabulary, tokenize

    plain: Counter[str] = Counter()
    for text in texts:
        tokens = tokenize(text)
        plain.update(" ".join(tokens[i : i + n]) for n in range(1, 5) for i in range(len(tokens) - n + 1))
    vocabulary = Vocabulary.build(texts, counting=CountingConfig(max_rows=10_000_000, min_count=1))
    assert vocabulary.ngrams is not None
    assert vocabulary.counts is not None
    if dict(zip(vocabulary.ngrams, vocabulary.counts.tolist(), strict=True)) != dict(plain):
        raise SystemExit("The counts of the core differ from a count in Python.")


def main() -> None:
    parser = make_parser(__doc__, rounds=ROUNDS)
    add_texts_option(parser, "train", "unlabeled")
    parser.add_argument("--child", choices=ENGINES, help=SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.texts)
        return
    texts = read_texts(options.texts)
    check_counts(texts[:CHECKED_TEXTS])
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    del texts
    print(f"{megabytes:.1f} MB of text")
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in ENGINES}
    for turn in range(options.rounds):
        for name in ENGINES:
            if name == "CountVectorizer" and turn:
                continue  # takes minutes: one run is precise enough for a factor of about thirty
            runs[name].append(measure(name, options.texts))
    base_seconds, base_memory = runs["CountVectorizer"][0]
    measurements = []
    for name, found in runs.items():
        seconds, memory = (sorted(values) for values in zip(*found, strict=True))
        middle = len(found) // 2
        measurements.append(
            Measurement(
                f"{name}, speed",
                megabytes / seconds[middle],
                "MB/s",
                megabytes / seconds[-1],
                megabytes / seconds[0],
                "CountVectorizer, speed",
                base_seconds / seconds[middle],
            )
        )
        measurements.append(
            Measurement(
                f"{name}, peak memory",
                memory[middle] / 2**20,
                "MiB",
                memory[0] / 2**20,
                memory[-1] / 2**20,
                "CountVectorizer, peak memory",
                memory[middle] / base_memory,
            )
        )
    report("n-gram vocabulary (n = 1..4)", measurements, options.json)


if __name__ == "__main__":
    main()
