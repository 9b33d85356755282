import json
from pathlib import Path

import pytest

from server.db import session_scope
from server.errors import NotFound
from server.models import Image, Project
from server.models.run import RunState
from server.schemas.label import PredictionOut
from server.services import predictions
from server.services.runs import claims, predictions_import
from server.services.runs.claims import Claim, ClaimLost
from server.storage import get_storage
from tests.server.factories import add_images, category_ids, make_project, make_run


def write_predictions(folder: Path, **masks: str) -> Path:
    folder.mkdir(exist_ok=True)
    lines = []
    for image, content in masks.items():
        (folder / f"{image}.png").write_text(content)
        lines.append({"image": image, "mask": f"{image}.png", "width": 64, "height": 48,
                      "presence": {"Road": 0.75}, "uncertainty": 0.5})  # fmt: skip
    (folder / "predictions.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    return folder


def take(run_id: int) -> Claim:
    with session_scope() as session:
        claim = claims.take(session, run_id, f"worker of {run_id}")
    assert claim is not None
    return claim


def succeed(claim: Claim) -> None:
    with session_scope() as session:
        run = claims.lock_held(session, claim)
        session.get_one(Project, run.project_id).prediction_run_id = run.id
        claims.set_state(session, run, RunState.SUCCEEDED)


def mask_of(image_id: int, run_id: int | None = None) -> str:
    with session_scope(read_only=True) as session:
        found = predictions.find(session, session.get_one(Image, image_id), run_id)
        return get_storage().existing_path(found.mask_key).read_text()


def test_each_image_gets_its_own_prediction(database: str, tmp_path: Path) -> None:
    project_id = make_project()
    a, b, c = add_images(project_id, ["a", "b", "c"])
    claim = take(make_run(project_id))

    folder = write_predictions(tmp_path / "p", b="mask b", a="mask a", unknown="mask ?")
    assert predictions_import.import_all(claim, folder) == 2
    succeed(claim)

    assert (mask_of(a), mask_of(b)) == ("mask a", "mask b")
    with session_scope(read_only=True) as session:
        project = session.get_one(Project, project_id)
        shown = predictions.current(session, project, [a, b, c])
        road = predictions.ranked(session, claim.run_id, category_ids(project_id)["Road"])
    assert list(road or ()) == [a, b]
    assert set(shown) == {a, b}
    assert shown[a].presence == {"Road": 0.75}
    assert PredictionOut.of(shown[a], a).mask_url == (
        f"/api/v1/images/{a}/prediction/mask.png?run_id={claim.run_id}"
    )
    with pytest.raises(NotFound) as refused:
        mask_of(c)
    assert refused.value.problem_code == "no-prediction"


def test_earlier_runs_can_still_be_looked_at(database: str, tmp_path: Path) -> None:
    project_id = make_project()
    (a,) = add_images(project_id, ["a"])
    claims_made = [take(make_run(project_id)) for _ in range(2)]
    for claim, mask in zip(claims_made, ("old", "new"), strict=True):
        predictions_import.import_all(claim, write_predictions(tmp_path / "p", a=mask))
        succeed(claim)
    assert mask_of(a) == "new"
    assert mask_of(a, claims_made[0].run_id) == "old"


def test_a_run_that_has_not_succeeded_predicts_nothing(database: str, tmp_path: Path) -> None:
    project_id = make_project()
    (a,) = add_images(project_id, ["a"])
    claim = take(make_run(project_id))
    predictions_import.import_all(claim, write_predictions(tmp_path / "p", a="half"))
    with pytest.raises(NotFound):
        mask_of(a, claim.run_id)


def test_a_later_attempt_replaces_and_a_stale_one_changes_nothing(
    database: str, tmp_path: Path
) -> None:
    project_id = make_project()
    (a,) = add_images(project_id, ["a"])
    run_id = make_run(project_id)
    stale = take(run_id)
    predictions_import.import_all(stale, write_predictions(tmp_path / "p", a="first"))
    with session_scope() as session:
        claims.give_back(session, stale, lost=True)
    fresh = take(run_id)
    predictions_import.import_all(fresh, write_predictions(tmp_path / "p", a="second"))

    with pytest.raises(ClaimLost):
        predictions_import.import_all(stale, write_predictions(tmp_path / "p", a="too late"))
    succeed(fresh)

    assert mask_of(a) == "second"


def test_a_mask_outside_of_its_folder_is_refused(database: str, tmp_path: Path) -> None:
    project_id = make_project()
    add_images(project_id, ["a"])
    claim = take(make_run(project_id))
    folder = write_predictions(tmp_path / "p", a="mask")
    listing = folder / "predictions.jsonl"
    listing.write_text(listing.read_text().replace("a.png", "../../secret"))
    with pytest.raises(ValueError, match="outside the folder"):
        predictions_import.import_all(claim, folder)
