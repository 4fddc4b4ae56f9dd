"""Texts with their words coloured by contribution: as HTML and on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from .._internal.texts import encodable

if TYPE_CHECKING:
    from rich.console import RenderableType

_FOR, _AGAINST = (26, 152, 80), (215, 48, 39)  # RGB
_FAINTEST = 0.05  # words below this share of the strongest word are not coloured


class Word(NamedTuple):
    """A token of a text, and its share of the evidence of the n-grams that contain it.

    Attributes:
        begin: Its first character.
        end: The character after its last one.
        evidence: See :meth:`~sparsedistill.explain.Explanation.evidence`.
    """

    begin: int
    end: int
    evidence: float


class Row(NamedTuple):
    """A line of the table under the texts.

    Attributes:
        evidence: What is added to the class.
        name: The n-gram, or what else adds it.
        times: Occurrences in the texts; empty for sums.
    """

    evidence: float
    name: str
    times: str


class Side(NamedTuple):
    """A text with its words."""

    text: str
    words: Sequence[Word]


def as_html(label: str, sides: Sequence[Side], rows: Sequence[Row]) -> str:
    """A piece of HTML: the texts with coloured words, and a table of the strongest n-grams for `label`."""
    most = _most(sides)
    texts = []
    for side in sides:
        pieces = []
        for piece, evidence, strength in _pieces(side, most):
            word = escape(encodable(piece))
            if strength:
                red, green, blue = _FOR if evidence > 0 else _AGAINST
                shade = f"background:rgba({red},{green},{blue},{strength:.2f})"
                word = f'<span style="{shade}" title="{evidence:+.4f}">{word}</span>'
            pieces.append(word)
        texts.append(f'<p style="white-space:pre-wrap">{"".join(pieces)}</p>')
    lines = "".join(
        f"<tr><td>{row.evidence:+.4f}</td><td>{escape(row.name)}</td><td>{row.times}</td></tr>"
        for row in rows
    )
    head = f"<tr><th>for {escape(encodable(label))}</th><th>n-gram</th><th>times</th></tr>"
    return f"<div>{''.join(texts)}<table>{head}{lines}</table></div>"


def as_terminal(label: str, sides: Sequence[Side], rows: Sequence[Row]) -> RenderableType:
    """The same as :func:`as_html` for a :class:`rich.console.Console`."""
    # Rich takes 30 ms to import, which a student that explains nothing need not wait for.
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    most = _most(sides)
    parts: list[RenderableType] = []
    for side in sides:
        line = Text()
        for piece, evidence, strength in _pieces(side, most):
            line.append(encodable(piece), _style(evidence, strength) if strength else None)
        parts += [line, ""]
    table = Table()
    table.add_column(Text(f"for {encodable(label)}"), justify="right")
    table.add_column("n-gram")
    table.add_column("times", justify="right")
    for row in rows:
        table.add_row(Text(f"{row.evidence:+.4f}"), Text(row.name), row.times)
    return Group(*parts, table)


def shown(ngram: str) -> str:
    """An n-gram with visible signs for the boundaries of a text."""
    return ngram.replace("\x02", "␂").replace("\x03", "␃")


def _most(sides: Sequence[Side]) -> float:
    """The largest absolute evidence of a word; 1 if there is none."""
    return max((abs(word.evidence) for side in sides for word in side.words), default=0.0) or 1.0


def _pieces(side: Side, most: float) -> Iterator[tuple[str, float, float]]:
    """The whole text in order, as (characters, evidence, strength from 0 to 1); 0 between words."""
    at = 0
    for word in side.words:
        begin, end = max(word.begin, at), max(word.end, at)  # two tokens can share a broken character
        strength = abs(word.evidence) / most
        yield side.text[at:begin], 0.0, 0.0
        yield side.text[begin:end], word.evidence, strength if strength >= _FAINTEST else 0.0
        at = end
    yield side.text[at:], 0.0, 0.0


def _style(evidence: float, strength: float) -> str:
    """Black on green or red, more saturated for stronger words."""
    red, green, blue = (round(255 - strength * (255 - part)) for part in (_FOR if evidence > 0 else _AGAINST))
    return f"black on rgb({red},{green},{blue})"
