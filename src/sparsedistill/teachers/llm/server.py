"""Where an LLM is served, and how many requests it may get."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from math import inf
from pathlib import Path
from urllib.parse import urlsplit

from ..._internal.settings import check_fields
from ...errors import InputError


@dataclass(frozen=True)
class LLMServer:
    """A server with OpenAI's API: a provider, or vLLM, llama.cpp, Ollama and others on your own machine.

    Attributes:
        url: Base URL, such as ``"https://api.openai.com/v1"``; ``/chat/completions`` is added.
        model: Name of the model. Answers are kept under this name: change it if the model behind it changes.
        key_env: Name of the environment variable with the API key, if the server needs one. The key itself is
            never a setting.
        concurrency: Most requests at a time.
        timeout: Seconds after which a request has failed.
        retries: How often a failed request is repeated, after 1, 2, 4, ... seconds or when the server says.
        requests_per_minute: Most requests per minute.
        tokens_per_minute: Most tokens per minute, of prompts and answers.
        price_in: Price of a million tokens of prompts, in any currency, to show the cost.
        price_out: Price of a million tokens of answers.
        cache: File of the answers, so that none is paid for twice; by default ``sparsedistill/llm.sqlite`` in
            the user's cache directory. It holds hashes of the requests, not the texts.

    Raises:
        InputError: The URL is not one of a server, or a number is out of range.
    """

    url: str
    model: str
    key_env: str | None = None
    concurrency: int = 8
    timeout: float = 120.0
    retries: int = 6
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    price_in: float | None = None
    price_out: float | None = None
    cache: str | Path | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        self._check_url()
        if not self.model:
            raise InputError("The model has no name: give the name that the server knows it by.")
        if self.concurrency < 1:
            raise InputError(f"concurrency is {self.concurrency}: it must be at least 1.")
        if self.retries < 0:
            raise InputError(f"retries is {self.retries}: it must be at least 0.")
        for name in ("timeout", "requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and not 0 < value < inf:
                raise InputError(f"{name} is {value}: it must be finite and above 0.")
        for name in ("price_in", "price_out"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < inf:
                raise InputError(f"{name} is {value}: it must be finite and at least 0.")

    @property
    def exposes_key(self) -> bool:
        """Whether the key would travel unencrypted to another machine."""
        parts = urlsplit(self.url)
        return self.key_env is not None and parts.scheme == "http" and not _is_loopback(parts.hostname or "")

    def key(self) -> str | None:
        """The API key in the environment; None if the server needs none.

        Raises:
            InputError: The variable is not set, or its value cannot be sent.
        """
        if self.key_env is None:
            return None
        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise InputError(f"The environment variable {self.key_env} is not set: set it to the API key.")
        if not (key.isascii() and key.isprintable()):
            raise InputError(
                f"The environment variable {self.key_env} is not an API key: copy the key again."
            )
        return key

    def cache_file(self) -> Path:
        """The file of the answers."""
        if self.cache is not None:
            return Path(self.cache)
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(caches) / "sparsedistill" / "llm.sqlite"

    def _check_url(self) -> None:
        try:
            parts = urlsplit(self.url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            secret = parts.username is not None or parts.password is not None
            plain = not parts.query and not parts.fragment and self.url.isascii() and self.url.isprintable()
        except ValueError:
            valid = plain = secret = False
        if secret:
            raise InputError(
                "The URL of the LLM contains a password: put the key into a variable, see key_env."
            )
        if not (valid and plain):
            raise InputError(f"{self.url!r} is not a base URL: give one such as https://api.openai.com/v1.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
