"""What a label is after those before it: partial, whole, corrected or a decision; without HTTP."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from server.db import session_scope, utcnow
from server.errors import BadInput, Conflict
from server.models import Assignment, Image, Label, SweepPage, SweepPlace
from server.models.image import AssignmentState
from server.models.label import AnswerValue
from server.schemas.label import LabelIn, Timing
from server.schemas.sweep import SweepAnswers
from server.services.labels import submitting, sweep_answers
from server.services.labels.submitting import Submission
from tests.server.factories import add_images, add_label, category_ids, make_project, make_user
from tests.server.one_database import ONE_DATABASE

pytestmark = ONE_DATABASE
LEASE = "a lease"
SWEPT: dict[str, Any] = {"present": ["Road"], "absent": ["Car"], "partial": True}
OPEN, DONE = AssignmentState.OPEN, AssignmentState.DONE


@dataclass(frozen=True)
class Scene:
    """An image of Road, Car and Tree that wants one answer, and two people."""

    project_id: int
    image_id: int
    anna: int
    bert: int

    def before(self, **fields: Any) -> None:
        """Anna's label so far."""
        add_label(self.project_id, self.image_id, self.anna, **fields)

    def submit(self, person: int, key: str | None = None, **said: Any) -> int:
        label = LabelIn(timing=Timing(wall_ms=0), **said)
        with session_scope() as session:
            return submitting.submit(session, self.image_id, person, label, key).id

    def sweep(self, category: str, value: AnswerValue) -> None:
        """Anna's answer on a page of this image alone."""
        page = SweepPage(
            id=category,
            project_id=self.project_id,
            category_id=category_ids(self.project_id)[category],
            annotator_id=self.anna,
            expires_at=utcnow() + timedelta(minutes=1),
            places=[SweepPlace(position=0, image_id=self.image_id)],
        )
        with session_scope() as session:
            session.add(page)
        answers = SweepAnswers(timing=Timing(wall_ms=0), **{value.value: [self.image_id]})
        with session_scope() as session:
            sweep_answers.submit(session, category, self.anna, answers)

    def lease(self) -> None:
        held = {"annotator_id": self.anna, "lease_id": LEASE, "blind": False}
        with session_scope() as session:
            session.execute(
                update(Assignment).values(lease_expires_at=utcnow() + timedelta(minutes=1), **held)
            )

    def said(self, person: int) -> tuple[str, str, str, bool]:
        """Initials of what is present, absent and unsure, and whether it is partial."""
        label = self.label(person)
        names = {number: name[0] for name, number in category_ids(self.project_id).items()}
        lists = (
            "".join(names[i] for i in ids) for ids in (label.present, label.absent, label.unsure)
        )
        present, absent, unsure = lists
        return present, absent, unsure, label.partial

    def label(self, person: int) -> Label:
        """The person's current label."""
        own = select(Label).where(Label.annotator_id == person, Label.current)
        with session_scope(read_only=True) as session:
            return session.scalars(own).one()

    def assignment(self) -> AssignmentState:
        with session_scope(read_only=True) as session:
            return session.scalars(select(Assignment.state)).one()

    def image(self) -> Image:
        with session_scope(read_only=True) as session:
            return session.get_one(Image, self.image_id)


def scene_of(mode: str) -> Scene:
    project_id = make_project(mode=mode)
    (image_id,) = add_images(project_id, ["a.png"])
    with session_scope() as session:
        session.add(Assignment(project_id=project_id, image_id=image_id, slot=0, state=OPEN))
    return Scene(project_id, image_id, make_user("anna@example.org"), make_user("bert@example.org"))


@pytest.fixture
def scene(database: str) -> Scene:
    return scene_of("tags-and-points")


# --- A label after answers of sweeps


@pytest.mark.parametrize(
    ("label", "expected", "assignment"),
    [
        pytest.param({"present": ["Road"]}, ("R", "C", "", True), OPEN, id="the same again"),
        pytest.param({"absent": ["Road"]}, ("", "RC", "", True), OPEN, id="one is corrected"),
        pytest.param({"unsure": ["Road", "Car"]}, ("", "", "RC", True), OPEN, id="both are"),
        pytest.param({}, ("R", "C", "", True), OPEN, id="nothing is named"),
        pytest.param({"present": ["Tree"]}, ("RT", "C", "", False), DONE, id="more is named"),
        pytest.param({"present": ["Car"], "absent": ["Road", "Tree"]}, ("C", "RT", "", False), DONE,
                     id="all is named"),
        pytest.param({"skipped": "dark"}, ("", "", "", False), DONE, id="it is skipped"),
    ],
)  # fmt: skip
def test_without_a_lease_what_names_no_more_corrects_and_the_rest_is_a_whole_label(
    scene: Scene, label: dict[str, Any], expected: tuple[str, str, str, bool], assignment: str
) -> None:
    scene.before(**SWEPT)
    scene.submit(scene.anna, **label)
    assert scene.said(scene.anna) == expected
    assert scene.assignment() == assignment
    assert scene.image().labelled is (assignment == DONE and "skipped" not in label)


def test_with_a_lease_the_same_words_are_a_whole_label(scene: Scene) -> None:
    scene.before(**SWEPT)
    scene.lease()
    scene.submit(scene.anna, absent=["Road"], lease_id=LEASE)
    assert scene.said(scene.anna) == ("", "RC", "", False)
    assert scene.assignment() == DONE


def test_a_decision_is_whole_and_takes_nobodys_assignment(scene: Scene) -> None:
    scene.before(**SWEPT)
    scene.submit(scene.anna, absent=["Road"], resolves=True)
    assert scene.said(scene.anna) == ("", "RC", "", False)
    assert scene.assignment() == OPEN
    assert scene.image().labelled


# --- A label after a whole one


def test_a_correction_says_all_anew_from_the_same_beginnings(scene: Scene) -> None:
    road = category_ids(scene.project_id)["Road"]
    scene.before(absent=["Car", "Tree"], blind=True, prefilled=[road], prefilled_by="priors")
    scene.submit(scene.anna, present=["Tree"], prefilled_by="7")
    assert scene.said(scene.anna) == ("T", "", "", False)
    label = scene.label(scene.anna)
    assert (label.revision, label.blind, label.prefilled, label.prefilled_by) == (
        2, True, [road], "priors",
    )  # fmt: skip
    assert scene.assignment() == OPEN, "the label before had no part in it"


def test_a_first_label_needs_an_assignment_that_is_left(scene: Scene) -> None:
    scene.submit(scene.anna, present=["Road"])
    with pytest.raises(Conflict) as refused:
        scene.submit(scene.bert, present=["Road"])
    assert refused.value.problem_code == "image-taken"
    given_once = Submission(
        scene.image_id, scene.bert, LabelIn(timing=Timing(wall_ms=0)), None, beyond_overlap=True
    )
    with session_scope() as session:
        assert isinstance(submitting.submit_all(session, [given_once])[0], Label)
    scene.submit(scene.bert, absent=["Road"])
    assert scene.said(scene.bert) == ("", "R", "", False)


def test_people_contradict_each_other_until_one_gives_way_or_it_is_decided(scene: Scene) -> None:
    scene.before(present=["Road"])
    add_label(scene.project_id, scene.image_id, scene.bert, present=[], absent=["Road"])
    assert scene.image().disputed_at is not None
    scene.submit(scene.anna, unsure=["Road"])
    assert scene.image().disputed_at is None, "who is not sure contradicts nobody"
    scene.submit(scene.anna, present=["Road"])
    assert scene.image().disputed_at is not None
    scene.submit(scene.anna, present=["Road"], resolves=True)
    assert scene.image().disputed_at is None


def test_a_key_stands_for_one_label(scene: Scene) -> None:
    first = scene.submit(scene.anna, "key", present=["Road"])
    assert scene.submit(scene.anna, "key", present=["Road"]) == first
    with pytest.raises(Conflict, match="Idempotency-Key"):
        scene.submit(scene.anna, "key", present=["Car"])
    assert scene.label(scene.anna).id == first


def test_of_several_what_does_not_fit_keeps_nobody_out(scene: Scene) -> None:
    scene.before()
    wrong = LabelIn(timing=Timing(wall_ms=0), present=["Moon"])
    right = LabelIn(timing=Timing(wall_ms=0), present=["Car"])
    given = [Submission(scene.image_id, person, said, None)
             for person, said in ((scene.bert, wrong), (scene.anna, right))]  # fmt: skip
    with session_scope() as session:
        refused, stored = submitting.submit_all(session, given)
        assert isinstance(refused, BadInput)
        assert isinstance(stored, Label)
    assert scene.said(scene.anna) == ("C", "", "", False)


# --- Answers of sweeps


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(None, ("T", "", "", True), id="nothing was said"),
        pytest.param(SWEPT, ("RT", "C", "", True), id="swept for others"),
        pytest.param({"present": ["Road"], "absent": ["Car"]}, ("RT", "C", "", False), id="whole"),
        pytest.param({"present": [], "absent": [], "skipped": "dark"}, ("T", "", "", True),
                     id="skipped"),
    ],
)  # fmt: skip
def test_a_sweep_adds_its_category_and_leaves_whole_what_was_whole(
    scene: Scene, before: dict[str, Any] | None, expected: tuple[str, str, str, bool]
) -> None:
    if before is not None:
        scene.before(**before)
    scene.sweep("Tree", AnswerValue.PRESENT)
    assert scene.said(scene.anna) == expected
    assert scene.assignment() == OPEN
    assert scene.image().labelled is not expected[-1]


@pytest.mark.parametrize(
    ("mode", "is_whole"), [("tags", True), ("points", False), ("tags-and-points", False)]
)
def test_all_sweeps_together_are_a_whole_label_where_tags_are_all_that_is_asked(
    database: str, mode: str, is_whole: bool
) -> None:
    scene = scene_of(mode)
    for category in ("Road", "Car"):
        scene.sweep(category, AnswerValue.ABSENT)
        assert scene.label(scene.anna).partial
    scene.sweep("Tree", AnswerValue.UNSURE)
    assert scene.said(scene.anna) == ("", "RC", "T", not is_whole)
    assert scene.assignment() == (DONE if is_whole else OPEN)
    assert scene.image().labelled is is_whole


def test_a_sweep_changes_a_decision_and_leaves_it_one(scene: Scene) -> None:
    scene.before(present=["Road"], absent=["Car"], resolves=True)
    scene.sweep("Car", AnswerValue.PRESENT)
    assert scene.said(scene.anna) == ("RC", "", "", False)
    assert scene.label(scene.anna).resolves
