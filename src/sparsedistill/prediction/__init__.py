"""Classifying the texts of files: one row of answers per text, to one output or to one for each file."""

from .config import PredictionConfig
from .predict import predict_files, predict_stream
from .shard import ScoredFile, ScoreTask, score_shard

__all__ = [
    "PredictionConfig",
    "ScoreTask",
    "ScoredFile",
    "predict_files",
    "predict_stream",
    "score_shard",
]
