"""Texts in all containers, as the core takes them and as one Arrow array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.sentences import error

from sparsedistill import _core
from sparsedistill._internal.texts import as_strings, check_texts, core_texts, encodable, sizes

TEXTS = ["a", "", "é 😀"]


class Column:
    """A column of polars or of pandas from 2.2, which export an Arrow stream."""

    def __init__(self, array: pa.ChunkedArray) -> None:
        self.array = array

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self.array.__arrow_c_stream__(schema)

    def __len__(self) -> int:
        return len(self.array)


class OldPolars:
    """A column of old versions of polars."""

    def __init__(self, array: pa.Array) -> None:
        self.to_arrow: Callable[[], pa.Array] = lambda: array


class OldPandas:
    """A column of old versions of pandas."""

    def __init__(self, array: np.ndarray) -> None:
        self.to_numpy: Callable[[], np.ndarray] = lambda: array


CONTAINERS = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "list of numpy.str_": [np.str_(text) for text in TEXTS],
    "array of str": np.array(TEXTS),
    "array of objects": np.array(TEXTS, object),
    "array of bytes": np.array([text.encode() for text in TEXTS]),
    "strided array": np.array([text for text in TEXTS for _ in "12"], object)[::2],
    "string": pa.array(TEXTS),
    "large_string": pa.array(TEXTS, pa.large_string()),
    "string_view": pa.array(TEXTS, pa.string_view()),
    "binary": pa.array([text.encode() for text in TEXTS]),
    "large_binary": pa.array([text.encode() for text in TEXTS], pa.large_binary()),
    "binary_view": pa.array([text.encode() for text in TEXTS], pa.binary_view()),
    "slice of binary": pa.array([b"\xff", *(text.encode() for text in TEXTS), b"\xff"])[1:4],
    "chunks of binary": pa.chunked_array([[TEXTS[0].encode()], [text.encode() for text in TEXTS[1:]]]),
    "keys": dict.fromkeys(TEXTS).keys(),
    "dictionary": pa.array(TEXTS).dictionary_encode(),
    "slice": pa.array(["x", *TEXTS, "y"])[1:4],
    "chunks": pa.chunked_array([TEXTS[:1], [], TEXTS[1:]]),
    "one chunk": pa.chunked_array([TEXTS]),
    "column": Column(pa.chunked_array([TEXTS[:2], TEXTS[2:]])),
    "old polars": OldPolars(pa.array(TEXTS)),
    "old pandas": OldPandas(np.array(TEXTS, object)),
}
EMPTY = {
    "list": [],
    "float array": np.array([]),
    "object array": np.array([], object),
    "null": pa.array([]),
    "string": pa.array([], pa.string()),
    "no chunk": pa.chunked_array([], pa.string()),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_both_forms_accept_every_container(name: str) -> None:
    texts: Any = CONTAINERS[name]
    strings = as_strings(texts)
    assert strings.type == pa.large_string()
    assert strings.to_pylist() == TEXTS
    core = check_texts(core_texts(texts))
    expected = [len(text.encode()) for text in TEXTS] if isinstance(core, _core.ArrowTexts) else [1, 0, 3]
    assert sizes(core).tolist() == expected


@pytest.mark.parametrize("name", EMPTY)
def test_empty_containers(name: str) -> None:
    texts: Any = EMPTY[name]
    strings = as_strings(texts)
    assert (strings.type, len(strings)) == (pa.large_string(), 0)
    assert sizes(check_texts(core_texts(texts))).tolist() == []


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one", "texts is a single str: pass a list of texts"),
        (["a", 3], "Text 1 has type int, not str"),
        (["a", None], "Text 1 has type NoneType, not str"),
        (["\ud800", 3], "Text 1 has type int, not str"),
        (["a", b"\xff"], "Text 1 has type bytes, not str"),
        (np.array(["a", None], object), "Text 1 has type NoneType, not str"),
        (OldPandas(np.array(["a", float("nan")], object)), "Text 1 has type float, not str"),
        (np.array([1.0]), "texts is an array of float64: pass an array of strings"),
        (np.array([1, 2]), "texts is an array of int64: pass an array of strings"),
        (np.array([["a"]]), "texts is an array of 2 dimensions: pass an array of 1 dimension"),
        (np.array("a"), "texts is an array of 0 dimensions"),
        (pa.array(["a", None]), "Text 1 is null"),
        (pa.chunked_array([["a"], ["b", None]]), "Text 2 is null"),
        (pa.array(["a", None]).dictionary_encode(), "Text 1 is null"),
        (Column(pa.chunked_array([["a", None]])), "Text 1 is null"),
        (pa.array([["a"]]), "texts is an Arrow array of list<"),
        (3, "texts is a int"),
        ({"a"}, "texts is a set, which has no order: pass a list of texts"),
        (frozenset("a"), "texts is a frozenset, which has no order"),
        ({"a": 1}.items(), "texts is a dict_items, which has no order"),
        (pa.array([b"a", b"b"], pa.binary(1)), "texts is an Arrow array of fixed_size_binary[1]"),
        (Column(pa.chunked_array([pa.array([b"a"], pa.binary(1))])), "texts is an Arrow array of fixed_size"),
        (pa.array(['"a"'], pa.json_()), "texts is an Arrow array of extension<arrow.json>"),
        (pa.array([b"a" * 16], pa.uuid()), "texts is an Arrow array of extension<arrow.uuid>"),
        (pa.array([b"a", b"\xff"]), "Text 1 is not valid UTF-8: decode it"),
        (pa.array([b"a", b"\xff"], pa.large_binary()), "Text 1 is not valid UTF-8"),
        (pa.array([b"a", b"\xff"], pa.binary_view()), "Text 1 is not valid UTF-8"),
        (pa.chunked_array([[b"a"], [b"b", b"\xc3"]]), "Text 2 is not valid UTF-8"),
        (pa.array([b"\xff", b"a", b"\xed\xa0\x80"])[1:], "Text 1 is not valid UTF-8"),
        (np.array([b"a", b"\xff"]), "Text 1 is not valid UTF-8"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_both_forms_reject_the_same_input_with_the_same_message(texts: Any, message: str) -> None:
    assert message in error(lambda: as_strings(texts))
    assert message in error(lambda: check_texts(core_texts(texts)))


def test_errors_name_the_argument() -> None:
    assert "Text 1 of text_pair has type int" in error(lambda: as_strings(["a", 1], "text_pair"))
    assert "Text 0 of text_pair is null" in error(lambda: as_strings(pa.array([None, "a"]), "text_pair"))
    assert error(lambda: as_strings("a", "text_pair")).startswith("text_pair is a single str")


def test_what_only_one_form_accepts() -> None:
    assert as_strings(iter(TEXTS)).to_pylist() == TEXTS
    assert core_texts(iter(TEXTS)) == TEXTS
    assert "pass one of them" in error(lambda: core_texts({"text": TEXTS}))
    assert "pass one of them" in error(lambda: core_texts(pa.table({"text": TEXTS})))
    nulls = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None]))
    assert "Text 1 is null" in error(lambda: core_texts(nulls))
    assert "Text 1 of x is null" in error(lambda: as_strings(nulls, "x"))
    assert "decode it" in error(lambda: core_texts(b"text"))
    assert as_strings([b"a"]).to_pylist() == ["a"]
    assert as_strings(pa.array([1, 2])).to_pylist() == ["1", "2"]
    assert "array of int64" in error(lambda: core_texts(pa.array([1, 2])))
    assert "Text 0 of x is not valid UTF-8" in error(lambda: as_strings(pa.array([b"\xff"]), "x"))


def test_polars_objects_are_no_texts() -> None:
    polars = pytest.importorskip("polars")
    objects = polars.Series([object()], dtype=polars.Object)
    for convert in (as_strings, core_texts):
        assert "pass an array of strings" in error(lambda convert=convert: convert(objects))  # type: ignore[misc]


def test_arrow_strings_are_not_copied() -> None:
    strings = pa.array(TEXTS, pa.large_string())
    assert as_strings(strings).buffers()[2].address == strings.buffers()[2].address


def test_lone_surrogates_become_the_replacement_character() -> None:
    assert as_strings(["a\ud83d", "\ude00\ud83d", "😀"]).to_pylist() == ["a\ufffd", "\ufffd\ufffd", "😀"]
    assert encodable("\ud83d\ude00") == "😀"
    assert encodable("plain") == "plain"
    assert check_texts(core_texts(["\ud83d"])) == ["\ud83d"]
