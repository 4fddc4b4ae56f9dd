"""An LLM behind an OpenAI-compatible endpoint as a teacher."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from ..._internal.settings import check_names, made, read_toml, table_of
from ...errors import InputError
from ..base import Fingerprint, ScoreFormat, TeacherLike
from ..scores import checked
from .cache import AnswerCache
from .classes import Reading
from .client import LLMClient
from .question import LLMQuestion, pairs_of
from .request import Answer, Request
from .server import LLMServer
from .usage import Usage

logger = logging.getLogger("sparsedistill.teachers")

#: From this number of answers on, it is an error if most of them cannot be used.
_ENOUGH = 50
#: While texts are asked, the counts are logged this often.
_SECONDS_BETWEEN_REPORTS = 30.0


class LLMTeacher:
    """An LLM that is asked one question about each text.

    With classes, the log-probabilities of the first token of the answer become those of the classes. With
    bounds, the answer is read as a number. With several labels per text there is a request for each label,
    and the log-probabilities of yes and no become its logit. Answers are kept on disk: a text is asked once,
    in all runs.

    Args:
        server: Where the LLM is served.
        question: What it is asked.
        name: Name for messages and manifests; by default that of the model.

    Attributes:
        classes: Class names; ``("score",)`` for numbers.
        multi_label: A text may have several classes.
        name: `name`.
        usage: Counts of answers and tokens since the teacher was made.
    """

    def __init__(self, server: LLMServer, question: LLMQuestion, *, name: str | None = None) -> None:
        self.classes = question.outputs
        self.multi_label = question.multi_label
        self.name = name or server.model
        self.usage = Usage()
        self._server = server
        self._question = question
        self._client = LLMClient(server, self.usage)
        self._read = 0
        self._reported = ""
        self._beginnings: Counter[str] = Counter()
        if server.exposes_key:
            logger.warning(f"The API key for {server.url} is not encrypted on its way: use https.")

    @classmethod
    def from_file(cls, path: str | Path) -> LLMTeacher:
        """Make the teacher that a TOML file describes, in the tables ``[server]`` and ``[question]``.

        Raises:
            InputError: The file is missing or not valid, or a setting is unknown or cannot be used.
        """
        tables = read_toml(path, "the description of an LLM teacher")
        check_names(tables, ("server", "question"), str(path))
        server = made(LLMServer, table_of(tables, "server", str(path)), f"{path} [server]")
        question = made(LLMQuestion, table_of(tables, "question", str(path)), f"{path} [question]")
        return cls(server, question)

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return log-probabilities of classes, logits, or numbers, float32 (n, classes), of n texts or pairs.

        A text whose answer begins with none of the classes gets equal log-probabilities, and is counted; for
        several labels, a logit of 0.

        Raises:
            InputError: The server cannot be used (see :class:`LLMClient`), most answers cannot be used, a
                text has no number and the question no fallback, or the cache cannot be written.
        """
        pairs = pairs_of(self._question, texts, text_pair)
        given = [(*pair, subject) for pair in pairs for subject in self._question.subjects]
        rows: list[tuple[float, ...] | None] = [None] * len(given)
        before = self.usage.asked
        with AnswerCache.open(self._server.cache_file()) as cache:
            for attempt in range(1 if self._question.by_token else self._question.attempts):
                left = [i for i, row in enumerate(rows) if row is None]
                asked = [self._request(*given[i], attempt) for i in left]
                readings = self._readings(asked, cache)
                for i, request in zip(left, asked, strict=True):
                    rows[i] = readings[request.key].scores
        if self.usage.asked > before:
            self._report()
        missing = self._instead([i for i, row in enumerate(rows) if row is None], texts)
        scores = [missing if row is None else row for row in rows]
        return checked(np.array(scores, np.float32).reshape(len(texts), len(self.classes)), len(texts), self)

    def fingerprint(self) -> Fingerprint:
        """Return the model and the question. Where it is served may change."""
        return {"kind": "llm", "model": self._server.model, "question": self._question.fingerprint()}

    def _request(self, text: str, text_pair: str | None, subject: str | None, attempt: int) -> Request:
        return self._question.request(self._server.model, text, text_pair, attempt, subject)

    def _readings(self, requests: Sequence[Request], cache: AnswerCache) -> dict[bytes, Reading]:
        """The scores in the answers to requests, by their keys; equal requests are sent once."""
        readings: dict[bytes, Reading] = {}
        unknown: dict[bytes, Request] = {}
        for request in requests:
            if request.key in readings or request.key in unknown:
                continue
            answer = cache.get(request.key)
            if answer is None:
                unknown[request.key] = request
            else:
                self.usage.remembered += 1
                readings[request.key] = self._reading(answer)
        reported = monotonic()

        def received(request: Request, answer: Answer) -> None:
            nonlocal reported
            cache.put(request.key, answer)
            readings[request.key] = self._reading(answer)
            if monotonic() - reported > _SECONDS_BETWEEN_REPORTS:
                reported = monotonic()
                self._report()

        if unknown:
            self._client.answer_all(unknown.values(), received)
        return readings

    def _reading(self, answer: Answer) -> Reading:
        """The scores in an answer, counted.

        Raises:
            InputError: Most of the answers so far have no scores.
        """
        reading = self._question.read(answer)
        self._read += 1
        if reading.scores is not None:
            self.usage.floored += reading.floored
            return reading
        self.usage.unusable += 1
        self._beginnings[" ".join(answer.text.split())[:40]] += 1
        if self._read >= _ENOUGH and self.usage.unusable > self._read / 2:
            wanted = "one of the classes" if self._question.bounds is None else "a number within the bounds"
            if self._question.multi_label:
                wanted = " or ".join(map(repr, self._question.answers))
            common = ", ".join(repr(text) for text, _ in self._beginnings.most_common(3))
            raise InputError(
                f"{self.usage.unusable} of {self._read} answers of {self.name} are not {wanted} but {common}:"
                " say in the prompt what to answer with, or make max_tokens larger."
            )
        return reading

    def _instead(self, missing: Sequence[int], texts: Sequence[str]) -> tuple[float, ...]:
        """The scores of texts without usable answers.

        Raises:
            InputError: There are such texts, and the question has no fallback.
        """
        question = self._question
        if question.multi_label:
            return (0.0,)
        if question.bounds is None:
            return (-float(np.log(len(self.classes))),) * len(self.classes)
        if missing and question.fallback is None:
            beginning = " ".join(texts[missing[0]].split())[:60]
            raise InputError(
                f"{self.name} gives no number within the bounds for {len(missing)} texts, such as "
                f"{beginning!r}: change the prompt, or set a fallback."
            )
        return (question.fallback or 0.0,)

    def _report(self) -> None:
        summary = self.usage.summary(self._server.price_in, self._server.price_out)
        if summary != self._reported:
            self._reported = summary
            logger.info(f"{self.name}: {summary}.")


def from_llm_file(given: TeacherLike, scores: ScoreFormat) -> LLMTeacher | None:
    """Return the teacher that a TOML file describes; None if `given` is not the name of one.

    Raises:
        InputError: The file cannot be used; see :meth:`LLMTeacher.from_file`.
    """
    if not isinstance(given, str | Path) or Path(given).suffix != ".toml":
        return None
    if scores.revision is not None or scores.max_length is not None:
        raise InputError(
            f"{given} describes an LLM: leave out revision and max_length, which "
            "are for models of transformers."
        )
    teacher = LLMTeacher.from_file(given)
    if scores.multi_label and not teacher.multi_label:
        raise InputError(
            f"{given} asks about classes that exclude each other: set multi_label in [question], or leave "
            "out multi-label."
        )
    return teacher
