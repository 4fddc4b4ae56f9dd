"""What SIGINT, SIGTERM and SIGHUP do to a command."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from time import sleep
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_PAUSE = 0.05  # seconds until a signal that had no effect is sent again
_IGNORED = b"\0"  # in the place of a signal whose exception Python has ignored


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

        If the first signal has no effect, it is sent again: C code that reads a pipe part by part looks for
        signals only when it waits, and an exception in a finalizer is ignored.
        """
        before, hook = _handle(self._stop), sys.unraisablehook
        self._ended = False
        try:
            with _arrivals(self._repeat) as pipe:
                sys.unraisablehook = partial(self._ignored, hook, pipe)
                try:
                    yield
                finally:
                    sys.unraisablehook = hook
        finally:
            self._ended = True
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

    def _ignored(
        self, hook: Callable[[sys.UnraisableHookArgs], Any], pipe: int, unraisable: sys.UnraisableHookArgs
    ) -> None:
        """Have the signal sent again if its exception was ignored; `hook` is told of other exceptions."""
        if self.signal is None or not issubclass(unraisable.exc_type, KeyboardInterrupt):
            hook(unraisable)
            return
        with suppress(OSError):
            os.write(pipe, _IGNORED)

    def _repeat(self, arrived: bytes) -> None:
        """Send a signal that has arrived to the main thread again if it has had no effect."""
        number = self.signal if arrived == _IGNORED else arrived[0]
        handled = self.signal is not None and arrived != _IGNORED
        if number is not None and not handled and not self._ended and signal.getsignal(number) == self._stop:
            signal.pthread_kill(threading.main_thread().ident or 0, number)

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.signal = self.signal or number
        raise KeyboardInterrupt


#: The two ends of the pipe of :func:`_arrivals` while it is open.
_pipe: list[int] = []


@contextmanager
def _arrivals(seen: Callable[[bytes], None]) -> Iterator[int]:
    """Call `seen` in a thread, a moment after each signal, with its number as a byte.

    Yields:
        A pipe into which these bytes are written. Others may be added. -1 if no thread can be started.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def watch() -> None:
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            while arrived := pipe.read(1):
                sleep(_PAUSE)
                seen(arrived)

    try:
        threading.Thread(target=watch, name="signals", daemon=True).start()
    except RuntimeError:  # signals are not sent again
        os.close(reading)
        os.close(writing)
        yield -1
        return
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    _pipe[:] = reading, writing
    try:
        yield writing
    finally:
        _pipe.clear()
        signal.set_wakeup_fd(before)
        os.close(writing)


def _forget_pipe() -> None:
    """Write no signals of a forked process into the pipe of its parent."""
    if _pipe:
        signal.set_wakeup_fd(-1)
        for end in _pipe:
            os.close(end)
        _pipe.clear()


os.register_at_fork(after_in_child=_forget_pipe)


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
