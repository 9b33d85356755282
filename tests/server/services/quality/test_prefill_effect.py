"""The effect of pre-filling, held against labels that are read one by one."""

from dataclasses import dataclass
from itertools import count
from statistics import median

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.db import session_scope
from server.schemas.project import CategoryEffect, LabelGroup
from server.services.quality import prefill_effect
from tests.server.factories import (
    CATEGORIES,
    add_images,
    add_label,
    category_ids,
    make_project,
    make_user,
)

VALUES = ("present", "absent", "unsure", None)
fresh_name = count()


@dataclass(frozen=True)
class Given:
    """What a person was shown, and said at first."""

    said: dict[str, str | None]
    ticked: list[str]
    blind: bool
    by: str | None
    active_ms: int
    skipped: bool
    corrected: bool

    @property
    def counts(self) -> bool:
        return not self.skipped and (self.blind or self.by is not None)


LABEL = st.builds(
    Given,
    said=st.fixed_dictionaries({name: st.sampled_from(VALUES) for name in CATEGORIES}),
    ticked=st.lists(st.sampled_from(CATEGORIES), unique=True),
    blind=st.booleans(),
    by=st.sampled_from(["7", "priors", None]),
    active_ms=st.integers(0, 5),
    skipped=st.sampled_from([False, False, True]),
    corrected=st.booleans(),
)


def share(labels: list[Given], name: str, wanted: str) -> float | None:
    """Of the sure answers for a category, those that say what is wanted."""
    sure = [label.said[name] for label in labels if label.said[name] in ("present", "absent")]
    return sure.count(wanted) / len(sure) if sure else None


def sure_of(labels: list[Given], name: str) -> int:
    return sum(label.said[name] in ("present", "absent") for label in labels)


def group(labels: list[Given]) -> LabelGroup:
    times = [label.active_ms for label in labels]
    middle = round(median(times)) if times else None
    return LabelGroup(labels=len(labels), median_active_ms=middle)


def effect(name: str, prefilled: list[Given], blind: list[Given]) -> CategoryEffect:
    ticked = [label for label in prefilled if name in label.ticked]
    unticked = [label for label in prefilled if name not in label.ticked]
    return CategoryEffect(
        category=name,
        ticked=sure_of(ticked, name),
        ticked_then_absent=share(ticked, name, "absent"),
        unticked=sure_of(unticked, name),
        unticked_then_present=share(unticked, name, "present"),
        present_prefilled=share(prefilled, name, "present"),
        blind=sure_of(blind, name),
        present_blind=share(blind, name, "present"),
    )


def store(labels: list[Given]) -> int:
    """A project with an image for each label; gives its id."""
    number = next(fresh_name)
    project_id, person = make_project(f"Streets {number}"), make_user(f"{number}@example.org")
    ids = category_ids(project_id)
    images = add_images(project_id, [f"{n}.png" for n in range(len(labels))])
    for image_id, label in zip(images, labels, strict=True):
        said = {v: [n for n in CATEGORIES if label.said[n] == v] for v in VALUES[:3] if v}
        nothing: dict[str, list[str]] = {value: [] for value in said}
        fields = {"skipped": "too blurred", **nothing} if label.skipped else said
        add_label(
            project_id, image_id, person, active_ms=label.active_ms, blind=label.blind,
            prefilled=[ids[name] for name in label.ticked], prefilled_by=label.by, **fields,
        )  # fmt: skip
        if label.corrected:
            add_label(project_id, image_id, person, blind=label.blind, prefilled_by=label.by)
    return project_id


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(labels=st.lists(LABEL, max_size=8))
def test_the_effect_is_that_of_first_answers_read_one_by_one(
    database: str, labels: list[Given]
) -> None:
    with session_scope(read_only=True) as session:
        found = prefill_effect.measure(session, store(labels))
    blind = [label for label in labels if label.counts and label.blind]
    prefilled = [label for label in labels if label.counts and not label.blind]
    assert (found.blind, found.prefilled) == (group(blind), group(prefilled))
    for category in found.categories:
        assert category.model_dump() == pytest.approx(
            effect(category.category, prefilled, blind).model_dump()
        )
