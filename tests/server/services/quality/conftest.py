"""A project with gold images among its own."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from server.db import session_scope
from server.models import Project
from server.services.quality import gold_making
from server.settings import get_settings
from tests.server.factories import CATEGORIES, make_dataset, picture
from trainer.contract.cards import load_card
from trainer.data.gold import make_gold

OWN, GOLD = 12, 4


@pytest.fixture
def project(
    engineer: TestClient,
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]],
) -> int:
    """A project whose source has gold images to give; gives its id.

    What is drawn in it is the same in every run: tests count on draws that a secret in a thousand
    does not make.
    """
    make_dataset("town")
    made = make_project(source="town", gold_share=0.5, overlap=2)
    with session_scope() as session:
        session.get_one(Project, made["id"]).blind_secret = "drawn"
    upload(made["id"], {f"cam3/{n:04}.jpg": picture(n) for n in range(OWN)})
    return int(made["id"])


@pytest.fixture
def copying(project: int, tmp_path: Path) -> list[str]:
    """A command in place of the trainer's, with what that would have made: it starts faster."""
    ready = tmp_path / "ready"
    make_gold(load_card(get_settings().datasets / "town.yaml"), CATEGORIES, GOLD, seed=1, out=ready)
    copy = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[sys.argv.index('--out') + 1], dirs_exist_ok=True)"
    return [sys.executable, "-S", "-c", copy, str(ready)]


@pytest.fixture
def mixed(engineer: TestClient, project: int, copying: list[str]) -> int:
    """The project with its gold images made."""
    answer = engineer.post(f"/api/v1/projects/{project}/gold", json={"count": GOLD})
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"state": "making", "wanted": GOLD, "made": 0, "error": None}
    gold_making.make(project, command=copying)
    return project
