"""The tables. Importing this package registers all of them with the metadata."""

from server.models.audit import AuditChain, AuditEntry, AuditEvent
from server.models.checkpoint import Checkpoint
from server.models.dataset_upload import DatasetUpload
from server.models.flag import Flag
from server.models.gold import GoldImage, GoldSet
from server.models.image import Assignment, Handout, Image, ImageCount
from server.models.label import Answer, Label, LabelImport
from server.models.measure import KeptMeasure
from server.models.member import Member
from server.models.prediction import Prediction, PredictionRanking
from server.models.project import Category, CategoryKey, Project
from server.models.removal import Removal
from server.models.rules import RulesPicture, RulesReading, RulesVersion
from server.models.run import Run, RunEvent, RunFigures, SeenWorker
from server.models.snapshot import Snapshot
from server.models.sweep import SweepPage, SweepPlace, SweepProgress
from server.models.user import (
    ApiToken,
    Identity,
    PasswordLink,
    RecoveryCode,
    SignInFailure,
    User,
    UserSession,
)

__all__ = [
    "Answer",
    "ApiToken",
    "Assignment",
    "AuditChain",
    "AuditEntry",
    "AuditEvent",
    "Category",
    "CategoryKey",
    "Checkpoint",
    "DatasetUpload",
    "Flag",
    "GoldImage",
    "GoldSet",
    "Handout",
    "Identity",
    "Image",
    "ImageCount",
    "KeptMeasure",
    "Label",
    "LabelImport",
    "Member",
    "PasswordLink",
    "Prediction",
    "PredictionRanking",
    "Project",
    "RecoveryCode",
    "Removal",
    "RulesPicture",
    "RulesReading",
    "RulesVersion",
    "Run",
    "RunEvent",
    "RunFigures",
    "SeenWorker",
    "SignInFailure",
    "Snapshot",
    "SweepPage",
    "SweepPlace",
    "SweepProgress",
    "User",
    "UserSession",
]
