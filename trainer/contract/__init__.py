"""What a training run is given and what it says: the only part of the trainer that others may import.

Everything here is plain data (pydantic, no torch). The same types validate a request, are stored with
the run, and are written beside its checkpoints.
"""

from trainer.contract.cards import DatasetCard, ListedImage
from trainer.contract.config import LossWeights, Supervision, TrainConfig
from trainer.contract.labels import VOID_INDEX, GoldSample, Places, PointLabel, TileTags, WeakLabel
from trainer.contract.progress import (
    CheckpointSaved,
    Evaluated,
    Failed,
    Finished,
    Predicting,
    Progress,
    ProgressLine,
    Started,
)
from trainer.contract.record import Record
from trainer.contract.results import (
    Breakdown,
    CheckpointInfo,
    ImagePrediction,
    ImageScore,
    Interval,
    ReliabilityBin,
    Report,
    Score,
)

__all__ = [
    "VOID_INDEX",
    "Breakdown",
    "CheckpointInfo",
    "CheckpointSaved",
    "DatasetCard",
    "Evaluated",
    "Failed",
    "Finished",
    "GoldSample",
    "ImagePrediction",
    "ImageScore",
    "Interval",
    "ListedImage",
    "LossWeights",
    "Places",
    "PointLabel",
    "Predicting",
    "Progress",
    "ProgressLine",
    "Record",
    "ReliabilityBin",
    "Report",
    "Score",
    "Started",
    "Supervision",
    "TileTags",
    "TrainConfig",
    "WeakLabel",
]
