"""The page at ``/``: files that a browser reads. They hold nothing of the students, and need no key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

import msgspec

from ..cascade import Cascade
from .config import Limits
from .explanation import LONGEST
from .http import Headers, Reply
from .models import Target
from .tei import Question

#: Folder of the files in URLs.
FOLDER = "/page"
_MEDIA = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
# Only files of this server are loaded, and strings never become HTML or scripts: texts and names are hostile.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Headers = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-cache"),
)


class ServedStudent(msgspec.Struct):
    """A student that is served.

    Attributes:
        path: To be put before the path of a function; empty for the only student without a name.
        name: Its name.
        pair: It compares two texts.
        teacher: It is a cascade: ``PATH/student`` and ``PATH/teacher`` ask one of both.
        questions: What it says of a text.
        longest: Characters of a text.
        longest_explained: Characters of a text that is explained.
    """

    path: str
    name: str
    pair: bool
    teacher: bool
    questions: list[Question]
    longest: int
    longest_explained: int


@cache
def page_files() -> dict[str, Reply]:
    """The files by their paths, of which ``/`` is the page."""
    return dict(_read())


def unchanged(reply: Reply, headers: Mapping[bytes, bytes]) -> Reply:
    """The reply to a browser that may have the file: one without a body if it has.

    Args:
        reply: The reply with the file.
        headers: Those of the request.
    """
    tag = dict(reply.headers)[b"etag"]
    if headers.get(b"if-none-match") != tag:
        return reply
    return Reply(b"", 304, reply.media, reply.headers)


def served_students(targets: Mapping[str, Target], limits: Limits) -> list[ServedStudent]:
    """The students that are served, each once and with its name if it has one.

    Args:
        targets: The students by their prefix.
        limits: What a client may ask for.
    """
    whole = {id(target.opened): target for target in targets.values() if target.whole}
    return [
        ServedStudent(
            path=target.prefix,
            name=target.name,
            pair=target.model.pair,
            teacher=isinstance(target.model, Cascade),
            questions=[Question(head.name, head.problem, list(head.classes)) for head in target.heads],
            longest=limits.characters,
            longest_explained=min(limits.characters, LONGEST),
        )
        for target in whole.values()
    ]


def _read() -> Iterator[tuple[str, Reply]]:
    for file in files(__package__).joinpath("page").iterdir():
        ending = file.name[file.name.rfind(".") :]
        if ending in _MEDIA:
            body = file.read_bytes()
            tag = b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode()
            path = "/" if file.name == "index.html" else f"{FOLDER}/{file.name}"
            yield path, Reply(body, media=_MEDIA[ending], headers=(*_HEADERS, (b"etag", tag)))
