"""A reference tokenizer in slow, plain Python, which the core must agree with."""

from __future__ import annotations

import re
from functools import cache

import unicodedata2

# Letters and numbers of the scripts without spaces, of Unicode 15.0: Han, Hiragana, Katakana, Bopomofo, Yi,
# Nushu, Tangut, Khitan, Thai, Lao, Khmer, Myanmar, Tai Le, New Tai Lue, Tai Tham, Tai Viet.
NO_SPACES = re.compile(
    "[\u0e01-\u0edf\u1000-\u1099\u1780-\u17f9\u1950-\u19da\u1a20-\u1aa7\u3005\u3007-\u3029"
    "\u3038-\u303b\u3041-\u312f\u31a0-\u31ff\u3400-\ua48c\ua9e0-\ua9fe\uaa60-\uaadd\uf900-\ufad9"
    "\uff66-\uff9d\U00016fe0-\U0001b2fb\U00020000-\U000323af]"
)
TYPOGRAPHIC = {"‘": "'", "’": "'", "“": '"', "”": '"', "‐": "-", "‑": "-"}
JOINERS = re.compile("[\u034f\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")


@cache
def char_class(char: str) -> str:
    """Class of a character: space, ignored, mark, character, word or symbol."""
    category = unicodedata2.category(char)
    if char == "\u200b" or category[0] == "Z" or category == "Cc":
        return "space"
    if category == "Cf" or JOINERS.match(char):
        return "ignored"
    if category[0] == "M":
        return "mark"
    if category[0] in "LN":
        return "character" if NO_SPACES.match(char) else "word"
    return "symbol"


def characters(text: str, least: int, most: int) -> list[str]:
    """The character n-grams of the words of a text, by the rules of the core (characters.hpp)."""
    return [ngram for token in tokenize(text) for ngram in characters_of(token, least, most)]


def characters_of(token: str, least: int, most: int) -> list[str]:
    """The character n-grams of one folded token; one of a single character has none."""
    if len(token) < 2:
        return []
    word = f"<{token[:256]}>"
    return [
        "##" + word[i : i + n]
        for n in range(least, min(most, len(word) - 1) + 1)
        for i in range(len(word) - n + 1)
    ]


def tokenize(text: str) -> list[str]:
    """Case-folded tokens of a text, by the rules of the core (tokenizer.hpp)."""
    # Surrogates have no UTF-8 encoding: they count as the bytes that they would be encoded to.
    text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    tokens: list[str] = []
    symbols: list[bool] = []
    state = "none"  # what a mark or a letter continues: "word", "character" or "none"
    for char in text:
        kind = char_class(char)
        if kind == "ignored":
            continue
        if (kind == "mark" and state != "none") or (kind == "word" and state == "word"):
            tokens[-1] += char
        elif kind != "space":
            tokens.append(char)
            symbols.append(kind == "symbol")
        state = {"space": "none", "symbol": "none", "mark": state if state != "none" else "word"}.get(
            kind, kind
        )
    return [_folded(token, symbol) for token, symbol in zip(tokens, symbols, strict=True)]


def _folded(token: str, symbol: bool) -> str:
    """A token case-folded; words in form NFC first."""
    composed = token if symbol else unicodedata2.normalize("NFC", token)
    return "".join(TYPOGRAPHIC.get(char) or char.casefold() for char in composed)
