import hashlib
import json

import pytest
from sqlalchemy import null, update

from server.db import session_scope
from server.errors import Conflict, NotFound
from server.models import Label, Snapshot
from server.services.labels import snapshots
from server.storage import get_storage
from tests.server.factories import (
    add_images,
    add_label,
    category_ids,
    make_project,
    make_user,
)
from trainer.contract import WeakLabel


def take(project_id: int) -> tuple[Snapshot, list[dict[str, object]]]:
    snapshot = snapshots.create(project_id)
    content = get_storage().existing_path(snapshot.storage_key).read_bytes()
    assert hashlib.sha256(content).hexdigest() == snapshot.sha256
    assert len(content) == snapshot.size
    return snapshot, [json.loads(line) for line in content.splitlines()]


def test_a_line_is_what_the_label_file_promises(database: str) -> None:
    project_id, annotator_id = make_project(), make_user()
    (image_id,) = add_images(project_id, ["cam3/0001.png"])
    tree = category_ids(project_id)["Tree"]
    add_label(
        project_id, image_id, annotator_id,
        present=["Car", "Road"], absent=["Tree"], points=[("Car", 12.5, 7.25)],
        tiles={"rows": 2, "cols": 2, "present": {str(tree): [0, 3]}}, prefilled_by="4",
    )  # fmt: skip

    snapshot, lines = take(project_id)

    assert lines == [
        {
            "image": "cam3/0001.png",
            "width": 64,
            "height": 48,
            "present": ["Road", "Car"],
            "absent": ["Tree"],
            "points": [{"category": "Car", "x": 12.5, "y": 7.25}],
            "tiles": {"rows": 2, "cols": 2, "present": {"Tree": [0, 3]}},
            "active_ms": 1000,
            "wall_ms": 2000,
            "annotator": f"a{annotator_id}",
            "labelled_at": "2026-11-22T10:00:00Z",
            "prefilled_by": "4",
        }
    ]
    assert (snapshot.labels, snapshot.images, snapshot.points) == (1, 1, 1)
    WeakLabel.model_validate(lines[0])


def test_the_same_labels_are_the_same_snapshot(database: str) -> None:
    project_id, annotator_id = make_project(), make_user()
    for image_id in add_images(project_id, ["b", "a", "é", "Z"]):
        add_label(project_id, image_id, annotator_id)

    first, lines = take(project_id)
    again, _ = take(project_id)

    assert again.id == first.id
    assert [line["image"] for line in lines] == ["Z", "a", "b", "é"], "in order of bytes"


def test_both_databases_and_any_order_of_labelling_give_the_same_bytes(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The hash is written down: it may change only with the format of the label file."""
    project_id, annotator_id = make_project(), make_user()
    image_ids = add_images(project_id, ["2.png", "10.png", "1.png"])
    for image_id in reversed(image_ids):
        add_label(project_id, image_id, annotator_id, points=[("Road", 0.5, 1 / 3)])
    assert annotator_id == 1

    snapshot, _ = take(project_id)

    expected = b"".join(
        b'{"image":"%s","width":64,"height":48,"present":["Road"],"absent":["Tree"],'
        b'"points":[{"category":"Road","x":0.5,"y":0.3333333333333333}],"tiles":null,'
        b'"active_ms":1000,"wall_ms":2000,"annotator":"a1",'
        b'"labelled_at":"2026-11-22T10:00:00Z","prefilled_by":null}\n' % name
        for name in (b"1.png", b"10.png", b"2.png")
    )
    assert snapshot.sha256 == hashlib.sha256(expected).hexdigest()


def test_a_correction_replaces_the_line_and_adds_its_time(database: str) -> None:
    project_id, annotator_id = make_project(), make_user()
    (image_id,) = add_images(project_id, ["a"])
    add_label(project_id, image_id, annotator_id, present=["Road"], active_ms=700, wall_ms=900)
    before, _ = take(project_id)
    add_label(project_id, image_id, annotator_id, present=["Car"], active_ms=50, wall_ms=60)

    after, lines = take(project_id)

    assert after.id != before.id
    assert [line["present"] for line in lines] == [["Car"]]
    assert (after.active_ms, after.wall_ms) == (750, 960)


def test_each_annotator_of_an_image_has_a_line(database: str) -> None:
    project_id = make_project()
    one, two = make_user("one@example.org"), make_user("two@example.org")
    (image_id,) = add_images(project_id, ["a"])
    add_label(project_id, image_id, two, active_ms=30)
    add_label(project_id, image_id, one, active_ms=4)

    snapshot, lines = take(project_id)

    assert [(line["annotator"], line["active_ms"]) for line in lines] == [
        (f"a{one}", 4),
        (f"a{two}", 30),
    ]
    assert (snapshot.labels, snapshot.images, snapshot.active_ms) == (2, 1, 34)


def test_skipped_images_and_other_projects_are_left_out(database: str) -> None:
    project_id, other_id, annotator_id = make_project(), make_project("Other"), make_user()
    kept, skipped = add_images(project_id, ["kept", "skipped"])
    (foreign,) = add_images(other_id, ["foreign"])
    add_label(project_id, kept, annotator_id)
    add_label(project_id, skipped, annotator_id, present=[], absent=[], skipped="blurred")
    add_label(other_id, foreign, annotator_id)

    _, lines = take(project_id)

    assert [line["image"] for line in lines] == ["kept"]


def test_without_labels_there_is_nothing_to_snapshot(database: str) -> None:
    project_id = make_project()
    with pytest.raises(Conflict) as refused:
        snapshots.create(project_id)
    assert refused.value.problem_code == "no-labels"
    with pytest.raises(NotFound):
        snapshots.create(project_id + 1)


def test_a_snapshot_does_not_change_when_labels_do(database: str) -> None:
    project_id, annotator_id = make_project(), make_user()
    (image_id,) = add_images(project_id, ["a"])
    add_label(project_id, image_id, annotator_id)
    snapshot, lines = take(project_id)
    with session_scope() as session:
        session.query(Label).update({"active_ms": 5})

    with session_scope(read_only=True) as session:
        stored = snapshots.get(session, snapshot.id)
        assert stored.active_ms == 1000
        content = get_storage().existing_path(stored.storage_key).read_text(encoding="utf-8")
    assert [json.loads(line) for line in content.splitlines()] == lines


def test_time_is_told_apart_by_what_it_was_spent_on(database: str) -> None:
    project_id, anna, bert = make_project(), make_user(), make_user("b@example.org")
    tags, points, tiles, swept, corrected, decided = add_images(project_id, list("abcdef"))
    tile = {"rows": 1, "cols": 2, "present": {}}
    add_label(project_id, tags, anna, active_ms=1)
    add_label(project_id, points, anna, active_ms=20, points=[("Road", 1, 1)])
    add_label(project_id, tiles, anna, active_ms=300, tiles=tile)
    for _ in range(2):
        add_label(project_id, swept, anna, active_ms=2000, request_hash="", partial=True)
    add_label(project_id, swept, anna, active_ms=2)
    add_label(project_id, corrected, anna, active_ms=40, points=[("Road", 1, 1)])
    add_label(project_id, corrected, anna, active_ms=50_000, points=[("Road", 1, 1)])
    add_label(project_id, corrected, bert, active_ms=4)
    add_label(project_id, decided, anna, active_ms=8)
    add_label(project_id, decided, bert, active_ms=600_000, resolves=True)
    add_label(project_id, add_images(project_id, ["g"])[0], anna, active_ms=7, skipped="dark")

    snapshot, lines = take(project_id)

    assert snapshot.active_ms_by_kind == {
        "tags": 1 + 2 + 4 + 8, "points": 20 + 40, "tiles": 300, "sweeps": 4000,
        "corrections": 50_000, "review": 600_000,
    }  # fmt: skip
    assert sum(snapshot.active_ms_by_kind.values()) == snapshot.active_ms
    assert snapshot.answers == 7 * 2
    assert snapshot.active_ms == sum(int(str(line["active_ms"])) for line in lines)


def test_what_an_earlier_version_froze_is_counted_from_its_file(database: str) -> None:
    project_id, anna = make_project(), make_user()
    first, second, third = add_images(project_id, ["a", "b", "c"])
    add_label(project_id, first, anna, points=[("Road", 1, 1)], active_ms=5)
    add_label(project_id, second, anna, present=[], active_ms=7)
    snapshot, _ = take(project_id)
    add_label(project_id, third, anna)
    lost, _ = take(project_id)
    get_storage().existing_path(lost.storage_key).unlink()
    with session_scope() as session:
        session.execute(update(Snapshot).values(answers=None, active_ms_by_kind=null()))

    for _ in range(2):
        snapshots.count_earlier()

    with session_scope(read_only=True) as session:
        counted, unknown = (session.get_one(Snapshot, s.id) for s in (snapshot, lost))
        assert (counted.answers, counted.active_ms_by_kind) == (3, {"points": 5, "tags": 7})
        assert (unknown.answers, unknown.active_ms_by_kind) == (None, {})
