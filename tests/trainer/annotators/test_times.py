"""How long people take: sums by hand, and times that come back from labels made with them."""

from pathlib import Path

import numpy as np
import pytest

from trainer.annotators.times import (
    LITERATURE,
    PAPER,
    TimeModel,
    Work,
    fit_times,
    non_negative_least_squares,
    read_times,
)
from trainer.contract import PointLabel, TileTags, WeakLabel
from trainer.errors import BadInput

NAMES = ("road", "car", "sky", "train")


def test_the_published_times_of_an_image() -> None:
    # Bearman et al.: 20 categories of VOC, of which 1.5 are in an image: 18.5 + 1.5 * 2.4 = 22.1 s.
    one = Work(present=("cat",), absent=19, points=1, pointed=1)
    two = Work(present=("cat", "dog"), absent=18, points=2, pointed=2)
    means = [LITERATURE.mean_seconds(work, asks_points=True) for work in (one, two)]
    assert np.mean(means) == pytest.approx(22.1)
    tags = Work(present=("cat",), absent=19)
    assert LITERATURE.mean_seconds(tags, asks_points=False) == pytest.approx(20)
    assert PAPER.mean_seconds(tags, asks_points=False) == 30
    assert PAPER.mean_seconds(one, asks_points=True) == 45


def test_each_part_counts_by_itself() -> None:
    model = TimeModel(
        image=2, absent=0.5, present=1, categories={"car": 3}, point=1.5, further_point=0.25, tile=4
    )
    work = Work(present=("car", "sky"), absent=2, points=5, pointed=2, tiles=3)
    seconds = model.mean_seconds(work, asks_points=True)
    assert seconds == pytest.approx(2 + 2 * 0.5 + (3 + 1) + 2 * 1.5 + 3 * 0.25 + 3 * 4)


def test_what_a_label_shows_of_the_work() -> None:
    label = WeakLabel(
        image="a",
        width=9,
        height=9,
        present=("road", "car"),
        absent=("sky",),
        points=tuple(PointLabel(category=name, x=1, y=1) for name in ("road", "car", "car")),
        tiles=TileTags(rows=2, cols=2, present={"road": (0, 1), "car": (3,)}),
    )
    work = work_of(label)
    assert work == Work(("road", "car"), absent=1, points=3, pointed=2, tiles=3)
    assert work.actions == 2 + 3 + 3


def test_drawn_times_have_the_mean_that_is_asked_for() -> None:
    random = np.random.default_rng(1)
    model = TimeModel(spread=0.8)
    drawn = [model.draw(10.0, 1.0, random) for _ in range(20_000)]
    assert np.mean(drawn) == pytest.approx(10, rel=0.03)
    assert np.std(np.log(drawn)) == pytest.approx(0.8, rel=0.03)
    assert TimeModel(spread=0).draw(10.0, 2.0, random) == 20


def work_of(label: WeakLabel) -> Work:
    return Work.of(label.present, len(label.absent), label.places)


def labels_by(model: TimeModel, count: int, noise: float = 0.0) -> list[WeakLabel]:
    random = np.random.default_rng(3)
    made = []
    for number in range(count):
        there = random.random(len(NAMES)) < 0.5
        present = tuple(name for name, is_there in zip(NAMES, there, strict=True) if is_there)
        points = tuple(
            PointLabel(category=name, x=1, y=1)
            for name in present
            for _ in range(int(random.integers(0, 4)))
        )
        # Sometimes not all are asked for, so that an image and a category can be told apart.
        absent = tuple(name for name in NAMES if name not in present)[: int(random.integers(2, 5))]
        bare = WeakLabel(
            image=str(number), width=9, height=9, present=present, absent=absent, points=points
        )
        seconds = model.mean_seconds(work_of(bare), asks_points=bool(points))
        seconds *= float(np.exp(noise * random.standard_normal()))
        made.append(bare.model_copy(update={"active_ms": round(1000 * seconds)}))
    return made


def test_a_fit_finds_the_times_that_labels_were_made_with() -> None:
    true = TimeModel(
        image=3, absent=0.4, present=1.2, categories={"train": 4}, point=2, further_point=0.7
    )
    fitted = fit_times(labels_by(true, 3000, noise=0.05), "here")
    for part in ("image", "absent", "point", "further_point"):
        assert getattr(fitted, part) == pytest.approx(getattr(true, part), abs=0.12), part
    assert fitted.categories["train"] == pytest.approx(4, abs=0.15)
    assert fitted.categories["road"] == pytest.approx(1.2, abs=0.15)
    assert fitted.spread == pytest.approx(0.05, abs=0.02)


def test_labels_that_ask_for_everything_leave_the_rest_to_what_is_published() -> None:
    labels = [
        WeakLabel(image=str(n), width=9, height=9, present=NAMES[:2], absent=NAMES[2:],
                  active_ms=8000)
        for n in range(40)
    ]  # fmt: skip
    fitted = fit_times(labels, "here")
    assert fitted.mean_seconds(work_of(labels[0]), asks_points=False) == pytest.approx(8, abs=0.2)
    assert min(fitted.image, fitted.absent, fitted.present) > 0, "nothing tells these apart"


def test_answers_for_one_category_are_of_sweeps() -> None:
    swept = [
        WeakLabel(image=f"s{n}", width=9, height=9, absent=("car",), active_ms=700)
        for n in range(30)
    ]
    fitted = fit_times([*labels_by(LITERATURE, 60), *swept], "here")
    assert fitted.swept == pytest.approx(0.7)
    assert fit_times(swept, "here").swept == LITERATURE.swept, "a project of one category"


def test_too_few_times_are_refused(tmp_path: Path) -> None:
    untimed = [label.model_copy(update={"active_ms": 0}) for label in labels_by(PAPER, 50)]
    with pytest.raises(BadInput, match=r"here: 3 labels with an active time; .* takes 20"):
        fit_times([*untimed, *labels_by(PAPER, 3)], "here")
    with pytest.raises(BadInput, match="'fast' is none of literature, paper"):
        read_times("fast")
    with pytest.raises(BadInput, match=r"no\.jsonl: cannot read"):
        read_times(str(tmp_path / "no.jsonl"))
    (tmp_path / "bad.jsonl").write_text('\n{"image": 3}\n')
    with pytest.raises(BadInput, match=r"bad\.jsonl:2: image"):
        read_times(str(tmp_path / "bad.jsonl"))


def test_least_squares_without_negative_numbers() -> None:
    # Alone, the second column would get -1 and the first 3.
    design = np.array([[1.0, 1.0], [1.0, 0.0]] * 5000)
    values = np.array([2.0, 3.0] * 5000)
    found = non_negative_least_squares(design, values, np.zeros(2))
    assert found == pytest.approx([2.5, 0], abs=0.01)
    # Of a column of zeros nothing is known: what was known before stays.
    found = non_negative_least_squares(np.zeros((4, 1)), np.ones(4), np.array([0.7]))
    assert found == pytest.approx([0.7])
