"""Evaluation: metrics, baselines, calibration, deferral to the teacher, and plots. Imports no torch.

scikit-learn and fastText are imported when a baseline is fitted.
"""

from .baselines import FittedBaseline, fit_baselines
from .calibration import calibrate
from .deferral import DeferralCurve
from .evaluate import Evaluation, evaluate
from .plots import PlotPoint, ablation_plot, deferral_plot
from .quality import measure
from .sizes import SizedStudent, size_curve, smallest_within

__all__ = [
    "DeferralCurve",
    "Evaluation",
    "FittedBaseline",
    "PlotPoint",
    "SizedStudent",
    "ablation_plot",
    "calibrate",
    "deferral_plot",
    "evaluate",
    "fit_baselines",
    "measure",
    "size_curve",
    "smallest_within",
]
