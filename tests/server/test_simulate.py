"""Simulated annotators against a server, over HTTP, as `weakseg simulate` is started."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image as PillowImage
from sqlalchemy import select
from typer.testing import CliRunner

from server import cli, db, trainer_commands
from server.db import session_scope
from server.models import Label, Project, Run, User
from server.models.run import RunState
from server.models.user import Role
from server.schemas.user import Scope, TokenIn
from server.services.accounts import tokens
from tests.product import in_this_process
from tests.server.factories import (
    CATEGORIES,
    make_dataset,
    make_project,
    make_user,
)
from trainer.__main__ import app

NAMES = [f"{number:02}.png" for number in range(12)]


class Place:
    """A server with a project, and masks of its images."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.admin = self.token_of(make_user("lead@example.org", Role.ADMIN))

    def token_of(self, user_id: int) -> str:
        with session_scope() as session:
            wanted = TokenIn(name="all", scopes=list(Scope))
            owner = session.get_one(User, user_id)
            return tokens.create(session, owner, wanted, holder_scopes=frozenset(Scope))[1]

    def project(self, **fields: Any) -> int:
        project_id = make_project(**fields)
        self.upload(project_id, sorted((self.folder / "masks/images").iterdir()))
        return project_id

    def upload(self, project_id: int, paths: list[Path]) -> None:
        answer = httpx.post(
            f"{self.address}/api/v1/projects/{project_id}/images",
            files=[("files", (path.name, path.read_bytes())) for path in paths],
            headers={"Authorization": f"Bearer {self.admin}"},
            trust_env=False,
        )
        assert answer.json()["imported"] == len(paths)

    def simulate(self, project: int | str, *more: str, token: str | None = None) -> dict[str, Any]:
        """What it measured; fails when it fails."""
        report = self.folder / "report.json"
        result = self.run(project, *more, "--json", str(report), token=token)
        assert result.exit_code == 0, result.output
        return dict(json.loads(report.read_text()))

    def run(self, project: int | str, *more: str, token: str | None = None) -> Any:
        card = self.folder / "masks/card.yaml"
        where = ("--masks", str(card), "--url", self.address, "--token", token or self.admin)
        return CliRunner().invoke(app, ["simulate", str(project), *where, *more])

    def labels(self, project_id: int) -> dict[str, Label]:
        """Current labels by the image's name."""
        with session_scope(read_only=True) as session:
            found = session.scalars(
                select(Label).where(Label.project_id == project_id, Label.current)
            )
            return {label.image.external_id or "": label for label in found}


@pytest.fixture
def place(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/weakseg.sqlite3").write_bytes(migrated_sqlite.read_bytes())
    monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path / "data"))
    db.dispose()
    put_masks(tmp_path / "masks")
    with in_this_process() as address:
        yield Place(tmp_path, address)
    db.dispose()


def put_masks(folder: Path) -> None:
    """Road is everywhere, a car in each second image, a tree in none."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number, name in enumerate(NAMES):
        mask = np.zeros((48, 64), np.uint8)
        mask[:20, 32:] = number % 2
        PillowImage.fromarray(mask).save(folder / "masks" / name)
        PillowImage.new("RGB", (64, 48), (number, 0, 0)).save(folder / "images" / name)
    card = {
        "name": "street", "images": "images/*.png", "masks": "masks/{stem}.png",
        "ids": dict(enumerate(CATEGORIES)),
    }  # fmt: skip
    (folder / "card.yaml").write_text(json.dumps(card))


def test_a_project_is_labelled_with_the_truth_and_with_times(place: Place) -> None:
    project = place.project(mode="tags-and-points", overlap=2, open_to_everybody=False)
    report = place.simulate(
        project, "--annotators", "3", "--mistakes", "none", "--times", "paper", "--seed", "5"
    )
    assert (report["labels"], report["skipped"]) == (24, 0), "each image by two people"
    labels = place.labels(project)
    assert len(labels) == 12
    with session_scope(read_only=True) as session:
        names = {c.id: c.name for c in session.get_one(Project, project).categories}
    for name, label in labels.items():
        present = ["Road", "Car"] if int(name[:2]) % 2 else ["Road"]
        assert [names[i] for i in label.present] == present
        assert len(label.points) == len(present)
        assert len(label.trail) > 3, "as a browser sends it"
        assert label.active_ms > 1000
    # 45 seconds an image with points; a lognormal of 0.4 between labels, 0.2 between people.
    assert report["active_seconds"] / 24 == pytest.approx(45, rel=0.4)
    more = ("--annotators", "2", "--labels", "1")
    assert place.simulate(project, *more)["labels"] == 0, "members already, and all is labelled"
    again = place.project(name="Again", mode="tags-and-points")
    one = place.simulate(again, "--annotators", "1", "--seed", "5", "--times", "paper")
    third = place.project(name="Third", mode="tags-and-points")
    assert (
        place.simulate(third, "--annotators", "1", "--seed", "5", "--times", "paper")[
            "active_seconds"
        ]
        == one["active_seconds"]
    ), "the same seed takes the same time"


def test_limits_tiles_sweeps_and_a_persons_own_account(place: Place) -> None:
    tiles = place.project(mode="tiles", tile_rows=2, tile_cols=2)
    report = place.simulate(tiles, "--labels", "5", "--annotators", "4", "--mistakes", "none")
    assert report["labels"] == 5
    labels = place.labels(tiles)
    assert len(labels) == 5
    with session_scope(read_only=True) as session:
        ids = {c.name: str(c.id) for c in session.get_one(Project, tiles).categories}
    by_car = {bool(int(name[:2]) % 2): label.tiles for name, label in labels.items()}
    assert by_car[True]["present"][ids["Car"]] == [1]
    assert ids["Car"] not in by_car[False]["present"]
    swept = place.project(name="Swept", mode="tags")
    token = place.token_of(make_user("one@example.org"))
    assert place.simulate(swept, "--sweep", "--annotators", "1", token=token)["sweep_pages"] == 3
    assert len(place.labels(swept)) == 12
    leases = httpx.post(
        f"{place.address}/api/v1/projects/{tiles}/leases", json={"count": 16},
        headers={"Authorization": f"Bearer {place.admin}"}, trust_env=False,
    )  # fmt: skip
    assert len(leases.json()) == 7, "nobody holds what nobody labels"


def test_times_come_from_the_project_and_speed_takes_time(place: Place) -> None:
    project = place.project(mode="tags", overlap=3)
    place.simulate(project, "--annotators", "2", "--times", "paper")
    report = place.simulate(project, "--annotators", "3", "--times", "project", "--labels", "6",
                            "--speed", "600")  # fmt: skip
    assert report["active_seconds"] / 6 == pytest.approx(30, rel=0.6)
    assert report["seconds"] >= report["wall_seconds"] / 3 / 600 / 2


def test_runs_are_asked_for_at_their_counts(place: Place) -> None:
    make_dataset("tiny-source")
    project = place.project(mode="points", source="tiny-source", retrain_after=4)
    stopped = []

    def end_runs() -> None:
        """Stands in for a worker."""
        with session_scope() as session:
            for run in session.scalars(select(Run)):
                stopped.append(
                    (run.supervision, run.snapshot and run.snapshot.labels, run.overrides)
                )
                run.state = RunState.CANCELLED

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trainer.annotators.session._waited", waiting_for(end_runs))
        result = place.run(
            project, "--runs-after", "3,6", "--labels", "8", "--set", "steps=3",
            "--supervision", "source-only", "--supervision", "point",
        )  # fmt: skip
    assert result.exit_code == 1
    assert "run 1 cancelled" in result.output
    assert f"What the labels bought: {place.address}/projects/{project}/accuracy" in result.output
    assert [(supervision, labels) for supervision, labels, _ in stopped] == [
        ("source-only", None), ("point", 3), ("point", 6),
    ]  # fmt: skip
    assert {overrides["steps"] for *_, overrides in stopped} == {"3"}
    assert len(place.labels(project)) == 8
    with session_scope(read_only=True) as session:
        assert session.get_one(Project, project).retrain_after == 4, "as it was"


def waiting_for(end_runs: Any) -> Any:
    from trainer.annotators.session import _waited

    async def waited(*arguments: Any) -> Any:
        end_runs()
        return await _waited(*arguments)

    return waited


def test_images_without_a_mask_are_skipped_and_counted(place: Place) -> None:
    project = place.project(mode="tags")
    PillowImage.new("RGB", (64, 48), "teal").save(place.folder / "zebra.png")
    place.upload(project, [place.folder / "zebra.png"])
    report = place.simulate(project, "--annotators", "2")
    assert (report["labels"], report["skipped"]) == (12, 1)


def test_what_is_wrong_is_one_line(place: Place) -> None:
    project = place.project()
    for more, says in {
        ("--runs-after", "0"): "write counts with commas between",
        ("--set", "steps=1"): "give --runs-after",
        ("--times", "slow"): "'slow' is none of literature, paper",
        ("--times", "project"): "this project has no labels yet",
        ("--mistakes", "many"): "'many' is none of",
        ("--masks", "no.yaml"): "no.yaml: cannot read",
        ("--url", "nowhere"): "write the server's address",
        ("--runs-after", "2", "--supervision", "dense"): "no masks for dense",
    }.items():
        result = place.run(project, *more)
        assert result.exit_code == 2, (more, result.output)
        assert says in result.output.replace("\n", ""), result.output
        assert result.output.count("error:") == 1
    assert "known are: Streets" in place.run("Nowhere").output
    token = place.token_of(make_user("two@example.org"))
    assert "an admin makes for them" in place.run(project, token=token).output
    assert "(401" in place.run(project, token="wsk_nobody").output


def test_weakseg_hands_over(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _program, arguments: started.append(arguments))
    result = CliRunner().invoke(cli.app, ["simulate", "Streets", "--speed", "60", "--help"])
    assert result.exit_code == 0
    assert started == [trainer_commands.simulate(["Streets", "--speed", "60", "--help"])]
