"""What all plain data of the contract is: immutable, and without surprises."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]


Weight = Annotated[float, Field(ge=0, le=1000)]


class Record(BaseModel):
    """Immutable plain data that refuses unknown fields and numbers that are not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
