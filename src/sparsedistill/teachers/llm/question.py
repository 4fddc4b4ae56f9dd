"""What an LLM is asked about each text, and how its answer becomes scores."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

from ..._internal.settings import check_fields
from ..._internal.texts import encodable
from ...errors import InputError
from ...problem import SCORE
from ..base import Fingerprint
from ..scores import check_format
from .classes import ClassTokens, Reading
from .request import Answer, Request

_TEXT, _TEXT_PAIR, _CLASS = "{text}", "{text_pair}", "{class}"
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)")
#: Fields of a request that follow from the question.
_OWN_FIELDS = ("model", "messages", "prompt", "logprobs", "top_logprobs", "stream", "n")


@dataclass(frozen=True)
class LLMQuestion:
    """A question about a text, with either classes or bounds.

    Attributes:
        prompt: Template with ``{text}`` where the text goes, and for pairs ``{text_pair}`` for the second
            text. Other braces are left as they are.
        classes: Class names, which the model answers with; or the answer for each class. Answers must differ
            in their first token, which alone is read.
        multi_label: A text may have several classes. It is asked about each of them by itself, with the class
            name, or what `classes` has for it, in place of ``{class}`` in the prompt.
        answers: The answers of a text that has the class, and of one that has not, with `multi_label`.
        bounds: Instead of classes: the smallest and the largest number that the model may answer with.
        system: System message, for ``endpoint="chat"``.
        endpoint: ``"chat"`` asks /chat/completions, ``"completions"`` asks /completions.
        max_chars: Longer texts are cut after this number of characters.
        max_tokens: Longest answer in tokens; by default 1 for classes and 16 for numbers.
        top_logprobs: How many tokens the server lists with their log-probabilities. OpenAI allows 20.
        expected: The number is the mean of the whole numbers within the bounds (0 to 9 at most), weighted by
            their log-probabilities as the first token of the answer. It tells texts apart that would get the
            same number.
        pattern: Regular expression whose first group is the number in an answer. By default an answer must
            contain exactly one number.
        attempts: How often a text is asked, if its answer has no number within the bounds; the first time at
            temperature 0, then at temperature 1.
        fallback: The number of a text whose answers have no number; by default that is an error.
        parameters: Further fields of each request, such as ``seed`` or ``reasoning_effort``.

    Raises:
        InputError: A setting is out of range, or the template lacks a placeholder.
    """

    prompt: str
    classes: Sequence[str] | Mapping[str, str] | None = None
    multi_label: bool = False
    answers: tuple[str, str] = ("yes", "no")
    bounds: tuple[float, float] | None = None
    system: str | None = None
    endpoint: Literal["chat", "completions"] = "chat"
    max_chars: int = 8_000
    max_tokens: int | None = None
    top_logprobs: int = 20
    expected: bool = False
    pattern: str | None = None
    attempts: int = 3
    fallback: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.classes, str):
            raise InputError(f"classes is {self.classes!r}: give a list of names.")
        check_fields(self)
        for placeholder in (_TEXT, _TEXT_PAIR, *([_CLASS] if self.multi_label else [])):
            if self.prompt.count(placeholder) > 1:
                raise InputError(f"The prompt has {placeholder} more than once: leave one of them.")
        if _TEXT not in self.prompt:
            raise InputError("The prompt has no {text}: write {text} where the text belongs.")
        if (self.classes is None) == (self.bounds is None):
            raise InputError("A question needs either classes or bounds: give one of the two.")
        self._check_labels()
        if self.system is not None and self.endpoint != "chat":
            raise InputError("A system message needs the endpoint chat: put it into the prompt.")
        for name in ("max_chars", "max_tokens", "top_logprobs", "attempts"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}: it must be at least 1.")
        for name in self.parameters:
            if name in _OWN_FIELDS:
                raise InputError(f"parameters has {name!r}, which is set already: leave it out.")
        try:
            json.dumps(self.parameters, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"parameters cannot be sent as JSON ({error}): give plain values.") from error
        self._check_numbers()
        if self.by_token:
            _ = self._tokens  # answers that cannot be told apart must fail now

    @property
    def by_token(self) -> bool:
        """Whether the log-probabilities of a token are read, and not the text of the answer."""
        return self.classes is not None or self.expected

    @property
    def pair(self) -> bool:
        """Whether it is about pairs of texts."""
        return _TEXT_PAIR in self.prompt

    @property
    def subjects(self) -> tuple[str | None, ...]:
        """What a text is asked about, one request each: the classes of `multi_label`, or None."""
        if not self.multi_label or self.classes is None:
            return (None,)
        return tuple(self.classes.values() if isinstance(self.classes, Mapping) else self.classes)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The class names; ``("score",)`` for numbers."""
        return SCORE if self.classes is None else tuple(self.classes)

    def fill(self, text: str, text_pair: str | None = None, subject: str | None = None) -> str:
        """Return the prompt for a text and one of the :attr:`subjects`. Braces in texts are left alone."""
        given = {_TEXT: text[: self.max_chars], _TEXT_PAIR: (text_pair or "")[: self.max_chars]}
        if subject is not None:
            given[_CLASS] = subject
        parts = re.split(r"(\{text\}|\{text_pair\}|\{class\})", self.prompt)
        return "".join(encodable(given[part]) if part in given else part for part in parts)

    def request(
        self,
        model: str,
        text: str,
        text_pair: str | None = None,
        attempt: int = 0,
        subject: str | None = None,
    ) -> Request:
        """Return the request about a text.

        Args:
            model: Name of the model.
            text: The text, or the first text of a pair.
            text_pair: The second text.
            attempt: Number of answers that could not be used. Later attempts differ, or their answers would
                not.
            subject: What it is about, one of the :attr:`subjects`.
        """
        prompt = self.fill(text, text_pair, subject)
        body: dict[str, Any] = {"model": model, "temperature": 0}
        if "max_completion_tokens" not in self.parameters:
            body["max_tokens"] = self.max_tokens or (1 if self.by_token else 16)
        if self.endpoint == "chat":
            system = [] if self.system is None else [{"role": "system", "content": self.system}]
            body["messages"] = [*system, {"role": "user", "content": prompt}]
        else:
            body["prompt"] = prompt
        if self.by_token and self.endpoint == "chat":
            body |= {"logprobs": True, "top_logprobs": self.top_logprobs}
        elif self.by_token:
            body["logprobs"] = self.top_logprobs
        body |= self.parameters
        if attempt:
            body |= {"temperature": 1, "seed": attempt}
        path = "chat/completions" if self.endpoint == "chat" else "completions"
        return Request(path, json.dumps(body, sort_keys=True).encode())

    def read(self, answer: Answer) -> Reading:
        """Return the scores in an answer: one per class or a number, and with `multi_label` a logit.

        Raises:
            InputError: Log-probabilities are needed, and the answer has none.
        """
        if self.by_token:
            reading = self._tokens.read(answer)
            if self.multi_label and reading.scores is not None:
                return replace(reading, scores=(reading.scores[0] - reading.scores[1],))
            return replace(reading, scores=self._mean(reading.scores)) if self.expected else reading
        number = self._number(answer.text)
        return Reading(None if number is None else (number,), 0)

    def fingerprint(self) -> Fingerprint:
        """Return what the answers depend on, as JSON values."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        classes = dict(self.classes) if isinstance(self.classes, Mapping) else self.classes
        values |= {"classes": classes, "parameters": dict(self.parameters)}
        found: Fingerprint = json.loads(json.dumps(values))  # tuples become lists, as in a read manifest
        return found

    def _mean(self, logs: tuple[float, ...] | None) -> tuple[float] | None:
        """The mean of the whole numbers within the bounds, by their log-probabilities."""
        assert self.bounds is not None  # noqa: S101 - checked by the constructor
        if logs is None:
            return None
        return (math.fsum(math.exp(log) * (self.bounds[0] + i) for i, log in enumerate(logs)),)

    def _number(self, text: str) -> float | None:
        """The number in an answer, if it is within the bounds."""
        assert self.bounds is not None  # noqa: S101 - without classes there are bounds
        if self.pattern is not None:
            match = re.search(self.pattern, text)
            found = [] if match is None or match[1] is None else _NUMBER.findall(match[1])
        else:
            found = _NUMBER.findall(text)
        if len(found) != 1:
            return None
        number = float(found[0])
        return number if self.bounds[0] <= number <= self.bounds[1] else None

    def _check_labels(self) -> None:
        if not self.multi_label:
            if self.answers != ("yes", "no"):
                raise InputError("answers are for several labels: set multi_label, or leave them out.")
            return
        if self.classes is None:
            raise InputError("multi_label needs classes: give the names of the labels.")
        if len(self.answers) != 2:
            raise InputError(f"answers is {list(self.answers)}: give that for yes and that for no.")
        if _CLASS not in self.prompt:
            raise InputError("The prompt has no {class}: write {class} where the name of a label belongs.")
        check_format(tuple(self.classes), "logits")

    def _check_numbers(self) -> None:
        for name in ("pattern", "fallback", "expected"):
            if self.bounds is None and getattr(self, name) not in (None, False):
                raise InputError(f"{name} is for numbers: give bounds instead of classes, or leave it out.")
        if self.bounds is None:
            return
        if (
            len(self.bounds) != 2
            or not all(map(math.isfinite, self.bounds))
            or self.bounds[0] >= self.bounds[1]
        ):
            raise InputError(f"bounds is {list(self.bounds)}: give the smallest and the largest number.")
        if self.expected and not all(bound in range(10) for bound in self.bounds):
            raise InputError("expected needs bounds that are whole numbers from 0 to 9: change the scale.")
        if self.expected and self.pattern is not None:
            raise InputError("expected reads the first token, and pattern the text: leave one of them out.")
        if self.fallback is not None and not self.bounds[0] <= self.fallback <= self.bounds[1]:
            raise InputError(f"fallback is {self.fallback:g}: it must be within the bounds.")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except re.error as error:
                raise InputError(f"pattern is not a regular expression ({error}): fix it.") from error
            if groups < 1:
                raise InputError("pattern has no group: put the number in parentheses.")

    @cached_property
    def _tokens(self) -> ClassTokens:
        classes = self.classes
        if self.multi_label:
            return ClassTokens(("yes", "no"), self.answers)
        if classes is None:
            assert self.bounds is not None  # noqa: S101 - checked by the constructor
            classes = [str(number) for number in range(int(self.bounds[0]), int(self.bounds[1]) + 1)]
        names = tuple(classes)
        answers = tuple(classes.values()) if isinstance(classes, Mapping) else names
        return ClassTokens(names, answers)


def pairs_of(
    question: LLMQuestion, texts: Sequence[str], text_pair: Sequence[str] | None
) -> list[tuple[str, str | None]]:
    """Return texts, or pairs of texts, as the prompt takes them.

    Raises:
        InputError: The prompt is for pairs and there are none, or the other way round.
    """
    if text_pair is None and question.pair:
        raise InputError("The prompt has {text_pair} and the texts are no pairs: name the second column.")
    if text_pair is not None and not question.pair:
        raise InputError("The prompt is for single texts: write {text_pair} where the second one belongs.")
    seconds = [None] * len(texts) if text_pair is None else text_pair
    return list(zip(texts, seconds, strict=True))
