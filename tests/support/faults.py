"""Runs commands whose n-th change of a file fails, each in a fork of a process that has imported all.

``tests/faults/shim.c`` is preloaded into that process: it counts what changes files under one folder, and
fails or kills the process at one of these calls.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

SHIM = Path(__file__).parents[1] / "faults" / "shim.c"


@dataclass(frozen=True)
class Fault:
    """What happens at a change of a file.

    Attributes:
        at: The number of the change, from 1; 0 for none.
        error: The errno of the call; 0 kills the process instead.
        lasting: All later calls that need room fail too.
        seconds: Instead: the process is killed after this time.
    """

    at: int = 0
    error: int = 0
    lasting: bool = False
    seconds: float | None = None


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code; negative for the signal that ended it.
        said: What it printed to stderr, on one line.
        changes: Number of the changes of files.
        failed: The call that failed, and its path.
    """

    code: int
    said: str
    changes: int = 0
    failed: str = ""


class Commands:
    """A process that runs commands of sparsedistill, each in a fork.

    Args:
        folder: For the compiled shim.
    """

    def __init__(self, folder: Path) -> None:
        shim = folder / "shim.so"
        compiler = os.environ.get("CC", "cc")
        subprocess.run(
            [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", shim, SHIM, "-ldl"], check=True
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.faults"],
            cwd=Path(__file__).parents[1],
            env=os.environ | {"LD_PRELOAD": str(shim), "OMP_NUM_THREADS": "1", "COLUMNS": "1000"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: Sequence[object], folder: Path, fault: Fault | None = None) -> Ended:
        """Run a command; `folder` is where changes of files count."""
        request = {"arguments": [str(one) for one in arguments], "folder": str(folder)}
        pipes = self._process.stdin, self._process.stdout
        assert pipes[0] is not None
        assert pipes[1] is not None
        pipes[0].write(json.dumps(request | vars(fault or Fault())) + "\n")
        pipes[0].flush()
        return Ended(**json.loads(pipes[1].readline()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _serve() -> None:
    """Run a command for each line of standard input, and answer with a line."""
    import sparsedistill.cli.app  # noqa: F401 - imported before the forks

    setattr(import_module("sparsedistill.evaluation.evaluate"), "_MIN_SECONDS", 0)  # noqa: B010 - of no interest

    shim = ctypes.CDLL(None)
    shim.faults_failed.restype = ctypes.c_char_p
    for line in sys.stdin:
        print(json.dumps(vars(_forked(shim, json.loads(line)))), flush=True)


def _forked(shim: ctypes.CDLL, request: dict[str, Any]) -> Ended:
    with tempfile.TemporaryDirectory() as name:
        report, said = Path(name, "report"), Path(name, "stderr")
        child = os.fork()
        if not child:
            _command(shim, request, report, said)
        if request["seconds"] is not None:
            threading.Thread(target=_kill, args=(child, request["seconds"])).start()
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        changes, failed, imported = json.loads(report.read_text()) if code >= 0 else (0, "", [])
        for module in imported:  # for the next command, which then needs no time for it
            with suppress(ImportError):
                import_module(module)
        return Ended(code, " ".join(said.read_text(errors="replace").split()), changes, failed)


def _kill(child: int, seconds: float) -> None:
    time.sleep(seconds)
    with suppress(ProcessLookupError):  # it has ended before
        os.kill(child, signal.SIGKILL)


def _command(shim: ctypes.CDLL, request: dict[str, Any], report: Path, said: Path) -> None:
    """Run one command in this process, and leave."""
    from sparsedistill.cli.app import main

    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT, 0o600), 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    sys.argv = ["sparsedistill", *request["arguments"]]
    known, code = set(sys.modules), 1
    try:
        shim.faults_arm(request["folder"].encode(), request["at"], request["error"], request["lasting"])
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        counted = shim.faults_counted()
        failed = shim.faults_failed().decode()
        shim.faults_arm(b"", 0, 0, 0)
        sys.stderr.flush()
        report.write_text(json.dumps([counted, failed, [name for name in sys.modules if name not in known]]))
        os._exit(code)


if __name__ == "__main__":
    _serve()
