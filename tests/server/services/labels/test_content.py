"""What a person says of an image, from one answer to the next: the rules without a database."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadInput
from server.models import Category, Image, Label, Project
from server.models.label import AnswerValue
from server.schemas.label import LabelIn, PointIn, TilesIn, Timing
from server.services.labels.content import Content, fitting

PRESENT, ABSENT, UNSURE = AnswerValue
ROAD, CAR, TREE = CATEGORIES = (7, 3, 5)
NAMES = ("Road", "Car", "Träd")

category_ids = st.sampled_from(CATEGORIES)
values = st.sampled_from(AnswerValue)
answers = st.dictionaries(category_ids, values)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """No skips. Points and tiles are of present categories alone, as in what `fitting` gives."""
    said = draw(answers)
    present = [i for i, value in said.items() if value is PRESENT]
    of_present = st.sampled_from(present) if present else st.nothing()
    places = draw(st.lists(st.tuples(of_present, st.floats(0, 9)), max_size=4 if present else 0))
    points = [{"category_id": i, "x": x, "y": x} for i, x in places]
    tagged = draw(st.none() | st.dictionaries(of_present, st.just([0, 3])))
    tiles = None if tagged is None else tiles_of({str(i): n for i, n in tagged.items()})
    return Content(said, points, tiles)


def tiles_of(present: dict[str, list[int]]) -> dict[str, Any]:
    return {"rows": 2, "cols": 2, "present": present}


def point(category_id: int) -> dict[str, Any]:
    return {"category_id": category_id, "x": 1.5, "y": 2.5}


# --- One answer after the other


@given(contents(), category_ids, values)
def test_an_answer_changes_its_own_category_alone(
    before: Content, category_id: int, value: AnswerValue
) -> None:
    after = before.with_answer(category_id, value)
    assert after.answers == {**before.answers, category_id: value}
    others = [p for p in before.points if p["category_id"] != category_id]
    assert [p for p in after.points if p["category_id"] != category_id] == others


@given(contents(), category_ids, values)
def test_points_and_tiles_stay_with_what_is_present_and_go_with_what_is_not(
    before: Content, category_id: int, value: AnswerValue
) -> None:
    after = before.with_answer(category_id, value)
    if value is PRESENT:
        assert (after.points, after.tiles) == (before.points, before.tiles)
    placed = {p["category_id"] for p in after.points}
    placed |= {int(i) for i in after.tiles["present"]} if after.tiles else set()
    assert all(after.answers[i] is PRESENT for i in placed)
    assert (after.tiles is None) == (before.tiles is None)
    assert not after.tiles or (after.tiles["rows"], after.tiles["cols"]) == (2, 2)


@given(contents(), st.dictionaries(category_ids, values))
def test_answers_of_different_categories_may_come_in_any_order(
    before: Content, given_answers: dict[int, AnswerValue]
) -> None:
    results = []
    for order in permutations(given_answers.items()):
        after = before
        for category_id, value in order:
            after = after.with_answer(category_id, value)
        results.append(after)
    assert all(result == results[0] for result in results)


@given(contents(), category_ids, st.lists(values, min_size=1))
def test_the_last_answer_of_a_category_counts(
    before: Content, category_id: int, said: Sequence[AnswerValue]
) -> None:
    after = before
    for value in said:
        after = after.with_answer(category_id, value)
    assert after.answers == before.with_answer(category_id, said[-1]).answers


def test_points_that_went_do_not_come_back() -> None:
    clicked = Content({ROAD: PRESENT}, [point(ROAD)], tiles_of({str(ROAD): [1]}))
    after = clicked.with_answer(ROAD, UNSURE).with_answer(ROAD, PRESENT)
    assert after == Content({ROAD: PRESENT}, [], tiles_of({}))


@given(category_ids, values)
def test_a_skip_said_nothing(category_id: int, value: AnswerValue) -> None:
    assert Content(skipped="dark").with_answer(category_id, value).answers == {category_id: value}
    assert Content(skipped="dark").with_answer(category_id, value).skipped is None


@given(contents(), category_ids, values)
def test_a_change_leaves_what_was_said_before_as_it_was(
    before: Content, category_id: int, value: AnswerValue
) -> None:
    columns = before.columns(CATEGORIES)
    before.with_answer(category_id, value).keeping(before)
    assert before.columns(CATEGORIES) == columns


# --- A label after a partial one


@given(contents(), contents())
def test_a_label_keeps_each_earlier_answer_that_it_does_not_name(
    earlier: Content, label: Content
) -> None:
    kept = label.keeping(earlier)
    assert kept.answers == {
        i: label.answers.get(i, earlier.answers.get(i)) for i in {*label.answers, *earlier.answers}
    }
    assert (kept.points, kept.tiles, kept.skipped) == (label.points, label.tiles, None)


@given(contents(), contents())
def test_keeping_twice_is_keeping_once(earlier: Content, label: Content) -> None:
    assert label.keeping(earlier).keeping(earlier) == label.keeping(earlier)


@given(contents())
def test_a_skip_keeps_nothing(earlier: Content) -> None:
    assert Content(skipped="dark").keeping(earlier) == Content(skipped="dark")


@given(contents(), category_ids, values)
def test_an_answer_is_the_same_as_a_label_of_it_alone_that_keeps_the_others(
    earlier: Content, category_id: int, value: AnswerValue
) -> None:
    alone = Content({category_id: value}).keeping(earlier)
    assert alone.answers == earlier.with_answer(category_id, value).answers


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Content({ROAD: ABSENT}), True),
        (Content({ROAD: PRESENT}, [point(ROAD)]), True),
        (Content({ROAD: ABSENT, CAR: UNSURE}), True),
        (Content(), True),
        (Content({TREE: ABSENT}), False),
        (Content({ROAD: ABSENT, TREE: ABSENT}), False),
        (Content(skipped="dark"), False),
    ],
)
def test_a_correction_names_no_more_than_was_said(label: Content, expected: bool) -> None:
    earlier = Content({ROAD: PRESENT, CAR: ABSENT})
    assert label.only_corrects(earlier, CATEGORIES) is expected


@given(answers)
def test_what_names_all_categories_is_a_label_of_the_whole_image(
    said: dict[int, AnswerValue],
) -> None:
    swept = Content(dict.fromkeys(CATEGORIES, ABSENT))
    names_all = len(said) == len(CATEGORIES)
    assert Content(said).names_all(CATEGORIES) is names_all
    assert Content(said).only_corrects(swept, CATEGORIES) is not names_all


def test_a_category_that_the_project_has_no_more_is_no_obstacle() -> None:
    content = Content({ROAD: PRESENT, CAR: ABSENT})
    assert content.names_all([ROAD])
    assert content.columns([ROAD])["absent"] == []


# --- As a row


@given(contents())
def test_a_row_says_what_its_content_says(content: Content) -> None:
    assert Content.of(Label(**content.columns(CATEGORIES))) == content


@given(answers)
def test_categories_stand_in_the_projects_order_once_each(said: dict[int, AnswerValue]) -> None:
    columns = Content(said).columns(CATEGORIES)
    lists = [columns[value.value] for value in AnswerValue]
    assert sorted(i for ids in lists for i in ids) == sorted(said)
    assert all(ids == [i for i in CATEGORIES if i in ids] for ids in lists)


# --- As a request has it


def project(mode: str = "tags-and-points") -> Project:
    categories = [
        Category(id=i, position=place, name=name)
        for place, (i, name) in enumerate(zip(CATEGORIES, NAMES, strict=True))
    ]
    return Project(mode=mode, tile_rows=2, tile_cols=2, categories=categories)


def fit(mode: str = "tags-and-points", **said: Any) -> Content:
    label = LabelIn(timing=Timing(wall_ms=0), **said)
    return fitting(project(mode), Image(width=64, height=48), label)


def test_names_in_any_spelling_become_ids() -> None:
    said = fit(present=["Road"], absent=["Car", "Car"], unsure=["Tra\u0308d"])
    assert said == Content({ROAD: PRESENT, CAR: ABSENT, TREE: UNSURE}, [])


def test_a_point_makes_its_category_present_and_is_moved_in_from_a_hair_outside() -> None:
    said = fit(points=[PointIn(category="Car", x=-0.5, y=48)])
    assert said.answers == {CAR: PRESENT}
    assert said.points == [{"category_id": CAR, "x": 0, "y": 47.999}]


def test_tiles_make_their_category_present_and_are_in_order() -> None:
    said = fit("tiles", tiles=TilesIn(rows=2, cols=2, present={"Träd": [3, 0, 3]}))
    assert said == Content({TREE: PRESENT}, [], tiles_of({str(TREE): [0, 3]}))


@pytest.mark.parametrize(
    ("mode", "said", "code", "words"),
    [
        ("tags", {"present": ["Moon"]}, "unknown-category", "present: there is no category 'Moon'"),
        ("tags", {"present": ["Car"], "unsure": ["Car"]}, "contradiction", "present and unsure"),
        ("points", {"points": [PointIn(category="Car", x=1, y=1)], "absent": ["Car"]},
         "contradiction", "'Car' is both present and absent"),
        ("tags", {"points": [PointIn(category="Car", x=1, y=1)]}, "no-points", "not ask for points"),
        ("points", {"points": [PointIn(category="Car", x=70, y=1)]}, "point-outside", "64 x 48"),
        ("tags", {"tiles": TilesIn(rows=2, cols=2)}, "no-tiles", "not ask for tiles"),
        ("tiles", {"tiles": TilesIn(rows=2, cols=3)}, "wrong-grid", "2 x 3, but .* 2 x 2"),
        ("tiles", {"tiles": TilesIn(rows=2, cols=2, present={"Car": [4]})}, None, "no tile 4 of 4"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    mode: str, said: dict[str, Any], code: str | None, words: str
) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        fit(mode, **said)
    assert code is None or refused.value.problem_code == code
