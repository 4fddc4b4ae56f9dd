"""A server that speaks S3, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import s3fs

_SERVER = """
import logging
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").disabled = True
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""


class Store:
    """A server of objects, and what it has.

    Args:
        port: Its port on loopback.
    """

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        #: Environment variables of processes that use it.
        self.environment = {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self.files: Any = s3fs.S3FileSystem(
            key="key",
            secret="secret",
            client_kwargs={"endpoint_url": self.address, "region_name": "us-east-1"},
            use_listings_cache=False,
        )

    def put(self, key: str, content: bytes) -> str:
        """Create an object of bucket and key, and give its URL."""
        self.files.pipe_file(key, content)
        return f"s3://{key}"

    def tree(self, prefix: str) -> dict[str, bytes]:
        """The objects below a prefix, without those of ledgers."""
        found = self.files.find(prefix)
        return {
            key.removeprefix(f"{prefix}/"): self.files.cat_file(key)
            for key in found
            if ".sparsedistill" not in key
        }

    def uploads(self, bucket: str) -> list[Any]:
        """The uploads that are neither complete nor given up."""
        found: list[Any] = self.files.list_multipart_uploads(bucket)
        return found


@contextmanager
def served_store() -> Iterator[Store]:
    """Start a server with the bucket ``data``."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "false"},
    ) as server:
        assert server.stdout is not None
        try:
            store = Store(int(server.stdout.readline()))
            store.files.call_s3("create_bucket", Bucket="data")
            yield store
        finally:
            server.kill()
