"""Explanations: what each n-gram adds to the logits of a text, and the strongest n-grams of a class."""

from .explain import explain
from .render import Word
from .result import Explanation, Span
from .strongest import strongest_ngrams

__all__ = ["Explanation", "Span", "Word", "explain", "strongest_ngrams"]
