"""Atomic writes of files and directories."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.rows import inside, put
from support.sentences import error

from sparsedistill import InputError
from sparsedistill._internal.files import atomic_directory, atomic_write, discard, locked, remove


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = put(tmp_path / "a", "old")

    def interrupted() -> None:
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    def failing() -> None:
        with atomic_directory(tmp_path / "d") as folder:
            (folder / "x").write_text("half")
            raise RuntimeError

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(RuntimeError):
        failing()
    assert inside(tmp_path) == ["a"]
    assert path.read_text() == "old"


def test_writes_that_succeed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(put(tmp_path / "a", "old"))
    with atomic_write(tmp_path / "link") as partial:
        partial.write_text("new")
    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    with atomic_write(tmp_path / "new" / "b") as partial:
        partial.write_text("b")
    assert (tmp_path / "new" / "b").stat().st_mode & 0o777 == 0o666 & ~os.umask(os.umask(0o22) or 0o22)
    with atomic_directory(tmp_path / "d") as folder:
        (folder / "in").mkdir()
        (folder / "in" / "x").write_text("x")
    assert (tmp_path / "d" / "in" / "x").read_text() == "x"
    assert "exists already" in error(lambda: atomic_directory(tmp_path / "d").__enter__())
    assert "exists already" in error(lambda: atomic_directory(tmp_path / "a").__enter__())


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    put(tmp_path / "a", "file")
    assert "cannot be written" in error(lambda: atomic_write(tmp_path / "a" / "b").__enter__())
    assert "cannot be written" in error(lambda: atomic_directory(tmp_path / "a" / "b").__enter__())
    assert "regular file" in error(lambda: atomic_write("/dev/null").__enter__())
    assert "regular file" in error(lambda: atomic_write(tmp_path).__enter__())


def test_a_running_writer_is_left_alone_and_a_killed_one_is_cleaned(tmp_path: Path) -> None:
    target = tmp_path / "out.tsv"
    program = (
        "import sys, time\n"
        "from sparsedistill._internal.files import atomic_write\n"
        "with atomic_write(sys.argv[1]):\n"
        "    print('open', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(InputError, match="being written by another process"), atomic_write(target):
            pass
        other.kill()
    assert len(list(tmp_path.glob(".out.tsv.*"))) == 1
    with atomic_write(target) as partial:
        partial.write_text("done")
    assert [path.name for path in tmp_path.iterdir()] == ["out.tsv"]


def test_a_locked_directory_is_refused(tmp_path: Path) -> None:
    with locked(tmp_path / "o"), pytest.raises(InputError, match="another process"), locked(tmp_path / "o"):
        pass
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (OSError(errno.EIO, "no name"), "the disk reports an input/output error: check the disk"),
        (OSError(errno.ENOSPC, "no name"), "the disk is full: free space"),
        # The tokenizers package raises exceptions of no type of their own.
        (Exception("No space left on device (os error 28)"), "the disk is full: free space"),
        (OSError("error closing file"), "of an error (error closing file): check the disk"),
        (
            RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
            "of an error (PytorchStreamWriter failed writing file data/0: file write failed): check the disk",
        ),
    ],
)
def test_errors_of_the_disk_name_the_file(tmp_path: Path, raised: Exception, said: str) -> None:
    def write() -> None:
        with atomic_directory(tmp_path / "d") as folder, atomic_write(folder / "x"):
            raise raised

    assert error(write) == f"{tmp_path}/d/x could not be written because {said} or choose another path."
    assert inside(tmp_path) == []


def test_errors_of_other_files_pass(tmp_path: Path) -> None:
    other = OSError(errno.EIO, "Input/output error", "/elsewhere/corpus.txt")
    for raised in (other, ConnectionError("the server closed the connection")):
        with pytest.raises(type(raised)) as caught, atomic_write(tmp_path / "x"):
            raise raised
        assert caught.value is raised


def test_a_directory_whose_name_is_not_on_disk_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def failing(handle: int) -> None:
        if os.path.samestat(os.fstat(handle), tmp_path.stat()):
            raise OSError(errno.EIO, "Input/output error")
        sync(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(InputError, match="check the disk"), atomic_directory(tmp_path / "d") as folder:
        (folder / "x").write_text("x")
    assert inside(tmp_path) == []


def test_a_directory_that_cannot_be_deleted_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "d").mkdir()
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(shutil, "rmtree", lambda path, ignore_errors: None)
        discard(tmp_path / "d")
    [left] = tmp_path.iterdir()  # under the name of what is not finished
    assert caplog.messages == [f"{left} is no longer needed but could not be deleted: delete it."]
    left.rename(tmp_path / ".d.1-0123abcd.partial")  # as of a process that has ended
    discard(tmp_path / "d")
    assert inside(tmp_path) == []


def test_what_cannot_be_deleted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    put(folder / "file", "x")

    def fails(path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error", "file")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", fails)
        assert f"{folder} could not be deleted (Input/output error)" in error(lambda: remove(folder))
    remove(folder)
    remove(folder)  # there is none
    assert not folder.exists()
