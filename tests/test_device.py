"""Students on a torch device: the answers of the processor."""

from __future__ import annotations

import gzip
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from types import FrameType

import numpy as np
import pyarrow as pa
import pytest
import torch
from numpy.typing import NDArray
from support.sentences import error

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary
from sparsedistill.device import half_suffices
from sparsedistill.model.predictions import TextClassifier
from sparsedistill.model.weights import StudentWeights
from sparsedistill.problem import Problem, problem_of

CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))
KINDS = [{}, {"pair": True}, {"multi_label": True}, {"pair": True, "multi_label": True}]
CLASSES = ("neg", "neutral", "pos")
TEXTS = [
    "The film is good!",
    "",
    "zzz",
    "bad bad bad",
    "film",
    "\x00",
    "日本 映画",
    "the film zzz",
    "\ud800 it's a bad one",
]


def network(rows: int, dim: int, hidden: int, *, pair: bool = False) -> StudentWeights:
    """Weights that are drawn at the scale of trained ones."""
    random = np.random.default_rng(3)

    def draw(*shape: int) -> NDArray[np.float32]:
        drawn: NDArray[np.float32] = random.standard_normal(shape, np.float32) / np.float32(shape[-1] ** 0.5)
        return drawn

    return StudentWeights(
        draw(rows, dim) * np.float32(dim**0.5),
        draw(hidden, 5 * dim + 3 if pair else dim),
        draw(hidden),
        draw(len(CLASSES), hidden),
        draw(len(CLASSES)),
    )


def make(dim: int = 24, hidden: int = 10, *, multi_label: bool = False, pair: bool = False) -> Student:
    corpus = ["the film is good", "the film is bad", "it 's a good film , not a bad one !", "日本の映画"]
    vocabulary = Vocabulary.build(corpus, TokenizerConfig(3, boundaries=True), CountingConfig(min_count=1))
    weights = network(len(vocabulary), dim, hidden, pair=pair)
    return Student(vocabulary, weights, CLASSES, problem_of(CLASSES, multi_label=multi_label), pair)


@pytest.fixture(scope="module")
def reviews(shared_data: Path) -> list[str]:
    with gzip.open(shared_data / "imdb" / "test.tsv.gz", "rt", encoding="utf-8") as file:
        return [next(file) for _ in range(2000)]


def compare(moved: TextClassifier, student: Student, texts: list[str] | pa.Array, within: float) -> None:
    """Assert that both give the same answers to `texts`, or to pairs of them."""
    sides = (texts, texts[::-1]) if student.pair else (texts,)
    expected, found = student.score(*sides), moved.score(*sides)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=within, rtol=0)
    assert (found.coverage == expected.coverage).all()
    assert found.logits.dtype == found.coverage.dtype == np.float32


def extracting() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("extraction")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dim", "hidden"), [(24, 10), (10, 24), (1, 1)])
def test_answers_are_those_of_the_processor(kind: dict[str, bool], dim: int, hidden: int) -> None:
    student = make(dim, hidden, **kind)
    moved = student.to("cpu")
    compare(moved, student, TEXTS, 1e-5)
    for text in TEXTS:
        compare(moved, student, [text], 1e-5)
    compare(moved, student, [], 1e-5)


def student_of(reviews: list[str], kind: dict[str, bool]) -> Student:
    """A student with the n-grams of real texts and random weights."""
    vocabulary = Vocabulary.build(reviews[:1000], counting=CountingConfig(max_rows=50_000))
    pair = kind.get("pair", False)
    problem = problem_of((), multi_label=kind.get("multi_label", False))
    return Student(vocabulary, network(len(vocabulary), 64, 32, pair=pair), CLASSES, problem, pair)


@pytest.mark.parametrize("kind", KINDS)
def test_real_texts_are_answered_alike_in_float32_and_in_float16(
    kind: dict[str, bool], reviews: list[str]
) -> None:
    student = student_of(reviews, kind)
    texts = [*reviews, "", "unknown-zzz"]
    compare(student.to("cpu"), student, texts, 1e-5)
    compare(student.to("cpu", "float16"), student, texts, 1e-3)


@pytest.mark.parametrize("kind", KINDS[:2])
def test_many_texts_take_several_batches_and_stay_in_order(kind: dict[str, bool]) -> None:
    student = make(**kind)
    texts = list(islice(cycle(TEXTS), 200_001))
    compare(student.to("cpu"), student, texts, 1e-5)
    column = pa.array([text.replace("\ud800", "") for text in texts])
    compare(student.to("cpu"), student, column, 1e-5)


def test_long_texts_are_answered_among_short_ones(reviews: list[str]) -> None:
    vocabulary = Vocabulary.build(reviews[:500])
    student = Student(vocabulary, network(len(vocabulary), 16, 8), CLASSES)
    longest = " ".join(islice(cycle(reviews), 10_000))
    assert len(longest) > 10_000_000
    compare(student.to("cpu"), student, ["the film", longest, "", longest, *TEXTS], 1e-5)


def test_texts_come_in_all_forms_and_have_all_shapes_of_answers() -> None:
    student = make()
    moved = student.to("cpu")
    texts = ["the film", "a bad one", "日本", ""]
    forms = [
        texts,
        tuple(texts),
        np.array(texts),
        pa.array(["", *texts])[1:],
        pa.chunked_array([texts, texts])[:4],
    ]
    for form in forms:
        assert (moved.predict(form) == student.predict(texts)).all()
    assert (moved.classes_ == student.classes_).all()
    for ours, theirs in zip(moved(texts, top_k=None), student(texts, top_k=None), strict=True):
        assert [entry["label"] for entry in ours] == [entry["label"] for entry in theirs]
    (one,) = moved("the film zzz", coverage=True)
    assert one["coverage"] == pytest.approx(2 / 3)
    assert make(multi_label=True).to("cpu").predict(texts).shape == (4, 3)
    (pair,) = make(pair=True).to("cpu")({"text": "the film", "text_pair": "bad"})
    assert pair.keys() == {"label", "score"}


def test_answers_do_not_depend_on_threads_and_threads_share_a_student(reviews: list[str]) -> None:
    student = make()
    moved = student.to("cpu")
    expected = moved.score(reviews, threads=1)
    assert (moved.score(reviews, threads=3).logits == expected.logits).all()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: moved.score(reviews, threads=2).logits, range(8)))
    assert all((answer == expected.logits).all() for answer in answers)


def test_rows_are_as_narrow_as_the_first_layer() -> None:
    assert " x 10 float32 on cpu" in repr(make(24, 10).to("cpu"))
    assert " x 10 float32 on cpu" in repr(make(10, 24).to("cpu"))
    assert " x 24 float32 on cpu" in repr(make(24, 10, pair=True).to("cpu"))


def test_numbers_too_large_for_float16_are_kept_in_float32() -> None:
    student = make(10, 24)
    table = student.weights.arrays()["table"].copy()
    table[-1] *= 1e6
    large = replace(student, weights=replace(student.weights, table=table))
    moved = large.to("cpu", "float16")
    assert "float32" in repr(moved)
    compare(moved, large, TEXTS, 1e-5)


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("problem", ["single_label", "multi_label"])
def test_float16_is_chosen_where_it_changes_no_answer(pair: bool, problem: Problem) -> None:
    weights = network(10_000, 64, 32, pair=pair)
    assert half_suffices(weights, pair, problem)
    sensitive = replace(weights, output_weight=weights.output_weight * 100)
    assert not half_suffices(sensitive, pair, problem)
    infinite = replace(weights, table=weights.table * np.float32(1e6))
    assert not half_suffices(infinite, pair, problem)


def test_what_cannot_be_moved_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    student = make()
    for device in ("meta", "nonsense", "", "cuda:99"):
        assert repr(device) in error(partial(student.to, device))
    if not torch.cuda.is_available():
        assert "if there is a GPU" in error(lambda: student.to("cuda"))
    assert "'int8'" in error(lambda: student.to("cpu", "int8"))  # type: ignore[arg-type]
    with monkeypatch.context() as context:
        context.setitem(sys.modules, "torch", None)
        context.delitem(sys.modules, "sparsedistill.device")
        assert "pip install 'sparsedistill[train]'" in error(lambda: student.to("cpu"))


def test_compact_students_are_refused(reviews: list[str]) -> None:
    vocabulary = Vocabulary.build(reviews, counting=CountingConfig(max_rows=20_000))
    compact = Student(vocabulary, network(len(vocabulary), 16, 8), CLASSES).compress(reviews)
    assert "made from" in error(lambda: compact.to("cpu"))


def test_wrong_texts_are_refused_as_on_the_processor() -> None:
    moved, pairs = make().to("cpu"), make(pair=True).to("cpu")
    assert "Text 1 has type int" in error(lambda: moved.score(["a", 1]))
    assert "leave out text_pair" in error(lambda: moved.score(["a"], ["b"]))
    assert "give one per text" in error(lambda: pairs.score(["a"], ["b", "c"]))
    assert "threads is 0" in error(lambda: moved.score(["a"], threads=0))


def test_a_failing_device_leaves_no_thread_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = make().to("cpu")

    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("the device is gone")

    monkeypatch.setattr(torch.nn.functional, "embedding_bag", fail)
    with pytest.raises(RuntimeError, match="gone") as caught:
        moved.score(TEXTS * 50_000)
    assert not extracting()  # though the traceback keeps everything else alive
    assert caught.tb is not None


def test_an_interrupt_ends_the_work(reviews: list[str]) -> None:
    moved = make().to("cpu")
    texts = reviews * 200  # seconds of work

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            moved.score(texts)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not extracting()


@pytest.mark.parametrize("device", [CUDA])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["auto", "float16", "float32"])
def test_a_gpu_answers_as_the_processor(
    device: str, kind: dict[str, bool], precision: str, reviews: list[str]
) -> None:
    student = student_of(reviews, kind)
    moved = student.to(device, precision)  # type: ignore[arg-type]
    assert ("float32" if precision == "float32" else "float16") in repr(moved)
    texts = [*reviews * 20, "", "unknown-zzz", " ".join(reviews)]
    for _ in range(3):
        compare(moved, student, texts, 1e-3)
    compare(moved, student, ["", "zzz"], 1e-3)
    compare(moved, student, [], 1e-3)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: compare(moved, student, texts, 1e-3), range(8)))
