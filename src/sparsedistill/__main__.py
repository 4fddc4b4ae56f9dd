"""``sparsedistill`` and ``python -m sparsedistill``."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run the command line. A signal during the imports, which take most of a second, ends it cleanly."""
    from ._internal.signals import exit_when_stopped

    exit_when_stopped()
    from .cli.app import main as run

    run()


if __name__ == "__main__":
    main()
