"""Raw text to probabilities on one thread: a student against the pipeline of the paper.

The pipeline is vectorised: ``CountVectorizer.transform`` -> ``EmbeddingBag`` -> MLP. It has the student's
vocabulary, token rules and weights, so that its probabilities can be compared with the student's. Another row
uses CountVectorizer's default tokens (words of at least two characters, no punctuation) and the n-grams of
the vocabulary that it can find with them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from _paper import CORE_TOKENS, DEFAULT_TOKENS, PaperPipeline
from _report import Measurement, interleave, make_parser, rates, report
from _students import random_student
from _texts import add_texts_option, read_texts

from sparsedistill import CountingConfig, Vocabulary


def main() -> None:
    parser = make_parser(__doc__, rounds=5)
    add_texts_option(parser, "train", "unlabeled")
    parser.add_argument(
        "--dims", type=int, nargs="+", default=[64, 256], help="embedding dimensions (default: 64 256)"
    )
    parser.add_argument(
        "--count",
        type=int,
        default=1000,
        help="number of texts to score, from the end of the files (default: %(default)s)",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)

    corpus = read_texts(options.texts)
    vocabulary = Vocabulary.build(corpus, counting=CountingConfig(max_rows=1_000_000))
    texts = corpus[-options.count :]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts):,} texts, {megabytes:.2f} MB; {len(vocabulary):,} n-grams")

    measurements: list[Measurement] = []
    for dim in options.dims:
        student = random_student(vocabulary, dim)
        paper, default = PaperPipeline(student, CORE_TOKENS), PaperPipeline(student, DEFAULT_TOKENS)
        ours, theirs = student.predict_proba(texts, threads=1), paper(texts)
        close = (np.abs(ours - theirs).max(axis=1) < 1e-4).mean()
        if close < 0.95:
            raise SystemExit(
                f"The probabilities are equal for only {close:.1%} of the texts: compare the two pipelines."
            )
        print(f"dim {dim}: probabilities are equal within 1e-4 for {close:.1%} of the texts")
        base = f"paper, dim {dim}"
        engines: dict[str, Callable[[], object]] = {
            f"sparsedistill, dim {dim}": partial(student.predict_proba, texts, threads=1),
            base: partial(paper, texts),
            f"paper, default tokens, dim {dim}": partial(default, texts),
        }
        seconds = interleave(engines, options.rounds)
        measurements += rates(seconds, len(texts), "texts/s", base)
    report("Raw text to probabilities, one thread", measurements, options.json)


if __name__ == "__main__":
    main()
