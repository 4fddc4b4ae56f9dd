"""Compact students: the same answers from a few bytes an n-gram."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.sentences import error

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary, _core
from sparsedistill._internal.tensors import open_tensors, write_tensors
from sparsedistill.compression import Floor, compress
from sparsedistill.data.columns import Columns
from sparsedistill.data.corpus import Corpus
from sparsedistill.model.compact import CompactWeights
from sparsedistill.model.weights import StudentWeights

LOOSE = Floor(agreement=0.97, change=0.01)


@pytest.fixture(scope="module")
def sentences(shared_data: Path) -> list[str]:
    corpus = Corpus([str(shared_data / "sst2" / "train_sentences.tsv.gz")], Columns())
    return [text for batch in corpus.batches() for text in batch.texts.to_pylist()][:3000]


def make(
    texts: list[str],
    *,
    dim: int = 12,
    classes: int = 2,
    pair: bool = False,
    rank: int = 4,
    characters: int = 0,
) -> Student:
    """A student whose table has few strong directions, as trained ones have."""
    tokenizer = TokenizerConfig(3, False, 2, characters)
    vocabulary = Vocabulary.build(texts, tokenizer, CountingConfig(min_count=2))
    random = np.random.default_rng(5)

    def draw(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32)

    strength = np.where(np.arange(dim) < rank, 3.0, 1e-4).astype(np.float32)
    width = 5 * dim + 3 if pair else dim
    network = StudentWeights(
        draw(len(vocabulary), dim) * strength,
        draw(40, width) / np.float32(np.sqrt(width)),
        draw(40),
        draw(classes, 40),
        draw(classes),
    )
    return Student(vocabulary, network, tuple(f"class {c}" for c in range(classes)), pair=pair)


@pytest.fixture(scope="module")
def trained(sentences: list[str]) -> Student:
    return make(sentences)


@pytest.fixture(scope="module")
def compact(trained: Student, sentences: list[str]) -> Student:
    return trained.compress(sentences, floor=LOOSE)


def test_answers_stay_within_the_floor(trained: Student, compact: Student, sentences: list[str]) -> None:
    one, other = trained.predict_proba(sentences), compact.predict_proba(sentences)
    assert np.abs(one - other).mean() <= LOOSE.change
    assert (one.argmax(1) == other.argmax(1)).mean() >= LOOSE.agreement
    assert isinstance(compact.weights, CompactWeights)
    assert sum(a.nbytes for a in compact.weights.arrays().values()) < trained.weights.table.nbytes  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def spelling(sentences: list[str]) -> Student:
    """A trained student with character n-grams, which knows half of the sentences."""
    return make(sentences[: len(sentences) // 2], characters=4)


@pytest.fixture(scope="module")
def compact_spelling(spelling: Student, sentences: list[str]) -> Student:
    return spelling.compress(sentences, floor=LOOSE)


def misspelt(texts: list[str]) -> list[str]:
    """Texts with a letter of each longer word repeated: most of their words are unknown."""
    return [" ".join(w[:3] + w[2:] if len(w) > 3 else w for w in text.split(" ")) for text in texts]


def test_unknown_words_are_read_by_their_characters(
    spelling: Student, compact_spelling: Student, sentences: list[str]
) -> None:
    texts = misspelt(sentences)
    assert spelling.score(texts).coverage.mean() < 0.7
    one, other = spelling.predict_proba(texts), compact_spelling.predict_proba(texts)
    assert np.abs(one - other).mean() <= LOOSE.change
    assert (one.argmax(1) == other.argmax(1)).mean() >= LOOSE.agreement
    same = spelling.score(texts).coverage == compact_spelling.score(texts).coverage
    assert same.mean() > 0.998  # a fingerprint of 16 bits can be another n-gram's
    unread = compact_spelling.vocabulary.without_table()
    unread.tokenizer = replace(unread.tokenizer, max_characters=0)
    assert isinstance(compact_spelling.weights, CompactWeights)
    weights = replace(compact_spelling.weights, character_filter=None)
    deaf = replace(compact_spelling, vocabulary=unread, weights=weights).predict_proba(texts)
    assert np.abs(one - deaf).mean() > 10 * np.abs(one - other).mean()


def test_pairs_share_unknown_words(sentences: list[str]) -> None:
    student = make(sentences[:1500], pair=True, characters=4)
    texts = misspelt(sentences)
    seconds = texts[1:] + texts[:1]
    small = student.compress(texts, seconds, floor=LOOSE)
    for others in (seconds, texts, sentences):
        one, other = student.predict_proba(texts, others), small.predict_proba(texts, others)
        assert np.abs(one - other).mean() <= 2 * LOOSE.change


def test_coverage_is_the_same(trained: Student, compact: Student, sentences: list[str]) -> None:
    texts = [*sentences[:500], "", "unheardofword", "日本 movie", "a" * 300]
    np.testing.assert_array_equal(compact.score(texts).coverage, trained.score(texts).coverage)


def test_the_empty_text_keeps_its_answer(trained: Student, compact: Student) -> None:
    np.testing.assert_allclose(compact.predict_proba([""]), trained.predict_proba([""]), atol=0.02)


def test_what_was_measured_is_kept(trained: Student, compact: Student, sentences: list[str]) -> None:
    record = compact.evaluation.compression
    assert record is not None
    assert record.texts == len(sentences) // 2
    last = record.steps[-1]
    assert last.agreement >= LOOSE.agreement
    assert last.mean_change <= last.max_change


@pytest.mark.parametrize(("classes", "pair"), [(6, False), (2, True), (3, True)])
def test_more_classes_and_pairs(sentences: list[str], classes: int, pair: bool) -> None:
    student = make(sentences, classes=classes, pair=pair)
    seconds = sentences[1:] + sentences[:1] if pair else None
    small = student.compress(sentences, seconds, floor=LOOSE)
    one, other = student.predict_proba(sentences, seconds), small.predict_proba(sentences, seconds)
    assert np.abs(one - other).mean() <= LOOSE.change


def test_pairs_get_a_narrow_head(sentences: list[str]) -> None:
    student = make(sentences[:1500], pair=True)
    assert isinstance(student.weights, StudentWeights)
    output = student.weights.output_weight.copy()
    output[:, 10:] = 0  # 30 of the 40 units say nothing
    student = replace(student, weights=replace(student.weights, output_weight=output))
    seconds = sentences[1:1501]
    small = student.compress(sentences[:1500], seconds, floor=LOOSE)
    assert isinstance(small.weights, CompactWeights)
    assert len(small.weights.hidden_bias) == 16
    record = small.evaluation.compression
    assert record is not None
    assert any(step.step == "head of 16 units" for step in record.steps)


def test_rows_too_wide_for_a_line_are_kept_apart(sentences: list[str]) -> None:
    student = make(sentences, dim=80, rank=80)
    small = student.compress(sentences, dims=80, floor=LOOSE)
    assert isinstance(small.weights, CompactWeights)
    assert small.weights.rows is not None
    change = np.abs(small.predict_proba(sentences) - student.predict_proba(sentences)).max(axis=1)
    assert (change < 0.05).mean() > 0.998  # a fingerprint of 16 bits can be another n-gram's


@pytest.mark.parametrize("name", ["compact", "compact_spelling"])
def test_every_instruction_set_gives_the_same_bits(
    name: str, sentences: list[str], request: pytest.FixtureRequest
) -> None:
    compact: Student = request.getfixturevalue(name)
    weights, tokenizer = compact.weights, compact.vocabulary.tokenizer
    assert isinstance(weights, CompactWeights)
    table = weights.core_table(tokenizer, closed=True)
    texts = [*sentences, *misspelt(sentences), " ".join(sentences), "", "ein Straßenfest, 東京!"]
    texts += [" ".join(misspelt(sentences)), "unspeakablee" * 100_000]
    answers = [
        _core.CompactClassifier(
            table,
            weights.wide,
            weights.scale,
            weights.centre,
            None,
            weights.hidden_weight,
            weights.hidden_bias,
            weights.output_weight,
            weights.output_bias,
            instructions,
        )(texts, threads=threads)
        for instructions in _core.available_instruction_sets()
        for threads in (1, 3)
    ]
    for logits, coverage in answers[1:]:
        np.testing.assert_array_equal(logits, answers[0][0])
        np.testing.assert_array_equal(coverage, answers[0][1])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(), max_size=20))
def test_any_text_has_the_answer_it_has_alone(
    compact: Student, compact_spelling: Student, spelling: Student, texts: list[str]
) -> None:
    texts += ["".join(texts), "filmed goodness"]
    for student in (compact, compact_spelling, spelling):
        together = student.score(texts)
        for i, text in enumerate(texts):
            alone = student.score([text])
            np.testing.assert_array_equal(together.logits[i], alone.logits[0])
            assert together.coverage[i] == alone.coverage[0]


def test_long_texts_have_unknown_words_across_pieces(
    spelling: Student, compact_spelling: Student, sentences: list[str]
) -> None:
    """A text of several pieces and the same words once each, which are the same items."""
    words = list(dict.fromkeys(" ".join(misspelt(sentences)).split(" ")))[:3000]
    for student in (spelling, compact_spelling):
        unigrams = replace(student, vocabulary=student.vocabulary)
        long = unigrams.score([" zzqq ".join([*words, *words])]).logits
        alone = [unigrams.score([" zzqq ".join([*words, *words])] + ["other"] * n).logits[0] for n in (1, 5)]
        for logits in alone:
            np.testing.assert_array_equal(logits, long[0])
        short = unigrams.score([" zzqq ".join(words)]).logits
        np.testing.assert_allclose(short, long, atol=1e-3)


def test_saved_and_loaded_it_answers_bit_for_bit(
    compact: Student, sentences: list[str], tmp_path: Path
) -> None:
    compact.save_pretrained(tmp_path / "compact")
    loaded = Student.from_pretrained(tmp_path / "compact")
    np.testing.assert_array_equal(loaded.score(sentences).logits, compact.score(sentences).logits)
    assert "## Compression" in (tmp_path / "compact" / "README.md").read_text()
    assert "compact" in repr(loaded)


def test_an_opened_student_makes_the_same_table(
    trained: Student, compact: Student, sentences: list[str], tmp_path: Path
) -> None:
    """Its n-grams are not in memory yet: without them, the table cannot say what may follow which."""
    trained.save_pretrained(tmp_path / "student")
    again = Student.from_pretrained(tmp_path / "student").compress(sentences, floor=LOOSE)
    assert isinstance(again.weights, CompactWeights)
    assert isinstance(compact.weights, CompactWeights)
    assert (again.weights.lines == compact.weights.lines).all()


def test_a_student_that_changes_too_much_is_refused(sentences: list[str]) -> None:
    student = make(sentences, rank=12)
    assert "change too much" in error(lambda: student.compress(sentences, dims=1, floor=Floor(1.0, 1e-9)))


def test_what_cannot_be_compressed_says_so(trained: Student, compact: Student, sentences: list[str]) -> None:
    assert "compact already" in error(lambda: compress(compact, sentences))
    assert "too few" in error(lambda: compress(trained, sentences[:5]))
    assert "dims is 99" in error(lambda: compress(trained, sentences, dims=99))
    assert "no rows" in error(lambda: compact.vocabulary.extract(sentences))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("lines", lambda a: a[:, :-1]),
        ("lines", lambda a: a[:0]),
        ("lines", lambda a: a.view(np.int8)),
        ("character_filter", lambda a: a[:0]),
        ("character_filter", lambda a: np.append(a, a[:1])),
        ("character_filter", lambda a: a.view(np.int64)),
        ("scale", lambda a: a[:-1]),
        ("centre", lambda a: np.append(a, a)),
        ("hidden.weight", lambda a: a[:, :0]),
        ("output.weight", lambda a: a[:1, :3]),
    ],
)
def test_damaged_files_are_refused(
    compact_spelling: Student, tmp_path: Path, name: str, damage: object
) -> None:
    compact_spelling.save_pretrained(tmp_path / "compact")
    file = tmp_path / "compact" / "model.safetensors"
    arrays = {key: np.array(array) for key, array in open_tensors(file).items()}
    arrays[name] = damage(arrays[name])  # type: ignore[operator]
    write_tensors(file, arrays)
    assert error(lambda: Student.from_pretrained(tmp_path / "compact"))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"layout": 4, "slots": 11, "wide": 0},
        {"layout": 4, "slots": 6, "wide": -1},
        {"layout": 4, "slots": 1},
        {"layout": 2, "slots": 7, "wide": 1},
        3,
    ],
)
def test_a_damaged_config_is_refused(compact: Student, tmp_path: Path, config: object) -> None:
    compact.save_pretrained(tmp_path / "compact")
    file = tmp_path / "compact" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "compact": config}))
    assert error(lambda: Student.from_pretrained(tmp_path / "compact"))


def test_random_lines_do_no_harm(compact: Student, sentences: list[str]) -> None:
    network = compact.weights
    assert isinstance(network, CompactWeights)
    noise = np.random.default_rng(0).integers(0, 256, network.lines.size + 64, np.uint8)
    start = -noise.ctypes.data % 64
    lines = noise[start : start + network.lines.size].reshape(network.lines.shape)
    damaged = replace(compact, weights=replace(network, lines=lines))
    assert np.isfinite(damaged.predict_proba(sentences)).all()


def test_arrays_of_floats_are_aligned_on_disk(sentences: list[str], tmp_path: Path) -> None:
    """Rows apart may have any number of bytes: the floats are in front of them."""
    student = make(sentences, dim=61, rank=61)
    compact = student.compress(sentences, dims=61, floor=Floor(0.5, 0.5))
    assert isinstance(compact.weights, CompactWeights)
    assert compact.weights.rows is not None
    compact.save_pretrained(tmp_path / "compact")
    arrays = open_tensors(tmp_path / "compact" / "model.safetensors")
    assert list(arrays)[-1] == "rows"
    floats = [array for array in arrays.values() if array.dtype == np.float32]
    assert len(floats) == 6
    assert all(array.ctypes.data % array.itemsize == 0 for array in floats)
    loaded = Student.from_pretrained(tmp_path / "compact")
    assert (loaded.score(sentences).logits == compact.score(sentences).logits).all()
