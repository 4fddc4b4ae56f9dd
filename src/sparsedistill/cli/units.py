"""Sizes in bytes, as people write them."""

from __future__ import annotations

from ..errors import InputError

_UNITS = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def parse_size(size: str) -> int:
    """The bytes of a size such as ``512MiB``, ``4 GB`` or ``1000``.

    Raises:
        InputError: `size` has another form.
    """
    number = size.strip().rstrip("BbGgIiKkMm ")
    unit = size.strip()[len(number) :].strip().upper()
    try:
        return int(float(number) * _UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        raise InputError(f"{size!r} is not a size: write it as 512MiB or 4GB.") from None
