"""Types of the results of peers.py, as ``benchmarks/results/peers.json`` stores them."""

from __future__ import annotations

from typing import TypedDict


class Machine(TypedDict):
    """The machine and the installed packages."""

    processor: str
    cores: int
    memory_bytes: int
    kernel: str
    python: str
    packages: dict[str, str]
    date: str
    load_before: float


class CheckResult(TypedDict):
    """Difference between predictions and reference: the fields of ``engines.Check`` that are printed."""

    texts: int
    agreement: float
    mean: float
    largest: float


class SetResult(TypedDict):
    """Measurements of one engine on one text set: one rate per round, in texts/s; latencies in seconds."""

    texts: int
    texts_per_second: list[float]
    latency_seconds: list[float]
    check: CheckResult


class Accuracy(TypedDict):
    """Accuracy on `texts` IMDB test reviews."""

    accuracy: float
    texts: int


class EngineResult(TypedDict):
    """All results of one engine.

    ``own`` says whether the engine has its own threads. ``resident``, ``resident_answering`` and ``bytes``
    are in bytes.
    """

    title: str
    note: str
    against: str
    own: bool
    accuracy: Accuracy | None
    load_seconds: float
    resident: int
    resident_answering: int
    bytes: int
    sets: dict[str, SetResult]


class Results(TypedDict):
    """The whole file. ``threads`` maps engine name and number of threads to texts/s, one per round."""

    machine: Machine
    rounds: int
    engines: dict[str, EngineResult]
    threads: dict[str, dict[str, list[float]]]
