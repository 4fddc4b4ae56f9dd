"""Which files a directory and a pattern have, and what is said of those that are left out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.rows import put
from support.sentences import error

from sparsedistill.data.paths import found_files


def found(path: Path | str, top: Path, form: str | None = None) -> list[str]:
    """The files of a path, below `top`."""
    return [os.path.relpath(name, top) for name in found_files(path, form)]


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with b.txt, which cannot be read: also not by root, whom permissions do not keep out."""
    folder = tmp_path / "in" / "locked"
    folder.mkdir(parents=True)
    put(folder / "b.txt", "bad\n")
    put(folder.parent / "a.txt", "good\n")
    folder.chmod(0)
    scan = os.scandir

    def scandir(path: Any) -> Any:
        if os.path.realpath(path) == str(folder):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    yield folder
    folder.chmod(0o755)


@pytest.mark.parametrize("pattern", ["", "*/*.txt", "**/*.txt", "locked/*.txt", "**"])
def test_a_directory_that_cannot_be_read_is_an_error(locked: Path, pattern: str) -> None:
    message = error(lambda: found_files(locked.parent / pattern, None))
    assert message.startswith(f"{locked} cannot be read (Permission denied): change its permissions")


def test_a_hidden_directory_is_not_looked_into(locked: Path, tmp_path: Path) -> None:
    hidden = locked.rename(locked.with_name(".locked"))
    assert found(tmp_path / "in", tmp_path) == ["in/a.txt"]
    hidden.rename(locked)


@pytest.mark.parametrize("pattern", ["", "*.txt", "**/*.txt", "x/../*.txt"])
def test_a_link_to_no_file_is_an_error(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "x").mkdir()
    put(tmp_path / "a.txt", "good\n")
    for target in ("annex/b.txt", "b.txt"):  # an absent file, and the link itself
        (tmp_path / "b.txt").symlink_to(target)
        message = error(lambda: found_files(f"{tmp_path}/{pattern}", None))
        assert message == (
            f"{tmp_path}/{'x/../' if 'x/' in pattern else ''}b.txt is a link to a file that does not exist: "
            "restore the file, or delete the link."
        )
        (tmp_path / "b.txt").unlink()


def test_links_that_may_have_been_directories(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path / "a.txt", "good\n")
    (tmp_path / "notes.md").symlink_to("gone")
    assert found(tmp_path, tmp_path) == ["a.txt"]
    assert not caplog.messages
    (tmp_path / "disk").symlink_to("unmounted")
    assert found(tmp_path, tmp_path) == ["a.txt"]
    said = f"{tmp_path}/disk is a link to nothing: files that should be below it are left out."
    assert caplog.messages == [said]
    (tmp_path / "in").mkdir()
    put(tmp_path / "in/b.txt", "bad\n")
    assert found(f"{tmp_path}/*/*.txt", tmp_path) == ["in/b.txt"]
    assert sorted(caplog.messages[1:]) == [said, said.replace("disk", "notes.md")]


def test_linked_directories_are_read_and_loops_end(tmp_path: Path) -> None:
    top, other = tmp_path / "in", tmp_path / "other"
    (top / "x").mkdir(parents=True)
    other.mkdir()
    for folder in (top, top / "x", other):
        put(folder / "a.txt", "good\n")
    (top / "link").symlink_to(other)
    (top / "a-name-before-x").symlink_to("x")
    for name in ("up", "again"):
        (top / "x" / name).symlink_to("../")
    expected = ["a.txt", "link/a.txt", "x/a.txt"]
    assert found(top, top) == expected
    for pattern in ("**/*.txt", "**", "**/**/*.txt", "**/../**/a.txt"):
        names = [os.path.realpath(top / name) for name in found(f"{top}/{pattern}", top)]
        assert sorted(names) == sorted(os.path.realpath(top / name) for name in expected), pattern
    assert found(f"{top}/**/*.txt", top) == expected
    assert found(f"{top}/*/*.txt", top) == ["a-name-before-x/a.txt", "link/a.txt", "x/a.txt"]


def test_patterns_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x/.git").mkdir(parents=True)
    for name in ("a.txt", ".b.txt", "x/c.txt", "x/.git/d.txt", "x/e[1].txt"):
        put(tmp_path / name, "good\n")
    monkeypatch.chdir(tmp_path)
    for pattern, expected in (
        (".", ["a.txt", "x/c.txt", "x/e[1].txt"]),
        ("./x/", ["x/c.txt", "x/e[1].txt"]),
        ("*.txt", ["a.txt"]),
        ("./*.txt", ["./a.txt"]),
        (".*.txt", [".b.txt"]),
        ("**/*.txt", ["a.txt", "x/c.txt", "x/e[1].txt"]),
        ("x/.git/*", ["x/.git/d.txt"]),
        ("*/c.txt", ["x/c.txt"]),
        ("x/../?.txt", ["x/../a.txt"]),
        ("x/e[[]1].txt", ["x/e[1].txt"]),
    ):
        assert found_files(pattern, None) == expected, pattern
    for pattern in ("a.txt/*", "y/*.txt", "*/" + 300 * "x"):
        assert "No file matches" in error(lambda pattern=pattern: found_files(pattern, None))  # type: ignore[misc]


def test_compressions_that_are_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path / "a.txt", "good\n")
    put(tmp_path / "b.txt.bz2", "bad\n")
    put(tmp_path / "c.md.bz2", "no text")
    assert found(tmp_path, tmp_path) == ["a.txt"]
    assert caplog.messages == [
        f"{tmp_path}/b.txt.bz2 has a compression that is not read, and is left out: decompress, or compress "
        "as .gz or .zst."
    ]
    caplog.clear()
    for ending in ("csv.xz", "jsonl.lz4", "TSV.Z", "txt.7z", "parquet.br", "json.zip"):
        put(tmp_path / f"x.{ending}", "?")
    assert found(tmp_path, tmp_path) == ["a.txt"]
    assert [message.partition(" have")[0] for message in caplog.messages] == [
        f"7 files such as {tmp_path}/b.txt.bz2"
    ]
    assert len(found(tmp_path, tmp_path, "txt")) == 9
