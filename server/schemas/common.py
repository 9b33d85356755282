"""Pieces that several schemas share."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
)

from trainer.contract import Supervision
from trainer.contract.names import why_unsafe

# Dense masks of the target are for experiments at the command line: a project has none.
ProjectSupervision = Literal[
    Supervision.SOURCE_ONLY, Supervision.PSEUDO, Supervision.IMAGE, Supervision.POINT
]

Item = TypeVar("Item")


def safe_name(name: str) -> str:
    """A name that somebody gives to something. Raises ValueError."""
    if reason := why_unsafe(name):
        raise ValueError(reason)
    return name


def safe_text(text: str) -> str:
    """Lines that somebody writes, with no character that a name may not have. Raises ValueError."""
    for line in text.split("\n"):
        if line.strip() and (reason := why_unsafe(line, len(text) * 3)):
            raise ValueError(reason.replace("the name", "the text", 1))
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(safe_name),
]
DatabaseId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class In(BaseModel):
    """A request body: unknown fields, and what no database can store, are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        refuse_unstorable(value)
        return value


def refuse_unstorable(value: object) -> None:
    """Raise ValueError for text or a moment, however deep in plain data, that cannot be stored.

    That is text with a NUL or with half of a surrogate pair (JSON can spell it, UTF-8 cannot), and
    a moment that is outside of the years 1 to 9999 in UTC.
    """
    match value:
        case str():
            _refuse_text(value)
        case SecretStr():
            _refuse_text(value.get_secret_value())
        case datetime():
            _refuse_moment(value)
        case dict():
            refuse_unstorable([*value, *value.values()])
        case list() | tuple() | set() | frozenset():
            for part in value:
                refuse_unstorable(part)


def _refuse_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("text with a NUL cannot be stored")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair is no character") from None


def _refuse_moment(moment: datetime) -> None:
    try:
        moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise ValueError("outside of the years 1 to 9999 in UTC") from None


class Out(BaseModel):
    """A response body, made from rows or plain data."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def from_row(cls, row: object, **others: object) -> Self:
        """With the columns that are named like its fields, but for the `others`."""
        columns = (name for name in cls.model_fields if name not in others)
        return cls.model_validate({name: getattr(row, name) for name in columns} | others)


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
