"""Public names of a package that are imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

_TRAIN_EXTRA = ("accelerate", "torch", "transformers")


def lazy_names(
    package: str, modules: Mapping[str, str], public: Sequence[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and ``__dir__`` of a package whose names are imported on first use.

    ``__getattr__`` raises AttributeError for a name that is not in `modules`, and ImportError, with the
    command to run, if a package of the extra ``train`` is missing.

    Args:
        package: ``__name__`` of the package.
        modules: Module of each lazy name, relative to the package and without the leading dot.
        public: All public names, lazy or not.
    """

    def getattr_(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f".{modules[name]}", package), name)
        except ModuleNotFoundError as error:
            if error.name not in _TRAIN_EXTRA:
                raise
            raise ImportError(
                f"{package}.{name} needs {error.name}: pip install 'sparsedistill[train]'"
            ) from error

    return getattr_, lambda: list(public)
