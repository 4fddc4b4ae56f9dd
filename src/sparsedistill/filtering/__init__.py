"""Filtering: the texts that a student scores well, written as they are, and a report."""

from .config import FilterConfig
from .filtering import filter_corpus
from .report import Example, FilteredFile, FilterReport

__all__ = ["Example", "FilterConfig", "FilterReport", "FilteredFile", "filter_corpus"]
