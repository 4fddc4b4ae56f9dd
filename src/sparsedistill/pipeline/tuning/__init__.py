"""The tuner: chooses the settings of a job on its validation data."""

from ...model.tuning import TrialRecord, TuningRecord

__all__ = ["TrialRecord", "TuningRecord"]
