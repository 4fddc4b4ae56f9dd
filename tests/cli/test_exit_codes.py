"""What a shell sees: exit codes and what is left on disk, each in a process of its own."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.sentences import error

from sparsedistill import CallableTeacher, Student, TokenizerConfig, Vocabulary
from sparsedistill.labeling.scorer import batch_scorer
from sparsedistill.model.weights import StudentWeights

COMMAND = [sys.executable, "-m", "sparsedistill"]


def save_student(folder: Path, classes: tuple[str, str] = ("good", "bad")) -> Path:
    vocabulary = Vocabulary.from_ngrams(["good", "bad"], TokenizerConfig(1))
    one, zero = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    Student(vocabulary, StudentWeights(3 * one, one, zero, 4 * one, zero), classes).save_pretrained(folder)
    return folder


def corpus(path: Path, lines: int) -> Path:
    path.write_text("a good film and a bad one\n" * lines)
    return path


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    process: subprocess.Popen[str] = subprocess.Popen([*COMMAND, *map(str, arguments)], **given)
    return process


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Stopped by SIGTERM")],
)
@pytest.mark.parametrize("command", ["predict", "filter", "vocab"])
def test_signals_leave_no_partial_file(
    tmp_path: Path, number: int, code: int, said: str, command: str
) -> None:
    data = corpus(tmp_path / "b.txt", 3_000_000)
    student = save_student(tmp_path / "s")
    arguments = {
        "predict": ["predict", student, data, "-o", tmp_path / "out.tsv"],
        "filter": ["filter", student, data, "-o", tmp_path / "out.txt", "--keep", "good >= 0.5"],
        "vocab": ["vocab", data, "-o", tmp_path / "out"],
    }[command]
    process = start(*arguments)
    end = time.monotonic() + 20
    while time.monotonic() < end and not list(tmp_path.glob(".out*")):
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert said in " ".join(err.split())
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "s"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_during_imports(number: int, code: int) -> None:
    program = (
        "import builtins, os, signal\n"
        "before = builtins.__import__\n"
        "def slow(name, *rest):\n"
        f"    if name == 'pyarrow': os.kill(os.getpid(), {int(number)})\n"
        "    return before(name, *rest)\n"
        "builtins.__import__ = slow\n"
        "from sparsedistill.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_source_text_is_evaluated(tmp_path: Path, number: int) -> None:
    """As in a late import that makes a dataclass: CPython alone would then exit as if by SIGINT."""
    source = f"import os; os.kill(os.getpid(), {int(number)}); [None for _ in range(10**6)]"
    (tmp_path / "late.py").write_text(
        "import sys; from sparsedistill.cli import app; sys.argv[1:] = ['late']\n"
        "app.console.print('first', style='red', markup=False, highlight=False)\n"  # imports what it needs
        f"app.app.command('late')(lambda: exec({source!r}))\n"
        "app.main()"
    )
    command = [sys.executable, "-m", "late"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 128 + number, done.stderr
    assert "what was not finished is deleted" in done.stderr


def test_a_signal_in_a_finalizer_is_not_lost() -> None:
    """Python ignores what is raised there, and would print it."""
    program = (
        "import os, signal, time\n"
        "from sparsedistill._internal.signals import Stopped\n"
        "class Slow:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        time.sleep(0.01)\n"
        "stopped = Stopped()\n"
        "try:\n"
        "    with stopped.raised():\n"
        "        Slow()\n"
        "        time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    print(stopped.signal)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (0, "15\n", "")


def test_a_signal_that_interrupts_no_call_is_not_lost() -> None:
    """As one that arrives while C code reads a part of a pipe, before it waits for the next one."""
    program = (
        "import os, signal, sys, threading, time\n"
        "from sparsedistill._internal.signals import Stopped\n"
        "def elsewhere():\n"
        "    time.sleep(0.3)\n"
        "    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)\n"
        "stopped = Stopped()\n"
        "try:\n"
        "    with stopped.raised():\n"
        "        threading.Thread(target=elsewhere).start()\n"
        "        sys.stdin.buffer.read(10)\n"
        "except KeyboardInterrupt:\n"
        "    print(stopped.signal)\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            process.wait(timeout=50)
        finally:
            process.kill()
        assert process.stdout.read() == b"15\n"


def test_signals_without_a_thread_to_send_them_again() -> None:
    program = (
        "import os, signal, threading\n"
        "from sparsedistill._internal.signals import Stopped\n"
        'def refuse(self): raise RuntimeError("can\'t start new thread")\n'
        "threading.Thread.start = refuse\n"
        "stopped = Stopped()\n"
        "try:\n"
        "    with stopped.raised():\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "except KeyboardInterrupt:\n"
        "    print(stopped.signal)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "15\n", "")


def test_a_forked_process_that_is_stopped_does_not_stop_its_parent() -> None:
    program = (
        "import os, signal, time\n"
        "from sparsedistill._internal.signals import Stopped\n"
        "with Stopped().raised():\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        try:\n"
        "            time.sleep(60)\n"
        "        except KeyboardInterrupt:\n"
        "            os._exit(3)\n"
        "    time.sleep(0.2)\n"
        "    os.kill(child, signal.SIGTERM)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "    time.sleep(0.3)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


def test_the_first_signal_decides() -> None:
    """Of those that follow, and of one after the end of the command, nothing is seen."""
    program = (
        "import os, signal\n"
        "from contextlib import suppress\n"
        "from sparsedistill._internal.signals import Stopped, exit_when_stopped\n"
        "exit_when_stopped()\n"
        "stopped = Stopped()\n"
        "with suppress(KeyboardInterrupt), stopped.raised():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "print(stopped.signal)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "15\n", "")


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    process = start("predict", save_student(tmp_path / "s"), corpus(tmp_path / "b.txt", 300_000))
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(30) == 141


def test_a_full_device_is_an_error(tmp_path: Path) -> None:
    student, data = save_student(tmp_path / "s"), corpus(tmp_path / "b.txt", 10)
    for arguments in (["predict", student, data], ["inspect", student]):
        with Path("/dev/full").open("w") as full:
            process = start(*arguments, stdout=full)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 2
        assert "No space left" in err
        assert "Traceback" not in err


def test_a_teacher_that_exits_or_loses_its_connection_is_an_error() -> None:
    def leaves(texts: list[str]) -> None:
        sys.exit(0)

    def drops(texts: list[str]) -> None:
        raise ConnectionError("the server closed the connection")

    for function, said in ((leaves, "called sys.exit(0)"), (drops, "the server closed the connection")):
        teacher = CallableTeacher(function, ("a", "b"))  # type: ignore[arg-type]
        assert said in error(lambda teacher=teacher: batch_scorer(teacher)(pa.array(["x"]), None))  # type: ignore[misc]


def test_terminals_get_no_escapes_of_a_model(tmp_path: Path) -> None:
    student = save_student(tmp_path / "s", ("\x1b]0;owned\x07\x1b[8m\x9b5m", "b"))
    for arguments in (
        ["inspect", student],
        ["explain", student, "a good\x1b[2J film"],
        ["predict", student, "-"],
    ):
        main, terminal = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], stdin=subprocess.PIPE, stdout=terminal, stderr=terminal
        )
        process.communicate(b"a good film\n", timeout=30)
        os.close(terminal)
        out = b""
        try:
            while part := os.read(main, 1 << 16):
                out += part
        except OSError:  # the end, as a terminal tells it
            pass
        os.close(main)
        for escape in (b"\x1b]0;", b"\x07", b"\x1b[8m", b"\xc2\x9b", b"\x1b[2J"):
            assert escape not in out, arguments[0]
        assert "\ufffd".encode() in out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_terminals_that_are_not_utf8(tmp_path: Path, encoding: str) -> None:
    student = save_student(tmp_path / "s", ("naïve 😀", "b"))
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    for arguments in (
        ["inspect", student, "--text", "naïve 😀"],
        ["explain", student, "good 😀"],
        ["predict", "é😀"],
    ):
        process = start(*arguments, env=environment, encoding=encoding)
        _, err = process.communicate(timeout=30)
        assert process.returncode == (2 if arguments[0] == "predict" else 0), err
        assert "Traceback" not in err
