"""A limit on requests or tokens per minute."""

from __future__ import annotations

from time import monotonic


class Pace:
    """Spreads units evenly over time, so that no minute has more than its limit.

    Args:
        per_minute: The limit; None for none.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 0.0 if per_minute is None else 60 / per_minute
        self._free = 0.0

    def book(self, units: float) -> float:
        """Take the next units, and return the seconds to wait for them."""
        start = max(monotonic(), self._free)
        self._free = start + units * self._interval
        return start - monotonic()

    def correct(self, units: float) -> None:
        """Take `units` more, or give some back if it is below 0, since a booking was an estimate."""
        self._free += units * self._interval


class Hold:
    """A time before which nothing is sent, since the server asked to wait."""

    def __init__(self) -> None:
        self._until = 0.0

    def extend(self, seconds: float) -> None:
        """Send nothing for this time."""
        self._until = max(self._until, monotonic() + seconds)

    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._until - monotonic())
