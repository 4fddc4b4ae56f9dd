"""Explanations: they add up, they point to the right characters, and they show what they say."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.console import Console
from support import reference
from support.sentences import error

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary, tokenize
from sparsedistill.compression.difference import Floor
from sparsedistill.explain.strongest import strongest_ngrams
from sparsedistill.model.compact import CompactWeights
from sparsedistill.model.weights import StudentWeights
from sparsedistill.problem import problem_of

CORPUS = ["the film is good", "the film is bad", "it 's a good film , not a bad one !", "日本の映画 🎬 ß"] * 8
ALPHABET = st.sampled_from(
    [
        "good",
        "bad",
        "film",
        "The",
        "IS",
        "日本",
        "🎬",
        "ẞ",
        "\ud800",
        "\x00",
        " ",
        "'",
        "zzz",
        "goods",
        "FILMED",
    ]
)


def make(
    *,
    pair: bool = False,
    classes: int = 3,
    boundaries: bool = False,
    characters: int = 0,
    multi_label: bool = False,
) -> Student:
    tokenizer = TokenizerConfig(3, boundaries, 2, characters)
    vocabulary = Vocabulary.build(CORPUS, tokenizer, CountingConfig(min_count=1))
    random = np.random.default_rng(3)

    def draw(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32)

    network = StudentWeights(
        draw(len(vocabulary), 6), draw(10, 33 if pair else 6), draw(10), draw(classes, 10), draw(classes)
    )
    names = tuple(f"class {c}" for c in range(classes))
    return Student(vocabulary, network, names, problem_of((), multi_label=multi_label), pair)


def small(student: Student) -> Student:
    second = CORPUS[1:] + CORPUS[:1] if student.pair else None
    return student.compress(CORPUS, second, dims=6, floor=Floor(0, 1))


NAMES = [
    "trained",
    "two classes",
    "boundaries",
    "multi-label",
    "characters",
    "pairs",
    "pairs, characters",
    "compact",
    "compact, boundaries",
    "compact, characters",
    "compact pairs",
    "compact pairs, characters",
]


@pytest.fixture(scope="module")
def students() -> dict[str, Student]:
    trained = {
        "trained": make(),
        "two classes": make(classes=2),
        "boundaries": make(boundaries=True),
        "multi-label": make(multi_label=True),
        "characters": make(characters=4),
        "pairs": make(pair=True),
        "pairs, characters": make(pair=True, characters=3),
    }
    compact = {
        "compact": small(trained["trained"]),
        "compact, boundaries": small(trained["boundaries"]),
        "compact, characters": small(trained["characters"]),
        "compact pairs": small(trained["pairs"]),
        "compact pairs, characters": small(trained["pairs, characters"]),
    }
    return trained | compact


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(st.lists(ALPHABET, max_size=30).map(" ".join), st.lists(ALPHABET, max_size=30).map("".join))
def test_contributions_add_up_to_the_answer(
    students: dict[str, Student], name: str, text: str, other: str
) -> None:
    student = students[name]
    explained = student.explain(text, other if student.pair else None)
    logits = student.score([text, ""], [other, ""] if student.pair else None).logits
    np.testing.assert_array_equal(explained.logits, logits[0])
    if "boundaries" not in name:  # with them even the empty text has n-grams
        np.testing.assert_allclose(explained.empty_logits, logits[1], atol=1e-5)
    total = explained.empty_logits + explained.contributions.sum(axis=0)
    np.testing.assert_allclose(total, explained.logits, atol=2e-5)
    assert explained.contributions.dtype == np.float32
    assert len(explained.contributions) == len(explained.spans)


@pytest.mark.parametrize("name", ["trained", "compact", "pairs", "characters", "pairs, characters"])
@settings(max_examples=60, deadline=None)
@given(st.lists(ALPHABET, max_size=20).map(" ".join), st.lists(ALPHABET, max_size=20).map("".join))
def test_spans_are_where_the_ngrams_stand(
    students: dict[str, Student], name: str, text: str, other: str
) -> None:
    student = students[name]
    explained = student.explain(text, other if student.pair else None)
    for span in explained.spans:
        assert (span.begin, span.end) == span.places[0]
        for begin, end in span.places:
            there = (other if span.second else text)[begin:end]
            assert " ".join(tokenize(there)) == span.ngram
    found = {span.ngram for span in explained.spans if not span.second}
    assert len(found) == sum(not span.second for span in explained.spans)
    if student.vocabulary.buckets is not None and student.vocabulary.ngrams is not None:
        vocabulary, strings = student.vocabulary, student.vocabulary.ngrams
        rows = vocabulary.extract([text], folded=True).rows
        spelt = {span.ngram for span in explained.spans if span.characters and not span.second}
        assert found - spelt == {strings[row] for row in rows}
        config = vocabulary.tokenizer
        assert spelt == {
            token
            for token in reference.tokenize(text)
            if token not in strings
            and set(reference.characters_of(token, config.min_characters, config.max_characters))
            & set(strings)
        }


def test_an_unknown_word_is_one_item_with_the_vector_of_its_characters(students: dict[str, Student]) -> None:
    for name in ("characters", "compact, characters"):
        explained = students[name].explain("goods zzz goods")
        (span,) = explained.spans
        assert span.characters
        assert span.ngram == "goods"
        assert span.places == ((0, 5), (10, 15))
        assert "goods (by its characters)" in explained.to_html()
        assert explained.contributions.any()


def test_character_ngrams_are_not_listed_as_strongest(students: dict[str, Student]) -> None:
    for name in ("characters", "compact, characters"):
        found = strongest_ngrams(students[name], 10_000)
        assert all(ngrams for ngrams in found.values())
        assert not any(ngram.startswith("##") for ngrams in found.values() for ngram, _ in ngrams)


def test_they_are_integrated_gradients() -> None:
    """Against many small steps along the straight line from the empty text."""
    student, text = make(), "It's a good film, not a bad one"
    network, ngrams = student.weights, student.vocabulary.ngrams
    assert isinstance(network, StudentWeights)
    assert ngrams is not None
    explained = student.explain(text)
    rows = network.table[[ngrams.index(span.ngram) for span in explained.spans]].astype(float)
    mean = rows.mean(axis=0)
    steps = (np.arange(20_000) + 0.5) / 20_000
    units = np.tanh(steps[:, None] * (network.hidden_weight @ mean) + network.hidden_bias)
    gradient = (network.output_weight * (1 - units**2).mean(axis=0)) @ network.hidden_weight
    np.testing.assert_allclose(explained.contributions, rows @ gradient.T / len(rows), atol=1e-5)


def test_sides_of_a_pair_are_explained_alike() -> None:
    student = make(pair=True)
    network = student.weights
    assert isinstance(network, StudentWeights)
    even = network.hidden_weight.copy()
    even[:, 12:18], even[:, 32] = even[:, 6:12], even[:, 31]  # of the one text's parts as of the other's
    student = replace(student, weights=replace(network, hidden_weight=even))
    one = student.explain("the good film", "a bad one")
    other = student.explain("a bad one", "the good film")
    said = {(s.ngram, s.second): c for s, c in zip(one.spans, one.contributions, strict=True)}
    for span, contribution in zip(other.spans, other.contributions, strict=True):
        np.testing.assert_allclose(contribution, said[span.ngram, not span.second], atol=1e-5)


def test_what_both_texts_have_is_explained_by_both() -> None:
    """Where the head reads only what is shared, n-grams of one text alone say nothing."""
    student = make(pair=True)
    network = student.weights
    assert isinstance(network, StudentWeights)
    shared = np.zeros_like(network.hidden_weight)
    shared[:, :6], shared[:, 30] = network.hidden_weight[:, :6], network.hidden_weight[:, 30]
    student = replace(student, weights=replace(network, hidden_weight=shared))
    explained = student.explain("the good film", "a bad film")
    for span, contribution in zip(explained.spans, explained.contributions, strict=True):
        assert contribution.any() == (span.ngram == "film")
    one, other = (
        c for s, c in zip(explained.spans, explained.contributions, strict=True) if s.ngram == "film"
    )
    np.testing.assert_allclose(one, other, atol=1e-6)
    total = explained.empty_logits + explained.contributions.sum(axis=0)
    np.testing.assert_allclose(total, explained.logits, atol=1e-5)


def test_an_ngram_that_comes_twice_is_listed_once_with_its_places(students: dict[str, Student]) -> None:
    explained = students["trained"].explain("Good, good 🎬 GOOD")
    (good,) = [span for span in explained.spans if span.ngram == "good"]
    assert good.places == ((0, 4), (6, 10), (13, 17))


def test_rows_of_zeros_add_nothing() -> None:
    student = make()
    network = student.weights
    assert isinstance(network, StudentWeights)
    explained = replace(student, weights=replace(network, table=0 * network.table)).explain("a good film")
    assert len(explained.spans) > 3
    assert (explained.contributions == 0).all()


@pytest.mark.parametrize("name", ["trained", "two classes", "compact", "pairs"])
def test_words_share_what_ngrams_say(students: dict[str, Student], name: str) -> None:
    student = students[name]
    explained = student.explain("The film 🎬 is good, unheard-of: film", "bad film" if student.pair else None)
    for label in student.classes:
        words = [w for second in (False, True) for w in explained.words(label, second=second)]
        shared = sum(word.evidence for word in words)
        assert shared == pytest.approx(float(explained.evidence(label).sum()), abs=1e-5)
    (unknown,) = [word for word in explained.words() if word.begin == 20]
    assert unknown.evidence == pytest.approx(0, abs=1e-9)


def test_evidence_is_for_a_class_rather_than_the_others(students: dict[str, Student]) -> None:
    explained = students["trained"].explain("a good film")
    others = explained.contributions[:, 1:].mean(axis=1)
    np.testing.assert_allclose(
        explained.evidence("class 0"), explained.contributions[:, 0] - others, atol=1e-6
    )
    several = students["multi-label"].explain("a good film")
    np.testing.assert_array_equal(several.evidence("class 0"), several.contributions[:, 0])
    strongest = explained.strongest("class 1", 3)
    assert [abs(value) for _, value in strongest] == sorted((abs(v) for _, v in strongest), reverse=True)
    assert "no class 'good'" in error(lambda: explained.evidence("good"))
    assert "no class ''" in error(lambda: explained.to_html(""))
    assert "no class ''" in error(lambda: explained.to_terminal(""))


def test_what_is_no_text_is_refused(students: dict[str, Student]) -> None:
    assert "pass one str" in error(lambda: students["trained"].explain(["good"]))  # type: ignore[arg-type]
    assert "text_pair" in error(lambda: students["pairs"].explain("good"))
    assert "leave out" in error(lambda: students["trained"].explain("good", "bad"))


def test_html_and_terminal_show_all_of_the_text_and_no_more(students: dict[str, Student]) -> None:
    text = "A <b>good</b> & [red]bad[/red] film\n\ud800 🎬!"
    explained = students["trained"].explain(text)
    html = explained.to_html()
    assert "<b>" not in html
    assert "&lt;" in html
    assert "background:rgba(" in html
    html.encode()
    out = io.StringIO()
    Console(file=out, width=200).print(explained.to_terminal())
    assert "A <b>good</b> & [red]bad[/red] film" in out.getvalue()
    assert "good" in repr(explained)
    pair = students["pairs"].explain("good film", "bad film")
    assert pair.to_html().count("<p ") == 2


@pytest.mark.parametrize("compact", [False, True])
def test_the_strongest_ngrams_of_a_class_are_those_that_move_it(
    students: dict[str, Student], compact: bool
) -> None:
    vocabulary = Vocabulary.build(CORPUS, TokenizerConfig(2), CountingConfig(min_count=1))
    assert vocabulary.ngrams is not None
    table = np.full((len(vocabulary), 2), 0.01, np.float32)
    table[vocabulary.ngrams.index("good"), 0] = table[vocabulary.ngrams.index("bad"), 1] = 3
    table[vocabulary.ngrams.index("good film"), 0] = 2
    one, zero = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    student = Student(vocabulary, StudentWeights(table, one, zero, 4 * one, zero), ("for", "against"))
    if compact:
        student = student.compress(CORPUS, dims=2, floor=Floor(0, 1))
    found = strongest_ngrams(student, 3)
    assert [ngrams[0][0] for ngrams in found.values()] == ["good", "bad"]
    assert "good film" not in [ngram for ngram, _ in found["for"]]
    assert len(found["for"]) == 3
    assert "ngrams.parquet" in error(lambda: strongest_ngrams(students["pairs"], 3))


def test_damaged_students_are_explained_or_refused_and_no_worse(students: dict[str, Student]) -> None:
    compact = students["compact"]
    network = compact.weights
    assert isinstance(network, CompactWeights)
    noise = np.random.default_rng(0).integers(0, 256, network.lines.size + 64, np.uint8)
    start = -noise.ctypes.data % 64
    lines = noise[start : start + network.lines.size].reshape(network.lines.shape)
    explained = replace(compact, weights=replace(network, lines=lines)).explain("a good film " * 50)
    assert np.isfinite(explained.contributions).all()
