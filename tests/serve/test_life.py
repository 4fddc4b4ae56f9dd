"""The life of a server: students replaced under load, signals, processes, and what cannot begin."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic, sleep

import httpx2
import pytest
from support.server import RunningServer, serving
from support.students import good_or_bad

from sparsedistill import InputError
from sparsedistill.serve import ServeConfig, parse_sources, read_keys, serve


def replace_student(link: Path, student: Path) -> None:
    """Let a link lead to another student, by renaming."""
    (link.parent / "next").symlink_to(student)
    (link.parent / "next").rename(link)


def listens(port: int) -> bool:
    """Whether connections are accepted."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(server: RunningServer, label: str) -> None:
    """Wait until the server answers like the student with this class."""
    end = monotonic() + 60
    while monotonic() < end:
        if server.post("/predict", {"inputs": "good"}).json()[0]["label"] == label:
            return
        sleep(0.05)
    raise AssertionError(f"no answer is {label}")


def test_a_replaced_student_is_served_without_losing_a_request(tmp_path: Path) -> None:
    good_or_bad().save_pretrained(tmp_path / "first")
    good_or_bad(("fine", "poor")).save_pretrained(tmp_path / "second")
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "first")
    statuses: list[int] = []
    labels: set[str] = set()
    leaving = threading.Event()

    def ask(url: str) -> None:
        with httpx2.Client(base_url=url, timeout=30) as client:
            while not leaving.is_set():
                answer = client.post("/predict", json={"inputs": "good"})
                statuses.append(answer.status_code)
                labels.add(answer.json()[0]["label"])

    with serving(link) as server:
        threads = [threading.Thread(target=ask, args=(server.url,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for student, label in (("second", "fine"), ("first", "good")):
                replace_student(link, tmp_path / student)
                wait_for(server, label)
            (tmp_path / "damaged").mkdir()
            replace_student(link, tmp_path / "damaged")
            sleep(1.5)
            wait_for(server, "good")  # the student before stays in use
        finally:
            leaving.set()
            for thread in threads:
                thread.join()
        figures = server.client.get("/metrics").text
        code, said = server.stop()
    assert set(statuses) == {200}
    assert labels == {"good", "fine"}
    assert 'sparsedistill_replacements_total{model="current",opened="true"} 2.0' in figures
    assert 'sparsedistill_replacements_total{model="current",opened="false"} 1.0' in figures
    assert "current was replaced, but stays in use" in " ".join(said.split())
    assert code == 143


def test_several_processes_share_their_figures_and_end_together(students: Path, tmp_path: Path) -> None:
    shutil.copytree(students / "films", tmp_path / "films")
    with serving(tmp_path / "films", "--workers", 2) as server:
        for asked in range(1, 11):
            # Each connection is that of one process.
            with httpx2.Client(base_url=server.url, verify=False, timeout=300) as client:
                assert client.post("/predict", json={"inputs": "good"}).status_code == 200
                counted = f'_count{{model="films",path="/predict",status="200"}} {asked}.0'
                assert counted in client.get("/metrics").text
        code, said = server.stop()
    assert code == 143
    assert "Traceback" not in said


def test_what_replaces_a_student_in_vain_is_said_each_time(tmp_path: Path) -> None:
    from sparsedistill.serve.models import Models

    good_or_bad().save_pretrained(tmp_path / "student")
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "student")
    models = Models(parse_sources([str(link)]))
    for _ in range(2):
        link.unlink()
        link.symlink_to(link)  # a loop
        assert models.refresh() == [("current", False)]
        assert models.refresh() == []
        link.unlink()
        link.symlink_to(tmp_path / "student")
        assert models.refresh() == []
    assert models.targets[""].model.heads[0].classes == ("good", "bad")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_requests_that_are_cut_off_are_named(students: Path, number: int) -> None:
    with (
        serving(students / "films", "--drain", 1) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as client,
    ):
        client.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: 23\r\n\r\n"
        )
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        server.process.send_signal(number)
        _, said = server.process.communicate(timeout=60)
    assert server.process.returncode == 128 + number
    assert "A request to /predict was cut off, since the server had to end." in " ".join(said.split())
    assert "Traceback" not in said


@pytest.mark.slow
def test_processes_do_not_outlive_their_parent(students: Path) -> None:
    with serving(students / "films", "--workers", 2) as server:
        # The processes begin after the server listens.
        assert server.post("/predict", {"inputs": "good"}, timeout=300).status_code == 200
        server.process.kill()
        end = monotonic() + 60
        while listens(server.port):
            assert monotonic() < end
            sleep(0.2)


def test_sigterm_lets_requests_end(students: Path) -> None:
    body = b'{"inputs": "good"}'
    with serving(students / "films") as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
            )
            assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            server.process.send_signal(signal.SIGTERM)
            while listens(server.port):
                sleep(0.1)
            client.sendall(body)
            got = b""
            while data := client.recv(65536):
                got += data
        _, said = server.process.communicate(timeout=60)
    assert got.startswith(b"HTTP/1.1 200")
    assert b'"label":"good"' in got
    assert server.process.returncode == 143
    assert "Stopped by SIGTERM: the server has ended." in " ".join(said.split())


def ended(*arguments: object, **options: str) -> str:
    """What a server says that cannot begin, on one line."""
    command = [sys.executable, "-m", "sparsedistill", "serve", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **options}, check=False)
    assert done.returncode == 2, done.stderr
    return " ".join(done.stderr.split())


def test_an_address_that_is_in_use(students: Path, server: RunningServer) -> None:
    said = ended(students / "films", "--port", server.port)
    assert said.endswith("cannot be used (Address already in use): give another --host or --port.")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "There is no student to serve: give at least one."),
        (["a", "b"], "b has no name: only the first student can do without, give NAME=STUDENT."),
        (["health=a"], "'health' cannot name a student"),
        (["a b=a"], "'a b' cannot name a student"),
        (["x=a", "x=b"], "Two students are named x: give each a name of its own."),
    ],
)
def test_names_that_cannot_be_used(given: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_sources(given)


def test_a_directory_may_have_an_equals_sign(tmp_path: Path) -> None:
    (tmp_path / "a=b").mkdir()
    (source,) = parse_sources([str(tmp_path / "a=b")])
    assert (source.name, source.location) == (None, str(tmp_path / "a=b"))


def test_heads_must_not_hide_students(students: Path) -> None:
    from sparsedistill.serve.models import Models

    with pytest.raises(InputError, match="Two students have the path /edu: name one of them otherwise"):
        Models(parse_sources([str(students / "three"), f"edu={students / 'films'}"]))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sparsedistill.serve.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(InputError, match=r"Serving needs uvicorn: pip install 'sparsedistill\[serve\]'\."):
        serve(parse_sources(["anything"]))


def test_keys_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="NO_SUCH_KEY is not set: set it to the key"):
        read_keys("NO_SUCH_KEY")
    monkeypatch.setenv("SHORT", "abc")
    with pytest.raises(InputError, match="SHORT has a key that cannot be used: give 16 or more"):
        read_keys("SHORT")
    file = tmp_path / "keys"
    with pytest.raises(InputError, match="cannot be read \\(No such file or directory\\)"):
        read_keys(key_file=file)
    file.write_bytes(b"\xff")
    with pytest.raises(InputError, match="is not a file of keys"):
        read_keys(key_file=file)
    file.write_text("# none\n\n")
    with pytest.raises(InputError, match="has no key: write a key per line"):
        read_keys(key_file=file)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"port": 70_000}, "The port is 70000: give a number from 0 to 65535."),
        ({"workers": 0}, "workers is 0: it must be 1 to 256."),
        ({"workers": 10**22}, "workers is 1[0]+: it must be 1 to 256."),
        ({"threads": 0}, "threads is 0: it must be at least 1."),
        ({"drain_seconds": -1}, "drain_seconds is -1: it must be 0 to 86,400."),
        ({"watch_seconds": 0.0}, "watch_seconds is 0.0: it must be finite and above 0."),
        ({"cors_origins": ("a b",)}, "'a b' is not an origin"),
    ],
)
def test_settings_out_of_range(setting: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ServeConfig(**setting)  # type: ignore[arg-type]
