"""Keys of clients."""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from .errors import RequestError

_SCHEME = b"bearer "
_SHORTEST = 16  # characters


class Keys:
    """The keys that a request can have.

    Args:
        keys: The keys; without any, no request needs one.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def __bool__(self) -> bool:
        return bool(self._keys)

    def check(self, authorization: bytes | None) -> None:
        """Check the header ``Authorization`` of a request.

        The time that it takes says nothing of how much of a key is right.

        Raises:
            RequestError: There are keys, and the header has none of them.
        """
        if not self._keys:
            return
        given = b""
        if authorization is not None and authorization[: len(_SCHEME)].lower() == _SCHEME:
            given = authorization[len(_SCHEME) :].strip()
        matches = [hmac.compare_digest(key, given) for key in self._keys]
        if not any(matches):
            raise RequestError(
                401,
                "Validation",
                "The request has no valid key: send the header Authorization: Bearer KEY.",
                ((b"www-authenticate", b"Bearer"),),
            )


def read_keys(key_env: str | None = None, key_file: str | Path | None = None) -> tuple[str, ...]:
    """The keys in an environment variable and in a file.

    Args:
        key_env: Name of a variable that holds one key.
        key_file: File with a key per line. Empty lines and lines that begin with ``#`` are ignored.

    Raises:
        InputError: The variable is not set, the file cannot be read or has no key, or a key cannot be sent or
            is shorter than 16 characters.
    """
    keys = []
    if key_env is not None:
        key = os.environ.get(key_env, "").strip()
        if not key:
            raise InputError(f"The environment variable {key_env} is not set: set it to the key.")
        keys.append(_checked(key, f"The environment variable {key_env}"))
    if key_file is not None:
        lines = _read(Path(key_file)).splitlines()
        found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not found:
            raise InputError(f"{key_file} has no key: write a key per line.")
        keys += [_checked(key, str(key_file)) for key in found]
    return tuple(keys)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a file of keys: write a key per line.") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): give a file with a key per line."
        ) from error


def _checked(key: str, place: str) -> str:
    if not (key.isascii() and key.isprintable()) or " " in key or len(key) < _SHORTEST:
        raise InputError(
            f"{place} has a key that cannot be used: give {_SHORTEST} or more letters, digits and signs "
            "without spaces, such as those of `openssl rand -hex 32`."
        )
    return key
