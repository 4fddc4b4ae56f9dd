"""The cost of character n-grams: a compact student with them against students without, on one thread.

A known word contains its characters, so it costs one look-up in either; only unknown words are read by
characters. One student without them has as many rows, and so more phrases; the other has the same words and
phrases. The students are asked for texts that they know, and for the same texts with every fifth word
misspelt. Answers are compared with those of the trained student before anything is timed.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from _report import Measurement, interleave, make_parser, rates, report
from _students import random_student
from _texts import add_texts_option, read_texts

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary
from sparsedistill.compression import Floor
from sparsedistill.vocabulary.tokenizer import is_characters

LEAST_AGREEMENT = 0.97  # of a compact student with random weights


def processor() -> str:
    """The name of the processor."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def misspelt(text: str) -> str:
    """A text with a letter of every fifth word repeated, so that most of these are unknown."""
    words = text.split(" ")
    return " ".join(w[:2] + w[1:] if i % 5 == 0 and len(w) > 4 else w for i, w in enumerate(words))


def compact_student(vocabulary: Vocabulary, corpus: list[str], dim: int) -> tuple[Student, Student]:
    """A trained student with random weights, and its compact form."""
    student = random_student(vocabulary, dim, rank=4)
    return student, student.compress(corpus[:4000], dims=4, floor=Floor(LEAST_AGREEMENT, 0.02))


def vocabularies(corpus: list[str], rows: int) -> dict[str, Vocabulary]:
    """The vocabularies that are compared; the first has character n-grams."""
    counting = CountingConfig(max_rows=rows)
    spelt = Vocabulary.build(corpus, TokenizerConfig(4, False, 2, 5), counting)
    assert spelt.ngrams is not None
    phrases = [ngram for ngram in spelt.ngrams if not is_characters(ngram)]
    return {
        "with 2-5 characters": spelt,
        "without, as many rows": Vocabulary.build(corpus, TokenizerConfig(4), counting),
        "without, same phrases": Vocabulary.from_ngrams(phrases, TokenizerConfig(4)),
    }


def check(trained: Student, compact: Student, texts: list[str]) -> None:
    """Compare the answers of both forms.

    Raises:
        SystemExit: They differ for more texts than a compact student may, or the coverage differs.
    """
    one, other = trained.score(texts), compact.score(texts)
    agreement = (one.logits.argmax(1) == other.logits.argmax(1)).mean()
    coverage = np.abs(one.coverage - other.coverage).max()  # one look-up in 8,000 finds another n-gram
    if agreement < LEAST_AGREEMENT or coverage > 0.1:
        raise SystemExit(f"The compact student agrees with {agreement:.1%} of the answers only.")
    print(f"{compact!r}: agreement {agreement:.2%}, coverage {other.coverage.mean():.2%}")


def main() -> None:
    parser = make_parser(__doc__, rounds=9)
    add_texts_option(parser, "train")
    parser.add_argument("--rows", type=int, default=1_000_000, help="n-grams at most (default: %(default)s)")
    parser.add_argument("--dim", type=int, default=64, help="dimensions (default: %(default)s)")
    parser.add_argument("--count", type=int, default=2000, help="texts to score (default: %(default)s)")
    options = parser.parse_args()
    corpus = read_texts(options.texts)
    found = vocabularies(corpus, options.rows)
    kinds = {kind: compact_student(vocabulary, corpus, options.dim) for kind, vocabulary in found.items()}
    known = corpus[-options.count :]
    measurements: list[Measurement] = []
    for name, texts in {"known": known, "misspelt": [misspelt(text) for text in known]}.items():
        engines: dict[str, Callable[[], object]] = {}
        for kind, (trained, compact) in kinds.items():
            check(trained, compact, texts)
            engines[f"{name} texts, {kind}"] = partial(compact.predict_proba, texts, threads=1)
        seconds = interleave(engines, options.rounds)
        spelling, *bases = seconds
        for base in bases:
            pair = {engine: seconds[engine] for engine in (spelling, base)}
            measurements += rates(pair, len(texts), "texts/s", base)
    report(f"Compact students, one thread, {processor()}", measurements, options.json)


if __name__ == "__main__":
    main()
