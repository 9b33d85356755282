"""How well people answer images whose truth is known, by hand-computed figures."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from server.db import session_scope, utcnow
from server.models import GoldImage, GoldSet, Image
from server.models.user import Role
from server.services.quality.gold_answers import wilson
from server.storage import get_storage
from tests.server.factories import CATEGORIES, add_images, add_label, category_ids, make_project
from tests.server.people import EMAILS

VOID = 255
WIDTH, HEIGHT = 64, 48
YESTERDAY = utcnow() - timedelta(days=1)


def test_wilsons_interval_by_hand() -> None:
    # Newcombe 1998, table I, score method without continuity correction.
    for hits, of, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        rate = wilson(hits, of)
        assert (rate.hits, rate.of, rate.share) == (hits, of, hits / of)
        assert rate.low == pytest.approx(low, abs=5e-5)
        assert rate.high == pytest.approx(high, abs=5e-5)
    nothing = wilson(0, 0)
    assert (nothing.share, nothing.low, nothing.high) == (None, None, None)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_is_where_the_score_test_does_not_reject(part: int, of: int) -> None:
    hits = min(part, of)
    rate, mirrored = wilson(hits, of), wilson(of - hits, of)
    assert rate.share is not None
    assert rate.low is not None
    assert rate.high is not None
    assert mirrored.high is not None
    assert 0 <= rate.low <= rate.share <= rate.high <= 1
    assert rate.low == pytest.approx(1 - mirrored.high)
    for bound in {rate.low, rate.high} - {0.0, 1.0}:
        error = math.sqrt(bound * (1 - bound) / of)
        assert abs(rate.share - bound) / error == pytest.approx(1.959964, abs=1e-3)


def add_gold(
    project_id: int, truths: Sequence[tuple[str, str]], mask: np.ndarray[Any, Any] | None = None
) -> list[int]:
    """Gold images of which (present, absent) are known, as initials; gives their ids."""
    ids = category_ids(project_id)
    by_initial = {name[0]: ids[name] for name in CATEGORIES}
    images = add_images(project_id, [f"gold/{number}" for number in range(len(truths))])
    pixels = np.full((HEIGHT, WIDTH), VOID, np.uint8) if mask is None else mask
    with session_scope() as session:
        session.add(GoldSet(project_id=project_id, wanted=len(truths), seed=1, state="ready",
                            category_ids=list(ids.values())))  # fmt: skip
        for number, (image_id, (present, absent)) in enumerate(zip(images, truths, strict=True)):
            image = session.get_one(Image, image_id)
            image.gold, image.alias = True, f"a{number}.png"
            key = f"projects/{project_id}/gold/{number}.mask"
            get_storage().put_bytes(key, pixels.astype(np.uint8).tobytes())
            session.add(
                GoldImage(image_id=image_id, project_id=project_id, number=number, mask_key=key,
                          present=[by_initial[c] for c in present],
                          absent=[by_initial[c] for c in absent])
            )  # fmt: skip
    return images


@pytest.fixture
def project(database: str) -> int:
    return make_project(mode="tags-and-points")


@pytest.fixture
def answer(project: int, people: dict[Role, int]) -> Callable[..., None]:
    """Labels a gold image as somebody; `present`, `absent` and `unsure` are initials."""
    names = {name[0]: name for name in CATEGORIES}

    def label(image_id: int, role: Role = Role.ANNOTATOR, **fields: Any) -> None:
        said = {
            kind: [names[c] for c in fields.pop(kind, "")]
            for kind in ("present", "absent", "unsure")
        }
        add_label(
            project, image_id, people[role], gold=True,
            **{"created_at": YESTERDAY} | said | fields,
        )  # fmt: skip

    return label


def quality(client: TestClient, project_id: int) -> dict[str, Any]:
    found = client.get(f"/api/v1/projects/{project_id}/quality")
    assert found.status_code == 200, found.text
    return dict(found.json())


def counts(scores: dict[str, Any], *names: str) -> list[tuple[int, int]]:
    return [(scores[name]["hits"], scores[name]["of"]) for name in names]


ANSWERS = ("precision", "recall", "wrongly_absent", "wrongly_present")
CLICKS = ("clicks_on", "clicks_off", "clicks_on_void")


def test_answers_by_hand(engineer: TestClient, project: int, answer: Callable[..., None]) -> None:
    truths = [("RC", "T"), ("RC", "T"), ("R", "CT"), ("R", "CT"), ("RT", "C"), ("R", "C")]
    images = add_gold(project, truths)
    said = [
        {"present": "RC", "absent": "T"},  # all right
        {"present": "R", "absent": "CT"},  # misses the car
        {"present": "RC", "absent": "T"},  # a car that is not there
        {"present": "R", "absent": "T", "unsure": "C"},
        {"present": "R", "absent": "C"},  # the tree was not asked
        {"present": "RT", "absent": "C"},  # nobody knows of a tree
    ]
    for image_id, fields in zip(images, said, strict=True):
        answer(image_id, **fields)
    answer(images[0], Role.ENGINEER, present="T", absent="RC")

    annotator, other = quality(engineer, project)["annotators"]
    assert (annotator["annotator"], annotator["images"], annotator["skipped"]) == (
        EMAILS[Role.ANNOTATOR], 6, 0,
    )  # fmt: skip
    road, car, tree = (found["scores"] for found in annotator["categories"])
    assert counts(road, *ANSWERS) == [(6, 6), (6, 6), (0, 6), (0, 0)]
    assert counts(car, *ANSWERS) == [(1, 2), (1, 2), (1, 2), (1, 4)]
    assert counts(tree, *ANSWERS) == [(0, 0), (0, 1), (0, 1), (0, 4)]
    assert counts(annotator["total"], *ANSWERS) == [(7, 8), (7, 9), (1, 9), (1, 8)]
    precision = annotator["total"]["precision"]
    assert precision["share"] == 7 / 8
    # (7 + z^2/2 -+ z sqrt(7/8 + z^2/4)) / (8 + z^2) with z = 1.959964
    assert precision["low"] == pytest.approx(0.5291, abs=5e-5)
    assert precision["high"] == pytest.approx(0.9776, abs=5e-5)
    assert road["wrongly_present"]["share"] is None

    assert other["annotator"] == EMAILS[Role.ENGINEER]
    assert counts(other["total"], *ANSWERS) == [(0, 1), (0, 2), (2, 2), (1, 1)]


def test_clicks_are_looked_up_in_the_mask_with_two_pixels_to_spare(
    engineer: TestClient, project: int, answer: Callable[..., None]
) -> None:
    # Road below row 24, a car of 4 x 4 pixels from (20, 30), the rest above is not known.
    mask = np.full((HEIGHT, WIDTH), VOID, np.uint8)
    mask[24:] = 0
    mask[30:34, 20:24] = 1
    [image_id] = add_gold(project, [("RC", "")], mask)
    clicks = [
        ("Road", 5.5, 40.5),  # on it
        ("Road", 5.5, 22.9),  # two rows above it
        ("Road", 5.5, 21.9),  # three rows above it: void
        ("Road", 0, 47.9),  # in the corner
        ("Car", 25.9, 35.9),  # two pixels beside and below its corner
        ("Car", 26, 33.5),  # three beside it: road
        ("Car", 17.9, 30.5),  # three to its left
        ("Car", 63.9, 0),  # void
        ("Tree", 5.5, 40.5),  # the source domain knows no trees: nothing can be said
    ]
    answer(image_id, present="RCT", points=clicks)
    [found] = quality(engineer, project)["annotators"]
    road, car = (category["scores"] for category in found["categories"])
    assert counts(road, *CLICKS) == [(3, 4), (0, 4), (1, 4)]
    assert counts(car, *CLICKS) == [(1, 4), (2, 4), (1, 4)]
    assert counts(found["total"], *CLICKS) == [(4, 8), (2, 8), (2, 8)]


def test_the_last_revision_counts_and_a_skip_says_nothing(
    engineer: TestClient, project: int, answer: Callable[..., None]
) -> None:
    first, second = add_gold(project, [("R", "CT"), ("R", "CT")])
    answer(first, present="C", absent="R")
    answer(first, present="R", absent="CT")
    answer(second, present="R", absent="CT")
    answer(second, skipped="too dark")
    [found] = quality(engineer, project)["annotators"]
    assert (found["images"], found["skipped"]) == (1, 1)
    assert counts(found["total"], *ANSWERS) == [(1, 1), (1, 1), (0, 1), (0, 2)]


def test_annotators_see_themselves_as_the_day_began_and_engineers_all(
    engineer: TestClient, annotator: TestClient, project: int, answer: Callable[..., None]
) -> None:
    first, second = add_gold(project, [("R", "CT"), ("R", "CT")])
    answer(first, present="R", absent="CT")
    answer(first, Role.ENGINEER, present="R", absent="CT")
    before = quality(annotator, project)
    midnight = datetime.combine(utcnow().date(), datetime.min.time(), UTC)
    assert datetime.fromisoformat(before["until"]) == midnight
    assert [one["annotator"] for one in before["annotators"]] == [EMAILS[Role.ANNOTATOR]]
    assert counts(before["annotators"][0]["total"], "precision") == [(1, 1)]

    # What is answered or corrected now moves nothing that its author sees today.
    answer(second, present="C", absent="R", created_at=utcnow())
    answer(first, present="C", absent="R", created_at=utcnow())
    assert quality(annotator, project) == before
    all_of_them = quality(engineer, project)["annotators"]
    assert [counts(one["total"], "precision") for one in all_of_them] == [[(0, 2)], [(1, 1)]]


def test_who_may_ask(
    engineer: TestClient,
    annotator: TestClient,
    app_client: Callable[[], TestClient],
    project: int,
) -> None:
    assert quality(engineer, project)["annotators"] == []
    assert quality(annotator, project)["annotators"] == []
    assert app_client().get(f"/api/v1/projects/{project}/quality").status_code == 401
    assert engineer.get("/api/v1/projects/99/quality").json()["code"] == "not-found"


def test_own_images_and_removed_categories_count_nowhere(
    engineer: TestClient, project: int, answer: Callable[..., None], people: dict[Role, int]
) -> None:
    [gold] = add_gold(project, [("R", "CT")])
    [own] = add_images(project, ["own.png"])
    add_label(project, own, people[Role.ANNOTATOR], present=["Car"], absent=["Road"])
    answer(gold, present="R", absent="C")
    kept = [{"id": i, "name": n} for n, i in category_ids(project).items() if n != "Tree"]
    changed = engineer.patch(f"/api/v1/projects/{project}", json={"categories": kept})
    assert changed.status_code == 200, changed.text
    [found] = quality(engineer, project)["annotators"]
    assert [category["category"] for category in found["categories"]] == ["Road", "Car"]
    assert counts(found["total"], *ANSWERS) == [(1, 1), (1, 1), (0, 1), (0, 1)]
