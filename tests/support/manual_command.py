"""``sparsedistill`` and ``pip`` for the pages of the manual: jobs are short, and servers run beside the page.

One process has imported everything, and forks for each command, since pages run dozens of them. Started with
the path of a socket, this is that process; started with that and a command, it is the client of a page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import metadata
from pathlib import Path

_SHORT: dict[str, dict[str, int | str]] = {
    "distill": {
        "student.dim": 16,
        "student.hidden": 8,
        "vocabulary.max_ngram": 2,
        "training.batch_size": 32,
        "training.steps": 30,
        "finetuning.steps": 10,
        "tune": "false",
        "baselines": "false",
    },
    "train": {"student.dim": 16, "student.hidden": 8, "training.steps": 30, "finetuning.steps": 10},
}
_ENCODER: dict[str, int | str] = {"teacher.steps": 4, "teacher.evaluations": 2}


def sparsedistill(arguments: list[str]) -> int:
    """Run a command as a page writes it."""
    command = arguments[0] if arguments else ""
    if command == "serve":
        return serve(arguments)
    settings = {**_SHORT.get(command, {}), **(_ENCODER if "--encoder" in arguments else {})}
    short = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    if command == "teach":
        short = ["--steps", "4", "--evaluations", "2"]
    if command in ("cascade", "compress", "distill", "train"):
        output = arguments[arguments.index("-o") + 1] if "-o" in arguments else "distilled"
        shutil.rmtree(output, ignore_errors=True)
    sys.argv = ["sparsedistill", *arguments, *short]
    from sparsedistill.cli.app import main

    return main()


def serve(arguments: list[str]) -> int:
    """Start a server in the place of an earlier one, and wait until it answers."""
    number, port = Path("server.pid"), os.environ["MANUAL_PORT"]
    if number.exists():
        with suppress(ProcessLookupError):
            os.kill(int(number.read_text()), signal.SIGTERM)
            while True:
                os.kill(int(number.read_text()), 0)
                time.sleep(0.05)
    with Path("server.log").open("w") as log:
        command = [sys.executable, "-m", "sparsedistill", *arguments, "--port", port]
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    number.write_text(str(server.pid))
    ended = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < ended:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
            return 0
        time.sleep(0.1)
    print(Path("server.log").read_text(), file=sys.stderr)
    return 1


def pip(arguments: list[str]) -> int:
    """Check that the package has the extras that a page installs, and that the line is one of pip."""
    extras = set(metadata("sparsedistill").get_all("Provides-Extra") or [])
    named = re.findall(r"\[(.*?)\]", " ".join(arguments))
    missing = sorted({extra for names in named for extra in names.split(",")} - extras)
    if missing or arguments[0] != "install":
        print(f"pip {arguments}: there is no extra {missing}", file=sys.stderr)
        return 1
    return 0


_PROGRAMS: dict[str, Callable[[list[str]], int]] = {"sparsedistill": sparsedistill, "pip": pip}


def ask(path: str, arguments: list[str]) -> int:
    """Have a command run by the process behind a socket, with the files and the folder of this one."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        request = json.dumps([os.getcwd(), dict(os.environ), arguments]).encode()  # noqa: PTH109
        socket.send_fds(connection, [len(request).to_bytes(8, "little")], [0, 1, 2])
        connection.sendall(request)
        code = connection.recv(1)
    return code[0] if code else 1


def listen(path: str) -> None:
    """Run commands until the process is killed."""
    import torch  # noqa: F401
    import transformers  # noqa: F401

    import sparsedistill.cli.app
    import sparsedistill.evaluation.evaluate
    import sparsedistill.pipeline.questions.distill
    import sparsedistill.teachers.transformers  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        print("listening", flush=True)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                _answer(connection)
            connection.close()


def _answer(connection: socket.socket) -> None:
    """Run the command of a client in this process, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, files, *_ = socket.recv_fds(connection, 8, 3)
    request = b""
    while len(request) < int.from_bytes(size, "little"):
        request += connection.recv(1 << 16)
    folder, environment, (program, *arguments) = json.loads(request)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # The objects of the parent remember whether its own files could be rewound.
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in enumerate("rww")
    )
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code = 1
    try:
        code = _PROGRAMS[program](arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    connection.sendall(bytes([code]))
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[2:]:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
    listen(sys.argv[1])
