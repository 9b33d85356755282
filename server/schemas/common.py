"""Pieces that several schemas share."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from trainer.contract import Supervision

# Dense masks of the target are for experiments at the command line: a project has none.
ProjectSupervision = Literal[
    Supervision.SOURCE_ONLY, Supervision.PSEUDO, Supervision.IMAGE, Supervision.POINT
]

Item = TypeVar("Item")

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
DatabaseId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class In(BaseModel):
    """A request body: unknown fields and numbers that are not finite are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Out(BaseModel):
    """A response body, made from rows or plain data."""

    model_config = ConfigDict(from_attributes=True)


class Page(Out, Generic[Item]):
    """One page of a list, newest or first entries first as the endpoint says."""

    items: list[Item]
    next_cursor: str | None
    """Pass as `cursor` for the next page; null on the last."""


class Problem(Out):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    """Stable; made for programs."""
    errors: list["FieldError"] | None = None


class FieldError(Out):
    """One field that was wrong."""

    field: str
    message: str
