"""Compression of a trained student to a few bytes per n-gram."""

from .compress import compress
from .difference import Difference, Floor

__all__ = ["Difference", "Floor", "compress"]
