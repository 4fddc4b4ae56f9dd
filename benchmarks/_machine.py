"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

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


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def describe() -> dict[str, Any]:
    """Processor, memory, system and versions, as JSON has them."""
    return {
        "processor": _processor(),
        "cores": processors(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "date": date.today().isoformat(),
        "load_before": os.getloadavg()[0],
    }


def _processor() -> str:
    """Its name, with family and model where they are told: virtual machines shorten names."""
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.machine())
    if "cpu family" not in facts:
        return name
    return f"{name} (family {facts['cpu family']}, model {facts['model']}, {facts['cpu MHz']} MHz)"
