"""Memory-mapped safetensors files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file, save_file

from sparsedistill import InputError
from sparsedistill._internal.tensors import open_tensors, write_tensors

dtypes = st.sampled_from(["<f4", "<f2", "i1", "u1", "<i4", "<u4", "<i8", "<u8"])
arrays = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0)))


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text("abc.é", min_size=1), arrays, min_size=1, max_size=4))
def test_the_safetensors_package_reads_the_same_arrays(
    tmp_path_factory: pytest.TempPathFactory, given_: dict[str, np.ndarray]
) -> None:
    path = tmp_path_factory.mktemp("tensors") / "a.safetensors"
    write_tensors(path, given_)
    for read in (load_file, open_tensors):
        found = read(path)
        assert found.keys() == given_.keys()
        for name, array in given_.items():
            np.testing.assert_array_equal(found[name].view(np.uint8), array.view(np.uint8))
            assert found[name].dtype == array.dtype


def test_the_first_array_begins_at_a_cache_line_and_views_are_read_only(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", {"x": np.arange(5.0, dtype=np.float32)})
    array = open_tensors(tmp_path / "a")["x"]
    assert array.ctypes.data % 64 == 0
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_files_of_the_safetensors_package_are_read(tmp_path: Path) -> None:
    save_file({"x": np.arange(6, dtype=np.int64).reshape(2, 3)}, tmp_path / "a")
    assert open_tensors(tmp_path / "a")["x"].tolist() == [[0, 1, 2], [3, 4, 5]]


def whole(tmp_path: Path) -> bytes:
    write_tensors(tmp_path / "whole", {"x": np.arange(100, dtype=np.float32), "y": np.ones((2, 2), np.int8)})
    return (tmp_path / "whole").read_bytes()


def test_truncated_files_are_rejected(tmp_path: Path) -> None:
    content = whole(tmp_path)
    for size in range(0, len(content), 7):
        (tmp_path / "cut").write_bytes(content[:size])
        with pytest.raises(InputError, match="cut"):
            open_tensors(tmp_path / "cut")


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"x": 1},
        {"x": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**63]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}},
        {"x": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0]}},
        {"x": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}},
    ],
)
def test_invalid_headers_are_rejected(tmp_path: Path, header: object) -> None:
    text = json.dumps(header).encode()
    (tmp_path / "bad").write_bytes(len(text).to_bytes(8, "little") + text + bytes(16))
    with pytest.raises(InputError, match="not a valid safetensors file"):
        open_tensors(tmp_path / "bad")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_flipped_bytes_are_rejected_or_only_change_values(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("flip")
    content = bytearray(whole(folder))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "flipped").write_bytes(content)
    try:
        found = open_tensors(folder / "flipped")
    except InputError:
        return
    for array in found.values():
        array.tobytes()


def test_headers_that_are_nested_too_deeply_are_rejected(tmp_path: Path) -> None:
    text = b'{"x":' + b"[" * 1_000_000
    (tmp_path / "deep").write_bytes(len(text).to_bytes(8, "little") + text + bytes(16))
    with pytest.raises(InputError, match=r"not a valid safetensors file .*recursion"):
        open_tensors(tmp_path / "deep")


def test_arrays_that_are_not_aligned_to_their_items_are_copied(tmp_path: Path) -> None:
    """An array of bytes may come first."""
    write_tensors(tmp_path / "a", {"x": np.arange(3, dtype=np.int8), "y": np.arange(4, dtype=np.float32)})
    for mapped in (True, False):
        array = open_tensors(tmp_path / "a", mapped=mapped)["y"]
        assert array.flags.aligned
        assert not array.flags.writeable
        assert array.tolist() == [0, 1, 2, 3]
