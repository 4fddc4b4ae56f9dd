"""What SIGINT, SIGTERM and SIGHUP do to a command."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_PAUSE = 0.05  # seconds until a signal that was lost is sent again


class Stopped:
    """The signal that stops a command, if one does.

    Attributes:
        signal: Number of the first signal that arrived; None if none did.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._ended = False

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in the block when a signal arrives, so that partial files are deleted.

        Signals that the process ignores (``nohup``, background jobs of a shell) stay ignored. After
        :func:`exit_when_stopped`, signals have no effect once the block has ended: the exit code is known.
        """
        before, hook = _handle(self._stop), sys.unraisablehook

        def lost(unraisable: sys.UnraisableHookArgs) -> None:
            """Send the signal again if Python has ignored its exception, as in a finalizer."""
            if self.signal is None or not issubclass(unraisable.exc_type, KeyboardInterrupt):
                hook(unraisable)
                return
            again = threading.Timer(_PAUSE, self._repeat)
            again.daemon = True
            with suppress(RuntimeError):  # no thread can be started: the command ends later
                again.start()

        sys.unraisablehook = lost
        try:
            yield
        finally:
            self._ended = True
            sys.unraisablehook = hook
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if handler is _leave_at_once else handler)

    def keep_exit_code(self) -> None:
        """Exit with 128 + the signal's number even where Python would exit as if by SIGINT.

        CPython remembers a KeyboardInterrupt that passed through ``exec`` of source text, as where a late
        import makes a dataclass. A program that was started with ``-m`` then kills itself with SIGINT when it
        exits, although the exception was handled. Call this before modules that register exit handlers are
        imported: the first registered handler runs last.
        """
        atexit.register(self._leave)

    def _leave(self) -> None:
        if self.signal is None:
            return
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(128 + self.signal)

    def _repeat(self) -> None:
        if self.signal is not None and not self._ended:
            os.kill(os.getpid(), self.signal)

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.signal = self.signal or number
        raise KeyboardInterrupt


def exit_when_stopped() -> None:
    """Exit at once when a signal arrives: for the time of imports, when nothing has been written.

    An exception would not do: C extensions turn a KeyboardInterrupt during their import into other errors.
    """
    _handle(_leave_at_once)


def _leave_at_once(number: int, _: FrameType | None) -> None:
    name = "Interrupted" if number == signal.SIGINT else f"Stopped by {signal.Signals(number).name}"
    os.write(2, f"{name}: nothing was done. Run the same command again.\n".encode())
    os._exit(128 + number)


def _handle(handler: Any) -> dict[int, Any]:
    """Set the handler of all signals that the process does not ignore, and return those before."""
    before = {}
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
            before[number] = signal.signal(number, handler)
    return before
