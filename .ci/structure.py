"""Print files and functions over their limits, and fail on imports that bypass the layers.

Files have at most 400 lines and functions at most 60; longer ones are listed, with no failure: each needs a
reason in review. Only the core extension and the version may be imported from the root package, since
import-linter cannot tell such imports apart.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "sparsedistill"
FILE_LINES, FUNCTION_LINES = 400, 60
GENERATED = {"unicode_tables.inc"}
FROM_ROOT = {"_core", "__version__"}


def files() -> Iterator[Path]:
    """The source files of package and core."""
    yield from sorted(SOURCE.rglob("*.py"))
    core = (path for path in (ROOT / "core").rglob("*") if path.suffix in {".hpp", ".cpp", ".inc"})
    yield from sorted(path for path in core if path.name not in GENERATED)


def long_functions(path: Path) -> Iterator[str]:
    """Functions of a Python file that are over the limit, without their docstrings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            lines = (node.end_lineno or 0) - node.lineno + 1 - docstring
            if lines > FUNCTION_LINES:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {lines} lines"


def root_imports(path: Path) -> Iterator[str]:
    """Names that a module of the package imports from the root package, other than those that it may."""
    depth = len(path.relative_to(SOURCE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            from_root = (node.level == depth and node.module is None) or node.module == "sparsedistill"
            names = {alias.name for alias in node.names} - FROM_ROOT if from_root else set()
            for name in sorted(names):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {name} is imported from the root package"


def main() -> None:
    """Print what was found."""
    faults: list[str] = []
    for path in files():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES:
            print(f"{path.relative_to(ROOT)} has {lines} lines")
        if path.suffix == ".py":
            for line in long_functions(path):
                print(line)
            if path.parent != SOURCE or path.name not in {"__init__.py", "__main__.py"}:
                faults += root_imports(path)
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
