"""``sparsedistill serve``: students behind HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..serve import Limits, ServeConfig, parse_sources, read_keys
from ..serve import serve as run
from .options import Threads

_LIMITS = "Limits"
_ACCESS = "Access"
_DEFAULTS = Limits()


Students = Annotated[
    list[str],
    typer.Argument(
        metavar="STUDENT [NAME=STUDENT ...]",
        help="The students: directories or Hub ids. Only the first one can be without a name.",
        show_default=False,
    ),
]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
PortOption = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")]
Workers = Annotated[
    int, typer.Option(help="Processes, at most 256. They share the memory of mapped students.")
]
KeyEnv = Annotated[
    str | None,
    typer.Option(
        help="Environment variable with the key that requests must have.",
        rich_help_panel=_ACCESS,
        show_default=False,
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(help="File with such keys, one per line.", rich_help_panel=_ACCESS, show_default=False),
]
CorsOrigin = Annotated[
    list[str] | None,
    typer.Option(
        help="Origin of web pages that may read answers, such as https://example.org; can be repeated.",
        rich_help_panel=_ACCESS,
        show_default=False,
    ),
]
MaxBody = Annotated[
    int, typer.Option(help="Bytes of a request, and of a line of /bulk.", rich_help_panel=_LIMITS)
]
MaxTexts = Annotated[int, typer.Option(help="Texts per request.", rich_help_panel=_LIMITS)]
MaxCharacters = Annotated[int, typer.Option(help="Characters of a text.", rich_help_panel=_LIMITS)]
MaxSeconds = Annotated[
    float,
    typer.Option(help="Seconds for a request; of /bulk, between signs of life.", rich_help_panel=_LIMITS),
]
MaxRequests = Annotated[
    int, typer.Option(help="Requests at a time in each process.", rich_help_panel=_LIMITS)
]
Drain = Annotated[
    int,
    typer.Option(help="After SIGTERM, seconds to complete requests in.", rich_help_panel=_LIMITS),
]


def serve(
    students: Students,
    host: Host = "127.0.0.1",
    port: PortOption = 8000,
    workers: Workers = 1,
    threads: Threads = None,
    key_env: KeyEnv = None,
    key_file: KeyFile = None,
    cors_origin: CorsOrigin = None,
    max_body: MaxBody = _DEFAULTS.body_bytes,
    max_texts: MaxTexts = _DEFAULTS.texts,
    max_characters: MaxCharacters = _DEFAULTS.characters,
    max_seconds: MaxSeconds = _DEFAULTS.seconds,
    max_requests: MaxRequests = _DEFAULTS.requests,
    drain: Drain = 30,
) -> None:
    """Answer over HTTP, in the forms of text-embeddings-inference, Hugging Face and vLLM.

    The first student has the paths /predict, / (Hugging Face), /classify (vLLM), /explain, /bulk and /info.
    Those with a name have them after /NAME; the heads of a student of several questions, after /HEAD or
    /NAME/HEAD. /openapi.json describes all.

        sparsedistill serve student

        curl 127.0.0.1:8000/predict --json '{"inputs": "What a film!"}'

    A student that is replaced by renaming is served within a second. After SIGTERM the server answers what
    has arrived and exits with 143.
    """
    config = ServeConfig(
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        limits=Limits(max_body, max_texts, max_characters, max_seconds, max_requests),
        keys=read_keys(key_env, key_file),
        cors_origins=tuple(cors_origin or ()),
        drain_seconds=drain,
    )
    run(parse_sources(students), config)
