"""How the core extension was linked and compiled."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

import pytest

from sparsedistill import _core

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads an ELF file")

_DYNAMIC, _STACK, _RELRO = 2, 0x6474E551, 0x6474E552  # types of segments
_FLAGS, _BIND_NOW, _FLAGS_1 = 30, 24, 0x6FFFFFFB  # tags of the dynamic section


@pytest.fixture(scope="module")
def binary() -> bytes:
    """The installed extension."""
    content = Path(_core.__file__).read_bytes()
    assert content[:6] == b"\x7fELF\x02\x01"  # 64 bits, little-endian
    return content


def segments(binary: bytes) -> dict[int, tuple[int, int, int]]:
    """Flags, offset and size of each segment, by its type."""
    (start,) = struct.unpack_from("<Q", binary, 32)
    size, count = struct.unpack_from("<HH", binary, 54)
    found = {}
    for i in range(count):
        kind, flags, offset = struct.unpack_from("<IIQ", binary, start + i * size)
        (length,) = struct.unpack_from("<Q", binary, start + i * size + 32)
        found[kind] = (flags, offset, length)
    return found


def test_the_stack_is_not_executable(binary: bytes) -> None:
    flags, _, _ = segments(binary)[_STACK]
    assert not flags & 1


def test_relocations_are_read_only_before_any_code_runs(binary: bytes) -> None:
    """Full RELRO: all symbols are bound at once, and what holds them is then made read-only."""
    found = segments(binary)
    assert _RELRO in found
    _, offset, size = found[_DYNAMIC]
    entries = dict(struct.iter_unpack("<QQ", binary[offset : offset + size]))
    assert _BIND_NOW in entries or entries.get(_FLAGS, 0) & 8 or entries.get(_FLAGS_1, 0) & 1


def test_stacks_and_copies_are_checked(binary: bytes) -> None:
    names = set(re.findall(rb"\0(__\w+_chk(?:_fail)?)(?=\0)", binary))
    assert b"__stack_chk_fail" in set(re.findall(rb"__stack_chk_fail", binary))
    assert any(name.endswith(b"_chk") for name in names), names
