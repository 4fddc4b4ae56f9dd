"""The largest request for memory in a process that runs under AddressSanitizer.

The hooks of the sanitizer see what Python, NumPy and the core ask for, and Arrow if
``ARROW_DEFAULT_MEMORY_POOL=system``. Files that are mapped are not requests.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class Requests:
    """Looks at all requests for memory from now on.

    Args:
        folder: For the compiled library.

    Raises:
        RuntimeError: The process does not run under AddressSanitizer.
    """

    def __init__(self, folder: Path) -> None:
        if not self.possible():
            raise RuntimeError("The process does not run under AddressSanitizer.")
        compiler = shutil.which("cc")
        assert compiler is not None
        library = folder / "requests.so"
        subprocess.run(
            [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE], check=True
        )
        self._library = ctypes.CDLL(str(library))
        self._library.requests_largest.restype = ctypes.c_size_t
        if not self._library.requests_install():
            raise RuntimeError("The sanitizer takes no more hooks.")

    @staticmethod
    def possible() -> bool:
        """Whether the process runs under AddressSanitizer."""
        return hasattr(ctypes.CDLL(None), "__sanitizer_install_malloc_and_free_hooks")

    def largest(self) -> int:
        """Bytes of the largest request since the last call."""
        return int(self._library.requests_largest())
