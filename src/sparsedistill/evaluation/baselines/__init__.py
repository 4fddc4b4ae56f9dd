"""Baselines on the same labels as a student. New ones are listed in :data:`~.registry.BASELINES`."""

from .base import Baseline, Choice, FittedBaseline, NotInstalledError, Predictor, Settings
from .majority import majority, majority_of
from .registry import BASELINES, fit_baselines
from .tfidf import NO_SKLEARN, TFIDF

__all__ = [
    "BASELINES",
    "NO_SKLEARN",
    "TFIDF",
    "Baseline",
    "Choice",
    "FittedBaseline",
    "NotInstalledError",
    "Predictor",
    "Settings",
    "fit_baselines",
    "majority",
    "majority_of",
]
