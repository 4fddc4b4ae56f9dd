"""Counting n-grams, looking them up, and saving vocabularies."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import reference

from sparsedistill import Corpus, CountingConfig, InputError, TokenizerConfig, Vocabulary, _core
from sparsedistill.vocabulary import NgramRows

words = st.sampled_from(["the", "The", "film", "is", "'", "good", "bad", "-", "é", "日本", "ẞtr", "a\u200db"])
lengths = st.sampled_from([(3, 0), (2, 2), (3, 5), (2, 8)])  # of character n-grams
texts = st.lists(st.lists(words, max_size=30).map(" ".join), min_size=1, max_size=20)


def ngrams(
    text: str, longest: int, boundaries: bool = False, characters: tuple[int, int] = (3, 0)
) -> list[str]:
    tokens = reference.tokenize(text)
    if boundaries:
        tokens = ["\x02", *tokens, "\x03"]
    of_tokens = [
        " ".join(tokens[i : i + n]) for n in range(1, longest + 1) for i in range(len(tokens) - n + 1)
    ]
    return of_tokens + reference.characters(text, *characters)


def reviews(shared_data: Path, count: int) -> list[str]:
    with gzip.open(shared_data / "imdb" / "train.tsv.gz", "rt", encoding="utf-8") as file:
        next(file)
        return [next(file).split("\t")[0] for _ in range(count)]


@settings(max_examples=150, deadline=None)
@given(texts, st.integers(1, 8), st.booleans(), lengths, st.booleans(), st.integers(1, 3))
def test_counts_match_a_plain_count(
    corpus: list[str],
    longest: int,
    boundaries: bool,
    characters: tuple[int, int],
    by_document: bool,
    least: int,
) -> None:
    expected: Counter[str] = Counter()
    for text in corpus:
        found = ngrams(text, longest, boundaries, characters)
        expected.update(set(found) if by_document else found)
    expected = Counter({ngram: n for ngram, n in expected.items() if n >= least})
    tokenizer = TokenizerConfig(longest, boundaries, *characters)
    counting = CountingConfig(min_count=least, by_document=by_document)
    if not expected:
        with pytest.raises(InputError, match="lower min_count"):
            Vocabulary.build(corpus, tokenizer, counting)
        return
    vocabulary = Vocabulary.build(corpus, tokenizer, counting)
    assert vocabulary.ngrams is not None
    assert vocabulary.counts is not None
    assert dict(zip(vocabulary.ngrams, vocabulary.counts.tolist(), strict=True)) == dict(expected)
    assert (np.diff(vocabulary.counts.astype(int)) <= 0).all()


def words_of(text: str, vocabulary: Vocabulary, boundaries: bool, *, folded: bool) -> dict[str, list[str]]:
    """The words of a text whose characters are to be added, with their known character n-grams."""
    assert vocabulary.ngrams is not None
    kept = set(vocabulary.ngrams)
    config = vocabulary.tokenizer
    found = {}
    for token in reference.tokenize(text):
        spelt = reference.characters_of(token, config.min_characters, config.max_characters)
        pieces = [piece for piece in spelt if piece in kept]
        if pieces and not (folded and token in kept):
            found[token] = pieces
    return found


def segment_words(vocabulary: Vocabulary, found: NgramRows, segment: int) -> list[list[str]]:
    """The character n-grams of the words of a segment, sorted."""
    assert vocabulary.ngrams is not None
    chosen = found.words[found.word_offsets[segment] : found.word_offsets[segment + 1]]
    bounds = found.character_offsets
    rows = [found.characters[bounds[word] : bounds[word + 1]] for word in chosen]
    return sorted(sorted(vocabulary.ngrams[row] for row in each) for each in rows)


@settings(max_examples=150, deadline=None)
@given(texts, texts, st.integers(1, 5), st.booleans(), lengths, st.integers(1, 50), st.booleans())
def test_extraction_finds_each_item_once_per_text(
    corpus: list[str],
    others: list[str],
    longest: int,
    boundaries: bool,
    characters: tuple[int, int],
    most: int,
    folded: bool,
) -> None:
    tokenizer = TokenizerConfig(longest, boundaries, *characters)
    if not any(reference.tokenize(text) or boundaries for text in corpus):
        return
    vocabulary = Vocabulary.build(corpus, tokenizer, CountingConfig(most, 1))
    assert vocabulary.ngrams is not None
    kept = set(vocabulary.ngrams)
    seen = corpus + others + ["film filmed", "unfilmed the"]
    found = vocabulary.extract(seen, folded=folded, threads=2)
    for i, text in enumerate(seen):
        rows = found.rows[found.offsets[i] : found.offsets[i + 1]]
        known = kept & set(ngrams(text, longest, boundaries))
        assert sorted(vocabulary.ngrams[row] for row in rows) == sorted(known)
        words = words_of(text, vocabulary, boundaries, folded=folded)
        assert segment_words(vocabulary, found, i) == sorted(sorted(pieces) for pieces in words.values())
        assert found.counts[i] == len(known | set(words))
        tokens = reference.tokenize(text)
        assert found.tokens[i] == len(tokens)
        assert found.known[i] == sum(token in kept for token in tokens)
    assert len(set(found.words.tolist())) == len(found.character_offsets) - 1


def test_long_words_use_their_first_characters() -> None:
    word = "".join(map(chr, range(0x4DC0, 0x4DC0 + 64))) + "xß" * 300
    tokenizer = TokenizerConfig(1, False, 3, 4)
    found = [ngram for ngram, _, _ in _core.characters(word, tokenizer.core)]
    assert sorted(found) == sorted(reference.characters(word, 3, 4))
    long = [ngram for ngram, _, _ in _core.characters("xß" * 300, tokenizer.core)]
    assert sorted(long) == sorted(reference.characters("xß" * 300, 3, 4))
    assert len(long) == 256 + 255


def test_words_of_one_character_have_no_character_ngrams() -> None:
    found = _core.characters("a 日本 กิ ! x9", TokenizerConfig(1, False, 2, 3).core)
    assert found == [
        *((ngram, 9, 15) for ngram in ("##<ก", "##<กิ", "##กิ", "##กิ>", "##ิ>")),
        *((ngram, 18, 20) for ngram in ("##<x", "##<x9", "##x9", "##x9>", "##9>")),
    ]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=12), st.integers(2, 4), st.integers(0, 4))
def test_character_ngrams_agree_with_the_reference(text: str, least: int, more: int) -> None:
    tokenizer = TokenizerConfig(1, False, least, least + more)
    found = [ngram for ngram, _, _ in _core.characters(text, tokenizer.core)]
    assert sorted(found) == sorted(reference.characters(text, least, least + more))


def test_unknown_word_shares_character_ngrams_with_known_words() -> None:
    tokenizer, counting = TokenizerConfig(1, max_characters=5), CountingConfig(min_count=1)
    vocabulary = Vocabulary.build(["an unbelievable film", "believe it"], tokenizer, counting)
    assert vocabulary.ngrams is not None
    found = vocabulary.extract(["unbelieveable"])
    assert {"##<unbe", "##lieve", "##able>"} <= {vocabulary.ngrams[row] for row in found.characters}
    assert found.counts.tolist() == [1]
    assert not len(found.rows)
    assert found.known[0] < found.tokens[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(words, min_size=1, max_size=4).map(" ".join), texts)
def test_vocabulary_that_is_not_closed_finds_long_ngrams(ngram: str, corpus: list[str]) -> None:
    ngram = " ".join(reference.tokenize(ngram))
    longest = ngram.count(" ") + 1
    vocabulary = Vocabulary.from_ngrams([ngram], TokenizerConfig(longest))
    assert vocabulary.closed == (longest == 1)
    for text in corpus:
        assert len(vocabulary.extract([text]).rows) == (ngram in ngrams(text, longest))


def test_long_texts_have_ngrams_across_pieces() -> None:
    text = " ".join(f"w{i}" for i in range(5000))
    vocabulary = Vocabulary.build([text], TokenizerConfig(4), CountingConfig(min_count=1))
    assert len(vocabulary.extract([text]).rows) == 5000 + 4999 + 4998 + 4997


def test_results_do_not_depend_on_threads_or_the_type_of_texts(shared_data: Path) -> None:
    corpus = reviews(shared_data, 800)
    tokenizer = TokenizerConfig(3, max_characters=4)
    counting = CountingConfig(max_rows=50_000)
    one, four = (Vocabulary.build(corpus, tokenizer, counting, threads=n) for n in (1, 4))
    assert one.buckets is not None
    assert four.buckets is not None
    assert (one.buckets == four.buckets).all()
    assert one.ngrams == four.ngrams
    expected = one.extract(corpus, dropout=0.3, max_ngrams=50, seed=7, threads=1)
    forms = [
        corpus,
        tuple(corpus),
        np.array(corpus, dtype=object),
        np.array(corpus),
        pa.array(corpus),
        pa.array(corpus, pa.large_string()),
        pa.array(corpus, pa.string_view()),
        pa.array(["skipped", *corpus])[1:],
        pa.chunked_array([corpus[:300], corpus[300:]]),
        pa.array(corpus).dictionary_encode(),
    ]
    for form in forms:
        found = one.extract(form, dropout=0.3, max_ngrams=50, seed=7, threads=3)
        for name, array in vars(expected).items():
            np.testing.assert_array_equal(getattr(found, name), array, name)


def test_extraction_counts_known_tokens() -> None:
    vocabulary = Vocabulary.from_ngrams(["the", "film", "the film"], TokenizerConfig(2, boundaries=True))
    found = vocabulary.extract(["The film, the film!", "", "zzz the"], dropout=0.9)
    assert found.tokens.tolist() == [6, 0, 2]
    assert found.known.tolist() == [4, 0, 1]


def test_pairs_share_unknown_words() -> None:
    vocabulary = Vocabulary.from_ngrams(["film", "##fil", "##<fi", "##bad"], TokenizerConfig(1, False, 3, 4))
    found = vocabulary.extract(["film films", "badly", ""], ["FILMS badly zzz", "badly", "filmy"])
    assert found.counts.tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 1]
    assert found.word_offsets.tolist() == [0, 1, 2, 3, 4, 4, 4, 4, 4, 5]
    assert found.words.tolist() == [0, 1, 2, 2, 3]
    folded = vocabulary.extract(["film films"], ["FILMS badly zzz"], folded=True)
    assert folded.counts.tolist() == [1, 1, 1]
    assert folded.word_offsets.tolist() == [0, 1, 1, 2]


def test_dropping_a_word_drops_its_characters() -> None:
    tokens = [f"w{i}x" for i in range(400)]
    known = [*tokens[:200], *(f"##{i}x" for i in range(10))]
    vocabulary = Vocabulary.from_ngrams(known, TokenizerConfig(1, False, 2, 2))
    for options in ({"dropout": 0.5}, {"max_ngrams": 200}):
        found = vocabulary.extract([" ".join(tokens)], seed=3, **options)
        assert len(found.words) == found.counts[0] == len(set(found.words.tolist()))
        assert 150 < found.counts[0] < 250
        assert 50 < len(found.rows) < 150


def test_characters_of_words_are_those_of_texts() -> None:
    corpus = ["unbelievable films ẞtraße a", "the İstanbul films"]
    vocabulary = Vocabulary.build(corpus, TokenizerConfig(1, False, 2, 5), CountingConfig(min_count=1))
    assert vocabulary.ngrams is not None
    tokens = list(dict.fromkeys(token for text in corpus for token in reference.tokenize(text)))
    rows, offsets = vocabulary.core.characters(tokens)
    for i, token in enumerate(tokens):
        found = sorted(vocabulary.ngrams[row] for row in rows[offsets[i] : offsets[i + 1]])
        assert found == sorted(reference.characters_of(token, 2, 5))
    plain = Vocabulary.from_ngrams(["a"])
    assert plain.core.characters(tokens)[1].tolist() == [0] * (len(tokens) + 1)


@settings(max_examples=60, deadline=None)
@given(texts, texts, st.booleans())
def test_pairs_have_segments_for_both_texts_and_each_text_alone(
    first: list[str], second: list[str], boundaries: bool
) -> None:
    pairs = list(zip(first, second, strict=False))
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    known = ["the", "film", "good", "日本", "the film", "good film"]
    vocabulary = Vocabulary.from_ngrams(known, TokenizerConfig(2, boundaries))
    single = [vocabulary.extract(side) for side in sides]
    found = vocabulary.extract(*sides)
    assert (found.tokens == single[0].tokens + single[1].tokens).all()
    assert (found.known == single[0].known + single[1].known).all()
    parts = np.split(found.rows, found.offsets[1:-1])
    for i in range(len(pairs)):
        one, other = (set(rows.rows[rows.offsets[i] : rows.offsets[i + 1]].tolist()) for rows in single)
        assert [sorted(part) for part in parts[3 * i : 3 * i + 3]] == [
            sorted(one & other),
            sorted(one - other),
            sorted(other - one),
        ]


def test_dropout_applies_to_both_texts_of_a_pair() -> None:
    text = " ".join(f"w{i}" for i in range(400))
    vocabulary = Vocabulary.build([text], TokenizerConfig(1), CountingConfig(min_count=1))
    for options in ({"dropout": 0.5}, {"max_ngrams": 200}):
        found = vocabulary.extract([text], [text + " w1 unknown"], seed=3, **options)
        assert found.offsets[1:].tolist() == [len(found.rows)] * 3
        assert 100 < len(set(found.rows.tolist())) == len(found.rows) < 300
    one, other = (vocabulary.extract([text], [text], dropout=0.5, seed=seed) for seed in (3, 4))
    assert set(one.rows.tolist()) != set(other.rows.tolist())
    half = vocabulary.extract([text], [text[: len(text) // 2]], max_ngrams=100, seed=3)
    assert len(half.rows) == 100
    assert np.diff(half.offsets)[:2].min() > 20


def test_pairs_need_equally_many_texts() -> None:
    vocabulary = Vocabulary.from_ngrams(["a"])
    with pytest.raises(InputError, match="2 texts have 1 second texts"):
        vocabulary.extract(["a", "b"], ["a"])


def test_slices_of_arrow_texts() -> None:
    texts = _core.ArrowTexts(np.frombuffer(b"abcdef", np.uint8), np.array([0, 1, 1, 4, 6], np.int32))
    assert texts.sizes().tolist() == [1, 0, 3, 2]
    assert texts[1:3].sizes().tolist() == [0, 3]
    assert texts[2:99].sizes().tolist() == [3, 2]
    assert len(texts[3:2]) == len(texts[9:]) == 0
    vocabulary = Vocabulary.from_ngrams(["bcd", "ef"])
    assert vocabulary.core.extract(texts[1:4], None, 0.0, 0, 0, 1, False)[0].tolist() == [0, 1]
    with pytest.raises(ValueError, match="steps"):
        texts[::2]


def test_dropout_depends_on_the_seed(shared_data: Path) -> None:
    corpus = reviews(shared_data, 200)
    vocabulary = Vocabulary.build(corpus)
    whole = vocabulary.extract(corpus)
    dropped = [vocabulary.extract(corpus, dropout=0.1, seed=seed) for seed in (1, 2)]
    for found in dropped:
        assert len(found.rows) / len(whole.rows) == pytest.approx(0.9, abs=0.01)
    assert len(dropped[0].rows) != len(dropped[1].rows) or (dropped[0].rows != dropped[1].rows).any()


def test_max_ngrams_keeps_a_random_choice() -> None:
    text = " ".join(f"w{i}" for i in range(100))
    vocabulary = Vocabulary.build([text], TokenizerConfig(1), CountingConfig(min_count=1))
    chosen = [set(vocabulary.extract([text], max_ngrams=30, seed=seed).rows.tolist()) for seed in range(2)]
    assert all(len(rows) == 30 for rows in chosen)
    assert chosen[0] != chosen[1]


def test_counts_beyond_the_memory_bound_stay_within_the_error_bound() -> None:
    random = np.random.default_rng(0)
    frequent = [f"f{i}" for i in range(50)]
    # 8 million distinct words that occur once and 50 frequent ones: far more than 256 MiB of counts.
    counter = _core.Counter(TokenizerConfig(2).core, False, _core.LEAST_COUNTER_MEMORY, 2, "")
    true: Counter[str] = Counter()
    for part in range(16):
        chosen = random.choice(frequent, 20_000)
        true.update(chosen.tolist())
        rare = np.arange(part * 500_000, (part + 1) * 500_000).astype(str).reshape(20_000, 25)
        counter.add(
            [" ".join([word, *others]) for word, others in zip(chosen.tolist(), rare.tolist(), strict=True)]
        )
    assert counter.error_bound > 0
    keys, counts = counter.select(50, 2)
    found = dict(zip(keys.tolist(), counts.tolist(), strict=True))
    for word, key in zip(frequent, _core.keys_of(frequent).tolist(), strict=True):
        assert true[word] - counter.error_bound <= found[key] <= true[word]


def test_corpus_of_files_is_counted_like_texts_in_memory(tmp_path: Path, shared_data: Path) -> None:
    corpus = reviews(shared_data, 50)
    (tmp_path / "a.txt").write_text("".join(text + "\n" for text in corpus[:20]), "utf-8")
    (tmp_path / "b.txt").write_text("".join(text + "\n" for text in corpus[20:]), "utf-8")
    from_files = Vocabulary.build(Corpus(tmp_path / "*.txt"))
    assert from_files.ngrams == Vocabulary.build(corpus).ngrams


def test_saved_vocabulary_is_restored(tmp_path: Path) -> None:
    vocabulary = Vocabulary.build(["a b a", "a b c"], TokenizerConfig(2, True), CountingConfig(min_count=1))
    vocabulary.save(tmp_path / "v")
    loaded = Vocabulary.load(tmp_path / "v")
    assert loaded.ngrams == vocabulary.ngrams
    assert loaded.tokenizer == vocabulary.tokenizer
    assert loaded.closed
    assert loaded.counts is not None
    assert (loaded.counts == vocabulary.counts).all()
    assert (loaded.extract(["b a"]).rows == vocabulary.extract(["b a"]).rows).all()
    with pytest.raises(InputError, match="exists"):
        vocabulary.save(tmp_path / "v")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: (d / "config.json").unlink(), "does not exist"),
        (lambda d: (d / "config.json").write_text("{"), "cannot be used"),
        (lambda d: (d / "config.json").write_text("[]"), "cannot be used"),
        (lambda d: (d / "config.json").write_text('{"tokenizer": 3}'), "cannot be used .*tokenizer"),
        (lambda d: (d / "vocabulary.safetensors").write_bytes(b""), "header too small"),
        (
            lambda d: (d / "config.json").write_text(
                (d / "config.json").read_text().replace("15.0.0", "3.2.0")
            ),
            "tokenizer version",
        ),
    ],
)
def test_damaged_vocabulary_is_rejected(tmp_path: Path, damage: object, message: str) -> None:
    Vocabulary.build(["a b a b"]).save(tmp_path / "v")
    damage(tmp_path / "v")  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        Vocabulary.load(tmp_path / "v")


def test_damaged_strings_are_rejected_on_access(tmp_path: Path) -> None:
    Vocabulary.build(["a b a b"]).save(tmp_path / "v")
    path = tmp_path / "v" / "ngrams.parquet"
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    vocabulary = Vocabulary.load(tmp_path / "v")
    assert vocabulary.rows_of(["a b"])[0] >= 0
    with pytest.raises(InputError, match=r"ngrams.parquet is damaged \(its digest differs\)"):
        _ = vocabulary.ngrams


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("one text", "list of texts"),
        (["a", 3], "Text 1 has type int"),
        (["a", None], "Text 1 has type NoneType"),
        (np.array([1.0, 2.0]), "array of strings"),
        (np.array([["a"]]), "1 dimension"),
        (pa.array(["a", None]), "Text 1 is null"),
        (pa.array([1, 2]), "array of strings"),
        (7, "texts is a int"),
    ],
)
def test_invalid_texts_are_rejected(wrong: Any, message: str) -> None:
    vocabulary = Vocabulary.build(["a b a b"])
    with pytest.raises(InputError, match=message):
        vocabulary.extract(wrong)


@pytest.mark.parametrize(
    "settings_",
    [{"max_rows": 0}, {"min_count": 0}, {"memory": 1000}],
)
def test_invalid_settings_are_rejected(settings_: dict[str, int]) -> None:
    with pytest.raises(InputError):
        CountingConfig(**settings_)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        TokenizerConfig(max_ngram=9)


def test_hostile_buckets_do_not_crash_or_hang() -> None:
    random = np.random.default_rng(0)
    for fill in (random.integers(0, 2**64, (17, 8), np.uint64), np.full((17, 8), 2**64 - 1, np.uint64)):
        buckets = _core.build_buckets(_core.keys_of(["a"]))  # aligned memory to write into
        big = np.empty(17 * 8 + 8, np.uint64)
        start = (-big.ctypes.data % 64) // 8
        aligned = big[start : start + 17 * 8].reshape(17, 8)
        aligned[:] = fill
        vocabulary = Vocabulary(aligned, 5, TokenizerConfig(), closed=False)
        assert (vocabulary.extract(["some text to look up"] * 50).rows < 5).all()
        assert len(buckets)


def test_offsets_outside_of_the_buffer_are_rejected() -> None:
    data = np.frombuffer(b"abc", np.uint8)
    for offsets in ([0, 4], [-1, 2], [2, 1]):
        with pytest.raises(ValueError, match="outside"):
            _core.ArrowTexts(data, np.array(offsets, np.int32))
