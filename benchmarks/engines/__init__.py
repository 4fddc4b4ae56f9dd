"""The classifiers that peers.py compares."""

from __future__ import annotations

from .engine import TEXT_SETS, Check, Engine, TextSet, Work
from .fast_text import FastText
from .linear import Linear
from .minilm import MiniLM
from .ours import Compressed, Trained, Wide
from .paper import Paper
from .roberta import RobertaLarge
from .static import Model2Vec

__all__ = ["TEXT_SETS", "Check", "Engine", "TextSet", "Work", "engines"]


def engines(work: Work) -> dict[str, Engine]:
    """Return all engines by name, in the order of preparation: later ones may use earlier ones."""
    found: list[Engine] = [
        Trained("student", "sparsedistill, as trained", work),
        Wide("ours-wide", "sparsedistill, 1 M x 1000 float32", work),
        Compressed("folded", "sparsedistill, folded", work, cut=False),
        Compressed("compact", "sparsedistill, compact", work, cut=True),
        FastText("fasttext-w2", "fastText, wordNgrams 2", work, ngrams=2),
        FastText(
            "fasttext-w2-words", "fastText, wordNgrams 2, pre-tokenised", work, ngrams=2, pre_tokenised=True
        ),
        FastText("fasttext-w4", "fastText, wordNgrams 4", work, ngrams=4),
        FastText(
            "fasttext-w2-quantised", "fastText, wordNgrams 2, quantised", work, ngrams=2, quantised=True
        ),
        Model2Vec("model2vec", "model2vec", work),
        Linear("tfidf", "TF-IDF(1-2) + LR", work, hashing=False),
        Linear("hashing", "Hashing(1-4) + LR", work, hashing=True),
        Paper("paper", "paper's pipeline, vectorised", work, scripts=False),
        Paper("paper-scripts", "paper's pipeline, released scripts", work, scripts=True),
        Paper(
            "paper-scripts-wide",
            "paper's pipeline, released scripts, 1 M x 1000",
            work,
            scripts=True,
            wide=True,
        ),
        MiniLM("minilm", "MiniLM-L6, ONNX Runtime, fp32", work, bits=32),
        MiniLM("minilm-int8", "MiniLM-L6, ONNX Runtime, int8", work, bits=8),
        RobertaLarge("roberta-large", "RoBERTa-Large, random weights, torch", work),
    ]
    return {engine.name: engine for engine in found}
