"""A server that answers over HTTP what students say of texts."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from .config import Limits, ServeConfig
from .keys import read_keys
from .models import ModelSource, parse_sources

__all__ = ["Limits", "ModelSource", "ServeConfig", "parse_sources", "read_keys", "serve"]

_EXTRA = ("httptools", "prometheus_client", "uvicorn")


def serve(sources: Sequence[ModelSource], config: ServeConfig | None = None) -> None:
    """Serve students until a signal arrives: see :func:`~sparsedistill.serve.server.serve`.

    Args:
        sources: The students. The first one has the paths without a name.
        config: How they are served.

    Raises:
        InputError: A student cannot be opened, the address cannot be used, or packages are missing.
    """
    try:
        from .server import serve as run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _EXTRA:
            raise
        raise InputError(f"Serving needs {error.name}: pip install 'sparsedistill[serve]'.") from error
    run(sources, config or ServeConfig())
