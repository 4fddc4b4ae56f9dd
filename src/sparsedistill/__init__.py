"""Distil a transformer text classifier into a student that runs at the cost of reading the bytes."""

__version__ = "0.1.0"
