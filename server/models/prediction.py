"""What a run's model says of an image."""

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base


class Prediction(Base):
    __tablename__ = "predictions"
    __table_args__ = (
        UniqueConstraint("run_id", "image_id"),
        Index("ix_predictions_image", "image_id", "run_id"),
        Index("ix_predictions_uncertainty", "run_id", "uncertainty", "image_id", "disagreement"),
        Index("ix_predictions_disagreement", "run_id", "disagreement", "image_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"))
    mask_key: Mapped[str] = mapped_column(String(500))
    """Palette PNG in storage, at the original size."""
    presence: Mapped[dict[str, float]] = mapped_column(JSON)
    """Probability of presence by category name."""
    uncertainty: Mapped[float]
    disagreement: Mapped[float | None]
    """How far presence is from the current labels, as `services.priorities` has it."""


class PredictionRanking(Base):
    """A run's images by how likely a category is in them: read where 100,000 would be sorted."""

    __tablename__ = "prediction_rankings"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    category_id: Mapped[int] = mapped_column(
        ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True
    )
    image_ids: Mapped[bytes] = mapped_column(LargeBinary)
    """The likeliest first, four bytes each, the lowest byte first."""
