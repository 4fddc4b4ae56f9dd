"""An LLM as a teacher, over real HTTP: answers are kept, failures repeated, limits and keys respected."""

from __future__ import annotations

import gc
import json
import logging
import math
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from support.completions import Reply, Rule, Running, Seen, chosen, said, served
from support.sentences import error

from sparsedistill import InputError, LLMQuestion, LLMServer, LLMTeacher
from sparsedistill.teachers.llm.client import retry_after
from sparsedistill.teachers.registry import as_teacher

CLASSES = ("negative", "positive")
QUESTION = LLMQuestion("Is this good?\n\n{text}", CLASSES)
NUMBER = LLMQuestion("Rate this.\n\n{text}", bounds=(0, 5))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., LLMTeacher]:
    def make(server: Running, question: LLMQuestion = QUESTION, **settings: Any) -> LLMTeacher:
        defaults: dict[str, Any] = {"cache": tmp_path / "answers.sqlite", "concurrency": 4, "retries": 3}
        return LLMTeacher(LLMServer(server.url, "a-model", **defaults | settings), question)

    return make


def prompt_of(request: Seen) -> str:
    return str(request.body["messages"][-1]["content"])


def by_length(request: Seen, _: int) -> Reply:
    """The longer the text, the more probable is "positive"."""
    p = min(0.9, len(prompt_of(request).split("\n\n")[1]) / 100)
    return Reply(body=chosen((" Positive", math.log(p)), ("negative", math.log(1 - p))))


def failing_first(times: int, reply: Reply) -> Rule:
    """A rule that sends `reply` a number of times."""
    return lambda request, number: reply if number < times else by_length(request, number)


def test_each_text_is_asked_once(make: Callable[..., LLMTeacher]) -> None:
    texts = ["a" * n for n in range(1, 31)]
    with served(by_length) as server:
        scores = make(server).score([*texts, *texts])
        assert len(server.seen) == 30
        np.testing.assert_allclose(np.exp(scores[:30, 1]), np.arange(1, 31) / 100, rtol=1e-4)
        np.testing.assert_array_equal(scores[:30], scores[30:])
        teacher = make(server)
        np.testing.assert_array_equal(teacher.score([*texts, "b" * 50])[:30], scores[:30])
        assert len(server.seen) == 31
        assert (teacher.usage.asked, teacher.usage.remembered) == (1, 30)
        make(server, LLMQuestion("Is it?\n\n{text}", CLASSES)).score(texts)
        assert len(server.seen) == 61
    assert teacher.score([]).shape == (0, 2)


def test_several_labels_per_text(make: Callable[..., LLMTeacher]) -> None:
    def by_word(request: Seen, _: int) -> Reply:
        text, label = prompt_of(request).split("\n\n")[1:]
        if "strange" in text:
            return Reply(body=chosen(("Perhaps", -0.1)))
        has = label.removesuffix("?") in text
        return Reply(
            body=chosen(("Yes", math.log(0.9 if has else 0.2)), ("no", math.log(0.1 if has else 0.8)))
        )

    question = LLMQuestion("Answer yes or no.\n\n{text}\n\n{class}?", ("joy", "fear"), multi_label=True)
    texts = ["joy", "joy and fear", "nothing", "strange joy"]
    with served(by_word) as server:
        teacher = make(server, question)
        scores = teacher.score(texts)
        assert len(server.seen) == 8
        np.testing.assert_array_equal(make(server, question).score(texts[::-1]), scores[::-1])
        assert len(server.seen) == 8
    yes, no = math.log(0.9 / 0.1), math.log(0.2 / 0.8)
    wanted = np.array([[yes, no], [yes, yes], [no, no], [0, 0]])
    np.testing.assert_allclose(scores, wanted, rtol=1e-4)
    assert teacher.multi_label
    assert teacher.usage.unusable == 2


def test_pairs(make: Callable[..., LLMTeacher]) -> None:
    question = LLMQuestion("{text_pair}\n\n{text}", CLASSES)
    with served(by_length) as server:
        make(server, question).score(["a fine film"], ["a good {text}"])
        assert prompt_of(server.seen[0]) == "a good {text}\n\na fine film"
        assert "name the second column" in error(lambda: make(server, question).score(["a"]))
        assert "write {text_pair} where" in error(lambda: make(server).score(["a"], ["b"]))


@pytest.mark.parametrize("reply", [Reply(503, {"error": "loading"}), Reply(200, b"<html>"), Reply(429, {})])
def test_failures_are_repeated(make: Callable[..., LLMTeacher], reply: Reply) -> None:
    reply.headers["Retry-After"] = "0"
    with served(failing_first(1, reply)) as server:
        teacher = make(server)
        assert teacher.score(["a" * 40])[0, 1] == pytest.approx(math.log(0.4), abs=1e-4)
        assert len(server.seen) == 2
        assert teacher.usage.retries == 1
        assert server.seen[1].time - server.seen[0].time < (1.5 if reply.status == 200 else 0.4)


def test_waits_of_the_server_are_respected_by_all_requests(make: Callable[..., LLMTeacher]) -> None:
    with served(failing_first(1, Reply(429, {}, {"Retry-After": "0.7"}))) as server:
        make(server, concurrency=1).score(["a", "b"])
        assert server.seen[1].time - server.seen[0].time >= 0.7
    with served(lambda *_: Reply(429, {}, {"Retry-After": "3600"})) as server:
        assert "it asks to wait 3,600 seconds" in error(lambda: make(server).score(["c"]))
        assert len(server.seen) == 1


def test_a_server_that_keeps_failing(make: Callable[..., LLMTeacher]) -> None:
    reply = Reply(500, {"error": {"message": "out of memory"}}, {"Retry-After": "0"})
    with served(lambda *_: reply) as server:
        message = error(lambda: make(server).score(["a"]))
        assert "failed 4 times, the last time with status 500: out of memory" in message
        assert server.url in message
        assert len(server.seen) == 4


def test_time_limits(make: Callable[..., LLMTeacher]) -> None:
    with served(lambda *_: Reply(delay=5, body={})) as server:
        message = error(lambda: make(server, timeout=0.2, retries=0).score(["a"]))
        assert "failed 1 times, the last time with no answer within 0.2 seconds" in message


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (
            401,
            {"error": {"message": "Wrong key: secret-key-1."}},
            "set the environment variable LLM_TEST_KEY",
        ),
        (403, {"error": "no access"}, "set the environment variable LLM_TEST_KEY"),
        (402, {}, "pay for more"),
        (429, {"error": {"message": "Quota", "code": "insufficient_quota"}}, "pay for more"),
        (404, b"\x1b[31mnothing here", "check the URL and the model"),
        (400, {"error": {"message": "too many tokens"}}, "make max_chars smaller"),
        (301, {}, "change the question"),
    ],
)
def test_refusals_stop_at_once(
    make: Callable[..., LLMTeacher],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: Any,
    advice: str,
) -> None:
    monkeypatch.setenv("LLM_TEST_KEY", "secret-key-1")
    with served(lambda *_: Reply(status, body)) as server:
        teacher = make(server, key_env="LLM_TEST_KEY")
        message = error(lambda: teacher.score([str(n) for n in range(100)]))
        assert advice in message
        assert f"{server.url}/chat/completions refuses requests (status {status}" in message
        assert "secret" not in message
        assert "\x1b" not in message
        assert len(server.seen) <= 4
        assert {request.key for request in server.seen} == {"Bearer secret-key-1"}


def test_keys_are_nowhere_but_in_the_header(
    make: Callable[..., LLMTeacher],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("LLM_TEST_KEY", " secret-key-1\n")
    caplog.set_level(logging.DEBUG)
    with served(by_length) as server:
        teacher = make(server, key_env="LLM_TEST_KEY")
        teacher.score(["a"])
        assert server.seen[0].key == "Bearer secret-key-1"
    assert "secret" not in caplog.text + repr(vars(teacher)) + json.dumps(teacher.fingerprint())
    assert all(b"secret" not in path.read_bytes() for path in tmp_path.iterdir())
    monkeypatch.setenv("LLM_TEST_KEY", "two\nlines")
    assert "is not an API key" in error(lambda: teacher.score(["b"]))
    monkeypatch.delenv("LLM_TEST_KEY")
    assert "LLM_TEST_KEY is not set" in error(lambda: teacher.score(["b"]))
    LLMTeacher(LLMServer("http://llm.example.com/v1", "m", key_env="LLM_TEST_KEY"), QUESTION)
    assert "is not encrypted on its way: use https" in caplog.text


def test_no_key_is_sent_unless_it_is_named(
    make: Callable[..., LLMTeacher], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key-1")
    with served(lambda *_: Reply(401, {})) as server:
        assert "name the environment variable" in error(lambda: make(server).score(["a"]))
        assert server.seen[0].key is None


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    server = LLMServer("http://127.0.0.1:9/v1", "m", cache=tmp_path / "answers.sqlite")
    begin = monotonic()
    message = error(lambda: LLMTeacher(server, QUESTION).score(["a"]))
    assert "http://127.0.0.1:9/v1/chat/completions cannot be reached" in message
    assert monotonic() - begin < 20  # it is not asked again


def test_requests_are_bounded(make: Callable[..., LLMTeacher]) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def rule(request: Seen, number: int) -> Reply:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        sleep(0.02)
        with lock:
            running -= 1
        return by_length(request, number)

    with served(rule) as server:
        make(server, concurrency=3).score([str(n) for n in range(20)])
    assert most == 3


def test_limits_per_minute(make: Callable[..., LLMTeacher]) -> None:
    with served(by_length) as server:
        make(server, requests_per_minute=600).score([str(n) for n in range(6)])
        times = [request.time for request in server.seen]
        assert np.diff(times).min() > 0.06
        assert times[-1] - times[0] >= 0.45

    def counting(request: Seen, number: int) -> Reply:
        usage = {"prompt_tokens": 299 if number == 0 else 1, "completion_tokens": 1}
        return Reply(body=chosen(("yes", -0.1), **usage))

    with served(counting) as server:
        question = LLMQuestion("Is this good?\n\n{text}", ("no", "yes"))
        make(server, question, tokens_per_minute=60_000, concurrency=1).score(["a", "b", "c"])
        first, second, third = (request.time for request in server.seen)
        assert second - first > 0.28
        assert third - second < 0.28


def test_costs_are_counted_and_logged(
    make: Callable[..., LLMTeacher], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sparsedistill")
    with served(by_length) as server:
        teacher = make(server, price_in=2.0, price_out=1000.0)
        teacher.score(["a", "b"])
    assert "2 answers (20 tokens in, 2 out, cost 0.0020) and 0 remembered ones." in caplog.text


def test_numbers_are_asked_again_and_then_missing(make: Callable[..., LLMTeacher]) -> None:
    def rule(request: Seen, _: int) -> Reply:
        text = prompt_of(request).split("\n\n")[1]
        if text == "mute":
            return Reply(body=said("I cannot say."))
        return Reply(body=said("4 or 5" if request.body["temperature"] == 0 else "5"))

    with served(rule) as server:
        message = error(lambda: make(server, NUMBER).score(["clear", "mute"]))
        assert "no number within the bounds for 1 texts, such as 'mute'" in message
        assert len(server.seen) == 2 + 2 + 1
        question = LLMQuestion("Rate this.\n\n{text}", bounds=(0, 5), fallback=2.5)
        teacher = make(server, question)
        assert teacher.score(["clear", "mute"]).tolist() == [[5.0], [2.5]]
        assert teacher.usage.asked == 0
        assert teacher.usage.unusable == 4
        assert teacher.classes == ("score",)


def test_answers_that_are_no_class(make: Callable[..., LLMTeacher]) -> None:
    def rule(request: Seen, number: int) -> Reply:
        if "odd" in prompt_of(request):
            return Reply(body=chosen(("Well", -0.1), ("I", -3.0)))
        return by_length(request, number)

    with served(rule) as server:
        teacher = make(server)
        odd, even = teacher.score(["odd", "even"])
        np.testing.assert_allclose(np.exp(odd), 0.5)
        assert even[0] > even[1]
        assert teacher.usage.unusable == 1
        message = error(lambda: make(server).score([f"odd {n}" for n in range(500)]))
        assert "50 of 50 answers of a-model are not one of the classes but 'Well'" in message
        assert len(server.seen) < 70


def test_answers_are_kept_if_a_later_one_is_refused(make: Callable[..., LLMTeacher]) -> None:
    def rule(request: Seen, number: int) -> Reply:
        return Reply(400, {}) if number == 10 else by_length(request, number)

    texts = [str(n) for n in range(20)]
    with served(rule) as server:
        error(lambda: make(server).score(texts))
        answered = len(server.seen) - 1
        assert answered >= 10
        make(server).score(texts)
        assert len(server.seen) == answered + 1 + 20 - answered


def test_caches_that_cannot_be_used(make: Callable[..., LLMTeacher], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"not a database, but a text that is long enough to look at")
    with served(by_length) as server:
        assert "cannot be used (file is not a database)" in error(
            lambda: make(server, cache=damaged).score(["a"])
        )
        assert "cannot be written" in error(lambda: make(server, cache=damaged / "x").score(["a"]))
        make(server).score(["a"])
        with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
            connection.execute("UPDATE answers SET answer = x'00'")
        connection.close()
        assert "cannot be used" in error(lambda: make(server).score(["a"]))
    gc.collect()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"url": "api.openai.com/v1"}, "is not a base URL"),
        ({"url": "ftp://a/v1"}, "is not a base URL"),
        ({"url": "http://a/v1?key=x"}, "is not a base URL"),
        ({"url": "http://a:b@c/v1"}, "contains a password"),
        ({"url": "http://[::1/v1"}, "is not a base URL"),
        ({"model": ""}, "no name"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"retries": -1}, "retries is -1"),
        ({"timeout": 0.0}, "timeout is 0.0"),
        ({"requests_per_minute": math.nan}, "requests_per_minute is nan"),
        ({"price_in": -1.0}, "price_in is -1.0"),
    ],
)
def test_servers_that_cannot_be_used(settings: dict[str, Any], reason: str) -> None:
    assert reason in error(lambda: LLMServer(**({"url": "http://a/v1", "model": "m"} | settings)))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("", None), ("soon", None), ("nan", None), ("1.5", 1.5), ("-3", 0.0), ("inf", math.inf)],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_a_date() -> None:
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    later = retry_after("Wed, 21 Oct 2099 07:28:00 GMT")
    assert later is not None
    assert later > 1e9


DESCRIPTION = """
[server]
url = "http://127.0.0.1:8080/v1"
model = "a-model"
price_in = 1

[question]
prompt = "Is it good? {text}"
classes = { negative = "No", positive = "Yes" }
parameters = { reasoning = { effort = "low" } }
"""


def test_a_file_describes_a_teacher(tmp_path: Path) -> None:
    file = tmp_path / "llm.toml"
    file.write_text(DESCRIPTION)
    teacher = as_teacher(file)
    assert teacher.classes == CLASSES
    expected = LLMQuestion(
        "Is it good? {text}",
        {"negative": "No", "positive": "Yes"},
        parameters={"reasoning": {"effort": "low"}},
    )
    assert teacher.fingerprint() == {"kind": "llm", "model": "a-model", "question": expected.fingerprint()}
    assert "leave out multi-label" in error(lambda: as_teacher(file, multi_label=True))
    assert "leave out revision" in error(lambda: as_teacher(file, max_length=3))


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('model = "a-model"', "", "[server] has no model: add it"),
        ("price_in = 1", 'price_in = "1"', "price_in is '1': give a value of type float"),
        ('"Is it good? {text}"', '"Is it good?"', "write {text} where"),
        ('{ negative = "No", positive = "Yes" }', "[1, 2]", "classes is [1, 2]"),
        ("[server]", "[server", "is not TOML"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, before: str, after: str, reason: str) -> None:
    file = tmp_path / "llm.toml"
    file.write_text(DESCRIPTION.replace(before, after))
    assert reason in error(lambda: as_teacher(str(file)))


def test_files_with_unknown_settings(tmp_path: Path) -> None:
    file = tmp_path / "llm.toml"
    assert "llm.toml does not exist" in error(lambda: as_teacher(file))
    for before, after, right in (("model =", "modle =", "model"), ("[question]", "[questions]", "question")):
        file.write_text(DESCRIPTION.replace(before, after))
        with pytest.raises(InputError, match=rf"did you mean '{right}'\?$"):
            as_teacher(file)


def test_an_interrupted_command_does_not_wait_for_answers(tmp_path: Path) -> None:
    def rule(request: Seen, number: int) -> Reply:
        return Reply(body=chosen(("Yes", -0.1)), delay=0 if number < 10 else 60)

    (tmp_path / "texts.txt").write_text("".join(f"text {n}\n" for n in range(100)))
    with served(rule) as server:
        description = DESCRIPTION.replace("http://127.0.0.1:8080/v1", server.url)
        setting = f'cache = "{tmp_path / "answers.sqlite"}"\nconcurrency = 2\n'
        (tmp_path / "llm.toml").write_text(description.replace("price_in = 1\n", setting))
        command = [sys.executable, "-m", "sparsedistill", "label", "llm.toml", "texts.txt", "-o", "labels"]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
            while len(server.seen) < 12:
                sleep(0.01)
                assert process.poll() is None
            begin = monotonic()
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert any("the same command resumes" in line for line in process.stderr)
            assert monotonic() - begin < 30  # half the time of an answer
            assert process.wait() == 130
    connection = sqlite3.connect(tmp_path / "answers.sqlite")
    assert connection.execute("SELECT count(*) FROM answers").fetchone() == (10,)
    connection.close()


def test_missing_packages_are_named(make: Callable[..., LLMTeacher], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with served(by_length) as server:
        assert "pip install 'sparsedistill[llm]'" in error(lambda: make(server).score(["a"]))
