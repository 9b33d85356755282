"""Answers that are made in a route's own thread."""

from collections.abc import Sequence

from fastapi import Response
from pydantic import BaseModel, TypeAdapter

_any: TypeAdapter[object] = TypeAdapter(object)


def sent(body: BaseModel | Sequence[BaseModel]) -> Response:
    """The JSON of response models, for the routes that are asked most.

    FastAPI would look at each field once more, and pass to another thread to do it: models that
    are made here are right already.
    """
    return Response(_any.dump_json(body), media_type="application/json")
