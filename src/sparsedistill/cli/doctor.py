"""``sparsedistill doctor``: what this machine has, and what is missing."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from .. import __version__, _core
from .._internal.threads import all_threads, cpu_quota
from ..errors import InputError, first_line
from .facts import Facts, nested
from .results import Json, print_json
from .terminal import Terminal


@dataclass(frozen=True)
class Extra:
    """What an extra of the package adds.

    Attributes:
        name: Its name in ``pip install 'sparsedistill[NAME]'``.
        adds: What does not work without it.
        modules: What it installs, by the names that are imported.
    """

    name: str
    adds: str
    modules: tuple[str, ...]


#: The extras for users, in the order in which they are shown.
EXTRAS = (
    Extra("train", "teachers, labelling, training, scikit-learn", ("torch", "transformers", "sklearn")),
    Extra("llm", "LLMs as teachers", ("httpx2", "anyio")),
    Extra("onnx", "classifiers in ONNX files as teachers", ("onnxruntime", "transformers")),
    Extra("serve", "the server", ("uvicorn", "httptools", "prometheus_client")),
    Extra("datasets", "data sets from the Hugging Face Hub", ("datasets",)),
    Extra("s3", "files in S3 (s3://)", ("s3fs",)),
    Extra("gs", "files in Google Cloud Storage (gs://)", ("gcsfs",)),
    Extra("hf", "files on the Hugging Face Hub (hf://)", ("fsspec", "huggingface_hub")),
    Extra("polars", "expressions of Polars", ("polars",)),
    Extra("duckdb", "functions of DuckDB", ("duckdb",)),
    Extra("pandas", "the accessor of pandas", ("pandas",)),
    Extra("datatrove", "the filter of datatrove", ("datatrove",)),
    Extra("spacy", "the component of spaCy", ("spacy",)),
    Extra("report", "the baseline fastText", ("torch", "fasttext")),
)

#: Packages whose versions matter, by the names in the registry.
_PACKAGES = ("numpy", "pyarrow", "safetensors", "torch", "fbgemm-gpu-cpu", "transformers", "scikit-learn")


def doctor(as_json: Json = False) -> None:
    """Show versions, processor, threads, and which extras are installed: what each missing one lacks.

    Put its output into a report of a bug.
    """
    parts = [_versions(), _machine(), _training(), Facts("Extras", ("extras",), dict(_extras()))]
    if as_json:
        print_json(nested(parts))
        return
    out = Terminal(highlight=False, markup=False)
    for part in parts:
        out.print(part.table())


def _versions() -> Facts:
    found: dict[str, object] = {"sparsedistill": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return Facts("Versions", ("versions",), found)


def _machine() -> Facts:
    sets = [each.name for each in _core.available_instruction_sets()]
    quota = cpu_quota()
    return Facts(
        "Machine",
        ("machine",),
        {
            "system": platform.platform(),
            "processor": _processor(),
            "processors": os.cpu_count() or 1,
            "quota of the container": "none" if quota is None else quota,
            "threads by default": all_threads(None),
            "instruction sets": tuple(sets),
            "unicode": _core.UNICODE_VERSION,
        },
    )


def _training() -> Facts:
    """Whether students can be trained here, and with what."""
    if find_spec("torch") is None:
        missing = "no: pip install 'sparsedistill[train]'"
        return Facts("Training", ("training",), {"possible": missing})
    try:
        found = _table()
    except (ImportError, OSError, RuntimeError, InputError) as error:
        broken = f"no ({first_line(error)}): pip install --force-reinstall 'sparsedistill[train]'"
        return Facts("Training", ("training",), {"possible": broken})
    return Facts("Training", ("training",), {"possible": "yes", **found})


def _table() -> dict[str, str]:
    """The device and the back end of the table that a training takes: one is made."""
    import torch

    from ..training.tables.registry import BACK_ENDS, make_table

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    table = make_table("auto", 1, 4, device)
    names = {kind: name for name, kind in BACK_ENDS.items()}
    return {"device": str(device), "table": names[type(table)]}


def _extras() -> Iterator[tuple[str, str]]:
    """Whether each extra is installed, and how to get it if it is not."""
    for extra in EXTRAS:
        missing = [module for module in extra.modules if find_spec(module) is None]
        if missing:
            state = f"missing ({', '.join(missing)}), for {extra.adds}"
            yield extra.name, f"{state}: pip install 'sparsedistill[{extra.name}]'"
        else:
            yield extra.name, f"installed, for {extra.adds}"


def _processor() -> str:
    """The name of the processor."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
