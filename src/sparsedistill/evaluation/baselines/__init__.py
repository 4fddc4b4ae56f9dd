"""Baselines on the same labels as a student. New ones are listed in :data:`~.registry.BASELINES`."""

from .base import Baseline, Choice, FittedBaseline, NotInstalledError, Predictor, Settings
from .majority import constant_of, majority
from .registry import BASELINES, SCORE_BASELINES, fit_baselines
from .tfidf import NO_SKLEARN, TFIDF

__all__ = [
    "BASELINES",
    "NO_SKLEARN",
    "SCORE_BASELINES",
    "TFIDF",
    "Baseline",
    "Choice",
    "FittedBaseline",
    "NotInstalledError",
    "Predictor",
    "Settings",
    "constant_of",
    "fit_baselines",
    "majority",
]
