"""How far annotators agree, and the images on which they do not.

Only sure answers count, and no reviewer's decision: it was made with the others in view.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    exists,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import Session, aliased

from server.db import UtcDateTime
from server.models import Answer, Image, Label, Project, User
from server.models.label import AnswerValue
from server.schemas.project import Agreement, CategoryAgreement
from server.services import projects
from server.services.measures import Measure

PRESENT, ABSENT = AnswerValue.PRESENT, AnswerValue.ABSENT


def cohens_kappa(table: Mapping[tuple[bool, bool], int]) -> float | None:
    """Agreement of two annotators beyond chance; None where chance alone would agree.

    `table` counts images by (first says present, second says present).
    kappa = (p_o - p_e) / (1 - p_e), with p_e from each annotator's own share of `present`.
    J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20 (1960) 37-46.
    """
    total = sum(table.values())
    if not total:
        return None
    first = sum(n for (one, _), n in table.items() if one) / total
    second = sum(n for (_, other), n in table.items() if other) / total
    observed = sum(n for (one, other), n in table.items() if one == other) / total
    return _beyond_chance(observed, first * second + (1 - first) * (1 - second))


def fleiss_kappa(counts: Mapping[tuple[int, int], int]) -> float | None:
    """Agreement of several annotators beyond chance; None where chance alone would agree.

    `counts` says how many images have (present, absent) answers, two or more an image.
    kappa = (P - P_e) / (1 - P_e): P is the mean over images of the share of agreeing pairs, P_e
    the sum of the squared overall shares. J. L. Fleiss, Measuring nominal scale agreement among
    many raters, Psychological Bulletin 76 (1971) 378-382, here with each image's own number of
    answers.
    """
    images = sum(counts.values())
    if not images:
        return None
    answers = sum((present + absent) * n for (present, absent), n in counts.items())
    share = sum(present * n for (present, _), n in counts.items()) / answers
    return _beyond_chance(observed_agreement(counts), share**2 + (1 - share) ** 2)


def observed_agreement(counts: Mapping[tuple[int, int], int]) -> float:
    """Mean over images of the share of pairs of answers that agree; at least one image."""
    agreeing = 0.0
    for (present, absent), n in counts.items():
        answers = present + absent
        pairs = present * (present - 1) + absent * (absent - 1)
        agreeing += n * pairs / (answers * (answers - 1))
    return agreeing / sum(counts.values())


def _beyond_chance(observed: float, expected: float) -> float | None:
    return None if expected >= 1 else (observed - expected) / (1 - expected)


def measure(session: Session, project_id: int) -> Agreement:
    """Kappa of each category over the images with two answers or more. Raises NotFound.

    Cohen's where two people gave all of them, Fleiss' otherwise.
    """
    project = projects.get(session, project_id)
    counts = _answers_by_image(session, project)
    people = _people(session, project) if counts else set()
    is_pair = len(people) == len(("one", "other"))
    tables = _tables(session, project, sorted(people), counts) if is_pair else {}
    categories = []
    for category in project.categories:
        found = counts[category.id]
        kappa = cohens_kappa(tables[category.id]) if is_pair else fleiss_kappa(found)
        categories.append(
            CategoryAgreement(
                category=category.name,
                images=sum(found.values()),
                agreement=observed_agreement(found) if found else None,
                kappa=kappa,
            )
        )
    return Agreement(
        method="cohen" if is_pair else "fleiss", annotators=len(people), categories=categories
    )


MEASURE = Measure("agreement", TypeAdapter(Agreement), measure)


def _counts(answer: type[Answer], project: Project) -> ColumnElement[bool]:
    """Whether an answer is sure, and not a reviewer's."""
    # Reviewers decide little: leaving their labels out is quicker than looking up everybody's.
    decided = select(Label.id).where(Label.project_id == project.id, Label.resolves)
    return and_(
        answer.category_id.in_([category.id for category in project.categories]),
        answer.value.in_((PRESENT, ABSENT)),
        answer.label_id.not_in(decided),
    )


def _answers_by_image(
    session: Session, project: Project
) -> defaultdict[int, Counter[tuple[int, int]]]:
    """By category, how many images have how many (present, absent) answers, two or more."""
    by_image = (
        select(
            Answer.category_id,
            func.sum(case((Answer.value == PRESENT, 1), else_=0)).label("present"),
            func.sum(case((Answer.value == ABSENT, 1), else_=0)).label("absent"),
        )
        .where(_counts(Answer, project))
        .group_by(Answer.category_id, Answer.image_id)
        .having(func.count() > 1)
        .subquery()
    )
    columns = by_image.c.category_id, by_image.c.present, by_image.c.absent
    counts: defaultdict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    for category_id, present, absent, n in session.execute(
        select(*columns, func.count()).group_by(*columns)
    ):
        counts[category_id][present, absent] = n
    return counts


def _people(session: Session, project: Project) -> set[int]:
    """Who labelled images whose answers can be compared."""
    compared = (
        select(Answer.category_id)
        .where(_counts(Answer, project), Answer.image_id == Label.image_id)
        .group_by(Answer.category_id)
        .having(func.count() > 1)
        .correlate(Label)
    )
    # Person by person: the first few labels of each tell.
    everybody = (
        select(Label.annotator_id).where(Label.project_id == project.id).distinct().subquery()
    )
    has_compared = exists().where(
        Label.project_id == project.id,
        Label.annotator_id == everybody.c.annotator_id,
        Label.has_answers(),
        Label.resolves.is_(False),
        compared.exists(),
    )
    return set(session.scalars(select(everybody.c.annotator_id).where(has_compared)))


def _tables(
    session: Session,
    project: Project,
    pair: Sequence[int],
    counts: Mapping[int, Counter[tuple[int, int]]],
) -> dict[int, dict[tuple[bool, bool], int]]:
    """By category, how often the two people answered how; they gave all answers that count."""
    other = aliased(Answer)
    is_denied = exists().where(
        other.category_id == Answer.category_id,
        other.image_id == Answer.image_id,
        other.value == ABSENT,
        _counts(other, project),
    )
    # Who said what is of interest on the few images alone on which they differ.
    rows = session.execute(
        select(Answer.category_id, Label.annotator_id, func.count())
        .join(Label, Label.id == Answer.label_id)
        .where(_counts(Answer, project), Answer.value == PRESENT, is_denied)
        .group_by(Answer.category_id, Label.annotator_id)
    )
    alone = {(category_id, person): n for category_id, person, n in rows}
    one, two = pair
    return {
        category.id: {
            (True, True): counts[category.id][2, 0],
            (True, False): alone.get((category.id, one), 0),
            (False, True): alone.get((category.id, two), 0),
            (False, False): counts[category.id][0, 2],
        }
        for category in project.categories
    }


def disputed_page(
    session: Session, project_id: int, before: tuple[datetime, int] | None, limit: int
) -> list[Image]:
    """Images whose current labels contradict each other, the latest such first."""
    projects.get(session, project_id)
    query = select(Image).where(Image.project_id == project_id, Image.disputed_at.is_not(None))
    if before is not None:
        moment, image_id = before
        there = tuple_(literal(moment, UtcDateTime()), literal(image_id))
        query = query.where(tuple_(Image.disputed_at, Image.id) < there)
    newest_first = query.order_by(Image.disputed_at.desc(), Image.id.desc())
    return list(session.scalars(newest_first.limit(limit)))


def sides(session: Session, image_ids: Iterable[int]) -> dict[int, dict[int, dict[str, list[str]]]]:
    """By image and category in dispute: the e-mail addresses of each side's people."""
    rows = session.execute(
        select(Answer.image_id, Answer.category_id, Answer.value, User.email)
        .join(Label, Label.id == Answer.label_id)
        .join(User, User.id == Label.annotator_id)
        .where(Answer.image_id.in_(list(image_ids)), Answer.value.in_((PRESENT, ABSENT)))
        .order_by(Label.id)
    )
    found: dict[int, dict[int, dict[str, list[str]]]] = defaultdict(lambda: defaultdict(dict))
    for image_id, category_id, value, email in rows:
        found[image_id][category_id].setdefault(value, []).append(email)
    return {
        image_id: {i: by_value for i, by_value in categories.items() if len(by_value) > 1}
        for image_id, categories in found.items()
    }
