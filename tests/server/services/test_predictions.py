from server.db import session_scope
from server.models import Category
from server.services import predictions
from tests.server.factories import (
    add_images,
    add_prediction,
    category_ids,
    make_project,
    make_run,
    show_run,
)


def ranking(run_id: int, category_id: int) -> list[int] | None:
    with session_scope(read_only=True) as session:
        ids = predictions.ranked(session, run_id, category_id)
        return None if ids is None else list(ids)


def test_images_are_ranked_for_each_category_by_what_was_said_of_it(database: str) -> None:
    project_id = make_project()
    first, second, third, fourth = add_images(project_id, ["a.png", "b.png", "c.png", "d.png"])
    run_id = show_run(project_id)
    add_prediction(run_id, first, {"Road": 0.25, "Car": 0.5})
    add_prediction(run_id, second, {"Road": 0.75})
    add_prediction(run_id, third, {"Road": 0.25, "Car": 0.875, "of before": 1.0})
    ids = category_ids(project_id)
    assert ranking(run_id, ids["Road"]) is None
    predictions.rank(project_id, run_id)
    assert ranking(run_id, ids["Road"]) == [second, first, third]
    assert ranking(run_id, ids["Car"]) == [third, first]
    add_prediction(run_id, fourth, {"Road": 1.0})
    predictions.rank(project_id, run_id)
    assert ranking(run_id, ids["Road"]) == [fourth, second, first, third]


def test_a_category_that_came_later_is_ranked_when_it_is_wanted(database: str) -> None:
    project_id = make_project()
    run_id = show_run(project_id)
    predictions.rank(project_id, run_id)
    with session_scope() as session:
        session.add(Category(project_id=project_id, name="Boat", position=9, color="#010203"))
    later = category_ids(project_id)["Boat"]
    assert ranking(run_id, later) is None
    predictions.rank(project_id, run_id)
    assert ranking(run_id, later) == []


def test_a_run_that_is_gone_is_not_ranked(database: str) -> None:
    project_id = make_project()
    gone = make_run(project_id) + 1
    predictions.rank(project_id, gone)
    assert ranking(gone, category_ids(project_id)["Road"]) is None
