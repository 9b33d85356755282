"""Ready-made dataset cards: the published layouts and ids of datasets that the field uses.

A card extends one (`extends: gta5` and the `root` where it lies), and on a command line
`gta5:/data/gta5` or, for one split, `cityscapes/val:/data/cityscapes` stands for such a card.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


def ready_names() -> tuple[str, ...]:
    """The names of all ready-made cards."""
    suffix = ".yaml"
    names = (each.name for each in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(suffix) for name in names if name.endswith(suffix)))


def ready_card(name: str) -> dict[str, Any]:
    """The fields of a ready-made card.

    Raises:
        ValueError: there is none of this name; names those that there are.
    """
    if name not in ready_names():
        raise ValueError(f"extends: no ready-made card {name!r}; there are {_list()}")
    return dict(_read(name))


@cache
def _read(name: str) -> dict[str, Any]:
    text = files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    fields: dict[str, Any] = {"name": name} | yaml.safe_load(text)
    return fields


def _list() -> str:
    return ", ".join(ready_names())
