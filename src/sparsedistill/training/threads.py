"""Number of torch's threads in training."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from .._internal.threads import all_threads
from . import SPINS

logger = logging.getLogger(__package__)


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Set torch's number of threads within the block. See :func:`default_threads` for None."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or default_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def default_threads(spins: bool = SPINS) -> int:
    """Torch's current setting, but at most one thread for each CPU that the process may use.

    It is 1 if waiting threads spin: they take the CPU from the threads that they wait for if other processes,
    or the threads that find n-grams, use it too (see benchmarks/neighbour.py).

    Args:
        spins: Idle threads of torch spin.
    """
    threads = min(torch.get_num_threads(), all_threads(None))
    if spins and threads > 1:
        _advise()
        return 1
    return threads


@cache
def _advise() -> None:
    logger.warning(
        "torch was imported before sparsedistill.training, so that its idle threads spin, and it trains with "
        "one thread: import sparsedistill.training first, set OMP_WAIT_POLICY=PASSIVE, or give threads."
    )
