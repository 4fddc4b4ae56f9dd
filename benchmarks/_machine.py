"""Description of the machine that a benchmark runs on."""

from __future__ import annotations

import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

from _results import Machine

_PACKAGES = (
    "sparsedistill",
    "fasttext-wheel",
    "model2vec",
    "scikit-learn",
    "onnxruntime",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
)


def available_cores() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def describe() -> Machine:
    """Return processor, memory, kernel, package versions and load average."""
    return {
        "processor": processor(),
        "cores": available_cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "date": date.today().isoformat(),
        "load_before": os.getloadavg()[0],
    }


def processor() -> str:
    """Name of the processor, with family and model if known: virtual machines shorten the name."""
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.machine())
    if "cpu family" not in facts:
        return name
    return f"{name} (family {facts['cpu family']}, model {facts['model']}, {facts['cpu MHz']} MHz)"
