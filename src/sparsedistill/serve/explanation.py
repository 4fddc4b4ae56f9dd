"""``/explain``: why a text is answered as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import msgspec

from ..cascade import Cascade
from ..explain.result import Explanation
from ..model.predictions import probabilities
from ..multi_head import MultiHeadStudent
from .config import Limits
from .errors import invalid
from .models import Target
from .query import check_lengths, decode, split_pairs


class ExplainRequest(msgspec.Struct):
    """A text to explain.

    Attributes:
        inputs: The text; for students of pairs, a list of two texts.
        label: The class to explain; by default the predicted one.
        top: Most n-grams to list, strongest first.
    """

    inputs: str | Annotated[list[str], msgspec.Meta(min_length=2, max_length=2)]
    label: str | None = None
    top: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 10


class ExplainedNgram(msgspec.Struct):
    """An n-gram that the student knows, or a word that it reads by its characters.

    Attributes:
        ngram: Its words; the beginning and the end of a text are U+0002 and U+0003.
        evidence: What it adds to the score of the class, compared with the others.
        places: First character, and the one after the last, of each occurrence.
        second: It is in the second text of a pair.
        characters: It is read by its characters.
    """

    ngram: str
    evidence: float
    places: list[tuple[int, int]]
    second: bool
    characters: bool


class ExplainedWord(msgspec.Struct):
    """A word with its share of the evidence of the n-grams that it is in.

    Attributes:
        begin: Its first character.
        end: The character after its last one.
        evidence: Its share.
    """

    begin: int
    end: int
    evidence: float


class ExplainResponse(msgspec.Struct):
    """Why a text is answered as it is. The evidence of all n-grams and `empty` add up to `total`.

    Attributes:
        label: The class that is explained; ``score`` for a regression.
        score: Its probability, or the number of a regression.
        total: Logit of the class, minus the mean of the others if the classes exclude each other.
        empty: The same of a text without n-grams.
        ngrams: The strongest n-grams.
        words: The words of the text.
        words_pair: The words of the second text of a pair.
    """

    label: str
    score: float
    total: float
    empty: float
    ngrams: list[ExplainedNgram]
    words: list[ExplainedWord]
    words_pair: list[ExplainedWord]


#: Characters of a text. Explanations are for people, and take a thousand times as long as scores.
LONGEST = 20_000

_decoder = msgspec.json.Decoder(ExplainRequest)


def explain(target: Target, limits: Limits, body: bytes) -> Any:
    """The answer of ``/explain``: an :class:`ExplainResponse`, or a dict of these by the name of the head.

    Of a cascade, the student is explained.

    Raises:
        RequestError: The request cannot be used.
    """
    request = decode(body, _decoder)
    given = [request.inputs if isinstance(request.inputs, str) else tuple(request.inputs)]
    texts, text_pair = split_pairs(given, pair=target.model.pair)
    limits = replace(limits, characters=min(limits.characters, LONGEST))
    check_lengths([*texts, *(text_pair or ())], limits)
    model = target.model.student if isinstance(target.model, Cascade) else target.model
    second = None if text_pair is None else text_pair[0]
    if isinstance(model, MultiHeadStudent):
        if request.label is not None:
            raise invalid("The student answers several questions: name a label with one of them only.")
        found = model.explain(texts[0], second)
        return {name: _response(each, None, request.top) for name, each in found.items()}
    if request.label is not None and request.label not in model.classes:
        raise invalid(f"There is no class {request.label!r}: name one of {', '.join(model.classes)}.")
    return _response(model.explain(texts[0], second), request.label, request.top)


def _response(explanation: Explanation, label: str | None, top: int) -> ExplainResponse:
    label = label or explanation.label
    logits, problem = explanation.logits[None], explanation.problem
    scores = logits if problem == "regression" else probabilities(logits, problem)
    empty = explanation.empty_evidence(label)
    return ExplainResponse(
        label=label,
        score=float(scores[0, explanation.classes.index(label)]),
        total=empty + float(explanation.evidence(label).sum(dtype=float)),
        empty=empty,
        ngrams=[
            ExplainedNgram(span.ngram, evidence, list(span.places), span.second, span.characters)
            for span, evidence in explanation.strongest(label, top)
        ],
        words=_words(explanation, label, second=False),
        words_pair=_words(explanation, label, second=True),
    )


def _words(explanation: Explanation, label: str, *, second: bool) -> list[ExplainedWord]:
    return [
        ExplainedWord(word.begin, word.end, float(word.evidence))
        for word in explanation.words(label, second=second)
    ]
