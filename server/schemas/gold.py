"""Gold images: how many there are, and what people answered."""

from pydantic import Field

from server.models.gold import GoldState
from server.schemas.common import In, Out


class GoldIn(In):
    count: int = Field(default=100, ge=1, le=500)
    """How many images of the source domain; fewer where it has fewer."""


class GoldOut(Out):
    """How far a project's gold images are."""

    state: GoldState | None
    """Null: none were asked for."""
    wanted: int
    made: int
    error: str | None
    """Why the last attempt came to nothing."""
