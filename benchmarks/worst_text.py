"""CPU time per byte of the worst texts that were found, against reviews, on one thread.

Students with and without character n-grams, as trained and compact, read texts that are meant to be slow: of
words whose rows collide in a hash table without a salt, of unknown words, of tokens of one byte, of marks and
format characters, of n-grams that are far apart in memory. A random search then mixes pieces of the slowest,
and keeps what takes longest. The benchmark fails if a text takes more than five times as long per byte as the
reviews.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from time import process_time

import numpy as np
from _report import Measurement, make_parser, report
from _students import random_student
from _texts import add_texts_option, read_texts
from numpy.typing import NDArray

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary, _core
from sparsedistill.compression import Floor

SIZE = 200_000  # bytes of a text
MOST = 5.0  # times the reviews' time per byte
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SYMBOLS = "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"


def repeated(piece: Callable[[], str], size: int = SIZE) -> str:
    """Pieces until the text has about `size` bytes."""
    pieces, length = [], 0
    while length < size:
        pieces.append(piece())
        length += len(pieces[-1].encode("utf-8", "surrogatepass"))
    return "".join(pieces)


def colliding(words: list[str], rows: NDArray[np.int64], draw: random.Random) -> str:
    """Known words whose rows have the same place in a table of 2^17 places that has no salt."""
    places = (rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)) & np.uint64(0x1FFFF)
    chosen = [words[i] for i in np.argsort(places, kind="stable")[: SIZE // 7]]
    draw.shuffle(chosen)
    return " ".join(chosen)


def crowded(draw: random.Random) -> str:
    """Words whose keys begin with 8 zero bits."""
    names = [f"q{draw.getrandbits(40):x}" for _ in range(400_000)]
    return " ".join(
        name for name, key in zip(names, _core.keys_of(names), strict=True) if key >> np.uint64(56) == 0
    )


def pieces(vocabulary: Vocabulary, draw: random.Random) -> dict[str, Callable[[], str]]:
    """What draws the next piece of a text, by the name of the text."""
    ngrams = list(vocabulary.ngrams or [])
    words = [ngram for ngram in ngrams if " " not in ngram and not ngram.startswith("##")]
    phrases = [ngram for ngram in ngrams if " " in ngram]
    longest = [ngram for ngram in phrases if ngram.count(" ") == vocabulary.tokenizer.max_ngram - 1]
    prefixes = [ngram for ngram in phrases if ngram.count(" ") == vocabulary.tokenizer.max_ngram - 2]
    short = [word for word in words if len(word.encode()) <= 3]

    def spelt(least: int, most: int) -> str:
        return "".join(draw.choices(LETTERS, k=draw.randint(least, most))) + " "

    return {
        "known words, uniformly": lambda: draw.choice(words) + " ",
        "short known words": lambda: draw.choice(short) + " ",
        "longest n-grams, uniformly": lambda: draw.choice(longest) + " ",
        "prefixes with a wrong end": lambda: f"{draw.choice(prefixes)} {draw.choice(words)} ",
        "unknown words of 1 to 4 letters": lambda: spelt(1, 4),
        "unknown words of 5 to 9 letters": lambda: spelt(5, 9),
        "unknown words of 20 letters": lambda: spelt(20, 20),
        "unknown words of 250 letters": lambda: spelt(250, 250),
        "words of 10,000 letters": lambda: spelt(10_000, 10_000),
        "known syllables in unknown words": lambda: draw.choice(words)[:5] + draw.choice(words)[:5] + " ",
        "symbols": lambda: draw.choice(SYMBOLS),
        "letters": lambda: draw.choice(LETTERS) + " ",
        "letters and symbols": lambda: draw.choice(LETTERS + "0123456789") + draw.choice(SYMBOLS),
        "one symbol": lambda: "!",
        "Chinese": lambda: chr(draw.randint(0x4E00, 0x9FFF)),
        "letters beyond ASCII": lambda: draw.choice("éüñçßøåæ") + " ",
        "words with one letter beyond ASCII": lambda: draw.choice(words) + "é ",
        "letters that fold to three": lambda: draw.choice("\u0390\u03b0\ufb03\ufb04\u1fe7"),
        "zero-width characters": lambda: draw.choice(LETTERS) + "\u200b",
        "joiners inside words": lambda: draw.choice(LETTERS) + "\u200d" * 3,
        "a letter with many marks": lambda: "a" + "\u0301" * 5_000,
        "marks alone": lambda: draw.choice("\u0301\u0300\u0316") + " ",
        "Thai with marks": lambda: chr(draw.randint(0xE01, 0xE2E)) + "\u0e34\u0e48",
        "emoji with joiners": lambda: draw.choice("👩👨👧") + "\u200d",
        "white space": lambda: draw.choice(" \t\n\u3000"),
        "lone surrogates": lambda: "\ud800",
    }


def worst_texts(vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """The texts with their names."""
    draw = random.Random(0)
    ngrams = list(vocabulary.ngrams or [])
    rows = np.array([i for i, ngram in enumerate(ngrams) if " " not in ngram and not ngram.startswith("##")])
    yield "known words that collide", colliding([ngrams[row] for row in rows], rows, draw)
    yield "words with crowded keys", crowded(draw)
    for name, piece in pieces(vocabulary, draw).items():
        yield name, repeated(piece)


def seconds_per_byte(student: Student, texts: list[str], rounds: int) -> float:
    """The least CPU time of some rounds: other work on the machine only adds to it."""
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    best = float("inf")
    for _ in range(rounds):
        begin = process_time()
        student.score(texts, threads=1)
        best = min(best, process_time() - begin)
    return best / size


def search(
    student: Student, vocabulary: Vocabulary, slowest: list[str], tries: int, rounds: int
) -> tuple[float, str]:
    """The slowest mixture of some kinds of pieces, and their names: the first has the `slowest` ones."""
    draw = random.Random(1)
    kinds = pieces(vocabulary, draw)
    worst, found = 0.0, ""
    best = [name for name in slowest if name in kinds][:2]
    for _ in range(tries):
        names = [*best]
        if len(names) > 1 and draw.random() < 0.4:
            names.remove(draw.choice(names))
        if draw.random() < 0.8 or not names:
            names.append(draw.choice(list(kinds)))
        text = repeated(lambda names=names: kinds[draw.choice(names)](), SIZE // 4)  # type: ignore[misc]
        took = seconds_per_byte(student, [text], rounds)
        if took > worst:
            worst, found, best = took, " + ".join(sorted(names)), names
    return worst, found


def students(corpus: list[str], rows: int) -> Iterator[tuple[str, Student, Vocabulary]]:
    """Students of each kind, with their vocabularies."""
    for name, tokenizer in (("", TokenizerConfig(4)), (", 2-5 characters", TokenizerConfig(4, False, 2, 5))):
        vocabulary = Vocabulary.build(corpus, tokenizer, CountingConfig(max_rows=rows))
        trained = random_student(vocabulary, 64, rank=4)
        yield f"trained{name}", trained, vocabulary
        yield f"compact{name}", trained.compress(corpus[:4000], dims=4, floor=Floor(0.9, 0.1)), vocabulary


def main() -> None:
    parser = make_parser(__doc__, rounds=5)
    add_texts_option(parser, "train")
    parser.add_argument("--rows", type=int, default=1_000_000, help="n-grams at most (default: %(default)s)")
    parser.add_argument(
        "--tries", type=int, default=60, help="mixtures to try per student (default: %(default)s)"
    )
    options = parser.parse_args()
    corpus = read_texts(options.texts)
    measurements: list[Measurement] = []
    for name, student, vocabulary in students(corpus, options.rows):
        usual = seconds_per_byte(student, corpus[-2000:], options.rounds)
        base = f"{name}: reviews"
        measurements.append(Measurement(base, 1e9 * usual, "ns/byte"))
        slow = [
            (seconds_per_byte(student, [text], options.rounds), kind)
            for kind, text in worst_texts(vocabulary)
        ]
        slowest = [kind for _, kind in sorted(slow, reverse=True)]
        slow.append(search(student, vocabulary, slowest, options.tries, options.rounds))
        for seconds, kind in sorted(slow, reverse=True):
            measurements.append(
                Measurement(f"{name}: {kind}", 1e9 * seconds, "ns/byte", None, None, base, seconds / usual)
            )
    report("The worst texts, one thread", measurements, options.json)
    for row in measurements:
        if row.ratio is not None and row.ratio > MOST:
            sys.exit(f"{row.name}: {row.ratio:.1f} times the time of reviews per byte, above {MOST:g}.")


if __name__ == "__main__":
    main()
