"""What somebody answers who sees a mask: the truth without mistakes, and each mistake by its chance."""

import numpy as np
import pytest

from tests.trainer.conftest import CATEGORIES, paint
from trainer.annotators.mistakes import CAREFUL, NONE, Mistakes, mistakes_named
from trainer.annotators.person import Person
from trainer.annotators.times import LITERATURE, TimeModel
from trainer.contract import DatasetCard
from trainer.data.labels import ABSENT, NOT_ASKED, PRESENT
from trainer.data.marking import Question
from trainer.data.oracle import oracle_labels
from trainer.data.views import View, Views
from trainer.errors import BadInput

NAMES = ("road", "car", "sky", "train")


def view(shares: dict[int, int], name: str = "a", unknown: tuple[int, ...] = ()) -> View:
    """An image of 100 x 100 of which each category has so many rows, from the top."""
    mask = np.full((100, 100), -1, np.int16)
    row = 0
    for index, rows in shares.items():
        mask[row : row + rows] = index
        row += rows
    fractions = np.array([shares.get(index, 0) / 100 for index in range(len(NAMES))])
    presence = np.where(fractions > 0, PRESENT, ABSENT).astype(np.int8)
    presence[list(unknown)] = NOT_ASKED
    return View(name, mask, fractions, presence, np.zeros(len(NAMES)))


def person(mistakes: Mistakes = NONE, number: int = 0, seed: int = 0) -> Person:
    return Person(number, LITERATURE, mistakes, seed)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> DatasetCard:
    root = tmp_path_factory.mktemp("target")
    paint(root, 5, (80, 60), seed=2)
    ids = dict(enumerate(CATEGORIES))
    return DatasetCard(name="target", root=root, masks="masks/{stem}.png", ids=ids)


def test_without_mistakes_it_is_what_the_oracle_says(card: DatasetCard) -> None:
    views = Views([card], CATEGORIES)
    question = Question(CATEGORIES, points=2, tiles=(2, 3))
    for label in oracle_labels(card, question):
        seen = views.of(label.image)
        assert seen is not None
        said = person().answer(seen, question).weak_label(seen, "me")
        assert (said.present, said.absent) == (label.present, label.absent)
        assert said.tiles == label.tiles
        assert (said.width, said.height, said.image) == (label.width, label.height, label.image)
        assert [p.category for p in said.points] == [p.category for p in label.points]
        for point in said.points:
            index = CATEGORIES.index(point.category)
            assert seen.mask[int(point.y), int(point.x)] == index


def test_the_same_seed_says_the_same_and_another_person_something_else() -> None:
    seen, question = view({0: 60, 1: 30, 2: 5}), Question(NAMES, points=3)
    one = person(CAREFUL).answer(seen, question)
    assert person(CAREFUL).answer(seen, question) == one
    assert person(CAREFUL, number=1).answer(seen, question) != one
    assert person(CAREFUL, seed=1).answer(seen, question) != one


def test_what_is_asked_besides_changes_no_tag() -> None:
    """Kinds of label are compared on the same mistakes."""
    mistakes = Mistakes(miss=0.5, miss_area=1, false_alarm=0.3, confusion=0.2)
    for number in range(20):
        seen = view({0: 60, 1: 30}, name=str(number))
        said = [
            person(mistakes).answer(seen, question).present
            for question in (Question(NAMES), Question(NAMES, 1), Question(NAMES, 0, (2, 2)))
        ]
        assert said[0] == said[1] == said[2]
        [swept], _ = person(mistakes).sweep([seen], "car", Question(NAMES), "page")
        assert (swept == PRESENT) == ("car" in said[0])


def share_of(mistakes: Mistakes, seen: dict[int, int], name: str, count: int = 800) -> float:
    """How often a category is said to be present."""
    who = person(mistakes)
    said = [who.answer(view(seen, str(n)), Question(NAMES)).present for n in range(count)]
    return sum(name in present for present in said) / count


def test_mistakes_have_their_chances() -> None:
    small = Mistakes(miss=0.8, miss_area=0.05)
    # 5 rows of 100 are the area at which the chance has fallen to 1 / e.
    assert 1 - share_of(small, {0: 95, 1: 5}, "car") == pytest.approx(0.8 / np.e, abs=0.06)
    assert 1 - share_of(small, {0: 5, 1: 95}, "car") < 0.01
    assert share_of(Mistakes(false_alarm=0.3), {0: 100}, "train") == pytest.approx(0.3, abs=0.06)
    confused = Mistakes(confusion=0.4, confused_with={"car": ("train",), "road": ()})
    assert share_of(confused, {0: 50, 1: 50}, "train") == pytest.approx(0.4, abs=0.06)
    assert share_of(confused, {0: 50, 1: 50}, "car") == pytest.approx(0.6, abs=0.06)
    assert share_of(confused, {0: 50, 1: 50}, "road") == 1, "nothing is taken for it"
    anything = Mistakes(confusion=0.4)
    assert share_of(anything, {0: 100}, "sky") == pytest.approx(0.4 / 3, abs=0.05)


def test_clicks_miss_by_the_jitter_and_stay_inside() -> None:
    whole, edge = view({0: 100}), view({0: 99, 1: 1})
    points = Question(NAMES, points=400)
    said = person(Mistakes(jitter=0.02)).answer(whole, points)
    assert all(0.5 <= p.x <= 99.5 and 0.5 <= p.y <= 99.5 for p in said.places.points)
    beside = [p for p in person(Mistakes(jitter=0.02)).answer(edge, points).places.points
              if p.category == "car" and p.y < 99]  # fmt: skip
    assert 20 < len(beside) < 80, "half of a normal of two pixels leaves a line of one"


def test_what_the_masks_do_not_know_stays_open() -> None:
    said = person(Mistakes(false_alarm=1)).answer(view({0: 90}, unknown=(3,)), Question(NAMES))
    assert said.unsure == ("train",)
    assert said.present == ("road", "car", "sky")
    assert said.body()["unsure"] == ["train"]


def test_a_false_alarm_presses_one_tile_and_clicks_somewhere() -> None:
    mistakes = Mistakes(false_alarm=1)
    said = person(mistakes).answer(view({0: 100}), Question(NAMES, points=1, tiles=(2, 2)))
    assert said.places.tiles is not None
    assert {name: len(tiles) for name, tiles in said.places.tiles.present.items()} == {
        "road": 4, "car": 1, "sky": 1, "train": 1,
    }  # fmt: skip
    assert [point.category for point in said.places.points] == list(NAMES)


def test_times_follow_the_work() -> None:
    steady = TimeModel(absent=1, present=1, point=1.4, spread=0, between_people=0, break_chance=0)
    who = Person(0, steady, NONE, 0)
    assert who.answer(view({0: 50, 1: 50}), Question(NAMES)).clock.active_ms == 4000
    assert who.answer(view({0: 50, 1: 50}), Question(NAMES, 1)).clock.active_ms == 6800
    away = steady.model_copy(update={"break_chance": 1.0, "break_seconds": 30.0})
    clock = Person(0, away, NONE, 0).answer(view({0: 100}), Question(NAMES)).clock
    assert clock.active_ms == 4000
    assert clock.wall_ms > 4000
    swept = steady.model_copy(update={"swept": 0.5})
    _, clock = Person(0, swept, NONE, 0).sweep([view({0: 1})] * 24, "car", Question(NAMES), "p")
    assert clock.active_ms == 12_000


def test_an_unknown_name_of_mistakes_is_refused() -> None:
    assert mistakes_named("careful") == CAREFUL
    with pytest.raises(BadInput, match="'drunk' is none of none, careful, hasty"):
        mistakes_named("drunk")
