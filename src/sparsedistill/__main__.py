"""``python -m sparsedistill``."""

from .cli import main

main()
