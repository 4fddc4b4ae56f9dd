"""Raw text to probabilities on one thread: the fused core against the paper's pipeline.

The paper's pipeline, tidied: ``CountVectorizer.transform`` -> ``EmbeddingBag`` -> MLP, with nothing per row
in Python. It gets the same vocabulary, tokenizer rules and weights as ours, so that its answers can be
checked against ours; and, as a row of its own, CountVectorizer's default rules (words of two characters or
more, no punctuation) with the n-grams of the vocabulary that they can find.
"""

from __future__ import annotations

import numpy as np
import torch
from _paper import DEFAULT_RULES, OUR_RULES, PaperPipeline
from _report import Measurement, arguments, interleave, rates, report
from _students import make_student
from _texts import add_texts, read_texts

from sparsedistill import CountingConfig, Vocabulary


def main() -> None:
    parser = arguments(__doc__.split("\n")[0], rounds=5)
    add_texts(parser, "train", "unlabeled")
    parser.add_argument("--dims", type=int, nargs="+", default=[64, 256], help="embedding dimensions")
    parser.add_argument("--count", type=int, default=1000, help="texts to score (the last ones of the files)")
    options = parser.parse_args()
    torch.set_num_threads(1)

    corpus = read_texts(options.texts)
    vocabulary = Vocabulary.build(corpus, counting=CountingConfig(max_rows=1_000_000))
    texts = corpus[-options.count :]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts):,} texts, {megabytes:.2f} MB; {len(vocabulary):,} n-grams")

    measurements: list[Measurement] = []
    for dim in options.dims:
        student = make_student(vocabulary, dim)
        paper, default = PaperPipeline(student, OUR_RULES), PaperPipeline(student, DEFAULT_RULES)
        ours, theirs = student.predict_proba(texts, threads=1), paper(texts)
        close = (np.abs(ours - theirs).max(axis=1) < 1e-4).mean()
        if close < 0.95:
            raise SystemExit(
                f"Only {close:.1%} of the answers are equal: the pipelines compute different things."
            )
        print(f"dim {dim}: {close:.1%} of the probabilities are equal to 1e-4")
        names = [f"sparsedistill, dim {dim}", f"paper, dim {dim}", f"paper, default tokens, dim {dim}"]
        engines = [lambda s=student: s.predict_proba(texts, threads=1), lambda p=paper: p(texts)]
        engines.append(lambda d=default: d(texts))
        seconds = interleave(dict(zip(names, engines, strict=True)), options.rounds)
        measurements += rates(seconds, len(texts), "texts/s", base=names[1])
    report("Raw text to probabilities, one thread", measurements, options.json)


if __name__ == "__main__":
    main()
