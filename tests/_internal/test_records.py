"""Records as JSON files: round trips, and one sentence for each invalid file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.sentences import error

from sparsedistill._internal.records import as_builtins, as_json, read_record, write_record


@dataclass(frozen=True)
class Inner:
    name: str
    share: float | None = None


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner
    others: list[Inner] = field(default_factory=list)
    by_name: dict[str, float] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    note: str | None = None


FULL = Outer(3, Inner("é 😀", 0.1), [Inner("a"), Inner("b", 1e-9)], {"x": 2.5}, (1, 2), "note")


def read(path: Path, text: str | bytes) -> Outer:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_record(path, Outer, "save it again")


@pytest.mark.parametrize("record", [FULL, Outer(-1, Inner("")), Outer(2**63, Inner('"\\\n\0'))])
def test_round_trip(tmp_path: Path, record: Outer) -> None:
    write_record(tmp_path / "a.json", record)
    assert read_record(tmp_path / "a.json", Outer, "save it again") == record
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_fields_that_are_none_are_left_out() -> None:
    expected = {"count": 1, "inner": {"name": "a"}, "others": [], "by_name": {}, "shape": []}
    assert as_builtins(Outer(1, Inner("a"))) == expected
    assert as_builtins([{"x": Inner("a")}, (Inner("b"), None)]) == [
        {"x": {"name": "a"}},
        [{"name": "b"}, None],
    ]
    assert as_builtins({"x": None}) == {"x": None}
    assert as_builtins(Inner) is Inner


def test_text_is_readable_and_ends_with_a_line_feed(tmp_path: Path) -> None:
    assert as_json(Inner("é")) == '{\n  "name": "é"\n}\n'
    write_record(tmp_path / "a", Inner("é"), indent=4)
    assert (tmp_path / "a").read_bytes() == '{\n    "name": "é"\n}\n'.encode()


def test_names_of_files_that_are_not_utf8_can_be_written(tmp_path: Path) -> None:
    write_record(tmp_path / "a", Inner(os.fsdecode(b"\xff.txt")))
    assert read_record(tmp_path / "a", Inner, "save it again") == Inner("\ufffd.txt")


def test_unknown_keys_are_ignored_and_missing_ones_have_their_defaults(tmp_path: Path) -> None:
    found = read(
        tmp_path / "a", '{"new": [1], "count": 1, "inner": {"name": "a", "old": null}, "note": null}'
    )
    assert found == Outer(1, Inner("a"))


def test_whole_numbers_are_valid_floats(tmp_path: Path) -> None:
    share = read(tmp_path / "a", '{"count": 1, "inner": {"name": "a", "share": 2}}').inner.share
    assert isinstance(share, float)
    assert share == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "truncated"),
        ('{"count": 1', "truncated"),
        ("count = 1", "malformed"),
        ("[]", "Expected `object`, got `array`"),
        ("null", "Expected `object`, got `null`"),
        ('{"inner": {"name": "a"}}', "missing required field `count`"),
        ('{"count": 1, "inner": {}}', "missing required field `name` - at `$.inner`"),
        ('{"count": "1", "inner": {"name": "a"}}', "Expected `int`, got `str` - at `$.count`"),
        ('{"count": 1.0, "inner": {"name": "a"}}', "Expected `int`, got `float`"),
        ('{"count": true, "inner": {"name": "a"}}', "Expected `int`, got `bool`"),
        ('{"count": null, "inner": {"name": "a"}}', "Expected `int`, got `null`"),
        ('{"count": 1, "inner": {"name": "a", "share": "0.5"}}', "$.inner.share"),
        ('{"count": 1, "inner": {"name": "a"}, "others": [{"name": 1}]}', "$.others[0].name"),
        (
            '{"count": 1, "inner": {"name": "a"}, "shape": [1, "2"]}',
            "Expected `int`, got `str` - at `$.shape",
        ),
        ('{"count": 1e999, "inner": {"name": "a"}}', "out of range"),
        ('{"count": 1' + "0" * 5000 + ', "inner": {"name": "a"}}', "out of range"),
        ('{"count": 1, "inner": {"name": "a", "share": 1' + "0" * 400 + "}}", "out of range"),
        ('{"count": 1, "inner": {"name": "a", "share": NaN}}', "malformed"),
        ('{"count": 1, "inner": {"name": "\\ud83d alone"}}', "surrogate"),
        (b'{"count": 1, "inner": {"name": "\xff"}}', "utf-8"),
        ("\xff\xfe".encode("latin-1"), "malformed"),
        ('{"x": ' + "[" * 100_000, "recursion"),
        ('{"count": ' + "[" * 100_000 + "]" * 100_000 + "}", "Expected `int`, got `array`"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_invalid_files(tmp_path: Path, text: str | bytes, reason: str) -> None:
    message = error(lambda: read(tmp_path / "a.json", text))
    assert message.startswith(f"{tmp_path / 'a.json'} cannot be used (")
    assert reason in message
    assert message.endswith("): save it again.")
    assert len(message) < 400


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    message = error(lambda: read_record(tmp_path / "no.json", Outer, "save it again"))
    assert message.startswith(f"{tmp_path / 'no.json'} does not exist: ")
    message = error(lambda: read_record(tmp_path, Outer, "save it again"))
    assert message == f"{tmp_path} is not a regular file: save it again."
    assert "cannot be written" in error(lambda: write_record(Path("/proc/no/a.json"), FULL))


def test_plain_dicts_can_be_read(tmp_path: Path) -> None:
    write_record(tmp_path / "a", FULL)
    assert (
        read_record(tmp_path / "a", dict, "save it again") == json.loads(as_json(FULL)) == as_builtins(FULL)
    )
