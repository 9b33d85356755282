"""JSON from files of others, read so that all of its text can be stored."""

import json
from typing import Any

from pydantic_core import from_json

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def parse_json(text: bytes) -> Any:
    """The value of a JSON text. Raises ValueError, for half of a surrogate pair too."""
    return from_json(text.removeprefix(_BYTE_ORDER_MARK), allow_inf_nan=False)


def refuse_half_pairs(value: object, source: str) -> None:
    """Raise ValueError where text of a value, which was decoded from `source`, is no Unicode."""
    if "\\ud" not in source.lower():
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair is no character") from None
