"""``python -m sparsedistill``."""

from .cli.app import main

main()
