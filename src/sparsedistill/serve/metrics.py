"""Figures for Prometheus."""

from __future__ import annotations

import os
import struct
from time import sleep

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
#: The variable of prometheus_client: a folder for the figures of several processes.
PROCESSES = "PROMETHEUS_MULTIPROC_DIR"

_ATTEMPTS, _PAUSE = 5, 0.02  # seconds
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The figures of a server, together with those of its other processes."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "sparsedistill_request_seconds",
            "Time from the headers of a request to the end of its answer.",
            ("model", "path", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._texts = Counter(
            "sparsedistill_texts",
            "Texts, or pairs of texts, that were scored.",
            ("model",),
            registry=self._registry,
        )
        self._deferred = Counter(
            "sparsedistill_deferred_texts",
            "Texts that the teacher of a cascade scored.",
            ("model",),
            registry=self._registry,
        )
        self._replaced = Counter(
            "sparsedistill_replacements",
            "Students that were replaced on disk, by whether the new one could be opened, in each process.",
            ("model", "opened"),
            registry=self._registry,
        )

    def of_path(self, model: str, path: str) -> PathMetrics:
        """The figures of a path."""
        return PathMetrics(
            self._seconds,
            (model, path),
            self._texts.labels(model),
            self._deferred.labels(model),
        )

    def replaced(self, model: str, *, opened: bool) -> None:
        """Count a student that was replaced."""
        self._replaced.labels(model, str(opened).lower()).inc()

    def written(self) -> bytes:
        """All figures in the text format of Prometheus."""
        if PROCESSES not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        for _ in range(_ATTEMPTS):
            try:
                return generate_latest(together)
            except (OSError, RuntimeError, ValueError, struct.error):  # another process is creating its file
                sleep(_PAUSE)
        return generate_latest(together)


class PathMetrics:
    """The figures of one path. Those that every request changes are looked up once."""

    def __init__(
        self, seconds: Histogram, labels: tuple[str, str], texts: Counter, deferred: Counter
    ) -> None:
        self._seconds, self._labels = seconds, labels
        self._succeeded = seconds.labels(*labels, "200")
        self._texts, self._deferred = texts, deferred

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer."""
        found = self._succeeded if status == 200 else self._seconds.labels(*self._labels, str(status))
        found.observe(seconds)

    def scored(self, texts: int, deferred: int) -> None:
        """Count texts, and those that a teacher scored."""
        self._texts.inc(texts)
        if deferred:
            self._deferred.inc(deferred)
