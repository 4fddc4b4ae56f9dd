"""Evaluation: metrics, calibration, deferral to the teacher, and plots. Imports no torch."""

from .calibration import calibrate
from .deferral import DeferralCurve
from .evaluate import Evaluation, evaluate
from .metrics import measure
from .plots import PlotPoint, ablation_plot, deferral_plot

__all__ = [
    "DeferralCurve",
    "Evaluation",
    "PlotPoint",
    "ablation_plot",
    "calibrate",
    "deferral_plot",
    "evaluate",
    "measure",
]
