"""The tokenizer of the core against the reference in plain Python."""

from __future__ import annotations

import gzip
import sys
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import reference

from sparsedistill import TokenizerConfig, _core, tokenize

# Case folding of an assigned character never changes. Characters that this Python does not know are left out.
known = st.characters().filter(lambda c: unicodedata.category(c) != "Cn")
# Characters at the edges of the rules, which random characters rarely hit.
edge_cases = st.sampled_from(
    "aAzZ09 \t\n\r\x00\x1f\x7f_-'’“\"…!?.é\u0301İßﬁſΣςΑα\u00a0\u200b\u200c\u200d\u00ad\ufeff\u2028"
    "字語ひカーｶก\u0e33"
    "\u0e49ལ한\u1112\u1161\u11ab\u0323\u0302\u0308\u0338\u0345\u3099\u09c7\u09be\u0958\ufb1dệΐ❤\ufe0f👩\U0001f3fd²½Ⅷ\U00010400\U0001e900\ud800\udfff\ufffd"
)
texts = st.text(edge_cases | known, max_size=60)


@settings(max_examples=2000, deadline=None)
@given(texts)
def test_agrees_with_the_reference(text: str) -> None:
    assert tokenize(text) == reference.tokenize(text)


@settings(max_examples=300, deadline=None)
@given(texts.filter(str.isascii) | st.text("abcXYZ019 '", max_size=80), st.integers(1, 40))
def test_long_words_agree_with_the_reference(text: str, times: int) -> None:
    text = text.replace(" ", "") * times
    assert tokenize(text) == reference.tokenize(text)


@pytest.mark.parametrize("text", ["café", "yếu nghệ", "한국어", "がぎ", "Ǖber", "ड़ क़", "כּוֹ", "Å"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_spellings_are_one_word(text: str, form: Literal["NFC", "NFD"]) -> None:
    spelt = unicodedata.normalize(form, text)
    assert tokenize(spelt) == tokenize(text)
    characters = TokenizerConfig(1, False, 2, 4).core
    assert [ngram for ngram, *_ in _core.characters(spelt, characters)] == [
        ngram for ngram, *_ in _core.characters(text, characters)
    ]


def test_marks_in_any_order_and_number() -> None:
    assert tokenize("e\u0302\u0323 ê\u0323 ẹ\u0302") == 3 * ["ệ"]
    assert tokenize("e" + 1000 * "\u0301") == tokenize("é" + 999 * "\u0301")
    (token,) = tokenize("e" + 1000 * "\u0301")
    assert len(token) == 1000
    with_marks = [f"a{chr(code)}\u0323" for code in range(0x300, 0x370)]
    assert list(map(tokenize, with_marks)) == list(map(reference.tokenize, with_marks))


def test_every_character_class_agrees_with_the_reference() -> None:
    for code in range(sys.maxunicode + 1):
        text = f"a{chr(code)}b"
        if unicodedata.category(chr(code)) in ("Cn", "Cs"):
            continue
        assert tokenize(text) == reference.tokenize(text), hex(code)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_keys_do_not_depend_on_the_position_of_a_token(text: str) -> None:
    """The hash of a token in a text is that of its case-folded string, on fast and slow paths."""
    tokens = sorted(set(tokenize(text)))
    if tokens:
        from sparsedistill import Vocabulary

        vocabulary = Vocabulary.from_ngrams(tokens, TokenizerConfig(max_ngram=1))
        rows = vocabulary.extract([text]).rows.tolist()
        assert [tokens[row] for row in rows] == list(dict.fromkeys(tokenize(text)))


@pytest.mark.parametrize(
    ("raw", "tokenised"),
    [
        ("It's well-known.", "it 's well - known ."),
        ("it’s", "it 's"),
        ("“Wow!” she said", '" wow ! " she said'),
        ("ÉCOLE", "école"),
        ("STRASSE", "straße"),
        ("co\u00adoperate", "cooperate"),
        ("I ❤\ufe0f it", "i ❤ it"),
        ("line\nbreaks\r\n\tand  \u2003spaces", "line breaks and spaces"),
        ("a\x00b", "a b"),
    ],
)
def test_raw_and_tokenised_text_give_the_same_tokens(raw: str, tokenised: str) -> None:
    assert tokenize(raw) == tokenize(tokenised)


def test_scripts_without_spaces_give_one_token_per_character() -> None:
    assert tokenize("日本語です") == ["日", "本", "語", "で", "す"]
    assert tokenize("กิน") == ["กิ", "น"]
    assert tokenize("한국어 단어") == ["한국어", "단어"]


def test_boundaries_are_tokens_that_cannot_occur_in_a_text() -> None:
    assert tokenize("\x02 hi \x03", boundaries=True) == ["\x02", "hi", "\x03"]
    assert tokenize("\x02 hi \x03") == ["hi"]
    assert tokenize("", boundaries=True) == ["\x02", "\x03"]


def test_byte_spans_of_tokens() -> None:
    text = "Ça va, 日本!"
    spans = [text.encode()[begin:end].decode() for _, begin, end in _core.tokenize(text)]
    assert spans == ["Ça", "va", ",", "日", "本", "!"]


def test_real_reviews_agree_with_the_reference(shared_data: Path) -> None:
    with gzip.open(shared_data / "imdb" / "test.tsv.gz", "rt", encoding="utf-8") as file:
        for _ in range(300):
            text = file.readline()
            assert tokenize(text) == reference.tokenize(text)
