"""Objects in S3, Google Cloud Storage and on the Hugging Face Hub, through fsspec."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import InputError, first_line

#: Bytes of a block that is read ahead, and the number of blocks that are kept.
_READ, _KEPT = 8 << 20, 4
#: Bytes of a part of an upload. S3 takes 10,000 parts: 320 GB.
_PART = 32 << 20
_URL = re.compile(r"(s3|gs|hf):/+", re.ASCII)
_OTHER_URL = re.compile(r"([a-z][a-z0-9+.-]*)://", re.ASCII)


@dataclass(frozen=True)
class _Store:
    """A kind of store.

    Attributes:
        module: The package that fsspec needs for it.
        credentials: How to give credentials.
        streamed: An upload can be given up before it is complete.
    """

    module: str
    credentials: str
    streamed: bool


_STORES = {
    "s3": _Store(
        "s3fs",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or FSSPEC_S3_ANON=true for a "
        "public bucket",
        streamed=True,
    ),
    "gs": _Store(
        "gcsfs", "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS", True
    ),
    "hf": _Store("huggingface_hub", "run `hf auth login`, or set HF_TOKEN", streamed=False),
}


def is_url(path: str | Path) -> bool:
    """Whether a path is the URL of an object or of objects: ``s3://``, ``gs://`` or ``hf://``.

    ``Path`` leaves one slash of a URL, which is recognised too.

    Raises:
        InputError: It is another URL.
    """
    name = str(path)
    found = _URL.match(name)
    if found is not None:
        return not os.path.exists(name)  # noqa: PTH110 - never raises
    other = _OTHER_URL.match(name)
    if other is not None and not os.path.exists(name):  # noqa: PTH110
        raise InputError(f"{name} has the scheme {other[1]}: give a file, or an s3://, gs:// or hf:// URL.")
    return False


def place(path: str | Path) -> Path | ObjectPath:
    """A path, or what a URL names.

    Raises:
        InputError: It is not a path, or the URL cannot be used.
    """
    return ObjectPath.parse(str(path)) if is_url(path) else _path(path)


def local_path(path: str | Path) -> Path:
    """A path that cannot be a URL, of a directory to make.

    Raises:
        InputError: It is a URL, or not a path.
    """
    if is_url(path):
        raise InputError(f"{path} is a URL, and this is a directory to make: make it here and copy it there.")
    return _path(path)


def _path(path: str | Path) -> Path:
    if not isinstance(path, str | os.PathLike) or not str(path) or "\0" in str(path):
        raise InputError(f"{path!r} is not a path: give the name of a file or directory.")
    return Path(path)


@dataclass(frozen=True)
class ObjectState:
    """What tells whether an object has changed.

    Attributes:
        size: Its size in bytes.
        version: Its ETag, or what its store has instead.
    """

    size: int
    version: str


@dataclass(frozen=True)
class ObjectPath:
    """An object, or the objects whose keys begin with this one and a slash, as a directory has files.

    It has the methods of ``Path`` that the package needs. All of them raise an InputError that names the URL
    if the store does not answer, refuses, or needs a package that is not installed.

    Attributes:
        scheme: ``s3``, ``gs`` or ``hf``.
        key: Bucket and key, without a slash at the end.
    """

    scheme: str
    key: str

    @classmethod
    def parse(cls, url: str) -> ObjectPath:
        """The object or the prefix that a URL names.

        Raises:
            InputError: The URL has no bucket, or its key is not a path.
        """
        found = _URL.match(url)
        if found is None:
            raise InputError(f"{url!r} is not an s3://, gs:// or hf:// URL.")
        return cls(found[1], url[found.end() :].removesuffix("/")).checked()

    def checked(self) -> ObjectPath:
        """This path, if it can be the path of a file, too.

        Raises:
            InputError: A part of it is empty or consists of full stops.
        """
        parts = self.key.split("/")
        if not self.key or "" in parts or "." in parts or ".." in parts or "\0" in self.key:
            raise InputError(
                f"{str(self)!r} has no bucket, or a part that is empty, . or ..: give a bucket and a key "
                "that could be a path."
            )
        return self

    def __str__(self) -> str:
        return f"{self.scheme}://{self.key}"

    def __truediv__(self, name: str) -> ObjectPath:
        return ObjectPath(self.scheme, f"{self.key}/{name}").checked()

    @property
    def name(self) -> str:
        """The last part of the key."""
        return PurePosixPath(self.key).name

    def state(self) -> ObjectState | None:
        """Size and version of the object; None if there is none of this name."""
        with self._errors():
            try:
                found = self._files.info(self.key)
            except FileNotFoundError:
                return None
        return _state(found) if found["type"] == "file" else None

    def exists(self) -> bool:
        """Whether there is an object of this name."""
        return self.state() is not None

    def is_dir(self) -> bool:
        """Whether there are objects below this path."""
        with self._errors():
            return bool(self._files.isdir(self.key))

    def files(self) -> dict[ObjectPath, ObjectState]:
        """All objects below this path, sorted."""
        with self._errors():
            return self._found(self._files.find(self.key, detail=True))

    def matching(self) -> dict[ObjectPath, ObjectState]:
        """All objects that this path matches as a pattern, sorted. ``**`` stands for any folders."""
        with self._errors():
            return self._found(self._files.glob(self.key, detail=True))

    def relative_to(self, folder: ObjectPath) -> str:
        """The path of this object below `folder`."""
        return self.key.removeprefix(f"{folder.key}/")

    def open(self) -> io.BufferedReader:
        """Open the object to read it; the next block is read in the background."""
        with self._errors():
            options = {"cache_type": "background", "cache_options": {"maxblocks": _KEPT}}
            file = self._files.open(self.key, "rb", block_size=_READ, **options)
        return io.BufferedReader(_ObjectReader(self, file), 1 << 20)

    def read_bytes(self) -> bytes:
        """The content of the object.

        Raises:
            FileNotFoundError: There is none of this name.
        """
        with self._errors():
            try:
                found: bytes | None = self._files.cat_file(self.key)
            except FileNotFoundError:
                found = None
        if found is None:
            raise FileNotFoundError(str(self))
        return found

    def write_bytes(self, content: bytes) -> None:
        """Create or replace the object. It appears when it is complete."""
        with self._errors("written"):
            self._files.pipe_file(self.key, content)

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object."""
        if missing_ok and not self.exists():
            return
        with self._errors("deleted"):
            self._files.rm_file(self.key)

    def written(self) -> AbstractContextManager[io.RawIOBase]:
        """Create or replace the object: a context manager that gives a file to write to.

        The object appears when the block succeeds. If it raises, nothing is left, and an existing object
        stays unchanged.
        """
        return self._streamed() if _STORES[self.scheme].streamed else self._spooled()

    @contextmanager
    def _streamed(self) -> Iterator[io.RawIOBase]:
        """An upload of several parts, which is completed in the end."""
        with self._errors("written"):
            file = self._files.open(self.key, "wb", block_size=_PART, autocommit=False)
        try:
            yield _ObjectWriter(self, file)
            with self._errors("written"):
                file.close()
                file.commit()
        except BaseException:
            file.closed = True  # else what is in its buffer is uploaded when it is deleted
            with suppress(Exception):  # the first error says more
                file.discard()
            raise

    @contextmanager
    def _spooled(self) -> Iterator[io.RawIOBase]:
        """A local file, which is uploaded in the end."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "object"
            with path.open("wb", buffering=0) as file:
                yield file
            with self._errors("written"):
                self._files.put_file(str(path), self.key)

    @property
    def _files(self) -> Any:
        return _file_system(self.scheme, os.getpid())

    def _found(self, listed: dict[str, dict[str, Any]]) -> dict[ObjectPath, ObjectState]:
        objects = sorted((key, found) for key, found in listed.items() if found["type"] == "file")
        return {
            ObjectPath(self.scheme, key).checked(): _state(found)
            for key, found in objects
            if not key.endswith("/")  # what consoles leave to show a folder
        }

    @contextmanager
    def _errors(self, action: str = "read") -> Iterator[None]:
        """Turn errors of the store into an InputError that names the URL."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            raise InputError(self._message(error, action)) from error

    def _message(self, error: Exception, action: str) -> str:
        store, kind = _STORES[self.scheme], type(error).__name__
        reason = f"{kind}: {first_line(error)[:200]}"
        if isinstance(error, ImportError):
            return f"{self} needs {store.module}: pip install 'sparsedistill[{self.scheme}]'."
        if "Credentials" in kind:
            return f"{self} cannot be {action} without credentials: {store.credentials}."
        if "bucket does not exist" in str(error).lower() or "NoSuchBucket" in str(error):
            return f"{self} cannot be {action}, as its bucket does not exist: check its name, or create it."
        if isinstance(error, FileNotFoundError):
            return f"{self} does not exist: check the URL."
        if isinstance(error, PermissionError):
            return (
                f"{self} may not be {action} ({reason}): check the rights of the credentials, or give others "
                f"({store.credentials})."
            )
        if kind == "FileExpired":
            return f"{self} was replaced while it was read: run the command again."
        return (
            f"{self} cannot be {action} ({reason}): check the URL and the network, and run the command again."
        )


class _ObjectReader(io.RawIOBase):
    """An open object, whose errors name it."""

    def __init__(self, path: ObjectPath, file: Any) -> None:
        self._path, self._file = path, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._path._errors():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position: int = self._file.seek(offset, whence)
        return position

    def tell(self) -> int:
        position: int = self._file.tell()
        return position

    def close(self) -> None:
        self._file.close()
        super().close()


class _ObjectWriter(io.RawIOBase):
    """An object that is written, whose errors name it. Closing it does not complete it."""

    def __init__(self, path: ObjectPath, file: Any) -> None:
        self._path, self._file = path, file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with self._path._errors("written"):
            count: int = self._file.write(data)
        return count

    def tell(self) -> int:
        position: int = self._file.tell()
        return position


@cache
def _file_system(scheme: str, process: int) -> Any:
    """The file system of fsspec. A forked process needs its own: the thread of the parent's is not copied."""
    del process
    import fsspec

    return fsspec.filesystem(scheme, use_listings_cache=False, skip_instance_cache=True)


def _state(found: dict[str, Any]) -> ObjectState:
    """The state in what a store says of an object."""
    names = ("ETag", "etag", "xet_hash", "blob_id", "md5Hash", "mtime", "LastModified", "last_modified")
    version = next((found[name] for name in names if found.get(name) is not None), "")
    return ObjectState(int(found["size"] or 0), str(version).strip('"'))
