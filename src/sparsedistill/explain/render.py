"""Texts with their words coloured by what they say for a class: in HTML, and on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .._internal.texts import encodable

if TYPE_CHECKING:
    from .explain import Explanation, Word

_FOR, _AGAINST = (26, 152, 80), (215, 48, 39)
_FAINTEST = 0.05  # of the strongest word: what is below it is left uncoloured


def as_html(explanation: Explanation, label: str, count: int) -> str:
    """See :meth:`Explanation.to_html`."""
    texts = []
    sides = _sides(explanation, label)
    for text, words in sides:
        pieces = []
        for piece, evidence, strength in _pieces(text, words, _most(sides)):
            word = escape(encodable(piece))
            if strength:
                red, green, blue = _FOR if evidence > 0 else _AGAINST
                shade = f"background:rgba({red},{green},{blue},{strength:.2f})"
                word = f'<span style="{shade}" title="{evidence:+.4f}">{word}</span>'
            pieces.append(word)
        texts.append(f'<p style="white-space:pre-wrap">{"".join(pieces)}</p>')
    rows = "".join(
        f"<tr><td>{value:+.4f}</td><td>{escape(name)}</td><td>{times}</td></tr>"
        for value, name, times in _rows(explanation, label, count)
    )
    head = f"<tr><th>for {escape(encodable(label))}</th><th>n-gram</th><th>times</th></tr>"
    return f"<div>{''.join(texts)}<table>{head}{rows}</table></div>"


def as_terminal(explanation: Explanation, label: str, count: int) -> RenderableType:
    """See :meth:`Explanation.to_terminal`."""
    parts: list[RenderableType] = []
    sides = _sides(explanation, label)
    for text, words in sides:
        line = Text()
        for piece, evidence, strength in _pieces(text, words, _most(sides)):
            line.append(encodable(piece), _style(evidence, strength) if strength else None)
        parts += [line, ""]
    table = Table()
    table.add_column(Text(f"for {encodable(label)}"), justify="right")
    table.add_column("n-gram")
    table.add_column("times", justify="right")
    for value, name, times in _rows(explanation, label, count):
        table.add_row(Text(f"{value:+.4f}"), Text(name), times)
    return Group(*parts, table)


def shown(ngram: str) -> str:
    """An n-gram for people, with signs for the text's boundaries."""
    return ngram.replace("\x02", "␂").replace("\x03", "␃")


def _rows(explanation: Explanation, label: str, count: int) -> Iterator[tuple[float, str, str]]:
    """(evidence, n-gram, times it occurs): the strongest, all others, and what they are added to."""
    strongest = explanation.strongest(label, count)
    for span, value in strongest:
        yield value, shown(span.ngram), str(len(span.places))
    all_of_them = float(explanation.evidence(label).sum(dtype=float))
    if others := len(explanation.spans) - len(strongest):
        yield all_of_them - sum(value for _, value in strongest), f"({others:,} other n-grams)", ""
    base = explanation.empty_evidence(label)
    yield base, "(a text without n-grams)", ""
    yield base + all_of_them, "(all of it)", ""


def _sides(explanation: Explanation, label: str) -> list[tuple[str, list[Word]]]:
    """The texts with their words."""
    texts = [(explanation.text, False)]
    if explanation.text_pair is not None:
        texts.append((explanation.text_pair, True))
    return [(text, explanation.words(label, second=second)) for text, second in texts]


def _most(sides: list[tuple[str, list[Word]]]) -> float:
    """The strongest word's evidence, for or against; 1 where there is none."""
    return max((abs(word.evidence) for _, words in sides for word in words), default=0.0) or 1.0


def _pieces(text: str, words: list[Word], most: float) -> Iterator[tuple[str, float, float]]:
    """All of a text in order: (characters, evidence, strength from 0 to 1); none between words."""
    at = 0
    for word in words:
        begin, end = max(word.begin, at), max(word.end, at)  # halves of a broken character share it
        strength = abs(word.evidence) / most
        yield text[at:begin], 0.0, 0.0
        yield text[begin:end], word.evidence, strength if strength >= _FAINTEST else 0.0
        at = end
    yield text[at:], 0.0, 0.0


def _style(evidence: float, strength: float) -> str:
    """Black on a colour that is the fuller the stronger the word."""
    red, green, blue = (round(255 - strength * (255 - part)) for part in (_FOR if evidence > 0 else _AGAINST))
    return f"black on rgb({red},{green},{blue})"
