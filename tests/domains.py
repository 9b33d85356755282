"""Source, target and validation domains to run the product on, and a project of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from scenes.domain import write_domain
from scenes.style import Look
from tests.shared import made_once

SOURCE, VALIDATION, TARGET = 8, 4, 30
"""Scenes that are drawn of each domain."""


@dataclass(frozen=True)
class Domains:
    """What a loop runs on."""

    source: Path
    """Dataset card of the source domain."""
    validation: Path
    images: list[Path]
    """Of the target domain."""
    masks: Path
    """Folder of their masks, which only the stand-in for a person sees."""
    ids: dict[int, str]


def street_scenes(factory: pytest.TempPathFactory, count: int = TARGET) -> Domains:
    """Rendered scenes that all tests of a session share, with so many target images."""
    folder = made_once(factory, "street-scenes", _draw_all)
    card = folder / "source/card.yaml"
    return Domains(
        source=card,
        validation=folder / "validation/card.yaml",
        images=sorted((folder / "target/images").iterdir())[:count],
        masks=folder / "target/masks",
        ids=yaml.safe_load(card.read_text())["ids"],
    )


def _draw_all(folder: Path) -> None:
    for name, look, count, seed in (
        ("source", Look.SOURCE, SOURCE, 1), ("validation", Look.TARGET, VALIDATION, 2),
        ("target", Look.TARGET, TARGET, 3),
    ):  # fmt: skip
        # Other processes would take longer to start than to draw so few.
        write_domain(folder / name, look, count, seed, processes=1)


def make_project(api: httpx.Client, domains: Domains) -> int:
    body = {
        "name": "Streets",
        "categories": [{"name": name} for name in domains.ids.values()],
        "source": "source",
        "validation": "val",
        "recipe": "tiny",
        "supervision": "point",
        "retrain_after": len(domains.images),
        # Every image shows its prediction.
        "blind_share": 0,
        "gold_share": 0,
        # Nobody here is as slow as a person.
        "min_view_ms": 0,
        "open_to_everybody": True,
    }
    answer = api.post("/api/v1/projects", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def upload(api: httpx.Client, project: int, paths: list[Path]) -> dict[str, Any]:
    files = [("files", (path.name, path.read_bytes())) for path in paths]
    answer = api.post(f"/api/v1/projects/{project}/images", files=files)
    assert answer.is_success, answer.text
    return dict(answer.json())
