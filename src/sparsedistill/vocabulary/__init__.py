"""The n-gram vocabulary: counting a corpus, and looking up the n-grams of texts.

:class:`Vocabulary` maps n-grams to rows of a student's table. :class:`TokenizerConfig` says how texts become
n-grams, :class:`CountingConfig` which of them a vocabulary keeps. Nothing here needs torch.
"""

from .config import CountingConfig, TokenizerConfig
from .rows import NgramRows
from .tokenizer import tokenize
from .vocabulary import Vocabulary

__all__ = ["CountingConfig", "NgramRows", "TokenizerConfig", "Vocabulary", "tokenize"]
