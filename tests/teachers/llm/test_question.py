"""The question to an LLM: templates that no text can break, and answers that become scores."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.completions import chosen, said
from support.sentences import error

from sparsedistill import LLMQuestion
from sparsedistill.teachers.llm.request import read_answer

CLASSES = ("negative", "positive")
LABELS = {"multi_label": True, "prompt": "{text} {class}"}


def asked(question: LLMQuestion, text: str, pair: str | None = None, attempt: int = 0) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(question.request("a-model", text, pair, attempt).body)
    return body


def read(question: LLMQuestion, response: Any) -> tuple[float, ...] | None:
    return question.read(read_answer(json.dumps(response).encode())).scores


@settings(deadline=None)  # the machine may be busy
@given(st.text(), st.text())
def test_no_text_breaks_the_template(text: str, pair: str) -> None:
    question = LLMQuestion('Compare {"a": "{text}"} with {text_pair}: {0} {', classes=CLASSES)
    assert question.fill(text, pair) == f'Compare {{"a": "{text}"}} with {pair}: {{0}} {{'


def test_placeholders_in_texts_and_long_texts_and_lone_surrogates() -> None:
    question = LLMQuestion("{text_pair} {text}", classes=CLASSES, max_chars=12)
    assert question.fill("{text_pair}{text}", "{text} {text}!") == "{text} {text {text_pair}{"
    assert asked(question, "a\ud800b", "c")["messages"][0]["content"] == "c a\ufffdb"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"prompt": "no place"}, "write {text} where"),
        ({"prompt": "only {text_pair}"}, "write {text} where"),
        ({"prompt": "{text} {text}"}, "{text} more than once"),
        ({"classes": None}, "either classes or bounds"),
        ({"bounds": (0, 5)}, "either classes or bounds"),
        ({"classes": ("one",)}, "two or more distinct names"),
        ({"classes": "a,b"}, "give a list of names"),
        ({"classes": ("Not good", "not bad")}, "begin with the same word"),
        ({"classes": {"up": "+", "down": "-"}}, "'down' has an empty answer"),
        ({"endpoint": "responses"}, "give one of 'chat', 'completions'"),
        ({"endpoint": "completions", "system": "Be brief."}, "put it into the prompt"),
        ({"max_chars": 0}, "max_chars is 0"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"parameters": {"model": "x"}}, "'model', which is set already"),
        ({"multi_label": True}, "write {class} where the name"),
        ({"multi_label": True, "prompt": "{text} {class} {class}"}, "{class} more than once"),
        ({**LABELS, "classes": ("one",)}, "two or more distinct names"),
        ({**LABELS, "classes": None, "bounds": (0, 5)}, "multi_label needs classes"),
        ({**LABELS, "answers": ("yes",)}, "give that for yes and that for no"),
        ({**LABELS, "answers": ("y", "y")}, "begin with the same word"),
        ({"answers": ("ja", "nein")}, "set multi_label, or leave them out"),
        ({"parameters": {"since": date(2020, 1, 1)}}, "parameters cannot be sent as JSON"),
        ({"parameters": {"bias": math.nan}}, "parameters cannot be sent as JSON"),
        ({"fallback": 1.0}, "fallback is for numbers"),
        ({"classes": None, "bounds": (5, 0)}, "the smallest and the largest number"),
        ({"classes": None, "bounds": (0, math.inf)}, "the smallest and the largest number"),
        ({"classes": None, "bounds": (0, 5), "fallback": 6.0}, "within the bounds"),
        ({"expected": True}, "expected is for numbers"),
        ({"classes": None, "bounds": (0, 10), "expected": True}, "whole numbers from 0 to 9"),
        ({"classes": None, "bounds": (0.5, 5), "expected": True}, "whole numbers from 0 to 9"),
        ({"classes": None, "bounds": (0, 5), "expected": True, "pattern": "(.)"}, "leave one of them"),
        ({"classes": None, "bounds": (0, 5), "pattern": "("}, "not a regular expression"),
        ({"classes": None, "bounds": (0, 5), "pattern": "[0-9]"}, "put the number in parentheses"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, Any], reason: str) -> None:
    assert reason in error(lambda: LLMQuestion(**({"prompt": "{text}", "classes": CLASSES} | settings)))


def test_requests() -> None:
    chat = LLMQuestion("Is it good? {text}", CLASSES, system="Be brief.", parameters={"seed": 7})
    assert asked(chat, "fine") == {
        "model": "a-model",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Is it good? fine"},
        ],
        "temperature": 0,
        "max_tokens": 1,
        "logprobs": True,
        "top_logprobs": 20,
        "seed": 7,
    }
    plain = LLMQuestion("{text}\nSentiment:", CLASSES, endpoint="completions", top_logprobs=40)
    assert asked(plain, "fine")["logprobs"] == 40
    assert asked(plain, "fine")["prompt"] == "fine\nSentiment:"
    number = LLMQuestion("Rate {text}", bounds=(0, 5), parameters={"max_completion_tokens": 500})
    assert asked(number, "it").keys() == {"model", "messages", "temperature", "max_completion_tokens"}
    assert asked(number, "it", attempt=2)["temperature"] == 1
    assert asked(number, "it", attempt=2) != asked(number, "it", attempt=1)


def test_log_probabilities_of_classes() -> None:
    question = LLMQuestion("{text}", CLASSES)
    tokens = [(" Positive", 0.5), ("pos", 0.1), ("NEG", 0.2), ("maybe", 0.1), ("", 0.05)]
    scores = read(question, chosen(*((token, math.log(p)) for token, p in tokens)))
    assert scores is not None
    np.testing.assert_allclose(np.exp(scores), [0.25, 0.75], rtol=1e-4)


def test_both_forms_of_log_probabilities() -> None:
    question = LLMQuestion("{text}", CLASSES, endpoint="completions")
    listed = {"tokens": [" "], "top_logprobs": [{" positive": math.log(0.8), " negative": math.log(0.2)}]}
    scores = read(question, {"choices": [{"text": " ", "logprobs": listed}]})
    assert scores is not None
    np.testing.assert_allclose(np.exp(scores), [0.2, 0.8], rtol=1e-4)


def test_classes_that_are_not_listed_get_a_floor() -> None:
    question = LLMQuestion("{text}", ("negative", "neutral", "positive"))
    # "ne" begins two answers and stands for neither. 0.02 are left over, and the last token has 0.03.
    tokens = [("positive", 0.9), ("ne", 0.05), ("well", 0.03)]
    found = question.read(
        read_answer(json.dumps(chosen(*((token, math.log(p)) for token, p in tokens))).encode())
    )
    assert found.floored == 2
    assert found.scores is not None
    np.testing.assert_allclose(np.exp(found.scores), np.array([0.02, 0.02, 0.9]) / 0.94, rtol=1e-4)
    impossible = read(question, chosen(("positive", 1e300), ("negative", -9999.0), ("x", -1e300)))
    assert impossible is not None
    assert np.isfinite(impossible).all()
    assert read(question, chosen(("maybe", -0.1))) is None


def test_white_space_and_punctuation_before_the_answer_are_skipped() -> None:
    question = LLMQuestion("{text}", CLASSES, max_tokens=3)
    first = chosen(("**", -0.1), ("positive", -3.0))
    second = chosen(("Negative", math.log(0.9)), ("Positive", math.log(0.1)))
    first["choices"][0]["logprobs"]["content"] += second["choices"][0]["logprobs"]["content"]
    scores = read(question, first)
    assert scores is not None
    np.testing.assert_allclose(np.exp(scores), [0.9, 0.1], rtol=1e-4)


def test_servers_without_log_probabilities() -> None:
    assert "gives no log-probabilities" in error(
        lambda: read(LLMQuestion("{text}", CLASSES), said("positive"))
    )


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("4", 4.0),
        (" Score: 3.5.\n", 3.5),
        ("**2**", 2.0),
        ("-1", None),
        ("6", None),
        ("4/5", None),
        ("four", None),
        ("", None),
    ],
)
def test_numbers(answer: str, number: float | None) -> None:
    found = read(LLMQuestion("{text}", bounds=(0, 5)), said(answer))
    assert found == (None if number is None else (number,))


def test_expected_numbers() -> None:
    question = LLMQuestion("{text}", bounds=(1, 5), expected=True)
    assert asked(question, "a")["max_tokens"] == 1
    assert asked(question, "a")["top_logprobs"] == 20
    tokens = [("3", 0.6), (" 4", 0.2), ("4", 0.1), ("7", 0.1), ("1", 1e-9), ("2", 1e-9), ("5", 1e-9)]
    found = read(question, chosen(*((token, math.log(p)) for token, p in tokens)))
    assert found is not None
    assert found[0] == pytest.approx(3 * 2 / 3 + 4 * 1 / 3, abs=1e-5)
    assert read(question, chosen(("Well", -0.1))) is None


def test_a_pattern_says_which_number() -> None:
    question = LLMQuestion("{text}", bounds=(0, 5), pattern=r"(?i)score: *([0-9.]+)")
    assert read(question, said("2 reasons of 3. Educational score: 4")) == (4.0,)
    assert read(question, said("4")) is None


def test_the_fingerprint_depends_on_the_question() -> None:
    base = LLMQuestion("{text}", CLASSES)
    others = [
        LLMQuestion("{text}!", CLASSES),
        LLMQuestion("{text}", {"negative": "A", "positive": "B"}),
        LLMQuestion("{text}", CLASSES, max_chars=10),
        LLMQuestion("{text}", CLASSES, parameters={"seed": 1}),
    ]
    assert base.fingerprint() == LLMQuestion("{text}", list(CLASSES)).fingerprint()
    assert all(other.fingerprint() != base.fingerprint() for other in others)


def test_a_request_for_each_label() -> None:
    classes = {"joy": "joy or fun", "fear": "{text}"}
    question = LLMQuestion("Has '{text}' {class}?", classes, multi_label=True, answers=("Ja", "Nein"))
    assert question.outputs == ("joy", "fear")
    prompts = [asked_about(question, "{class}!", subject) for subject in question.subjects]
    assert prompts == ["Has '{class}!' joy or fun?", "Has '{class}!' {text}?"]
    answer = chosen((" ja", math.log(0.6)), ("Nein", math.log(0.2)), ("Ne", math.log(0.1)))
    assert read(question, answer) == pytest.approx((math.log(0.6 / 0.3),), abs=1e-4)
    assert read(question, chosen(("perhaps", -0.1))) is None


def asked_about(question: LLMQuestion, text: str, subject: str | None) -> str:
    body = json.loads(question.request("a-model", text, subject=subject).body)
    return str(body["messages"][0]["content"])
