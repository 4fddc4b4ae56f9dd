"""Compact students with fewer n-grams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.sentences import error
from support.students import good_or_bad, three_questions, uneven

from sparsedistill.compression import Floor
from sparsedistill.data.columns import Columns
from sparsedistill.data.corpus import Corpus
from sparsedistill.data.labelled import Labelled
from sparsedistill.evaluation import size_curve, smallest_within
from sparsedistill.model.weights import StudentWeights

LOOSE = Floor(agreement=0.97, change=0.01)


@pytest.fixture(scope="module")
def sentences(shared_data: Path) -> list[str]:
    corpus = Corpus([str(shared_data / "sst2" / "train_sentences.tsv.gz")], Columns())
    return [text for batch in corpus.batches() for text in batch.texts.to_pylist()][:3000]


@pytest.mark.parametrize("characters", [0, 4])
def test_the_ngrams_that_answers_need_are_kept(sentences: list[str], characters: int) -> None:
    student = uneven(sentences, characters=characters)
    rows = len(student.vocabulary) // 5
    compact = student.compress(sentences, rows=rows, floor=LOOSE)
    assert len(compact.vocabulary) == rows
    kept = set(compact.vocabulary.ngrams or ())
    assert all(ngram.rpartition(" ")[0] in kept for ngram in kept if " " in ngram)
    assert compact.vocabulary.closed
    expected = student.predict(sentences)
    agreement = (compact.predict(sentences) == expected).mean()
    # The most frequent n-grams, as many, with rows of the same size on average.
    frequent = student.vocabulary.subset(np.arange(rows))
    weights = student.weights
    assert isinstance(weights, StudentWeights)
    other = replace(student, vocabulary=frequent, weights=replace(weights, table=weights.table[:rows]))
    assert agreement > (other.predict(sentences) == expected).mean() + 0.05
    assert agreement > (0.7 if characters else 0.9)  # the characters of these words say something else
    record = compact.evaluation.compression
    assert record is not None
    assert record.steps[0].step == f"{rows:,} of {len(student.vocabulary):,} n-grams"
    assert abs(record.steps[-1].agreement - agreement) < 0.03
    assert compact.explain(sentences[0]).spans


def test_a_size_in_bytes(sentences: list[str], tmp_path: Path) -> None:
    student = uneven(sentences)
    compact = student.compress(sentences, size=60_000, floor=LOOSE)
    compact.save_pretrained(tmp_path / "small")
    assert 56_000 < compact.nbytes <= 60_000
    assert (tmp_path / "small" / "model.safetensors").stat().st_size < 62_000
    whole = student.compress(sentences, size=10_000_000, floor=LOOSE)
    assert len(whole.vocabulary) == len(student.vocabulary)


def test_pairs_and_several_questions(sentences: list[str]) -> None:
    student = uneven(sentences, pair=True)
    pairs = sentences[:500], sentences[1:501]
    compact = student.compress(*pairs, rows=len(student.vocabulary) // 2, floor=LOOSE)
    assert (compact.predict(*pairs) == student.predict(*pairs)).mean() > 0.9
    questions = three_questions()
    floors = {head.name: Floor(0, 1, 1e9) for head in questions.heads}
    assert len(questions.compress(sentences[:200], rows=2, floors=floors).vocabulary) == 2


def test_the_smallest_student_within_a_loss(sentences: list[str]) -> None:
    student = uneven(sentences)
    truth = student.score(sentences).logits.argmax(axis=1)
    labelled = Labelled(pa.array(sentences), truth.astype(np.int64), student.classes)
    found = size_curve(student, labelled, (1.0, 0.5, 0.1), floor=LOOSE)
    assert [one.rows for one in found] == [
        round(share * len(student.vocabulary)) for share in (1.0, 0.5, 0.1)
    ]
    assert abs(found[0].lost) < 0.01 < found[2].lost
    assert smallest_within(found, found[1].lost) is found[1]
    assert smallest_within(found, 1.0) is found[2]
    assert error(lambda: smallest_within(found, -1.0)).startswith("Every size loses more than -100 points")


def test_what_is_refused(sentences: list[str]) -> None:
    student = good_or_bad()
    assert error(lambda: student.compress(sentences, rows=0)) == "rows is 0: it must be at least 1."
    assert error(lambda: student.compress(sentences, rows=1, size=1)) == (
        "rows and size were given: give one of them."
    )
    assert error(lambda: student.compress(sentences, size=10, floor=Floor(0, 1))) == (
        "No compact student has 10 bytes, since its head alone has more: allow more."
    )
