"""The tuner: chooses the settings of a job on its validation data."""

from .record import TrialRecord, TuningRecord

__all__ = ["TrialRecord", "TuningRecord"]
